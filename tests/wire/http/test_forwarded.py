"""The address that proxies tell."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.http.forwarded import MAX_PROXIES, client_address

LIST, PAIRS, ONE = "X-Forwarded-For", "Forwarded", "X-Real-IP"
PROXY = "10.0.0.2"
HERE = "127.0.0.1"
TRUSTED = [ip_network(one) for one in ("10.0.0.0/24", "127.0.0.0/8", "::1/128", "2001:db8:a::/64")]


def is_trusted(ip: IPv4Address | IPv6Address) -> bool:
    return any(ip in network for network in TRUSTED)


def whose(name: str, *lines: str, peer: str = PROXY) -> str | None:
    """Whom a request of a trusted proxy is from; None where it is to be refused."""
    try:
        return client_address(name, lines, peer, is_trusted)
    except Malformed:
        return None


@pytest.mark.parametrize(
    ("value", "address"),
    [
        # One proxy, which has added whom it serves.
        ("192.0.2.1", "192.0.2.1"),
        ("198.51.100.9, 192.0.2.1", "192.0.2.1"),
        ("127.0.0.1, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.1, 192.0.2.1", "192.0.2.1"),
        ("nonsense, 192.0.2.1", "192.0.2.1"),
        (", 192.0.2.1", "192.0.2.1"),
        ('for="192.0.2.9", 192.0.2.1', "192.0.2.1"),
        # Several, which are passed over.
        ("198.51.100.9, 192.0.2.1, 10.0.0.1", "192.0.2.1"),
        ("192.0.2.1, 10.0.0.3, 10.0.0.1", "192.0.2.1"),
        ("192.0.2.1, 2001:db8:a::5, 127.0.0.1", "192.0.2.1"),
        ("198.51.100.9, 192.0.2.1, ::ffff:10.0.0.1", "192.0.2.1"),
        # Nobody but proxies: the farthest has asked for itself.
        ("10.0.0.3, 10.0.0.1", "10.0.0.3"),
        ("10.0.0.2", "10.0.0.2"),
        # Loopback is a machine of its own, which is the next proxy's.
        ("127.0.0.1", PROXY),
        ("::1", PROXY),
        ("::ffff:127.0.0.1", PROXY),
        ("[::1]:443", PROXY),
        ("127.0.0.1, 10.0.0.1", "10.0.0.1"),
        ("192.0.2.1, 127.0.0.1, 10.0.0.1", "192.0.2.1"),
        # Proxies that do not say whom they serve.
        ("unknown", PROXY),
        ("192.0.2.1, unknown", PROXY),
        ("192.0.2.1, Unknown, 10.0.0.1", "10.0.0.1"),
        ("", PROXY),
        (" \t", PROXY),
        # Ways to write it.
        (" 192.0.2.9 ,\t192.0.2.1 ", "192.0.2.1"),
        ("192.0.2.9,192.0.2.1:1234", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("2001:db8:0:0:0:0:0:1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        # Nothing to be understood where it counts.
        ("192.0.2.1,", None),
        ("192.0.2.1, ,10.0.0.1", None),
        (",", None),
        ("192.0.2.1, nonsense, 10.0.0.1", None),
        ("localhost", None),
        ("192.0.2", None),
        ("192.0.2.256", None),
        ("192.0.2.01", None),
        ("192.0.2.1:", None),
        ("192.0.2.1:123456", None),
        ("192.0.2.1/24", None),
        ("192.0.2.1 10.0.0.1", None),
        ("3232235777", None),
        ("0x7f000001", None),
        ("127.1", None),
        ("0.0.0.0", None),
        ("::", None),
        ("224.0.0.1", None),
        ("fe80::1%eth0", None),
        ("unix:", None),
        ("[2001:db8::1", None),
        ("2001:db8::1]", None),
        ("[192.0.2.1", None),
        ("2001:db8:::1", None),
        ("192.0.2.\u0661", None),
        ("1" * 10000, None),
        ('"192.0.2.1"', None),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_the_last_address_of_a_list_that_is_no_proxy_counts(
    value: str, address: str | None
) -> None:
    assert whose(LIST, value) == address


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("for=192.0.2.1", "192.0.2.1"),
        ("For=192.0.2.1;proto=https;by=10.0.0.1", "192.0.2.1"),
        ("proto=https; for=192.0.2.1 ; by=_a", "192.0.2.1"),
        ("for=198.51.100.9, for=192.0.2.1", "192.0.2.1"),
        ("for=127.0.0.1, for=192.0.2.1", "192.0.2.1"),
        ("for=198.51.100.9, for=192.0.2.1, for=10.0.0.1", "192.0.2.1"),
        ("for=10.0.0.3,for=10.0.0.1", "10.0.0.3"),
        ('for="192.0.2.1:1234"', "192.0.2.1"),
        ('for="[2001:db8::1]:1234";host="a,b;for=c"', "2001:db8::1"),
        ('for="[2001:db8::1]"', "2001:db8::1"),
        ('for=192.0.2.9;host="x, for=10.0.0.1", for=192.0.2.1', "192.0.2.1"),
        ("for=_hidden, for=192.0.2.1", "192.0.2.1"),
        ("for=127.0.0.1", PROXY),
        ("for=unknown", PROXY),
        ("for=192.0.2.1, for=_a.b-c, for=10.0.0.1", "10.0.0.1"),
        ('for="_gazonk:47"', PROXY),
        ("", PROXY),
        # A client that leaves a quotation open would swallow what the proxy adds.
        ('for="192.0.2.1, for=192.0.2.9', None),
        ('for=192.0.2.1;by=", for="[2001:db8::1]:5"', None),
        ("proto=https", None),
        ("for=192.0.2.1, proto=https", None),
        ("for=192.0.2.1;for=192.0.2.2", None),
        ("for=192.0.2.1:1234", None),
        ("for=[2001:db8::1]", None),
        ("for=", None),
        ('for=""', None),
        ('for="192.0.2.1', None),
        ("for = 192.0.2.1", None),
        ("192.0.2.1", None),
        ("192.0.2.1, for=192.0.2.2", None),
        ("xfor=192.0.2.1", None),
        ('by="a;for=192.0.2.1"', None),
        ("for=192.0.2.1,", None),
        (", for=192.0.2.1", None),
    ],
)
def test_the_last_address_of_pairs_that_is_no_proxy_counts(value: str, address: str | None) -> None:
    assert whose(PAIRS, value) == address


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (" 192.0.2.1 ", "192.0.2.1"),
        ("10.0.0.3", "10.0.0.3"),
        ("127.0.0.1", PROXY),
        ("unknown", PROXY),
        ("192.0.2.1, 10.0.0.1", None),
        ("for=192.0.2.1", None),
    ],
)
def test_another_field_is_one_address(value: str, address: str | None) -> None:
    assert whose(ONE, value) == address


def test_lines_of_one_name_are_one_list() -> None:
    assert whose(LIST, "127.0.0.1", "198.51.100.9, 192.0.2.1") == "192.0.2.1"
    assert whose(LIST, "198.51.100.9, 192.0.2.1", "10.0.0.1") == "192.0.2.1"
    assert whose(PAIRS, "for=127.0.0.1", "for=192.0.2.1", "for=10.0.0.1") == "192.0.2.1"
    assert whose(LIST, "192.0.2.1", "") is None
    assert whose(ONE, "192.0.2.1", "192.0.2.1") is None, "which of them has the proxy set?"


def test_a_quotation_that_a_line_leaves_open_takes_nothing_of_the_next() -> None:
    assert whose(PAIRS, 'for="192.0.2.9', 'for=192.0.2.1"') is None
    assert whose(PAIRS, 'for=192.0.2.9;by="', "for=192.0.2.1") == "192.0.2.1"


def test_only_who_is_here_is_called_loopback() -> None:
    assert whose(LIST, "127.0.0.1", peer=HERE) == "127.0.0.1"
    assert whose(LIST, "::1", peer=HERE) == "::1"
    assert whose(LIST, "127.0.0.1, 10.0.0.1", peer=HERE) == "10.0.0.1"
    assert whose(LIST, "192.0.2.1, 127.0.0.1", peer=HERE) == "192.0.2.1"
    assert client_address(LIST, ["192.0.2.1, 127.0.0.1"], PROXY, lambda ip: False) == PROXY


def test_a_request_has_come_by_so_many_proxies_at_most() -> None:
    proxies = ", 10.0.0.1" * (MAX_PROXIES - 1)
    assert whose(LIST, f"192.0.2.1{proxies}") == "192.0.2.1"
    assert whose(LIST, f"192.0.2.1, 10.0.0.1{proxies}") is None


@pytest.mark.fuzz
@given(st.ip_addresses(), st.integers(0, 65535), st.text(alphabet='for=";,:.[]12 \\'))
def test_what_a_client_says_changes_nothing(address: object, port: int, said: str) -> None:
    text = f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"
    alone = whose(LIST, text)
    assert whose(LIST, f"{said},{text}") == (
        alone if not is_hop(alone) else whose(LIST, said, text)
    )
    assert whose(PAIRS, f'for="{text}";proto=https') == alone


def is_hop(address: str | None) -> bool:
    return address is not None and is_trusted(ip_address(address))


@pytest.mark.fuzz
@given(
    st.sampled_from([LIST, PAIRS, ONE]),
    st.lists(st.text() | st.text(alphabet='for=";,:.[]12 \\'), min_size=1, max_size=3),
)
def test_any_value_is_an_address_or_refused(name: str, lines: list[str]) -> None:
    found = whose(name, *lines)
    assert found is None or str(ip_address(found)) == found


@pytest.mark.fuzz
@given(st.lists(st.sampled_from(["127.0.0.1", "::1", "10.0.0.1", "192.0.2.1", "unknown", "x"])))
def test_no_list_of_another_machine_makes_a_client_loopback(nodes: list[str]) -> None:
    found = whose(LIST, ", ".join(nodes))
    assert found is None or not re.match(r"127\.|::1$", found)
