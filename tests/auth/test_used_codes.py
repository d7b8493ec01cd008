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


def test_what_was_no_guess_after_all_does_not_count() -> None:
    slips = Slips()
    for _ in range(MAX_WRONG):
        slips.add("ann", NOW)
    slips.take_back("ann", NOW)
    assert not slips.too_many("ann", NOW)
    assert slips.add("ann", NOW)
    slips.take_back("bob", NOW)
    assert [slips.add("bob", NOW) for _ in range(MAX_WRONG)] == [False] * 4 + [True]


@pytest.mark.parametrize("swapped", [False, True])
def test_what_two_servers_have_used_up_is_used_up_together(swapped: bool) -> None:
    def together(one: Used, other: Used) -> Used:
        return other.together(one) if swapped else one.together(other)

    one, other = Used("mark", 5, ("a",), (3,)), Used("mark", 7, ("a", "b"), (5, 2))
    found = together(one, other)
    assert found == Used("mark", 7, found.recovery, (5, 3, 2))
    assert set(found.recovery) == {"a", "b"}
    assert together(one, Used()) == one
    another = Used("another", 9, ("c",), (8,))
    found = together(one, another)
    assert found[:2] == ("another", 9)
    assert (set(found.recovery), found.recent) == ({"a", "c"}, (8,))
    assert together(found, one).step == 9


def test_what_two_servers_have_used_up_has_an_end_as_well() -> None:
    one = Used("mark", 100, tuple(map(str, range(RECOVERED))), tuple(range(99, 99 - RECENT, -1)))
    other = Used("mark", 50, ("a", "b"), tuple(range(49, 49 - RECENT, -1)))
    found = other.together(one)
    assert (len(found.recovery), len(found.recent)) == (RECOVERED, RECENT)
    assert {"a", "b"} <= set(found.recovery)


def test_without_a_place_no_code_does() -> None:
    with pytest.raises(Refused):
        run(NOWHERE.look("ann"))
    with pytest.raises(Refused):
        run(NOWHERE.take("ann", lambda used: used))


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
