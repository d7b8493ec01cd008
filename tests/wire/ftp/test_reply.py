"""Replies: codes and lines, as they go out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.ftp.reply import Reply, harmless, quoted


@pytest.mark.parametrize(
    ("reply", "encoded"),
    [
        (Reply.of(226, "Transfer complete."), b"226 Transfer complete.\r\n"),
        (Reply.of(200, ""), b"200 \r\n"),
        (Reply.of(211, "Features:", "SIZE", "End."), b"211-Features:\r\n SIZE\r\n211 End.\r\n"),
        (Reply.of(214, "Help:", "End."), b"214-Help:\r\n214 End.\r\n"),
        (
            Reply.of(250, "Listing", "226 not an end", "250-nor this", "End."),
            b"250-Listing\r\n 226 not an end\r\n 250-nor this\r\n250 End.\r\n",
        ),
        (Reply.of(257, "zürich"), "257 zürich\r\n".encode()),
    ],
)
def test_a_reply_is_these_bytes(reply: Reply, encoded: bytes) -> None:
    assert reply.encode() == encoded


@pytest.mark.parametrize(
    "name",
    ["a\nb", "a\rb", "a\0b", "a\x7fb", "a\x85b", "a\u2028b", "a\u202eb", "a\u2067b", "a\udcffb"],
)
def test_a_name_can_neither_break_nor_disguise_a_line(name: str) -> None:
    assert Reply.of(550, name).encode() == b"550 a?b\r\n"


def test_spaces_of_other_scripts_stay() -> None:
    assert harmless("a\u3000b\xa0c") == "a\u3000b\xa0c"


def test_a_quoted_path_doubles_its_quotes() -> None:
    assert quoted("/a b") == '"/a b"'
    assert quoted('/say "hi"') == '"/say ""hi"""'


@pytest.mark.fuzz
@given(st.integers(100, 599), st.lists(st.text(), min_size=1, max_size=6))
def test_any_reply_is_one_reply(code: int, lines: list[str]) -> None:
    encoded = Reply(code, tuple(lines)).encode()
    assert b"\xff" not in encoded
    sent = encoded.decode().split("\r\n")
    assert sent.pop() == ""
    assert len(sent) == len(lines)
    ends = [bool(re.match(rf"{code} ", line)) for line in sent]
    assert ends == [False] * (len(lines) - 1) + [True]
    assert not any(re.search("[\x00-\x1f\x7f]", line) for line in sent)
