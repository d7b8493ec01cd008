"""Penalties add up, fade, end, and never fill the memory."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mft.auth.penalties import MAX_LAST, MAX_NAMES, MAX_SWEPT, Penalties, Penalty

NOW = 1_900_000_000.0
HOUR = 3600.0


def table(limit: float = 5, most: int = 100) -> Penalties:
    made = Penalties(most)
    made.use(limit, HOUR)
    return made


def fail(penalties: Penalties, times: int, now: float = NOW, key: str = "a", name: str = "") -> int:
    """So many failures of names that nobody has twice; at which one it was banned, or 0."""
    for at in range(times):
        if penalties.add(key, 1.0, name or f"name-{at}", now):
            return at + 1
    return 0


def test_the_last_failure_of_the_count_is_a_ban_and_no_other() -> None:
    penalties = table()
    assert fail(penalties, 4) == 0
    assert penalties.banned("a", NOW) is None
    assert fail(penalties, 1) == 1
    banned = penalties.banned("a", NOW)
    assert banned is not None
    assert banned.until == NOW + HOUR
    assert banned.attempts == 5
    assert penalties.banned("b", NOW) is None


def test_whether_a_key_is_banned_can_be_asked_without_a_change() -> None:
    told: list[str] = []
    penalties = Penalties(100, lambda key, penalty: told.append(key))
    penalties.use(5, HOUR)
    fail(penalties, 4)
    assert not penalties.holds("a", NOW)
    fail(penalties, 1)
    assert [penalties.holds("a", NOW + at) for at in (0, HOUR - 1, HOUR)] == [True, True, False]
    assert not penalties.holds("b", NOW)
    assert (len(penalties), told) == (1, [])
    penalties.use(0, HOUR)
    assert not penalties.holds("a", NOW)


def test_a_count_of_one_bans_at_once() -> None:
    assert fail(table(limit=1), 1) == 1


def test_what_fades_while_five_are_made_gives_no_sixth() -> None:
    penalties = table()
    assert [penalties.add("a", 1.0, "x", NOW + 60.0 * at) for at in range(5)][-1] is True


def test_failures_fade_so_that_a_slow_cron_job_is_never_banned() -> None:
    penalties = table()
    # One in twelve minutes is what fades meanwhile.
    assert not any(penalties.add("a", 1.0, "x", NOW + 720.0 * at) for at in range(1000))


def test_keys_weigh_less() -> None:
    penalties = table()
    assert [penalties.add("a", 0.5, "x", NOW) for _ in range(10)].index(True) == 9


def test_a_ban_ends_by_itself_and_is_told_with_what_it_refused() -> None:
    told: list[tuple[str, Penalty]] = []
    penalties = Penalties(100, lambda *given: told.append(given))
    penalties.use(5, HOUR)
    fail(penalties, 5)
    banned = penalties.banned("a", NOW + HOUR - 1)
    assert banned is not None
    banned.barred += 3
    penalties.sweep(NOW + HOUR - 1)
    assert told == []
    penalties.sweep(NOW + HOUR)
    assert [(key, one.barred) for key, one in told] == [("a", 3)]
    assert len(penalties) == 0


def test_a_ban_that_is_over_is_noticed_without_a_sweep() -> None:
    penalties = table()
    fail(penalties, 5)
    assert penalties.banned("a", NOW + HOUR) is None
    assert fail(penalties, 5) == 5
    assert fail(penalties, 4, NOW + HOUR + 1) == 0  # begins anew


def test_trying_on_during_a_ban_makes_it_no_longer() -> None:
    penalties = table()
    fail(penalties, 5)
    fail(penalties, 1000, NOW + HOUR / 2)
    assert penalties.banned("a", NOW + HOUR - 1) is not None
    assert penalties.banned("a", NOW + HOUR) is None


def test_a_success_forgives_what_its_own_name_has_cost_and_no_more() -> None:
    penalties = table()
    fail(penalties, 2, name="ann")
    fail(penalties, 2, name="eve")
    penalties.take_back("a", "ann", NOW)
    assert fail(penalties, 3, name="ann") == 3  # two of eve, three of ann
    penalties = table()
    fail(penalties, 4, name="ann")
    penalties.take_back("a", "ann", NOW)
    assert len(penalties) == 0


def test_one_good_account_does_not_buy_more_guesses_of_others() -> None:
    penalties = table()
    guesses = 0
    while not penalties.banned("a", NOW):
        penalties.add("a", 1.0, "victim", NOW)
        guesses += 1
        penalties.take_back("a", "own", NOW)
    assert guesses == 5


def test_a_ban_is_not_taken_back_by_a_success() -> None:
    penalties = table()
    fail(penalties, 5, name="ann")
    penalties.take_back("a", "ann", NOW)
    assert penalties.banned("a", NOW) is not None


def test_only_so_many_names_are_told_apart() -> None:
    penalties = table(limit=1000)
    fail(penalties, 500)
    ((_, penalty),) = penalties.every()
    assert len(penalty.names) == MAX_NAMES


def test_what_was_tried_last_is_cut() -> None:
    penalties = table()
    penalties.add("a", 1.0, "x" * 1000, NOW)
    ((_, penalty),) = penalties.every()
    assert penalty.last == "x" * MAX_LAST


def test_without_a_limit_nothing_is_counted() -> None:
    penalties = table(limit=0)
    assert fail(penalties, 100) == 0
    assert len(penalties) == 0


def test_switching_bans_off_frees_those_who_are_banned() -> None:
    penalties = table()
    fail(penalties, 5)
    penalties.use(0, HOUR)
    assert penalties.banned("a", NOW) is None


def test_lifting_forgets_everything() -> None:
    penalties = table()
    fail(penalties, 5)
    assert penalties.lift("a")
    assert not penalties.lift("a")
    assert penalties.banned("a", NOW) is None
    assert fail(penalties, 5) == 5


def test_a_full_table_drops_those_that_end_first_and_never_the_newest() -> None:
    penalties = table(most=10)
    for at in range(5):
        fail(penalties, 5, key=f"banned-{at}")
    for at in range(5):
        fail(penalties, 1, key=f"once-{at}", now=NOW + at)
    fail(penalties, 1, key="new", now=NOW + 10)
    known = {key for key, _ in penalties.every()}
    assert known == {
        *(f"banned-{at}" for at in range(5)),
        *(f"once-{at}" for at in range(1, 5)),
        "new",
    }
    assert penalties.dropped == 1


def test_where_all_are_banned_the_newest_still_has_room() -> None:
    penalties = table(most=10)
    for at in range(10):
        fail(penalties, 5, key=f"banned-{at}", now=NOW + at)
    for _ in range(3):
        fail(penalties, 1, key="new", now=NOW + 11)
    assert len(penalties) == 10
    assert penalties.banned("banned-0", NOW + 11) is None
    assert penalties.banned("banned-1", NOW + 11) is not None
    assert fail(penalties, 2, key="new", now=NOW + 12) == 2


def test_what_was_kept_holds_again_but_no_longer_than_a_new_ban() -> None:
    penalties = table()
    penalties.restore("a", Penalty(until=NOW + 10 * HOUR), NOW)
    penalties.restore("b", Penalty(points=4, when=NOW + 999), NOW)
    penalties.restore("c", Penalty(points=4, when=NOW - HOUR), NOW)
    banned = penalties.banned("a", NOW)
    assert banned is not None
    assert banned.until == NOW + HOUR
    assert fail(penalties, 1, key="b") == 1
    assert {key for key, _ in penalties.every()} == {"a", "b"}


def test_a_sweep_takes_so_many_and_the_rest_ends_in_the_next() -> None:
    penalties = table(most=3 * MAX_SWEPT)
    for at in range(2 * MAX_SWEPT):
        fail(penalties, 1, key=str(at))
    penalties.sweep(NOW + HOUR)
    assert len(penalties) == MAX_SWEPT
    penalties.sweep(NOW + HOUR)
    assert len(penalties) == 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "take", "lift", "sweep", "banned"]),
        st.integers(0, 30),
        st.sampled_from(["ann", "bob"]),
        st.floats(0, 2000),
    ),
    max_size=200,
)


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_whatever_happens_the_table_is_bounded_and_a_ban_ends_in_time(steps: list) -> None:
    most = 8
    penalties = table(most=most)
    now = NOW
    for what, key, name, later in steps:
        now += later
        if what == "add":
            penalties.add(str(key), 1.0, name, now)
        elif what == "take":
            penalties.take_back(str(key), name, now)
        elif what == "lift":
            penalties.lift(str(key))
        elif what == "banned":
            banned = penalties.banned(str(key), now)
            assert banned is None or now < banned.until <= now + HOUR
        else:
            penalties.sweep(now)
        assert len(penalties) <= most
        assert len(penalties._ends) <= 2 * most + 65
        assert all(penalties.points(one, now) >= 0 for _, one in penalties.every())
    penalties.sweep(now + 3 * HOUR)
    assert len(penalties) == 0
