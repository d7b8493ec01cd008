"""The reference and server.full.ini are written from the declarations."""

from pathlib import Path
from typing import Literal

from mft.config.ini import parse
from mft.config.kinds import (
    INHERIT,
    Context,
    Inheritable,
    Lines,
    NetworkRules,
    Seconds,
    SecretText,
    Text,
)
from mft.config.reference import Family, default_text, full_ini, kind_text, markdown
from mft.config.section import NamedSection, Section, option, read_section
from mft.core.secret import Secret


class Process(Section):
    """The process."""

    wait: Seconds = option("How long | wait.", 120.0, examples=["5m"], ours=True, old_names=["w"])
    rules: NetworkRules = option("From where.", ())


class First(NamedSection):
    """The first kind."""

    host: Text = option("Where.", examples=["a.example.com"])
    mode: Inheritable[Literal["a", "b"]] = option("How.", "a", safer="B is not.")
    password: SecretText = option("Secret.", Secret("hunter2"))


class Second(NamedSection):
    """The second kind."""

    type: Text = option("Which kind.", examples=["two"])
    host: Text = option("Elsewhere.", "there", examples=["x"])


FAMILIES = (
    Family("server", "The process.", {"": Process}, single=True),
    Family("things", "Things.", {"one": First, "two": Second}, shown={"description": "two\nlines"}),
)


def test_the_reference_has_every_option_once():
    text = markdown(FAMILIES)
    assert "## [server]" in text
    assert "### [things/ID] with `type = two`" in text
    assert (
        "| `wait` | duration | `2m` | How long \\| wait. Example: `5m`. Old names: `w`. *Ours.* |"
    ) in text
    assert text.count("| `enabled` |") == 1  # what all types have stands before them
    assert "\ntype = two\n" in full_ini(FAMILIES)
    assert text.count("| `host` |") == 2  # what they declare differently does not
    assert "| `host` | text | (needed) |" in text
    assert "*Safer:* B is not." in text


def test_a_secret_default_is_never_written():
    assert "hunter2" not in markdown(FAMILIES) + full_ini(FAMILIES)
    assert default_text(First.model_fields["password"]) == ""


def test_kinds_are_named_for_people():
    assert kind_text(First.model_fields["mode"]) == "one of a, b, or Inherit"
    assert kind_text(First.model_fields["host"]) == "text"


def test_the_full_file_loads_and_its_comments_are_the_defaults():
    text = full_ini(FAMILIES)
    for content in (text, text.replace("\n;", "\n").replace("\n ", "\n; ")):
        problems = []
        document = parse(content.encode(), "server.full.ini", problems)
        assert not problems
        assert set(document) == {"server", "things/one", "things/two"}
        raw = document["things/one"]
        assert raw.values.pop("type").text == "one"
        options = read_section(First, raw, Context(Path("/")), problems)
        assert not problems
        assert options.host == "a.example.com"
        assert options.description == "two\nlines"
        if content is text:
            break


class Third(Section):
    """A kind without a choice of its own."""

    limit: Inheritable[Seconds] = option("How long.", INHERIT)
    word: Literal["only"] = option("The one word.", "only")
    count: int = option("A number.", 1)
    odd: Seconds = option("A default that only code can give.", float("inf"))
    lines: Lines = option("Two lines.", ("a", "b"))


def test_a_value_of_the_group_is_the_default_by_name():
    assert default_text(Third.model_fields["limit"]) == "Inherit"
    assert kind_text(Third.model_fields["word"]) == "the word only"
    assert kind_text(Third.model_fields["count"]) == "text"


def test_a_default_that_no_text_is_read_as_is_written_all_the_same():
    assert default_text(Third.model_fields["odd"]) == "inf"


def test_a_default_of_several_lines_is_a_comment_of_several_lines():
    text = full_ini((Family("x", "X.", {"": Third}),))
    assert "\n;lines =\n;    a\n;    b\n" in text


def test_a_type_that_is_no_option_is_written_before_the_options():
    text = full_ini((Family("x", "X.", {"third": Third}),))
    assert "[x/third]\ntype = third\n" in text


def test_types_that_are_alike_have_one_table():
    text = markdown((Family("x", "X.", {"one": Third, "two": Third}),))
    assert text.count("| `limit` |") == 1
