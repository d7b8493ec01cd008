import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mft.core.peer import Actor, Component, Origin
from mft.events import catalogue, payloads
from mft.events.escape import argument, json_text, path_part
from mft.events.facts import Facts
from mft.events.model import Occurrence
from mft.events.template import DEFAULT_LINE, MAX_TEMPLATE, Template
from tests.fakes.occurrences import ALICE, SERVER, SYSTEM, told

FACTS = Facts(SERVER)
ANY_TEXT = st.text(st.characters(codec=None), max_size=40)


def render(text, occurrence):
    return Template(text, FACTS).render(occurrence)


def test_the_default_line_is_the_one_that_operators_know():
    event = catalogue.SERVICE_STARTED
    data = event.data(payloads.ServiceStarted("ftp", "127.0.0.1", 10021, "ftp"))
    started = Occurrence(1, 1e9, event, data, SYSTEM)
    stamp = FACTS.fact("timestamp.cwa_14051")(started)
    assert render(DEFAULT_LINE, started) == (
        f"20076 {stamp} server-1 Process 127.0.0.1:0 "
        'Service "ftp" started on "127.0.0.1:10021" using "ftp" protocol.'
    )


@pytest.mark.fuzz
@example("\n20137 2018-03-07 19:44:05 forged", "\r\n", "\x1b[2K")
@example("{0} {account.name} {data_json} {", "%s %(id)s %n", "{message}")
@example("\u202e\u2028\x85\x00\udc80", "}", "{LF}")
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
@settings(max_examples=200, deadline=None)
def test_hostile_names_stay_one_line_and_mean_nothing(path, name, component):
    origin = Origin(Actor("", name), ALICE.peer, Component(component, "ssh", "sftp"))
    hostile = told(path, origin=origin)
    line = render(DEFAULT_LINE + " 100% {data_json}", hostile)
    assert len(line.splitlines()) == 1
    assert line.startswith("30068 ")
    assert "100% {" in line
    line.encode()


def test_a_value_is_never_expanded_again():
    line = render("{data.path}|{account.name}", told("/{account.name}/{LF}/%s"))
    assert line == "/{account.name}/{LF}/%s|alice"


def test_hostile_characters_are_shown_in_values_only():
    assert render("{data.path}{LF}{cr}end", told("a\nb")) == "a\\nb\n\rend"


def test_names_are_read_in_any_case():
    assert render("{ID} { Account.Name }", told()) == "30068 alice"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{acount.name}", 'did you mean "account.name"'),
        ("{id", 'has a "{"'),
        ("id}", 'has a "}"'),
        ("{}", 'there is no ""'),
        ("{id.__class__}", "there is no"),
        ("x" * (MAX_TEMPLATE + 1), "longer than"),
    ],
)
def test_a_template_that_cannot_be_used_says_why(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        Template(text, FACTS)


# Other places than a line.


@pytest.mark.parametrize(
    ("escape", "value", "wanted"),
    [
        (json_text, 'a"b\\c\nd\u202e\udc80', r"a\"b\\c\nd\u202e?"),
        (argument, "-rf $(x) `y`\n\0", "-rf $(x) `y`\n\\x00"),
        (path_part, "../a/b\n", ".._a_b_"),
        (path_part, "..", "__"),
        (path_part, ".", "_"),
        (path_part, "a..b", "a..b"),
    ],
)
def test_a_value_is_escaped_for_where_it_goes(escape, value, wanted):
    occurrence = told(origin=Origin(Actor("", value), ALICE.peer, ALICE.component))
    assert Template("<{account.name}>", FACTS, escape).render(occurrence) == f"<{wanted}>"


@pytest.mark.fuzz
@given(ANY_TEXT)
@settings(max_examples=200, deadline=None)
def test_a_json_string_holds_what_was_put_in(value):
    occurrence = told(origin=Origin(Actor("", value), ALICE.peer, ALICE.component))
    made = Template('"{account.name}"', FACTS, json_text).render(occurrence)
    assert orjson.loads(made) == value.encode("utf-8", "replace").decode()
    assert len(made.splitlines()) == 1


@pytest.mark.fuzz
@given(ANY_TEXT)
@settings(max_examples=200, deadline=None)
def test_a_part_of_a_path_leads_nowhere(value):
    part = path_part(value)
    assert "/" not in part
    assert part not in (".", "..")
    assert "\0" not in part


def test_names_of_ones_own_have_the_values_that_come_with_an_event():
    template = Template("{1}-{id}-{2}", FACTS, own=("1", "2"))
    assert template.render(told(), {"1": "{id}\n"}) == "{id}\\n-30068-"
    with pytest.raises(ValueError, match="there is no"):
        Template("{3}", FACTS, own=("1", "2"))
