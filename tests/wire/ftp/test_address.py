"""PORT, EPRT, PASV and EPSV."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.ftp.address import (
    Endpoint,
    Epsv,
    UnknownProtocol,
    epsv_text,
    parse_eprt,
    parse_epsv,
    parse_port,
    pasv_text,
)


@pytest.mark.parametrize(
    ("argument", "endpoint"),
    [
        ("192,0,2,7,217,3", Endpoint("192.0.2.7", 55555)),
        ("0,0,0,0,0,1", Endpoint("0.0.0.0", 1)),
        ("255,255,255,255,255,255", Endpoint("255.255.255.255", 65535)),
        ("010,000,00,1,04,001", Endpoint("10.0.0.1", 1025)),
    ],
)
def test_port_is_six_numbers(argument: str, endpoint: Endpoint) -> None:
    assert parse_port(argument) == endpoint


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "1,2,3,4,5",
        "1,2,3,4,5,6,7",
        "1,2,3,4,5,",
        "256,0,0,1,4,1",
        "1,2,3,4,256,1",
        "1,2,3,4,0,0",
        "1,2,3,4,+1,1",
        "1,2,3,4,-1,1",
        "1, 2,3,4,5,6",
        " 1,2,3,4,5,6",
        "1,2,3,4,5,6\n",
        "1.2.3.4,5,6",
        "1,2,3,4,5,1000",
        "\u0661,2,3,4,5,6",
    ],
)
def test_anything_else_is_no_port(argument: str) -> None:
    with pytest.raises(Malformed):
        parse_port(argument)


@pytest.mark.parametrize(
    ("argument", "endpoint"),
    [
        ("|1|192.0.2.7|6275|", Endpoint("192.0.2.7", 6275)),
        ("|2|2001:DB8::0:1|5282|", Endpoint("2001:db8::1", 5282)),
        ("|2|::ffff:192.0.2.7|5282|", Endpoint("192.0.2.7", 5282)),
        ("!1!192.0.2.7!1!", Endpoint("192.0.2.7", 1)),
        ("~1~192.0.2.7~65535~", Endpoint("192.0.2.7", 65535)),
    ],
)
def test_eprt_is_protocol_address_and_port(argument: str, endpoint: Endpoint) -> None:
    assert parse_eprt(argument) == endpoint


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "|",
        "|||||",
        "|1|192.0.2.7|6275",
        "1|192.0.2.7|6275|",
        "|1|192.0.2.7|6275||",
        "|1|192.0.2.7|6275|x",
        " 1 192.0.2.7 6275 ",
        "\u00a71\u00a7192.0.2.7\u00a76275\u00a7",
        "|1|192.0.2.7|0|",
        "|1|192.0.2.7|65536|",
        "|1|192.0.2.7|+1|",
        "|1|192.0.2.7||",
        "|1|192.0.2.07|6275|",
        "|1|192.0.2|6275|",
        "|1|::1|6275|",
        "|2|192.0.2.7|6275|",
        "|2|fe80::1%eth0|6275|",
        "|2|localhost|6275|",
        "|x|192.0.2.7|6275|",
        "|-1|192.0.2.7|6275|",
    ],
)
def test_anything_else_is_no_eprt(argument: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_eprt(argument)
    assert not isinstance(caught.value, UnknownProtocol)


def test_another_network_protocol_is_told_apart() -> None:
    for argument in ("|3|192.0.2.7|6275|", "|0|x|6275|"):
        with pytest.raises(UnknownProtocol):
            parse_eprt(argument)
    with pytest.raises(UnknownProtocol):
        parse_epsv("3")


@pytest.mark.parametrize(
    ("argument", "asked"),
    [("", Epsv.ANY), ("1", Epsv.IPV4), ("2", Epsv.IPV6), ("ALL", Epsv.ALL), ("all", Epsv.ALL)],
)
def test_epsv_asks_for_a_protocol_or_for_nothing_else_any_more(argument: str, asked: Epsv) -> None:
    assert parse_epsv(argument) is asked


@pytest.mark.parametrize("argument", [" ", "1 ", "-1", "ALL 1", "NONE", "\u0661"])
def test_anything_else_is_no_epsv(argument: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_epsv(argument)
    assert not isinstance(caught.value, UnknownProtocol)


def test_passive_replies_are_those_that_clients_read() -> None:
    text = pasv_text(Endpoint("192.0.2.7", 55555))
    assert text == "Entering Passive Mode (192,0,2,7,217,3)."
    assert epsv_text(55555) == "Entering Extended Passive Mode (|||55555|)."
    with pytest.raises(ValueError):
        pasv_text(Endpoint("::1", 55555))


@pytest.mark.fuzz
@given(st.ip_addresses(v=4).map(str), st.integers(1, 65535))
def test_an_endpoint_comes_back_from_each_of_its_forms(host: str, port: int) -> None:
    endpoint = Endpoint(host, port)
    numbers = pasv_text(endpoint).partition("(")[2].partition(")")[0]
    assert parse_port(numbers) == endpoint
    assert parse_eprt(f"|1|{host}|{port}|") == endpoint


@pytest.mark.fuzz
@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["|", "1", "2", "::", "127.0.0.1", "99999", ",", "%"])).map("".join),
    st.sampled_from([parse_port, parse_eprt, parse_epsv]),
)
def test_any_text_is_a_value_or_malformed(text: str, parse) -> None:
    try:
        found = parse(text)
    except Malformed:
        return
    assert isinstance(found, Epsv) or 1 <= found.port <= 65535
