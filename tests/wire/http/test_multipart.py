"""Forms with files, in any pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.head import BadRequest
from mft.wire.http.multipart import (
    MAX_PART_HEAD,
    MAX_PARTS,
    FormReader,
    PartBegun,
    PartData,
    PartEnded,
    boundary_of,
)

Part = tuple[str, str | None, str, bytes, bool]
NAMED = b'Content-Disposition: form-data; name="a"\r\n'


def read(*pieces: bytes, boundary: bytes = b"b") -> tuple[list[Part], bool] | int:
    """The parts in these pieces, each with whether it ended, and whether the form did."""
    parts: list[Part] = []
    try:
        reader = FormReader(boundary)
        for piece in pieces:
            for event in reader.take(memoryview(piece)):
                match event:
                    case PartBegun(name, filename, kind):
                        parts.append((name, filename, kind, b"", False))
                    case PartData(data):
                        assert data
                        parts[-1] = (*parts[-1][:3], parts[-1][3] + data, False)
                    case PartEnded():
                        assert not parts[-1][4]
                        parts[-1] = (*parts[-1][:4], True)
            assert len(reader._held) <= len(boundary) + 4
            assert len(reader._head) <= MAX_PART_HEAD
    except BadRequest as bad:
        return bad.status
    return parts, reader.done


def form(*parts: bytes, boundary: bytes = b"b") -> bytes:
    """A form of parts, each with its head."""
    lines = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return lines + b"--" + boundary + b"--\r\n"


def part(data: bytes, name: str = "a", boundary: bytes = b"b") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"\r\n\r\n'
    return head.encode() + data


def cut(text: bytes, sizes: list[int]) -> list[bytes]:
    """The text in pieces of these sizes, and the rest."""
    pieces = []
    for size in sizes:
        pieces.append(text[:size])
        text = text[size:]
    return [*pieces, text]


BROWSER = (
    b"--b\r\n"
    b'Content-Disposition: form-data; name="folder"\r\n\r\n'
    b"in\r\nbox\r\n"
    b"--b\r\n"
    b'content-disposition: form-data; name="file"; filename="\xc3\xa9.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n"
    b"\r\r\n-\r\n--\r\n--a\r\n--B--\r\n\r\n--b\r\n"
    b'Content-Disposition: form-data; name="none"; filename=""\r\n\r\n'
    b"\r\n--b--\r\n"
)
MEANT: list[Part] = [
    ("folder", None, "text/plain", b"in\r\nbox", True),
    ("file", "é.bin", "application/octet-stream", b"\r\r\n-\r\n--\r\n--a\r\n--B--\r\n", True),
    ("none", "", "text/plain", b"", True),
]


def test_a_form_is_read_in_any_pieces() -> None:
    assert read(BROWSER) == (MEANT, True)
    assert read(*[bytes([byte]) for byte in BROWSER]) == (MEANT, True)
    for at in range(len(BROWSER)):
        assert read(BROWSER[:at], BROWSER[at:]) == (MEANT, True)


def test_what_is_around_a_form_is_dropped() -> None:
    text = form(part(b"x"))
    meant = ([("a", None, "text/plain", b"x", True)], True)
    assert read(b"preamble --b\r\n" + text + b"--b\r\nepilogue") == meant
    assert read(b"\r\n" + text) == meant
    assert read(text, b"more") == meant
    assert read(b"--b--") == ([], True)


def test_a_part_has_not_ended_before_it_is_clear_what_follows() -> None:
    begun = ("a", None, "text/plain", b"x")
    text = b"--b\r\n" + part(b"x")
    assert read(text) == ([(*begun, False)], False)
    assert read(text + b"\r\n--b") == ([(*begun, False)], False)
    assert read(text + b"\r\n--b-") == ([(*begun, False)], False)
    assert read(text + b"\r\n--b\r\n") == ([(*begun, False)], False)
    assert read(text + b"\r\n--b--") == ([(*begun, True)], True)


def test_spaces_may_stand_behind_a_boundary() -> None:
    assert read(b"--b \t\r\n" + part(b"x") + b"\r\n--b--") == (
        [("a", None, "text/plain", b"x", True)],
        True,
    )


def test_data_may_be_kept() -> None:
    buffer = bytearray(b"--b\r\n" + part(b"abc"))
    reader = FormReader(b"b")
    _, event = reader.take(memoryview(buffer))
    buffer[:] = bytes(len(buffer))
    assert isinstance(event, PartData)
    assert event.data == b"abc"


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n",
        b"Content-Type: text/plain\r\n\r\n",
        b"Content-Disposition: form-data\r\n\r\n",
        b'Content-Disposition: attachment; name="a"\r\n\r\n',
        b'Content-Disposition: form-data; name="a\r\n\r\n',
        b"Content-Disposition:\r\n\r\n",
        NAMED + NAMED + b"\r\n",
        NAMED + b" folded\r\n\r\n",
        NAMED + b"X : y\r\n\r\n",
        NAMED + b"X: \0\r\n\r\n",
        NAMED + b"X: a\nb\r\n\r\n",
        NAMED + b"X: a\rb\r\n\r\n",
        NAMED + b"nonsense\r\n\r\n",
        NAMED + b"Content-Transfer-Encoding: base64\r\n\r\n",
        NAMED + b"X: \xff\r\n\r\n",
        b'Content-Disposition: form-data; name="\xe9"\r\n\r\n',
        NAMED + b"X: " + b"a" * MAX_PART_HEAD,
    ],
    ids=lambda head: ascii(head[:80]),
)
def test_a_part_without_a_good_head_is_refused(head: bytes) -> None:
    text = b"--b\r\n" + head
    assert read(text) == 400
    assert read(*[text[at : at + 1] for at in range(len(text))]) == 400


def test_what_follows_a_boundary_is_an_end_of_line_or_the_end() -> None:
    for after in (b"x\r\n", b"\n", b"- -", b"-\r\n", b"\r", b"c\r\n"):
        assert read(b"--b" + after + part(b"x") + b"\r\n--b--") == 400


def test_an_encoding_that_changes_nothing_is_read() -> None:
    for encoding in (b"7bit", b"8BIT", b"binary"):
        text = NAMED + b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\nx"
        assert read(form(text)) == ([("a", None, "text/plain", b"x", True)], True)


def test_limits_are_what_they_say() -> None:
    many = form(*[part(b"")] * MAX_PARTS)
    assert isinstance(found := read(many), tuple)
    assert len(found[0]) == MAX_PARTS
    assert read(form(*[part(b"")] * (MAX_PARTS + 1))) == 400
    room = MAX_PART_HEAD - len(b"\r\n" + NAMED + b"X: \r\n\r\n")
    longest = NAMED + b"X: " + b"y" * room + b"\r\n\r\nx"
    assert read(form(longest)) == ([("a", None, "text/plain", b"x", True)], True)
    assert read(form(longest.replace(b"X: ", b"X: y"))) == 400


@pytest.mark.parametrize(
    "boundary",
    [b"", b"a" * 71, b"a ", b" ", b"a\r\n", b"a\n", b'a"b', b"a;b", b"\xff", b"a\0", b"a<b>"],
    ids=lambda boundary: ascii(boundary[:10]),
)
def test_a_boundary_that_is_none_is_refused(boundary: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        FormReader(boundary)
    assert refused.value.status == 400


@pytest.mark.parametrize("boundary", [b"a" * 70, b"-" * 40 + b"12", b"a b", b"'()+_,-./:=?"])
def test_boundaries_have_many_characters(boundary: bytes) -> None:
    text = form(part(b"--" + boundary + b"\r\n-"), boundary=boundary)
    data = b"--" + boundary + b"\r\n-"
    meant = [("a", None, "text/plain", data, True)]
    assert read(text, boundary=boundary) == (meant, True)
    assert read(*cut(text, [1] * len(text)), boundary=boundary) == (meant, True)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data; charset=utf-8; Boundary="a b"', b"a b"),
        ("multipart/form-data; boundary=----x;", b"----x"),
        ('multipart/form-data; boundary="é"', "é".encode()),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=a; boundary=b", None),
        ("multipart/form-data; boundary=a b", None),
        ("multipart/mixed; boundary=a", None),
        ("text/plain; boundary=a", None),
        ("", None),
    ],
)
def test_the_boundary_is_told_by_the_media_type(content_type: str, boundary: bytes | None) -> None:
    assert boundary_of(content_type) == boundary


PIECES = st.sampled_from(
    [
        b"\r",
        b"\n",
        b"\r\n",
        b"-",
        b"--",
        b"b",
        b"--b",
        b"\r\n--b",
        b"\r\n--b\r\n",
        NAMED,
        b"--b\r\n",
    ]
)


@pytest.mark.fuzz
@given(
    st.binary(max_size=100)
    | st.lists(PIECES, max_size=30).map(b"".join)
    | st.lists(PIECES, max_size=30).map(
        lambda parts: b"--b\r\n" + NAMED + b"\r\n" + b"".join(parts)
    ),
    st.lists(st.integers(0, 20), max_size=30),
)
def test_any_bytes_give_the_same_in_any_pieces(text: bytes, sizes: list[int]) -> None:
    assert read(*cut(text, sizes)) == read(text)


@pytest.mark.fuzz
@given(
    st.lists(
        (st.binary() | st.lists(PIECES).map(b"".join)).filter(lambda data: b"--b" not in data)
    ),
    st.lists(st.integers(0, 40), max_size=30),
)
def test_a_form_comes_back_as_it_was_sent(files: list[bytes], sizes: list[int]) -> None:
    found = read(*cut(form(*map(part, files)), sizes))
    assert found == ([("a", None, "text/plain", data, True) for data in files], True)
