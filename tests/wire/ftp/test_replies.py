"""Replies as a client hears them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.ftp.address import Endpoint, epsv_text, pasv_text
from mft.wire.ftp.replies import (
    MAX_LINE,
    MAX_LINES,
    MAX_REPLY,
    MAX_SHOWN,
    Answer,
    Answers,
    hash_algorithms,
    parse_digest,
    parse_extended,
    parse_features,
    parse_modified,
    parse_passive,
    parse_path,
    parse_size,
)
from mft.wire.ftp.reply import Reply, quoted

VECTORS = [
    (b"220 Welcome\r\n", [Answer(220, ("Welcome",))]),
    (b"220\r\n", [Answer(220, ("",))]),
    (b"220 \r\n", [Answer(220, ("",))]),
    (b"226 Done\n", [Answer(226, ("Done",))]),
    (b"150 A\r\n226 B\r\n", [Answer(150, ("A",)), Answer(226, ("B",))]),
    (b"230-One\r\n230-Two\r\n230 Three\r\n", [Answer(230, ("One", "Two", "Three"))]),
    (b"211-F:\r\n SIZE\r\n211 End\r\n", [Answer(211, ("F:", " SIZE", "End"))]),
    (
        b"250-x\r\n226 not the end\r\n2500 nor this\r\n250-nor that\r\n250 End\r\n",
        [Answer(250, ("x", "226 not the end", "2500 nor this", "nor that", "End"))],
    ),
    (b'257 "/z\xc3\xbc"\r\n', [Answer(257, ('"/zü"',))]),
    (b'257 "/z\xfc"\r\n', [Answer(257, ('"/z\udcfc"',))]),
]


@pytest.mark.parametrize(("data", "answers"), VECTORS)
def test_replies_are_codes_and_lines(data: bytes, answers: list[Answer]) -> None:
    assert Answers().feed(data) == answers


@pytest.mark.parametrize(("data", "answers"), VECTORS)
def test_it_does_not_matter_where_the_network_cuts(data: bytes, answers: list[Answer]) -> None:
    reader, found = Answers(), []
    for at in range(len(data)):
        found += reader.feed(data[at : at + 1])
        if at < len(data) - 1:
            assert reader.begun or data[at : at + 1] == b"\n"
    assert found == answers
    assert not reader.begun


@pytest.mark.parametrize(
    "data",
    [b"hello\r\n", b"22 x\r\n", b"620 x\r\n", b"\r\n", b"220x\r\n", b" 220 x\r\n", b"SSH-2.0\n"],
)
def test_what_begins_no_reply_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        Answers().feed(data)


@pytest.mark.parametrize(
    "data",
    [
        b"220 " + bytes(MAX_LINE),
        b"220 " + bytes(MAX_LINE) + b"\r\n",
        b"220-" + b"x\r\n" * (MAX_LINES + 1),
        b"220-" + (b"x" * 8000 + b"\r\n") * (MAX_REPLY // 8000 + 1),
    ],
)
def test_what_never_ends_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed, match="more than"):
        Answers().feed(data)


def test_a_reply_may_be_as_long_as_the_limits_say() -> None:
    whole = b"220-a\r\n" + b"x\r\n" * (MAX_LINES - 2) + b"220 b\r\n"
    assert len(Answers().feed(whole)[0].lines) == MAX_LINES
    assert Answers().feed(b"220 " + b"x" * (MAX_LINE - 4) + b"\r\n")


def test_what_a_code_means() -> None:
    assert Answer(150, ("",)).preliminary
    assert Answer(226, ("",)).good
    assert Answer(331, ("",)).asks
    assert not any((Answer(550, ("",)).good, Answer(550, ("",)).asks))


def test_a_reply_for_people_is_one_line_without_harm() -> None:
    assert str(Answer(230, ("a  b", "\x1bc"))) == "230 a b ?c"
    assert str(Answer(230, ("",))) == "230"
    assert len(str(Answer(230, ("x" * 1000,)))) == MAX_SHOWN + 4


@pytest.mark.parametrize(
    "lines",
    [
        ("Entering Passive Mode (192,0,2,7,217,3).",),
        ("Entering Passive Mode 192,0,2,7,217,3",),
        ("=192,0,2,7,217,3",),
        ("Some words", "and (192,0,2,7,217,3)"),
    ],
)
def test_an_address_is_six_numbers_wherever_they_stand(lines: tuple[str, ...]) -> None:
    assert parse_passive(lines) == Endpoint("192.0.2.7", 55555)


@pytest.mark.parametrize("text", ["", "1,2,3,4,5", "1,2,3,4,0,0", "256,1,1,1,1,1", "1,2,3,4,256,1"])
def test_anything_else_is_no_address(text: str) -> None:
    with pytest.raises(Malformed):
        parse_passive((text,))


def test_a_port_stands_between_delimiters() -> None:
    assert parse_extended(("Extended Passive Mode OK (|||6446|)",)) == 6446
    assert parse_extended(("a", "(!!!6446!)")) == 6446
    for text in ("", "(|||0|)", "(|||65536|)", "(||6446|)", "(|!|6446|)", "(1116446 1)"):
        with pytest.raises(Malformed):
            parse_extended((text,))


def test_a_path_stands_in_quotes() -> None:
    assert parse_path(('"/a b" is it',)) == "/a b"
    assert parse_path(('"/a ""b""" is it',)) == '/a "b"'
    for text in ("", "/a", '"/a'):
        with pytest.raises(Malformed):
            parse_path((text,))


