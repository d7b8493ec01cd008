"""What of second factors is used up, and how many guesses there are."""

import pytest

from mft.auth.used_codes import (
    FORGIVEN,
    MAX_WRONG,
    NOWHERE,
    RECENT,
    RECOVERED,
    Slips,
    Used,
    used_of,
)
from mft.core.failure import Refused
from tests.fakes.run import run

NOW = 1_900_000_000.0
DAY = 86400


def test_five_wrong_codes_are_too_many_and_an_hour_gives_one_more() -> None:
    slips = Slips()
    assert [slips.add("ann", NOW) for _ in range(MAX_WRONG)] == [False] * 4 + [True]
    assert slips.too_many("ann", NOW + FORGIVEN - 1)
    assert not slips.too_many("ann", NOW + FORGIVEN)
    assert slips.add("ann", NOW + FORGIVEN)
    assert slips.too_many("ann", NOW + FORGIVEN + 1)
    assert not slips.too_many("bob", NOW)


def test_everything_is_forgiven_in_the_end() -> None:
    slips = Slips()
    for _ in range(MAX_WRONG):
        slips.add("ann", NOW)
    assert not slips.add("ann", NOW + DAY)


def test_guessing_is_hopeless() -> None:
    slips, guesses, days = Slips(), 0, 10
    for second in range(0, days * DAY, 10):
        if not slips.too_many("ann", NOW + second):
            slips.add("ann", NOW + second)
            guesses += 1
    assert guesses <= MAX_WRONG + days * DAY / FORGIVEN
    right = 3 / 10**6  # a step before and after counts
    years = 26
    assert (1 - right) ** (MAX_WRONG + years * 365 * DAY / FORGIVEN) > 0.5


def test_a_clock_that_is_set_back_makes_nobody_wait_for_longer() -> None:
    slips = Slips()
    for _ in range(MAX_WRONG):
        slips.add("ann", NOW)
    assert slips.too_many("ann", NOW - DAY)
    assert not slips.too_many("ann", NOW - DAY + FORGIVEN)


def test_without_a_place_no_code_does() -> None:
    with pytest.raises(Refused):
        NOWHERE.of("ann")
    with pytest.raises(Refused):
        run(NOWHERE.keep("ann", Used()))


def test_what_was_kept_is_read() -> None:
    used = Used("mark", 7, ("a", "b"), (6, 4))
    assert used_of({**used._asdict(), "recovery": ["a", "b"], "recent": [6, 4]}) == used


def test_a_few_steps_are_remembered_and_none_of_another_secret() -> None:
    used = Used()
    for step in range(2 * RECENT):
        used = used.taken("mark", step)
    last = 2 * RECENT - 1
    assert used == Used("mark", last, (), tuple(range(last - 1, last - 1 - RECENT, -1)))
    assert used.taken("another", 3) == Used("another", 3)


def test_recovery_codes_are_remembered_whatever_makes_the_codes_and_not_without_end() -> None:
    used = Used()
    for number in range(RECOVERED + 1):
        used = used.recovered(str(number)).taken(f"mark {number}", 7)
    assert used.recovery == tuple(map(str, range(1, RECOVERED + 1)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"mark": None},
        {"step": "7"},
        {"step": 7.5},
        {"step": True},
        {"recovery": None},
        {"recovery": [1]},
        {"recovery": "ab"},
        {"recent": None},
        {"recent": ["7"]},
    ],
)
def test_half_of_it_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^(does|has)"):
        used_of({"mark": "m", "step": 7, "recovery": [], "recent": [], **wrong})
