"""Handlers that tell of every event do not keep each other busy."""

from mft.events import catalogue
from mft.events.filters import EVERYTHING, Filter, Items
from mft.events.model import Occurrence
from mft.handlers.results import MAIL_RESULTS, RESULTS, without_results
from tests.fakes.occurrences import SYSTEM, told


def result(number: int) -> Occurrence:
    return Occurrence(1, 1e9, catalogue.BY_NUMBER[number], {}, SYSTEM)


def test_results_are_given_to_nobody_who_does_not_name_them() -> None:
    everything = Filter(without_results(EVERYTHING))
    assert everything.wants(told())
    assert not any(everything.wants(result(int(number))) for number in RESULTS)
    others = Filter(without_results(Items(frozenset({"30068"}), excluded=True)))
    assert not others.wants(told())
    assert not others.wants(result(20189))


def test_mail_is_given_the_results_of_others_and_none_of_mail() -> None:
    mailed = Filter(without_results(EVERYTHING, MAIL_RESULTS))
    assert mailed.wants(result(20054))
    assert not any(mailed.wants(result(number)) for number in (90220, 90221, 90222, 90223))


def test_who_names_a_result_gets_it() -> None:
    named = Filter(without_results(Items(frozenset({"20053"}))))
    assert named.wants(result(20053))
    assert not named.wants(result(20189))