def test_features_are_words_and_what_stands_behind_them() -> None:
    lines = ("Features:", " size", " AUTH TLS", " AUTH SSL", " MLST a*;b;", " ", "End SIZE")
    found = parse_features(lines)
    assert found == {"SIZE": "", "AUTH": "TLS SSL", "MLST": "a*;b;"}
    assert parse_features(("None",)) == {}


def test_sizes_and_times_are_numbers_alone() -> None:
    assert parse_size(("123",)) == 123
    assert parse_modified(("19700101000001.5",)) == 1
    for text in ("", "-1", "1 2", "x", "9" * 20):
        with pytest.raises(Malformed):
            parse_size((text,))
    with pytest.raises(Malformed):
        parse_modified(("today",))


def test_a_digest_is_found_by_its_length() -> None:
    digest = "ab" * 32
    assert parse_digest((f"SHA-256 0-49 {digest} a file",), 32) == bytes.fromhex(digest)
    assert parse_digest((digest.upper(),), 32) == bytes.fromhex(digest)
    for text in ("", "ab" * 31, "ab" * 64, f"x{digest}"):
        with pytest.raises(Malformed):
            parse_digest((text,), 32)


def test_the_chosen_algorithm_has_a_star() -> None:
    assert hash_algorithms("SHA-256;sha-512*;MD5") == (("SHA-256", "SHA-512", "MD5"), "SHA-512")
    assert hash_algorithms("") == ((), "")


@pytest.mark.fuzz
@given(st.lists(st.text().filter(lambda text: "\n" not in text), min_size=1), st.integers(100, 599))
def test_what_our_server_says_comes_back(lines: list[str], code: int) -> None:
    (answer,) = Answers().feed(Reply.of(code, *lines).encode())
    assert answer.code == code
    assert len(answer.lines) == len(lines)


@pytest.mark.fuzz
@given(st.ip_addresses(v=4).map(str), st.integers(1, 65535), st.text(max_size=50))
def test_addresses_and_paths_of_our_server_come_back(host: str, port: int, path: str) -> None:
    assert parse_passive((pasv_text(Endpoint(host, port)),)) == Endpoint(host, port)
    assert parse_extended((epsv_text(port),)) == port
    assert parse_path((f"{quoted(path)} is it",)) == path


@pytest.mark.fuzz
@given(st.lists(st.binary(max_size=50) | st.sampled_from([b"220-", b"\r\n", b"220 ", b"x"])))
def test_any_bytes_are_replies_or_malformed(pieces: list[bytes]) -> None:
    reader = Answers()
    try:
        for piece in pieces:
            for answer in reader.feed(piece):
                assert 100 <= answer.code < 600
                assert answer.lines
    except Malformed:
        return


@pytest.mark.fuzz
@given(
    st.text(max_size=80) | st.lists(st.sampled_from(list('|1,2"(')), max_size=30).map("".join),
    st.sampled_from([parse_passive, parse_extended, parse_path, parse_size, parse_modified]),
)
def test_any_text_is_a_value_or_malformed(text: str, parse) -> None:
    try:
        parse((text,))
    except Malformed:
        return
