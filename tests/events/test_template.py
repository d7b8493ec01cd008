import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mft.core.peer import Actor, Component, Origin
from mft.events import catalogue, payloads
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
