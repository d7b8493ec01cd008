"""Who has come: by itself, by a proxy, or the proxy itself to see whether we are there."""

import pytest
from google_crc32c import value as crc32c

from mft.core.peer import Address
from mft.events import catalogue as events
from mft.protocols.arrival import Arrival
from mft.wire.proxy import HeaderReader
from tests.fakes.proxy_header import CLIENT, CLIENT_6, REACHED_6, block, line, local, raw

PROXY = Address("10.0.0.2", 50_000)


@pytest.mark.parametrize(
    ("data", "arrival"),
    [
        (line(), Arrival(Address(*CLIENT), "203.0.113.5")),
        (block(source=CLIENT_6, reached=REACHED_6), Arrival(Address(*CLIENT_6), "2001:db8::5")),
        (block(source=("127.0.0.1", 7)), Arrival(PROXY, "203.0.113.5")),
        (local(), Arrival(PROXY, is_check=True)),
        (line(PROXY), Arrival(PROXY, "203.0.113.5", is_check=True)),
        (raw(), Arrival(PROXY)),
        (b"PROXY UNKNOWN\r\n", Arrival(PROXY)),
    ],
)
def test_what_a_proxy_tells(data: bytes, arrival: Arrival) -> None:
    reader = HeaderReader(frozenset((1, 2)), crc32c)
    reader.take(data)
    assert reader.header is not None
    assert Arrival.told(reader.header, PROXY) == arrival


def test_a_check_is_no_news_unless_something_of_ours_breaks() -> None:
    assert Arrival(PROXY, is_check=True).hushes(events.SSH_CONNECTED)
    assert not Arrival(PROXY, is_check=True).hushes(events.SSH_MESSAGE_BROKE)
    assert not Arrival(PROXY).hushes(events.SSH_CONNECTED)
