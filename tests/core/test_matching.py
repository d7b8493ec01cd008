"""Expressions: the forms, the bounds, and that no text makes one misbehave."""

import fnmatch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.matching import MAX_PATTERN, MAX_REGEX_TEXT, MAX_TEXT, Expression


def matches(expression: str, text: str, **names: str) -> bool:
    return Expression.parse(expression, names).matches(text)


@pytest.mark.parametrize(
    ("expression", "text", "expected"),
    [
        ("*.csv", "/A/b.CSV", True),
        ("*.csv", "/a/b.csv.tmp", False),
        ("/inbox/*", "/inbox/sub/deep.txt", True),
        ("/inbox/*", "/inbox", False),
        ("/inbox*", "/inbox-qa", True),
        ("/in?ox", "/in/ox", True),
        ("/in?ox", "/inox", False),
        ("a*b", "a\nb", True),
        ("*.csv|*.txt", "x.txt", True),
        ("*.csv|*.txt", "x.pdf", False),
        ("!*.tmp", "x.tmp", False),
        ("! *.tmp", "x.tmp", False),
        ("! *.tmp", "x.csv", True),
        ("!*.tmp|*.bak", "x.bak", False),
        ("!*.tmp|*.bak", "x.csv", True),
        ("[a-c]1", "B1", True),
        ("[a-c]1", "d1", False),
        ("[!x]1", "y1", True),
        ("[!x]1", "X1", False),
        ("[?]", "?", True),
        ("[?]", "a", False),
        ("a[|]b", "a|b", True),
        ("[]a]", "]", True),
        ("[]", "[]", True),
        ("[^]", "^", True),
        ("a.b", "axb", False),
        ("a**b", "a/b", True),
        ("g/m/*/", "m/x", True),
        ("g/!a/", "b", True),
        ("m/in.*x/", "/in/box", True),
        ("m/^in/", "/in", False),
        ("m/CSV$/", "a.csv", False),
        ("m/CSV$/i", "a.csv", True),
        ("m/a/b/", "xa/by", True),
        (r"e/\.tmp$/", "a.tmp", False),
        (r"e/\.tmp$/", "a.csv", True),
        (r"e/\.TMP$/i", "a.tmp", False),
    ],
)
def test_an_expression_matches_what_its_form_says(
    expression: str, text: str, expected: bool
) -> None:
    assert matches(expression, text) is expected


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("", "empty"),
        ("x" * (MAX_PATTERN + 1), "longer than 1024"),
        ("m/abc", "closing /"),
        ("m/abc/x", "modifiers"),
        ("g/abc/i", "modifiers"),
        ("m//", "nothing between"),
        ("m/(/", "regular expression"),
        ("m/[[a]/", "regular expression"),
        ("t/{year.decimal}/", "dates"),
        ("[z-a]", "backwards"),
        ("/home/${GROUP}/*", "GROUP"),
    ],
)
def test_a_bad_expression_is_refused_with_a_sentence(expression: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Expression.parse(expression)


@pytest.mark.parametrize("form", ["/home/${USER}/*", "m/^.home.${USER}.x$/"])
@pytest.mark.parametrize("user", ["a*", "a.b", "${USER}", "[x]", "!x", "a|b"])
def test_a_name_stands_for_itself_only(form: str, user: str) -> None:
    assert matches(form, f"/home/{user}/x", USER=user)
    assert not matches(form, "/home/axb/x", USER=user)


def test_an_overlong_name_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 150"):
        Expression.parse("/${USER}", {"USER": "a" * 151})


@pytest.mark.parametrize("negated", ["", "!"])
def test_text_over_the_limit_never_matches_a_glob(negated: str) -> None:
    expression = Expression.parse(negated + ("*" if not negated else "b"))
    assert expression.limit == MAX_TEXT
    assert expression.matches("a" * MAX_TEXT)
    assert not expression.matches("a" * (MAX_TEXT + 1))


@pytest.mark.parametrize("form", ["m/a/", "e/b/"])
def test_text_over_the_limit_never_matches_a_regular_expression(form: str) -> None:
    expression = Expression.parse(form)
    assert expression.limit == MAX_REGEX_TEXT
    assert expression.matches("a" * MAX_REGEX_TEXT)
    assert not expression.matches("a" * (MAX_REGEX_TEXT + 1))


def test_an_expression_says_whether_it_excludes() -> None:
    assert [one for one in ("!a", "e/a/", "a", "m/a/") if Expression.parse(one).negated] == [
        "!a",
        "e/a/",
    ]


def test_an_expression_shows_its_text() -> None:
    assert repr(Expression.parse("*.csv")) == "Expression('*.csv')"


@pytest.mark.fuzz
@settings(max_examples=300)
@given(st.text(alphabet="ab*?", max_size=12), st.text(alphabet="ab", max_size=12))
def test_stars_mean_what_fnmatch_means(glob: str, text: str) -> None:
    if glob:
        assert matches(glob, text) == fnmatch.fnmatchcase(text, glob)


@pytest.mark.fuzz
@settings(max_examples=300)
@given(
    st.text(max_size=30) | st.text(alphabet="gmet/i!*?[]|^-\\()+{}0ab$", max_size=20),
    st.text(max_size=50),
)
def test_any_text_is_an_expression_or_a_value_error(expression: str, text: str) -> None:
    try:
        parsed = Expression.parse(expression, {"USER": "u"})
    except ValueError:
        return
    assert parsed.matches(text) in (True, False)


@pytest.mark.parametrize(
    ("text", "matched", "found"),
    [
        ("m/^(\\w+)-(\\d+)?/", "a-1", ("a", "1")),
        ("m/^(\\w+)-(\\d+)?/", "a-", ("a", "")),
        ("m/^(\\w+)-/", "in/a", None),
        ("m/a/", "a", ()),
        ("*.csv", "a.csv", ()),
        ("*.csv", "a.txt", None),
        ("e/(x)/", "a", ()),
        ("e/(x)/", "x", None),
    ],
)
def test_groups_of_a_regular_expression_can_be_had(text, matched, found):
    expression = Expression.parse(text)
    assert expression.groups(matched) == found
    assert expression.count == (text.count("(") if text.startswith("m/") else 0)


def test_text_that_is_too_long_has_no_groups():
    assert Expression.parse("m/(a)/").groups("a" * (MAX_REGEX_TEXT + 1)) is None


def test_two_that_are_written_alike_are_equal_where_their_names_stand_for_the_same():
    assert Expression.parse("*.csv") == Expression.parse("*.csv")
    assert len({Expression.parse("m/a/"), Expression.parse("m/a/"), Expression.parse("m/a/i")}) == 2
    ann, bob = (Expression.parse("/${USER}/*", {"USER": name}) for name in ("ann", "bob"))
    assert ann != bob
    assert ann == Expression.parse("/${USER}/*", {"USER": "ann"})
    assert ann != "/ann/*"
