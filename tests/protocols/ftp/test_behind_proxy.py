"""Data connections of a client that comes by a proxy: where it is waited for, and gone to."""

from collections.abc import Callable

import pytest

from mft.core.peer import Address
from mft.events import catalogue as events
from tests.fakes.ftp_client import FtpClient
from tests.fakes.ftp_server import HERE, FtpServer
from tests.fakes.proxy_header import CLIENT, CLIENT_6, REACHED_6, block, line

Serve = Callable[..., FtpServer]

PROXY, EVERYWHERE = "10.0.0.2", "0.0.0.0"
ADDRESS_REFUSED, WRONG = 10026, events.PROXY_HEADER_WRONG.number


def behind(serve: Serve, header: bytes = b"", **options: str) -> FtpClient:
    """Ann, who has logged in through a proxy."""
    given = {"proxy_protocol": "any", "trusted_proxies": PROXY, "address": EVERYWHERE, **options}
    return FtpClient(serve(**given), host=PROXY, header=header or block()).arrive()


def passive_host(client: FtpClient) -> str:
    """The address that PASV tells."""
    return ".".join(client.ask("PASV").text.partition("(")[2].split(",")[:4])


def test_it_is_waited_for_at_the_address_that_the_proxy_has_told(serve: Serve) -> None:
    client = behind(serve)
    client.server.put("/file", b"for ann")
    port = client.passive()
    (offer,) = client.server.listeners.offers
    assert offer.host == CLIENT[0]
    assert client.server.connect(port, PROXY) is None
    client.host = CLIENT[0]
    end = client.connect(port)
    assert client.codes("RETR /file") == [150, 226]
    assert bytes(end.received) == b"for ann"


def test_it_may_come_by_the_proxy_or_by_itself_to_wherever_the_service_listens(
    serve: Serve,
) -> None:
    client = behind(serve)
    client.passive()
    ((address, proxies),) = client.server.listeners.asked
    assert address == EVERYWHERE
    assert proxies.tell(PROXY)
    assert not proxies.tell(CLIENT[0])


def test_who_comes_by_itself_is_waited_for_where_it_came(serve: Serve) -> None:
    server = serve(proxy_protocol="any", trusted_proxies=PROXY, address=EVERYWHERE)
    client = FtpClient(server).arrive()
    client.passive()
    ((address, proxies),) = server.listeners.asked
    assert address == HERE
    assert proxies.tell(PROXY)
    assert not serve().service.hub.proxies.versions


def test_pasv_tells_the_address_that_the_client_has_connected_to(serve: Serve) -> None:
    assert passive_host(behind(serve)) == "203.0.113.5"
    told = behind(serve, passive_address="192.0.2.0/24 198.51.100.9\n198.51.100.8")
    assert passive_host(told) == "198.51.100.9"
    other = behind(
        serve,
        line(("198.51.100.1", 1)),
        passive_address="192.0.2.0/24 198.51.100.9\n198.51.100.8",
    )
    assert passive_host(other) == "198.51.100.8"


def test_a_client_of_ipv6_has_ports_of_ipv6_whatever_the_proxy_speaks_with_us(
    serve: Serve,
) -> None:
    client = behind(serve, block(source=CLIENT_6, reached=REACHED_6))
    assert client.codes("PASV") == [425]
    assert client.codes("EPSV 1") == [522]
    assert client.ask("EPSV 2").code == 229
    (refused,) = client.server.data(ADDRESS_REFUSED)
    assert refused["address"] == REACHED_6[0]


@pytest.mark.parametrize(
    ("header", "command", "source"),
    [
        (block(), "PORT 192,0,2,7,195,80", EVERYWHERE),
        (line(), "EPRT |1|192.0.2.7|50000|", EVERYWHERE),
        (block(source=CLIENT_6, reached=REACHED_6), "EPRT |2|2001:db8::7|50000|", "::"),
    ],
)
def test_active_connections_go_to_the_client(
    serve: Serve, header: bytes, command: str, source: str
) -> None:
    client = behind(serve, header, active_source_port="20")
    assert client.codes(command) == [200]
    client.codes("LIST")
    (asked,) = client.server.out
    host = CLIENT_6[0] if ":" in source else CLIENT[0]
    assert (asked.source, asked.target) == (Address(source, 20), Address(host, 50000))


@pytest.mark.parametrize(
    "command",
    ["PORT 10,0,0,2,195,80", "EPRT |1|10.0.0.2|50000|", "PORT 203,0,113,5,195,80"],
)
def test_nothing_goes_to_the_proxy_or_to_anybody_else(serve: Serve, command: str) -> None:
    client = behind(serve)
    assert client.codes(command) == [504]
    assert client.server.out == []


def test_nobody_on_the_proxys_own_loopback_reaches_ours(serve: Serve) -> None:
    client = behind(serve, line(("127.0.0.1", 5)))
    assert client.codes("PORT 127,0,0,1,195,80") == [504]
    assert client.codes("PORT 10,0,0,2,195,80") == [200]


def test_a_proxy_that_tells_nothing_at_a_passive_port_is_told_of(serve: Serve) -> None:
    client = behind(serve)
    client.passive()
    (offer,) = client.server.listeners.offers
    offer.taker.untold(Address(PROXY, 5), "no PROXY header")
    assert client.server.data(WRONG) == [{"details": "no PROXY header"}]
    assert client.server.told[-1].origin.peer == Address(PROXY, 5)
