"""What is to be done with a file, before anything is touched."""

from collections.abc import Callable

from mft.core.peer import Component
from mft.handlers.dispatcher_plan import Planned, Planner, random_word
from tests.fakes.dispatching import DISPATCHER, NOW, Desk
from tests.fakes.occurrences import SERVER, told

Make = Callable[..., Desk]


def planned(at: Desk, name: str = "a.pdf", own: Component = DISPATCHER) -> Planned | None:
    planner = Planner(own, own.uuid, at.options, SERVER, lambda: NOW, lambda: "abcdef")
    return planner.plan(told(serial=7), 0, f"{at.home}/in/{name}")


def test_an_intent_has_everything_that_is_needed_after_a_kill(desk: Make) -> None:
    at = desk("copy, *.pdf, OUT, OUT/two/")
    found = planned(at)
    assert found is not None
    assert found.refusal == ""
    intent = found.intent
    assert (intent.moment, intent.file, intent.mode) == ((7, 1e9), 0, "copy")
    assert [one.path for one in intent.targets] == [f"{at.out}/a.pdf", f"{at.out}/two/a.pdf"]
    names = [one.temporary for one in intent.targets] + [intent.taken]
    assert len(set(names)) == 3
    assert all(name.startswith(".mft-d") for name in names)
    assert planned(at) == found


def test_two_dispatchers_never_have_one_hidden_name(desk: Make) -> None:
    at = desk("copy, *.pdf, OUT")
    one, two = planned(at), planned(at, own=Component("other", "file-dispatcher", "other"))
    assert one is not None
    assert two is not None
    assert one.intent.taken != two.intent.taken


def test_no_rule_and_no_fallback_is_nothing(desk: Make) -> None:
    assert planned(desk("copy, *.pdf, OUT"), "a.txt") is None
    assert planned(desk("ignore, *.pdf", fallback_rule="delete")) is None


def test_what_cannot_be_is_refused_with_the_rule_that_wants_it(desk: Make) -> None:
    at = desk("move, g/*/, OUT/{account.email}/x")
    found = planned(at)
    assert found is not None
    assert "empty" in found.refusal
    assert found.intent.mode == "move"


def test_a_suffix_makes_the_name_that_is_shown(desk: Make) -> None:
    found = planned(desk("move, *, OUT", destination_temporary_suffix=".part"))
    assert found is not None
    assert found.intent.targets[0].temporary.startswith(".mft-d")
    assert found.intent.targets[0].shown == "a.pdf.part"
    found = planned(desk("rename, *, OUT", destination_temporary_suffix=".part"))
    assert found is not None
    assert found.intent.targets[0].shown == ""


def test_words_differ() -> None:
    assert len({random_word() for _ in range(50)}) > 40
