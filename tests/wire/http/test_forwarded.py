"""The address that a proxy tells."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.forwarded import client_address


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 , 10.0.0.1, nonsense", "192.0.2.1"),
        ("192.0.2.1:1234, 10.0.0.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("2001:db8:0:0:0:0:0:1, 10.0.0.1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", None),
        (", 192.0.2.1", None),
        ("unknown", None),
        ("localhost", None),
        ("192.0.2", None),
        ("192.0.2.256", None),
        ("192.0.2.01", None),
        ("192.0.2.1:", None),
        ("192.0.2.1:123456", None),
        ("192.0.2.1/24", None),
        ("192.0.2.1 10.0.0.1", None),
        ("3232235777", None),
        ("fe80::1%eth0", None),
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
def test_the_first_address_of_a_list(value: str, address: str | None) -> None:
    assert client_address("X-Forwarded-For", value) == address


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("for=192.0.2.1", "192.0.2.1"),
        ("For=192.0.2.1;proto=https;by=10.0.0.1", "192.0.2.1"),
        ("proto=https; for=192.0.2.1 ; by=_a", "192.0.2.1"),
        ("for=192.0.2.1, for=10.0.0.1", "192.0.2.1"),
        ('for="192.0.2.1:1234"', "192.0.2.1"),
        ('for="[2001:db8::1]:1234";host="a,b;for=c"', "2001:db8::1"),
        ('for="[2001:db8::1]"', "2001:db8::1"),
        ("for=unknown", None),
        ("for=_hidden, for=192.0.2.1", None),
        ("proto=https, for=192.0.2.1", None),
        ("for=192.0.2.1;for=192.0.2.2", None),
        ("for=192.0.2.1:1234", None),
        ("for=[2001:db8::1]", None),
        ("for=", None),
        ('for=""', None),
        ('for="192.0.2.1', None),
        ("for = 192.0.2.1", None),
        ("192.0.2.1", None),
        ("xfor=192.0.2.1", None),
        ('by="a;for=192.0.2.1"', None),
        ("", None),
    ],
)
def test_the_first_address_of_pairs(value: str, address: str | None) -> None:
    assert client_address("Forwarded", value) == address


def test_another_field_is_one_address() -> None:
    assert client_address("X-Real-IP", " 192.0.2.1 ") == "192.0.2.1"
    assert client_address("X-Real-IP", "192.0.2.1, 10.0.0.1") is None


@pytest.mark.fuzz
@given(st.ip_addresses(), st.integers(0, 65535))
def test_an_address_comes_back(address: object, port: int) -> None:
    text = f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"
    expected = client_address("X-Real-IP", str(address))
    assert expected is not None
    assert client_address("X-Forwarded-For", f"{text}, 10.0.0.1") == expected
    assert client_address("Forwarded", f'for="{text}";proto=https') == expected


@pytest.mark.fuzz
@given(
    st.sampled_from(["X-Forwarded-For", "Forwarded", "X-Real-IP"]),
    st.text() | st.text(alphabet='for=";,:.[]12 \\'),
)
def test_any_value_is_an_address_or_none(name: str, value: str) -> None:
    found = client_address(name, value)
    assert found is None or str(ip_address(found)) == found
