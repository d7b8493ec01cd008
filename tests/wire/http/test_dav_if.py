"""If of WebDAV: lists of conditions, of which one must hold."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.dav_if import if_holds
from mft.wire.http.head import BadRequest

TAG = '"1:2"'
HERE = "/home/a%20b"


@pytest.mark.parametrize(
    ("field", "holds"),
    [
        ('(["1:2"])', True),
        ('(["other"])', False),
        ('([W/"1:2"])', False),
        ('(["other"]) (["1:2"])', True),
        ('(["1:2"] ["other"])', False),
        ('(Not ["other"])', True),
        ('(not["1:2"])', False),
        ("(<opaquelocktoken:a-b>)", False),
        ('(<opaquelocktoken:a-b> ["1:2"])', False),
        ('(<opaquelocktoken:a-b>)(["1:2"])', True),
        ("(Not <DAV:no-lock>)", True),
        ('</home/a%20b> (["1:2"])', True),
        ('<https://files.example.com/home/a%20b>(["1:2"])', True),
        ('</home/other> (["1:2"])', False),
        ('</home/other> (["1:2"]) </home/a%20b> (["other"]) (["1:2"])', True),
        ('  ( ["1:2"]\t)  ', True),
    ],
)
def test_one_list_must_hold_for_the_target(field: str, holds: bool) -> None:
    assert if_holds(field, HERE, TAG) is holds


def test_where_nothing_is_no_tag_matches() -> None:
    assert not if_holds('(["1:2"])', HERE, None)
    assert if_holds('(Not ["1:2"])', HERE, None)


@pytest.mark.parametrize(
    "field",
    ["", "x", "()", '["1:2"]', '(["1:2"]', "(1:2)", '(["1:2"]) x', "<x>", '<no target> (["1"])'],
)
def test_what_cannot_be_read_is_refused(field: str) -> None:
    with pytest.raises(BadRequest):
        if_holds(field, HERE, TAG)


@given(st.text('()<>[] \tNotW/"a:1', max_size=60))
def test_any_text_holds_or_does_not_or_cannot_be_read(field: str) -> None:
    with suppress(BadRequest):
        assert if_holds(field, HERE, TAG) in (True, False)
