"""The scp protocol: command lines and control lines, both ways."""

import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed, Reason, Refused
from mft.wire import scp
from mft.wire.scp import (
    MAX_COMMAND,
    MAX_LINE,
    MAX_SIZE,
    MAX_WORDS,
    Answer,
    Directory,
    End,
    File,
    ScpCommand,
    Times,
    encode_line,
    parse_command,
    parse_line,
    split_words,
    take_answer,
    take_line,
)

VECTORS = Path(__file__).parent / "vectors"


def command(path: bytes, letters: str = "") -> ScpCommand:
    return ScpCommand("t" in letters, "r" in letters, "p" in letters, "d" in letters, path)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (b"scp -t /in", command(b"/in", "t")),
        (b"scp -v -r -p -d -t .", command(b".", "trpd")),
        (b"scp -prf 'my file'", command(b"my file", "rp")),
        (b'scp -r -p -d -t "a \\"b\\" \\$c \\d"', command(b'a "b" $c \\d', "trpd")),
        (b"scp -f a\\ b\\\\c", command(b"a b\\c")),
        (b"scp -f it\\'s'  'here", command(b"it's  here")),
        (b"/usr/bin/scp -q -t x", command(b"x", "t")),
        (b"scp -t -- -t", command(b"-t", "t")),
        (b"scp -t -", command(b"-", "t")),
        (b"scp -t ''", command(b"", "t")),
        (b"  scp\t-t  x  ", command(b"x", "t")),
        (b"scp -f *.txt;$HOME~`id`#", command(b"*.txt;$HOME~`id`#")),
        ("scp -t naïve".encode(), command("naïve".encode(), "t")),
    ],
)
def test_a_command_is_read_as_a_shell_would_split_it(line: bytes, meant: ScpCommand) -> None:
    assert parse_command(line) == meant


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"   ",
        b"sh",
        b"scp",
        b"scp x",
        b"scp -t",
        b"scp -t --",
        b"scp -t -f x",
        b"scp -tf x",
        b"scp -t a b",
        b"scp -t a; id",
        b"scp -S prog -t x",
        b"scp -t x -r",
        b"scp --help",
        b"scp -\xff -t x",
        b"rscp -t x",
        b"scp -t x\nid",
        b"scp -t x\rid",
        b"scp -t x\0",
        b"scp -t 'x",
        b'scp -t "x',
        b'scp -t "x\\"',
        b"scp -t x\\",
    ],
)
def test_anything_but_one_scp_of_one_path_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        parse_command(line)


def test_a_command_has_limits() -> None:
    longest = b"scp -t " + b"x" * (MAX_COMMAND - 7)
    assert len(parse_command(longest).path) == MAX_COMMAND - 7
    with pytest.raises(Malformed):
        parse_command(longest + b"x")
    assert len(split_words(b"x " * MAX_WORDS)) == MAX_WORDS
    with pytest.raises(Malformed):
        split_words(b"x " * (MAX_WORDS + 1))


@pytest.mark.parametrize("recorded", sorted(VECTORS.glob("*.scp.command")), ids=lambda p: p.stem)
def test_what_real_clients_ask_for_is_understood(recorded: Path) -> None:
    asked = parse_command(recorded.read_bytes())
    assert asked.sink == ("-put" in recorded.stem)
    assert asked.recursive == ("tree" in recorded.stem)
    expected = {"curl": b"/curl2.bin", "quoted": b"with space", "missing": b"missing"}
    ending = next((e for part, e in expected.items() if part in recorded.stem), None)
    if ending is None:
        assert asked.path in (b"folder", b"folder/tree")
    else:
        assert asked.path.endswith(ending)


LINES = [
    (File(0o644, 12, b"a b.txt"), b"C0644 12 a b.txt\n"),
    (File(0o4755, MAX_SIZE, "ü".encode()), b"C4755 9223372036854775807 \xc3\xbc\n"),
    (Directory(0o755, b"d"), b"D0755 0 d\n"),
    (Times(1700000000, 0), b"T1700000000 0 0 0\n"),
    (End(), b"E\n"),
    (Answer(1, b"scp: no"), b"\1scp: no\n"),
    (Answer(2, b""), b"\2\n"),
]


@pytest.mark.parametrize(("line", "encoded"), LINES)
def test_a_line_is_these_bytes_both_ways(line: scp.Line, encoded: bytes) -> None:
    assert encode_line(line) == encoded
    assert take_line(encoded + b"more") == (encoded[:-1], len(encoded))
    assert parse_line(encoded[:-1]) == line


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"X",
        b"C0644 12",
        b"C0644 12 ",
        b"C0644  12 a",
        b"C644 12 a",
        b"C0888 12 a",
        b"C0644 -1 a",
        b"C0644 9223372036854775808 a",
        b"C0644 99999999999999999999 a",
        b"C0644 12 ..",
        b"C0644 12 .",
        b"C0644 12 a/b",
        b"C0644 12 ../a",
        b"C0644 12 a\0b",
        b"D0755 0 /",
        b"D0755 0 ..",
        b"E ",
        b"T1 0 2",
        b"T-1 0 2 0",
        b"T1 0 9223372036854775808 0",
        b"\0",
        b"\3no",
    ],
)
def test_a_line_that_is_none_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        parse_line(line)


def test_a_line_waits_for_its_end_within_its_limit() -> None:
    assert take_line(b"xE", 1) is None
    assert take_line(b"xE\nF", 1) == (b"E", 3)
    assert take_line(b"x" * MAX_LINE) is None
    assert take_line(b"x" * MAX_LINE + b"\n") == (b"x" * MAX_LINE, MAX_LINE + 1)
    with pytest.raises(Malformed):
        take_line(b"x" * (MAX_LINE + 1))
    with pytest.raises(Malformed):
        take_line(b"x" * (MAX_LINE + 1) + b"\n")


