"""server.ini is read with the line of everything, and nothing in it raises."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.config import ini
from mft.config.ini import Value, merge, override_of, parse, read, split_commas


def parsed(text, problems=None):
    found = [] if problems is None else problems
    document = parse(text.encode(), "server.ini", found)
    if problems is None:
        assert not found, found
    return document


def told(text):
    problems = []
    parse(text.encode() if isinstance(text, str) else text, "server.ini", problems)
    return [str(problem) for problem in problems]


def test_sections_and_options_know_their_lines():
    server = parsed("; a comment\n\n[server]\nname = a = b ; c\nUUID: x:y\n")["server"]
    assert (server.name, server.file, server.line) == ("server", "server.ini", 3)
    assert server.values == {
        "name": Value("a = b ; c", "server.ini", 4, (4,)),
        "uuid": Value("x:y", "server.ini", 5, (5,)),
    }


def test_indented_lines_continue_a_value_without_their_common_indentation():
    text = "[a]\nkey =\n    -----BEGIN\n      inner\n\n    -----END\n\nnext = 1\n"
    values = parsed(text)["a"].values
    assert values["key"].text == "-----BEGIN\n  inner\n\n-----END"
    assert values["key"].line_of(3) == 6
    assert values["next"].text == "1"


def test_a_value_may_begin_on_the_line_of_its_option_and_go_on():
    value = parsed("[a]\nrules = one\n\ttwo\n\tthree\n")["a"].values["rules"]
    assert value.text == "one\ntwo\nthree"
    assert value.line_of(2) == 4


def test_a_comment_at_column_0_does_not_end_a_value_nor_move_its_lines():
    value = parsed("[a]\nrules =\n  one\n# two\n;three\n  four\n")["a"].values["rules"]
    assert value.text == "one\nfour"
    assert value.line_of(1) == 6


def test_an_indented_comment_sign_belongs_to_the_value():
    assert parsed("[a]\nbanner =\n  ####\n  # hi\n")["a"].values["banner"].text == "####\n# hi"


def test_a_value_may_be_empty():
    assert parsed("[a]\nb =\nc:\n")["a"].values["b"].text == ""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_of_every_system_and_a_byte_order_mark_are_read(end):
    problems = []
    document = parse(f"\ufeff[a]{end}b = 1{end}".encode(), "server.ini", problems)
    assert document["a"].values["b"].text == "1"
    assert not problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\n", "server.ini:1: a is outside every section"),
        ("  a\n[x]\n", "server.ini:1: this line is indented, but there is no option"),
        ("[x]\n  a\n", "server.ini:2: [x] this line is indented, but there is no option"),
        ("[x]\na\n", "server.ini:2: [x] is neither a section nor an option"),
        ("[x\na = 1\n", "server.ini:1: is not a section such as [server]: [x"),
        ("[]\n", "server.ini:1: is not a section"),
        ("[x]\n[y]\n[x]\n", "server.ini:3: [x] is there already, on line 1"),
        ("[x]\na = 1\nA: 2\n", "server.ini:3: [x] a is there already, on line 2"),
        (b"[x]\na = \xff\n", "server.ini:2: is not UTF-8 text"),
        ("[x]\n\0", "server.ini:2: has a NUL character"),
    ],
)
def test_what_is_not_configuration_is_a_problem_with_its_line(text, expected):
    problems = told(text)
    assert len(problems) == 1
    assert problems[0].startswith(expected)


def test_a_repeated_section_does_not_change_the_first():
    problems = []
    document = parsed("[x]\na = 1\n[x]\nb = 2\n", problems)
    assert list(document["x"].values) == ["a"]


def test_every_problem_is_told_at_once():
    assert len(told("a = 1\n[x]\nb\n[y\n c\n[x]\n")) == 5


def test_a_file_that_is_no_configuration_is_not_read_to_its_end():
    problems = told("nothing\n" * 10000)
    assert len(problems) == ini.MAX_PROBLEMS + 1
    assert "too many problems" in problems[-1]


def test_a_line_that_may_be_part_of_a_key_is_not_shown():
    assert not any("c2VjcmV0" in line for line in told("[x]\nkey =\nc2VjcmV0\nc2VjcmV0+/==\n"))


def test_the_override_file_wins_option_by_option(tmp_path):
    main, override = tmp_path / "server.ini", tmp_path / "server.override.ini"
    main.write_text("[server]\nname = a\numask = 022\n")
    override.write_text("\n[server]\nname = b\n[services/x]\nport = 1\n")
    assert override_of(main) == override
    problems = []
    document = read(main, problems)
    assert not problems
    assert document["server"].values["name"] == Value("b", "server.override.ini", 3, (3,))
    assert document["server"].values["umask"].file == "server.ini"
    assert document["services/x"].file == "server.override.ini"


def test_merging_keeps_the_order_of_the_main_file():
    document = parsed("[a]\n[b]\n")
    merge(document, parsed("[c]\n[a]\nx = 1\n"))
    assert list(document) == ["a", "b", "c"]


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path):
    for path, expected in (
        (tmp_path / "none.ini", "none.ini: does not exist"),
        (tmp_path, f"{tmp_path.name}: is not a file"),
    ):
        problems = []
        assert read(path, problems) == {}
        assert str(problems[0]).startswith(expected)


def test_a_file_that_is_too_large_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(ini, "MAX_FILE", 1 << 20)
    path = tmp_path / "server.ini"
    path.write_bytes(b"\n" * (1 << 20))
    problems = []
    read(path, problems)
    assert not problems
    path.write_bytes(b"\n" * ((1 << 20) + 1))
    read(path, problems)
    assert [str(problem) for problem in problems] == ["server.ini: is larger than 1 MiB"]


def test_an_error_of_the_system_is_a_problem(tmp_path, monkeypatch):
    path = tmp_path / "server.ini"
    path.write_text("[server]\n")

    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    problems = []
    assert read(path, problems) == {}
    assert str(problems[0]) == "server.ini: cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", ()),
        ("a", ("a",)),
        (" a , b,,c ,", ("a", "b", "c")),
        ('"a, b", c', ("a, b", "c")),
        ('"say ""hi"", you", c', ('say "hi", you', "c")),
        ('say "hi", c', ('say "hi"', "c")),
        ("a,\nb\nc", ("a", "b", "c")),
    ],
)
def test_items_are_split_at_commas_outside_quotes(text, items):
    assert split_commas(text) == items


@pytest.mark.parametrize("text", ['"a', '"a" b', 'a, "b'])
def test_a_quote_that_does_not_end_where_it_should_is_told(text):
    with pytest.raises(ValueError, match="double quote"):
        split_commas(text)


@pytest.mark.fuzz
@settings(max_examples=300)
@given(st.binary(max_size=200) | st.text("[]=:;# \t\r\na/\"'\0é", max_size=80).map(str.encode))
def test_any_bytes_are_sections_or_problems(content):
    problems = []
    document = parse(content, "server.ini", problems)
    for name, section in document.items():
        assert section.name == name
        assert all(value.line > section.line for value in section.values.values())
    assert all("\n" not in str(problem) for problem in problems)


# What `str.isprintable` takes: neither "Other" nor "Separator" of Unicode, but for the space.
PRINTABLE = st.characters(exclude_categories=("C", "Z"), include_characters=" ")


@pytest.mark.fuzz
@settings(max_examples=200)
@given(st.lists(st.text(PRINTABLE, max_size=20).map(str.strip).filter(bool)))
def test_quoted_items_come_back(items):
    text = ", ".join('"' + item.replace('"', '""') + '"' for item in items)
    assert split_commas(text) == tuple(items)
