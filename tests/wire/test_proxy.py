"""PROXY headers: each family of both versions, each broken form, and not a byte beyond."""

from ipaddress import ip_address

import pytest
from google_crc32c import value as crc32c
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.core.peer import Address
from mft.wire.proxy import MAX_HEADER, MAX_LINE, Header, HeaderReader
from tests.fakes.proxy_header import (
    CHECKSUM,
    CLIENT,
    CLIENT_6,
    REACHED,
    REACHED_6,
    SIGNATURE,
    Where,
    addresses,
    block,
    extension,
    line,
    local,
    raw,
    summed,
    tls,
)

ANY = frozenset((1, 2))
PROXY = Address("10.0.0.2", 50_000)
NOBODY: tuple[None, None, dict[str, str]] = (None, None, {})


def read(data: bytes, versions: frozenset[int] = ANY) -> Header:
    """The header at the front of some bytes, which must be whole."""
    reader = HeaderReader(versions, crc32c)
    reader.take(data)
    assert reader.header is not None, "it waits for more"
    return reader.header


def of(version: int, source: Where, reached: Where, **told: str) -> Header:
    return Header(version, False, Address(*source), Address(*reached), told)


HEADERS = [
    (line(), of(1, CLIENT, REACHED)),
    (line(CLIENT_6, REACHED_6), of(1, CLIENT_6, REACHED_6)),
    (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
     of(1, ("255.255.255.255", 65535), ("255.255.255.255", 65535))),
    (b"PROXY TCP6 2001:DB8:0:0:0:0:0:7 ::1 1 2\r\n", of(1, ("2001:db8::7", 1), ("::1", 2))),
    (b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:203.0.113.5 40000 22\r\n", of(1, CLIENT, REACHED)),
    (b"PROXY TCP6 ::ffff:c000:207 ::ffff:203.0.113.5 40000 22\r\n", of(1, CLIENT, REACHED)),
    (b"PROXY TCP4 192.0.2.7 203.0.113.5 0 0\r\n", of(1, ("192.0.2.7", 0), ("203.0.113.5", 0))),
    (b"PROXY UNKNOWN\r\n", Header(1, False, *NOBODY)),
    (b"PROXY UNKNOWN ::1 anything 1 2\r\n", Header(1, False, *NOBODY)),
    (b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n", Header(1, False, *NOBODY)),
    (block(), of(2, CLIENT, REACHED)),
    (block(source=CLIENT_6, reached=REACHED_6), of(2, CLIENT_6, REACHED_6)),
    (block(source=("::ffff:192.0.2.7", 40_000), reached=("::ffff:203.0.113.5", 22)),
     of(2, CLIENT, REACHED)),
    (block(extension(0x02, b"a.example")), of(2, CLIENT, REACHED, authority="a.example")),
    (block(tls()), of(2, CLIENT, REACHED, tls_client_certificate="none")),
    (summed(block(extension(0x04, b"\0" * 20))), of(2, CLIENT, REACHED)),
    (local(), Header(2, True, *NOBODY)),
    (summed(local()), Header(2, True, *NOBODY)),
    (raw(addresses(), command=0x20, family=0x11), Header(2, True, *NOBODY)),
    (raw(b"rubbish", command=0x20, family=0xFF), Header(2, True, *NOBODY)),
    (raw(b"", command=0x20, family=0x11), Header(2, True, *NOBODY)),
    (raw(), Header(2, False, *NOBODY)),
    (raw(b"\xff\xff\xff\xff"), Header(2, False, *NOBODY)),
    (raw(addresses(), family=0x12), Header(2, False, *NOBODY)),
    (raw(addresses(CLIENT_6, REACHED_6), family=0x22), Header(2, False, *NOBODY)),
    (raw(b"/run/socket".ljust(216, b"\0"), family=0x31), Header(2, False, *NOBODY)),
    (raw(b"".ljust(216, b"\0"), family=0x32), Header(2, False, *NOBODY)),
    (raw(addresses(), family=0x10), Header(2, False, *NOBODY)),
    (raw(family=0x01), Header(2, False, *NOBODY)),
    (block(extension(0x04, bytes(MAX_HEADER - 16 - 12 - 3))), of(2, CLIENT, REACHED)),
]  # fmt: skip


@pytest.mark.parametrize(("data", "header"), HEADERS)
def test_a_header_tells_whose_a_connection_is(data: bytes, header: Header) -> None:
    assert read(data) == header


@pytest.mark.parametrize(("data", "header"), HEADERS)
def test_what_is_behind_it_stays_and_pieces_change_nothing(data: bytes, header: Header) -> None:
    reader = HeaderReader(ANY, crc32c)
    assert reader.take(data + b"SSH-2.0-x\r\n") == len(data)
    assert reader.take(b"more") == 0
    pieces = HeaderReader(ANY, crc32c)
    for at in range(len(data)):
        assert pieces.header is None
        assert pieces.take(data[at : at + 1]) == 1
    assert reader.header == pieces.header == header


LINES = [
    b"PROXY TCP4 192.0.2.07 203.0.113.5 40000 22\r\n",
    b"PROXY TCP4 192.0.2.7 203.0.113.005 40000 22\r\n",
    b"PROXY TCP4 192.0.2.7 203.0.113.5 040000 22\r\n",
    b"PROXY TCP4 192.0.2.7 203.0.113.5 40000 022\r\n",
    b"PROXY TCP4 192.0.2.7 203.0.113.5 40000 00\r\n",
    b"PROXY TCP4 192.0.2.7 203.0.113.5 65536 22\r\n",
    b"PROXY TCP4 192.0.2.7 203.0.113.5 40000 99999\r\n",
    b"PROXY TCP4 192.0.2.7 203.0.113.5 -1 22\r\n",
    b"PROXY TCP4 192.0.2.7 203.0.113.5 +1 22\r\n",
    b"PROXY TCP4 192.0.2.7 203.0.113.5 40000\r\n",
    b"PROXY TCP4 192.0.2.7 203.0.113.5 40000 22 23\r\n",
    b"PROXY TCP4 192.0.2.7 203.0.113.5 40000 22 \r\n",
    b"PROXY TCP4  192.0.2.7 203.0.113.5 40000 22\r\n",
    b"PROXY TCP4 192.0.2.7\t203.0.113.5 40000 22\r\n",
    b"PROXY TCP4 192.0.2 203.0.113.5 40000 22\r\n",
    b"PROXY TCP4 192.0.2.256 203.0.113.5 40000 22\r\n",
    b"PROXY TCP4 3221225991 203.0.113.5 40000 22\r\n",
    b"PROXY TCP4 0xc0.0.2.7 203.0.113.5 40000 22\r\n",
    b"PROXY TCP4 localhost 203.0.113.5 40000 22\r\n",
    b"PROXY TCP4 client.example 203.0.113.5 40000 22\r\n",
    b"PROXY TCP4 2001:db8::7 2001:db8::5 40000 22\r\n",
    b"PROXY TCP4 ::ffff:192.0.2.7 203.0.113.5 40000 22\r\n",
    b"PROXY TCP6 192.0.2.7 203.0.113.5 40000 22\r\n",
    b"PROXY TCP6 fe80::1%eth0 ::1 40000 22\r\n",
    b"PROXY TCP6 fe80::1%1 ::1 40000 22\r\n",
    b"PROXY TCP6 [::1] [::1] 40000 22\r\n",
    b"PROXY TCP6 1::2::3 ::1 40000 22\r\n",
    b"PROXY TCP6 12345::1 ::1 40000 22\r\n",
    b"PROXY TCP6 ::ffff:192.0.2.07 ::1 40000 22\r\n",
    b"PROXY TCP6 \xd9\xa1::1 ::1 40000 22\r\n",
    b"PROXY TCP4 0.0.0.0 203.0.113.5 40000 22\r\n",
    b"PROXY TCP6 :: ::1 40000 22\r\n",
    b"PROXY TCP6 ::ffff:0.0.0.0 ::1 40000 22\r\n",
    b"PROXY TCP4 224.0.0.1 203.0.113.5 40000 22\r\n",
    b"PROXY TCP6 ff02::1 ::1 40000 22\r\n",
    b"PROXY TCP5 192.0.2.7 203.0.113.5 40000 22\r\n",
    b"PROXY tcp4 192.0.2.7 203.0.113.5 40000 22\r\n",
    b"PROXY UDP4 192.0.2.7 203.0.113.5 40000 22\r\n",
    b"PROXY UNKNOWNS\r\n",
    b"PROXY UNKNOWN \r\r\n",
    b"PROXY \r\n",
    b"PROXY TCP4 192.0.2.7 203.0.113.5 40000 22\n",
    b"PROXY\n",
    b"\n",
    b"proxy TCP4 192.0.2.7 203.0.113.5 40000 22\r\n",
    b"PROXYTCP4",
    b"PROXY\t",
    b" PROXY TCP4 192.0.2.7 203.0.113.5 40000 22\r\n",
    b"PROXY UNKNOWN " + b"f" * 92 + b"\r\n",
    b"PROXY UNKNOWN " + b"f" * (MAX_LINE - 14),
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"\x16\x03\x01",
    b"GET / HTTP/1.1\r\n",
    b"\r\n\r\n\r",
]
BLOCKS = [
    SIGNATURE + b"\x11",
    SIGNATURE + b"\x31",
    SIGNATURE + b"\x22",
    SIGNATURE + b"\x2f",
    SIGNATURE + b"\0",
    SIGNATURE[:-1] + b"\r",
    raw(addresses(), family=0x41),
    raw(addresses(), family=0x13),
    raw(addresses(), family=0xFF),
    raw(addresses()[:11], family=0x11),
    raw(addresses(), family=0x21),
    raw(b"", family=0x11),
    raw(addresses() + b"\x02\0", family=0x11),
    block(b"\x02\xff\xffa"),
    block(tls(b"\x21\0\xffTLS")),
    block(extension(0x05, b"a" * 129)),
    block(CHECKSUM),
    summed(block())[:-1] + b"\0",
    local(CHECKSUM),
    raw(CHECKSUM),
    raw(addresses() + CHECKSUM, family=0x12),
    block(source=("0.0.0.0", 1)),
    block(source=("::", 1), reached=("::1", 1)),
    block(source=("::ffff:0.0.0.0", 1), reached=("::1", 1)),
    block(source=("239.1.1.1", 1)),
    raw(length=MAX_HEADER - 16 + 1),
    raw(length=65535),
    raw(command=0x20, length=65535),
]


@pytest.mark.parametrize("data", LINES + BLOCKS)
def test_what_is_no_header_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        HeaderReader(ANY, crc32c).take(data)


@pytest.mark.parametrize("data", LINES + BLOCKS)
def test_it_is_so_in_pieces_too(data: bytes) -> None:
    assert outcome(*(data[at : at + 1] for at in range(len(data)))) is None


@pytest.mark.parametrize("data", [raw(length=65535)[:16], b"S", b"PROXI", raw(command=0x40)[:13]])
def test_it_is_known_as_soon_as_it_can_be(data: bytes) -> None:
    reader = HeaderReader(ANY, crc32c)
    assert reader.take(data[:-1]) == len(data) - 1
    with pytest.raises(Malformed):
        reader.take(data[-1:])


@pytest.mark.parametrize(("data", "version"), [(line(), 1), (block(), 2), (local(), 2)])
def test_another_version_than_is_wanted_is_malformed(data: bytes, version: int) -> None:
    assert read(data, frozenset((version,))).version == version
    with pytest.raises(Malformed):
        read(data, ANY - {version})


def test_nothing_is_neither() -> None:
    reader = HeaderReader(frozenset((1,)), crc32c)
    assert reader.take(b"") == 0
    assert reader.header is None


def test_no_more_is_held_than_a_header_may_have() -> None:
    reader = HeaderReader(ANY, crc32c)
    data = raw(length=MAX_HEADER - 16) + bytes(1 << 20)
    assert reader.take(data) == MAX_HEADER
    assert reader.header == Header(2, False, *NOBODY)


WHOSE = [
    (line(), PROXY, Address(*CLIENT), False),
    (block(), PROXY, Address(*CLIENT), False),
    (local(), PROXY, PROXY, True),
    (b"PROXY UNKNOWN\r\n", PROXY, PROXY, False),
    (raw(), PROXY, PROXY, False),
    (line(PROXY), PROXY, PROXY, True),
    (block(source=PROXY), PROXY, PROXY, True),
    (line((PROXY.host, 1)), PROXY, Address(PROXY.host, 1), False),
    (line(("127.0.0.1", 1)), PROXY, PROXY, False),
    (block(source=("::1", 1), reached=REACHED_6), PROXY, PROXY, False),
    (block(source=("::ffff:127.0.0.1", 1), reached=REACHED_6), PROXY, PROXY, False),
    (line(("127.0.0.2", 1)), Address("127.0.0.1", 9), Address("127.0.0.2", 1), False),
    (line(("127.0.0.2", 1)), Address("::1", 9), Address("127.0.0.2", 1), False),
]


@pytest.mark.parametrize(("data", "proxy", "client", "check"), WHOSE)
def test_whose_it_is(data: bytes, proxy: Address, client: Address, check: bool) -> None:
    header = read(data)
    assert (header.client(proxy), header.is_check(proxy)) == (client, check)


IPS = st.ip_addresses().filter(lambda ip: not (ip.is_unspecified or ip.is_multicast))
PORTS = st.integers(0, 65535)


@pytest.mark.fuzz
@given(st.data(), st.sampled_from([4, 6]), PORTS, PORTS, st.booleans())
def test_addresses_come_back(
    data: st.DataObject, family: int, port: int, reached_port: int, text: bool
) -> None:
    ips = st.ip_addresses(v=4 if family == 4 else 6)
    source, reached = str(data.draw(ips)), str(data.draw(ips))
    makes = line if text else block
    made = makes(source=(source, port), reached=(reached, reached_port))
    ip = ip_address(Address.of(source, 0).host)
    if ip.is_unspecified or ip.is_multicast:
        with pytest.raises(Malformed):
            read(made)
        return
    header = read(made)
    assert header.source == Address.of(source, port)
    assert header.reached == Address.of(reached, reached_port)


PARTS = st.sampled_from(
    [
        *(b"PROXY ", b"TCP4 ", b"TCP6 ", b"UNKNOWN", b"192.0.2.7 ", b"::1 ", b"0 ", b"65535"),
        *(b"\r\n", b"\r", b"\n", b" ", SIGNATURE, b"\x21", b"\x20", b"\x11", b"\0\x0c", b"\0\0"),
        *(addresses(), extension(2, b"a"), CHECKSUM, b"\xff", local(), line(), block()),
    ]
)


def outcome(*pieces: bytes) -> tuple[Header | None, bytes] | None:
    """What a reader makes of pieces: the header, if it is whole, and the rest; None: malformed."""
    reader = HeaderReader(ANY, crc32c)
    rest = b""
    try:
        for piece in pieces:
            used = reader.take(piece)
            rest += piece[used:]
    except Malformed:
        return None
    return reader.header, rest


@pytest.mark.fuzz
@given(
    st.binary(max_size=200) | st.lists(PARTS, max_size=12).map(b"".join),
    st.lists(st.integers(0, 250), max_size=6),
)
def test_any_bytes_give_the_same_in_any_pieces(data: bytes, cuts: list[int]) -> None:
    ends = sorted({min(cut, len(data)) for cut in cuts})
    pieces = [data[at:to] for at, to in zip([0, *ends], [*ends, len(data)], strict=True)]
    assert outcome(*pieces) == outcome(data)
