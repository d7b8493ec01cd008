"""Lines of hostile files: bounded, whatever the blocks are that they come in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.inspection.lines import LONGEST_LINE, OVERLAP, PIECE, LineLimit, Pieces, pieces


def too_long(data: bytes, step: int) -> bool:
    limit = LineLimit()
    for at in range(0, len(data), step):
        limit.take(memoryview(data)[at : at + step])
    return limit.finish()


@pytest.mark.parametrize("step", [1000, 7001, 10**6])
@pytest.mark.parametrize(
    ("line", "long"),
    [
        ("a" * LONGEST_LINE, False),
        ("a" * (LONGEST_LINE + 1), True),
        ("ä" * LONGEST_LINE, False),
        ("ä" * (LONGEST_LINE + 1), True),
        ("😀" * LONGEST_LINE, False),
        ("\0" * 200_000, True),
    ],
    ids=["ascii", "ascii-more", "two-bytes", "two-bytes-more", "four-bytes", "binary"],
)
def test_a_line_has_16000_characters_at_the_most(line: str, long: bool, step: int) -> None:
    for text in (line, f"short\n{line}\nshort\n", f"{line}\r\n"):
        assert too_long(text.encode(), step) is long


def test_a_file_of_short_lines_is_not_too_long() -> None:
    assert not too_long(b"a,b,c\n" * 100_000, 8192)


@given(
    lines=st.lists(st.sampled_from([b"", b"abc", b"x" * 15_000, b"\xff" * 15_999]), max_size=6),
    step=st.integers(500, 40_000),
)
def test_blocks_make_no_difference(lines: list[bytes], step: int) -> None:
    assert not too_long(b"\n".join(lines), step)
    assert too_long(b"\n".join([*lines, b"y" * 16_001]), step)


def cut(data: bytes, step: int) -> list[str]:
    found, text = Pieces(), []
    for at in range(0, len(data), step):
        text += found.take(memoryview(data)[at : at + step])
    return [*text, *found.finish()]


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lines_are_what_is_between_line_ends_in_either_coding(coding: str, step: int) -> None:
    text = "erste Zeile\r\nzweite größere\n\nlast"
    lines = [one for one in cut(text.encode(coding), step) if "\0" not in one]
    assert lines == ["erste Zeile", "zweite größere", "", "last"]


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_a_mark_of_utf_16_hides_nothing_that_is_in_utf_8(mark: bytes, step: int) -> None:
    lines = cut(mark + b"secret\nand more\n" * 3, step)
    assert (lines.count("secret"), lines.count("and more")) == (3, 3)


def test_what_is_no_text_is_looked_at_all_the_same() -> None:
    assert cut(b"\x00\xff\xfesecret\x80\nmore", 2) == ["\x00\ufffd\ufffdsecret\ufffd", "more"]
    assert cut(b"", 1) == [""]
    assert cut(b"x", 1) == ["x"]


@given(st.integers(0, 6000), st.integers(1, 5000))
def test_nothing_as_long_as_the_overlap_hides_between_pieces(at: int, step: int) -> None:
    hidden = "n" * (OVERLAP - 1)
    data = ("." * at + hidden + "." * (6000 - at)).encode()
    found = cut(data, step)
    assert any(hidden in one for one in found)
    assert all(len(one) <= PIECE for one in found)


@given(st.integers(0, 3000), st.integers(1, 5000))
def test_no_piece_begins_or_ends_inside_a_word(at: int, step: int) -> None:
    words = ["x" * at, *["classification"] * 200]
    found = cut(" ".join(words).encode(), step)
    assert {word for one in found for word in one.split() if word[0] != "x"} == {"classification"}
    assert all(len(one) <= PIECE for one in found)


def test_a_word_of_many_letters_is_cut_all_the_same() -> None:
    assert [len(one) for one in pieces("a" * 3000)] == [PIECE, PIECE, PIECE, 750]


def test_memory_does_not_grow_with_a_line() -> None:
    found = Pieces()
    for _ in range(200):
        assert all(len(one) <= PIECE for one in found.take(memoryview(b"z" * 10_000)))
        assert all(len(text._rest) <= 2 * PIECE for text in found._texts)


def test_a_short_line_is_one_piece() -> None:
    assert list(pieces("a" * PIECE)) == ["a" * PIECE]
    assert len(list(pieces("a" * (PIECE + 1)))) == 2
