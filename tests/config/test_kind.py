"""A kind turns text into a value, and takes any other value as it is."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from mft.config.kind import Context, Kind, Wrong, Wrongs, each_line, kinds_of, plain
from mft.config.kinds import Inheritable, Maybe, Size, duration


def _read(text, context):
    if text == "bad":
        raise Wrong("is bad")
    return (text, context)


Pair = Annotated[tuple, Kind("pair", "a", _read)]


def test_text_is_read_with_the_context():
    adapter = TypeAdapter(Pair)
    context = Context(Path("/srv"))
    assert adapter.validate_python("a", context=context) == ("a", context)
    assert adapter.validate_python("a", context="other") == ("a", None)


def test_a_value_that_is_no_text_is_taken_as_it_is():
    assert TypeAdapter(Pair).validate_python(7) == 7


def test_what_is_wrong_reaches_the_error():
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Pair).validate_python("bad")
    (details,) = caught.value.errors()
    assert isinstance(details["ctx"]["error"], Wrong)


def test_blank_lines_and_comments_are_no_lines():
    assert each_line("a\n\n # b\n;c\n  d ", str) == ("a", "d")


def test_every_bad_line_is_told_with_its_number_and_its_text():
    def read(line):
        raise Wrong("is bad", None if line == "a" else "part")

    with pytest.raises(Wrongs) as caught:
        each_line("a\n\nb", read)
    assert [(each.part, each.line) for each in caught.value.each] == [("a", 0), ("part", 2)]
    assert str(caught.value) == "is bad; is bad"


def test_kinds_are_found_inside_unions():
    found = kinds_of((), Annotated[Inheritable[Maybe[Size]], "note"])
    assert [kind.name for kind in found] == ["size"]
    assert kinds_of((duration(),), float)[0].name == "duration"
    assert kinds_of((), Literal["a"] | None) == ()


def test_values_are_written_as_they_are_read():
    assert plain(None) == ""
    assert plain(False) == "No"
    assert plain(7) == "7"
    assert plain(("a, b", '"c')) == '"a, b", """c"'
    assert plain(frozenset({"b", "a"})) == "a, b"
