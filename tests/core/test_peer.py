"""One peer has one address, however the socket writes it."""

import pytest

from mft.core.peer import Address, parse_ip, parse_network, source_of


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:c000:207", "192.0.2.7"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_has_one_form(text, canonical):
    assert str(parse_ip(text)) == canonical
    assert Address.of(text, 22).host == canonical


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "1.2.3.4.5", "010.0.0.1", "::g"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError):
        parse_ip(text)


def test_a_mapped_network_is_the_ipv4_network():
    assert str(parse_network("::ffff:192.0.2.0/120")) == "192.0.2.0/24"
    assert parse_ip("::ffff:192.0.2.9") in parse_network("192.0.2.0/24")


def test_host_bits_may_be_set():
    assert str(parse_network("192.0.2.7/24")) == "192.0.2.0/24"


def test_an_ipv6_network_holds_no_ipv4_peer():
    assert parse_ip("::ffff:192.0.2.9") not in parse_network("::/0")


def test_an_ipv6_address_stands_in_brackets():
    assert str(Address("2001:db8::1", 22)) == "[2001:db8::1]:22"
    assert str(Address("192.0.2.7", 22)) == "192.0.2.7:22"


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::1"])
def test_an_address_is_compared_with_networks(host):
    assert Address(host, 22).ip == parse_ip(host)


def test_a_host_that_is_no_address_is_in_no_network():
    with pytest.raises(ValueError):
        _ = Address("localhost", 22).ip


def test_one_source_is_an_ipv4_address_or_an_ipv6_network():
    near, far = Address("2001:db8::1", 1), Address("2001:db8::ffff:2", 2)
    assert source_of(near) == source_of(far) != source_of(Address("2001:db8:0:1::1", 1))
    assert source_of(Address("192.0.2.7", 1)) != source_of(Address("192.0.2.8", 1))