def test_answers_come_one_after_another() -> None:
    stream = scp.OK + scp.warning("no such file") + scp.fatal("good bye")
    first = take_answer(stream)
    assert first == (Answer(0), 1)
    second = take_answer(stream, 1)
    assert second is not None
    assert second[0] == Answer(1, b"scp: no such file")
    assert take_answer(stream, second[1]) == (Answer(2, b"scp: good bye"), len(stream))
    assert take_answer(stream, len(stream)) is None
    assert take_answer(b"\1half") is None
    with pytest.raises(Malformed):
        take_answer(b"3")
    with pytest.raises(Malformed):
        take_answer(b"\1" + b"x" * (MAX_LINE + 1))


def test_a_message_is_one_harmless_line_of_bounded_length() -> None:
    assert scp.warning("a\nb\x1b[2Jc\x7f") == b"\1scp: a?b?[2Jc?\n"
    assert len(scp.fatal("x" * 9999)) == 1 + scp.MAX_MESSAGE + 1
    assert encode_line(Answer(0)) == scp.OK


def test_times_before_1970_are_sent_as_1970() -> None:
    assert encode_line(Times(-5, -1)) == b"T0 0 0 0\n"


@pytest.mark.parametrize("name", [b"a\nb", b"", b"..", b"a/b", b"x" * MAX_LINE])
def test_a_name_that_scp_cannot_carry_is_refused(name: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        encode_line(File(0o644, 1, name))
    assert refusal.value.reason is Reason.INVALID


def walk(stream: bytes) -> list[scp.Line]:
    """What a sender says, its files' contents left out."""
    lines: list[scp.Line] = []
    at = 0
    while at < len(stream):
        taken = take_line(stream, at)
        assert taken is not None
        raw, at = taken
        lines.append(line := parse_line(raw))
        assert encode_line(line) == raw + b"\n"
        if isinstance(line, File):
            assert take_answer(stream, at + line.size) == (Answer(0), at + line.size + 1)
            at += line.size + 1
    return lines


@pytest.mark.parametrize("stem", ["openssh-put-tree.scp.client", "putty-put-tree.scp.client"])
def test_a_tree_that_a_real_client_sends_is_followed_to_its_end(stem: str) -> None:
    lines = walk((VECTORS / stem).read_bytes())
    kinds = "".join(type(line).__name__[0] for line in lines)
    assert re.fullmatch(r"T?DT?DTFETFE(TF)?", kinds)
    files = [line for line in lines if isinstance(line, File)]
    assert {file.name for file in files} >= {b"a.txt", b"b.txt"}
    assert 1577934245 in {line.modified for line in lines if isinstance(line, Times)}


@pytest.mark.parametrize("client", ["openssh-put-tree", "putty-put-tree", "curl-put"])
def test_a_real_sink_answers_ok_to_everything(client: str) -> None:
    stream = (VECTORS / f"{client}.scp.server").read_bytes()
    at = 0
    while (taken := take_answer(stream, at)) is not None:
        answer, at = taken
        assert answer == Answer(0)
    assert at == len(stream) >= 2


def test_a_real_source_says_what_is_missing() -> None:
    stream = (VECTORS / "openssh-get-missing.scp.server").read_bytes()
    taken = take_answer(stream)
    assert taken is not None
    assert taken[0] == Answer(1, b"scp: missing: No such file or directory")


@pytest.mark.fuzz
@settings(max_examples=300, deadline=None)
@given(line=st.binary(max_size=60) | st.from_regex(rb"[CDTE\x01\x02][0-7]{0,4} .*", fullmatch=True))
def test_any_line_is_understood_or_malformed(line: bytes) -> None:
    try:
        parsed = parse_line(line)
    except Malformed:
        return
    if not isinstance(parsed, Answer):
        assert parse_line(encode_line(parsed)[:-1]) == parsed


@pytest.mark.fuzz
@settings(max_examples=300, deadline=None)
@given(
    line=st.binary(max_size=60) | st.text(alphabet="scp-tfr '\"\\x$", max_size=40).map(str.encode)
)
def test_any_command_is_understood_or_malformed(line: bytes) -> None:
    try:
        asked = parse_command(line)
    except Malformed:
        return
    assert asked.path in split_words(line)


@pytest.mark.fuzz
@settings(max_examples=200, deadline=None)
@given(path=st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"])))
def test_whatever_a_client_quotes_comes_back(path: str) -> None:
    assert parse_command(f"scp -t -- {shlex.quote(path)}".encode()).path == path.encode()


@pytest.mark.fuzz
@settings(max_examples=200, deadline=None)
@given(words=st.text(alphabet="ab '\"\\", max_size=30))
def test_words_are_those_of_a_posix_shell(words: str) -> None:
    try:
        expected = shlex.split(words)
    except ValueError:
        with pytest.raises(Malformed):
            split_words(words.encode())
        return
    assert split_words(words.encode()) == [word.encode() for word in expected]


@pytest.mark.fuzz
@settings(max_examples=200, deadline=None)
@given(stream=st.binary(max_size=40), start=st.integers(0, 41))
def test_any_stream_gives_answers_or_malformed(stream: bytes, start: int) -> None:
    try:
        taken = take_answer(stream, start)
    except Malformed:
        return
    assert taken is None or start < taken[1] <= len(stream)
