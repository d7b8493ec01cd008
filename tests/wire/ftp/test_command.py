"""Command lines: split, freed of Telnet, and read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.ftp.command import (
    MAX_LINE,
    MAX_NUMBER,
    MAX_SUBNEGOTIATION,
    Bad,
    Command,
    Lines,
    is_http,
    parse,
    parse_inner,
    parse_number,
    shown,
)
from mft.wire.ftp.verbs import VERBS

VECTORS = sorted((Path(__file__).parent / "vectors").glob("*.client"))
ABOR = Command("ABOR")


def taken(*pieces: bytes) -> list[Command | Bad]:
    """All that comes out of these pieces, fed one after another."""
    lines, out = Lines(), []
    for piece in pieces:
        lines.feed(memoryview(piece))
        while (one := lines.take()) is not None:
            out.append(one)
    return out


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (b"STOR a.txt", Command("STOR", "a.txt")),
        (b"stor a.txt", Command("STOR", "a.txt")),
        (b"NOOP", Command("NOOP")),
        (b"FEAT ", Command("FEAT")),
        (b"CWD  two", Command("CWD", " two")),
        (b"CWD a b  ", Command("CWD", "a b  ")),
        ("MKD zürich 日本".encode(), Command("MKD", "zürich 日本")),
        (b"XSHA256 f", Command("XSHA256", "f")),
        (b"A" * 16, Command("A" * 16)),
        (b"A" * 17, Bad.NOT_A_COMMAND),
        (b" STOR a", Bad.NOT_A_COMMAND),
        (b"1ABC", Bad.NOT_A_COMMAND),
        (b"Host: example.com", Bad.NOT_A_COMMAND),
        ("ÜSER a".encode(), Bad.NOT_A_COMMAND),
        (b"", Bad.EMPTY),
        (b"CWD a\0b", Bad.NUL),
        (b"CWD a\0\tb", Bad.NUL),
        (b"CWD a\rb", Bad.CONTROL),
        (b"CWD a\tb", Bad.CONTROL),
        (b"CWD a\x7f", Bad.CONTROL),
        (b"\x16\x03\x01", Bad.CONTROL),  # a TLS handshake in clear
        (b"CWD caf\xe9", Bad.NOT_UTF8),
        (b"CWD " + b"x" * (MAX_LINE - 4), Command("CWD", "x" * (MAX_LINE - 4))),
        (b"CWD " + b"x" * (MAX_LINE - 3), Bad.TOO_LONG),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_line_is_a_command_or_says_what_is_wrong(line: bytes, meant: Command | Bad) -> None:
    assert parse(line) == meant


@pytest.mark.parametrize(
    ("argument", "meant"),
    [
        ("CHMOD 644 a b", Command("CHMOD", "644 a b")),
        ("  pswd a b", Command("PSWD", "a b")),
        ("", Bad.EMPTY),
        ("   ", Bad.EMPTY),
        ("-x", Bad.NOT_A_COMMAND),
    ],
)
def test_a_command_may_be_inside_of_another(argument: str, meant: Command | Bad) -> None:
    assert parse_inner(argument) == meant


def test_numbers_are_ascii_digits_with_a_bound() -> None:
    assert parse_number("0") == 0
    assert parse_number("007") == 7
    assert parse_number(str(MAX_NUMBER)) == MAX_NUMBER
    for text in ("", "-1", "+1", " 1", "1 ", "1_0", "\u0661", str(MAX_NUMBER + 1), "9" * 5000):
        with pytest.raises(Malformed):
            parse_number(text)
    with pytest.raises(Malformed):
        parse_number("256", 255)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (Command("PASS", "secret"), "PASS ***"),
        (Command("PASS"), "PASS ***"),
        (Command("ACCT", "secret"), "ACCT ***"),
        (Command("SITE", "PSWD old new"), "SITE PSWD ***"),
        (Command("SITE", "  pswd old new"), "SITE PSWD ***"),
        (Command("SITE", "CHMOD 644 a"), "SITE CHMOD 644 a"),
        (Command("SITE"), "SITE"),
        (Command("NOOP"), "NOOP"),
        (Command("CWD", "a\u202eb\x9b"), "CWD a?b?"),
        (Command("CWD", "x" * 300), "CWD " + "x" * 195 + "…"),
    ],
)
def test_a_log_shows_commands_without_secrets(command: Command, text: str) -> None:
    assert shown(command) == text


def test_a_limit_of_what_is_shown_can_be_given() -> None:
    assert shown(Command("CWD", "abcdef"), 6) == "CWD a…"
    assert shown(Command("CWD", "ab"), 6) == "CWD ab"


def test_lines_end_in_crlf_or_lf() -> None:
    assert taken(b"NOOP\r\nCWD a\nQUIT\r\n\n") == [
        Command("NOOP"),
        Command("CWD", "a"),
        Command("QUIT"),
        Bad.EMPTY,
    ]
    assert taken(b"CWD a\r\r\n") == [Bad.CONTROL]


def test_a_line_waits_for_its_end() -> None:
    lines = Lines()
    lines.feed(b"NO")
    assert lines.take() is None
    assert lines.held == 2
    lines.feed(b"OP\r")
    assert lines.take() is None
    lines.feed(b"\nCWD")
    assert lines.take() == Command("NOOP")
    assert lines.take() is None
    assert lines.held == 3


def test_a_line_that_is_too_long_is_told_once_and_skipped() -> None:
    lines = Lines()
    lines.feed(b"x" * MAX_LINE + b"\r")
    assert lines.take() is None
    lines.feed(b"x")
    assert lines.take() is Bad.TOO_LONG
    for _ in range(100):
        lines.feed(b"y" * 1000)
        assert lines.take() is None
        assert lines.held == 0
    lines.feed(b"z\r\nNOOP\r\n")
    assert lines.take() == Command("NOOP")
    assert lines.take() is None


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_the_limit_of_a_line_does_not_count_its_end(end: bytes) -> None:
    longest = b"CWD " + b"x" * (MAX_LINE - 4)
    assert taken(longest + end) == [Command("CWD", "x" * (MAX_LINE - 4))]
    assert taken(longest, end) == [Command("CWD", "x" * (MAX_LINE - 4))]
    assert taken(longest, b"x" + end) == [Bad.TOO_LONG]
    assert taken(longest + b"x", end + b"NOOP\n") == [Bad.TOO_LONG, Command("NOOP")]
    assert taken(longest + b"x" + end + b"NOOP\n") == [Bad.TOO_LONG, Command("NOOP")]


def test_a_line_that_never_ends_is_held_within_the_limit_although_nothing_is_taken() -> None:
    lines = Lines()
    lines.feed(b"NOOP\n")
    for _ in range(50):
        lines.feed(b"x" * 5000)
        assert lines.held <= 5 + MAX_LINE + 3
    lines.feed(b"\nQUIT\n")
    assert [lines.take() for _ in range(4)] == [
        Command("NOOP"),
        Bad.TOO_LONG,
        Command("QUIT"),
        None,
    ]


def test_what_came_before_a_handshake_can_be_forgotten() -> None:
    lines = Lines()
    lines.feed(b"x" * (MAX_LINE + 9))
    lines.feed(b"\nUSER evil\r\nDELE a\xff\xfa")
    assert lines.take() is Bad.TOO_LONG
    lines.discard()
    assert (lines.take(), lines.held) == (None, 0)
    lines.feed(b"NOOP\r\n")
    assert lines.take() == Command("NOOP")
    lines.feed(b"x" * (MAX_LINE + 9))
    lines.discard()
    lines.feed(b"NOOP\r\n")
    assert lines.take() == Command("NOOP")


@pytest.mark.parametrize(
    "bytes_",
    [
        b"\xff\xf4\xff\xf2ABOR\r\n",
        b"\xff\xf4\xf2ABOR\r\n",  # the IAC of the Data Mark was lost
        b"\xff\xf4\xffABOR\r\n",  # the Data Mark was taken away as urgent
        b"\xf2ABOR\r\n",
        b"\xffABOR\r\n",
        b"\xff\xf6ABOR\r\n",  # Are You There
        b"\xff\xf1AB\xff\xf1OR\r\n",  # no operation, inside the word too
        b"\xff\xfd\x06ABOR\r\n",  # DO TIMING MARK
        b"\xff\xfb\nABOR\r\n",  # an option whose number is that of a line feed
        b"\xff\xfc\xffABOR\r\n",
        b"\xff\xfa\x18\x00a\r\nb\xff\xff\xff\xf0ABOR\r\n",
        b"\xff\xfa\xff\xf0ABOR\r\n",
        b"\xff\xfa" + b"x" * MAX_SUBNEGOTIATION + b"\xff\xf0ABOR\r\n",
        b"abor\xff\xf4\r\n",
    ],
)
def test_telnet_sequences_are_taken_out_wherever_they_are_cut(bytes_: bytes) -> None:
    assert taken(bytes_) == [ABOR]
    for at in range(len(bytes_)):
        assert taken(bytes_[:at], bytes_[at:]) == [ABOR], at
    assert taken(*[bytes([one]) for one in bytes_]) == [ABOR]


def test_a_sequence_that_is_cut_is_held() -> None:
    lines = Lines()
    for piece, held in ((b"\xff", 1), (b"\xfa", 2), (b"x\xff", 4), (b"\xf0", 0), (b"\xff\xfd", 2)):
        lines.feed(piece)
        assert lines.held == held


def test_255_is_no_utf8_and_never_another_name() -> None:
    assert taken(b"DELE \xff\xffa\r\n") == [Bad.NOT_UTF8]
    assert taken(b"DELE \xffa\r\n") == [Bad.NOT_UTF8]
    assert taken(b"DELE a\xff\r\n") == [Bad.NOT_UTF8]
    assert taken(b"DELE a\xff", b"\r\n") == [Bad.NOT_UTF8]


def test_a_subnegotiation_without_an_end_spoils_its_line_only() -> None:
    lines = Lines()
    lines.feed(b"CWD \xff\xfa")
    for _ in range(MAX_SUBNEGOTIATION):
        assert lines.held <= 6 + MAX_SUBNEGOTIATION
        lines.feed(b"x")
    lines.feed(b"\r\nNOOP\r\n")
    assert lines.take() is Bad.NOT_UTF8
    assert lines.take() == Command("NOOP")
    flood = b"\xff\xfa" * (MAX_SUBNEGOTIATION * 20)
    flood += b"x" * MAX_SUBNEGOTIATION  # for the last one that began
    assert taken(b"CWD " + flood + b"\r\n") == [Bad.NOT_UTF8]


@pytest.mark.parametrize("recorded", VECTORS, ids=lambda path: path.stem)
def test_what_clients_send_is_read(recorded: Path) -> None:
    stream = recorded.read_bytes()
    commands = taken(stream)
    assert len(commands) == stream.count(b"\n")
    for command in commands:
        assert isinstance(command, Command)
        assert command.verb in VERBS
    for size in (1, 3, 7):
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert taken(*pieces) == commands


def test_the_vectors_are_there() -> None:
    assert {path.stem.partition("-")[0] for path in VECTORS} == {
        "curl",
        "filezilla",
        "lftp",
        "windows",
    }


@pytest.mark.fuzz
@given(
    st.binary(max_size=300)
    | st.lists(
        st.sampled_from([b"\xff", b"\xfa", b"\xf0", b"\xf2", b"\xf4", b"\xfd", b"\r", b"\n", b"AB"])
    ).map(b"".join),
    st.lists(st.integers(1, 50), max_size=20),
)
def test_any_bytes_give_the_same_lines_in_any_pieces(stream: bytes, sizes: list[int]) -> None:
    pieces, rest = [], stream
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    assert taken(*pieces, rest) == taken(stream)


@pytest.mark.fuzz
@given(
    st.from_regex(r"[A-Z][A-Z0-9]{0,15}", fullmatch=True),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1),
)
def test_a_command_comes_back_as_it_was_sent(verb: str, argument: str) -> None:
    assert taken(f"{verb} {argument}\r\n".encode()) == [Command(verb, argument)]
    assert shown(Command(verb, argument)).isprintable()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"GET / HTTP/1.1", True),
        (b"Patch * HTTP/1.0", True),
        (b"POST http://files/ HTTP/3.0", True),
        (b"GET /", False),
        (b"GET / HTTP/1.1 ", False),
        (b"GET  HTTP/1.1", False),
        (b"GET /a /b HTTP/1.1", False),
        (b"GET / http/1.1", False),
    ],
)
def test_a_request_of_http_is_known_by_its_end(line: bytes, expected: bool) -> None:
    command = parse(line)
    assert isinstance(command, Command)
    assert is_http(command) is expected
