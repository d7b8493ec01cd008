"""Who gets a mail."""

import pytest

from mft.core.peer import Actor
from mft.events.facts import NO_COMPONENT, Facts
from mft.handlers import email_recipients as module
from mft.handlers.email_recipients import People, Recipient, Resolver, _read
from tests.fakes.occurrences import ALICE, told


def resolver(*options: str, **known: tuple[str, ...]) -> Resolver:
    entries = [_read(text, None) for text in options]
    while len(entries) < 3:
        entries.append(())
    return Resolver(entries, Facts(NO_COMPONENT), lambda one: known.get(one, ()))


def people(found: Resolver, email: str = "") -> People:
    return found.of(told(origin=ALICE._replace(actor=Actor("a", "alice", email))))


def test_an_entry_is_an_address_a_template_or_an_id() -> None:
    entries = _read("Ann <ann@example.com>, {account.email}, OFFICERS", None)
    assert [one.identifier for one in entries] == ["", "", "OFFICERS"]
    assert [one.is_template for one in entries] == [False, True, False]
    assert str(Recipient("OFFICERS")) == "OFFICERS"


def test_an_address_is_there_once_in_the_first_place_where_it_is() -> None:
    found = people(resolver("a@example.com, A@Example.com", "a@example.com, b@example.com", "G"))
    assert [one.address for one in found.to] == ["a@example.com"]
    assert [one.address for one in found.cc] == ["b@example.com"]
    assert found.addresses == ("a@example.com", "b@example.com")


def test_what_is_no_address_is_left_out_and_told() -> None:
    found = people(resolver("{account.email}", "G", G=("none",)), "ann@example.com, x\ny, ,")
    assert found.addresses == ("ann@example.com",)
    assert found.wrong == (r"x\ny is no e-mail address", "none is no e-mail address")


def test_without_an_event_templates_are_nobody() -> None:
    found = resolver("{account.email}", "G, a@example.com", G=("g@example.com",)).of(None)
    assert found.addresses == ("g@example.com", "a@example.com")


def test_groups_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PEOPLE", 3)
    found = people(resolver("G", "z@example.com", G=tuple(f"a{n}@example.com" for n in range(9))))
    assert len(found.addresses) == 3
    assert found.wrong == ("more than 3 addresses", "more than 3 addresses")


def test_wrong_ones_have_an_end_as_well() -> None:
    found = people(resolver("G", G=tuple("x" * 500 for _ in range(99))))
    assert len(found.wrong) == module.MAX_WRONG
    assert all(len(one) < 150 for one in found.wrong)
