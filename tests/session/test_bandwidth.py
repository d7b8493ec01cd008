"""Bandwidth: no window of time sees more than its limit, nobody starves, and nothing is kept."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from mft.session.bandwidth import LEAST_BURST, MAX_PIECE, Bandwidths, Bucket, Pace, Share
from tests.fakes.sessions import account, session

RATE = 100_000  # bytes a second; its burst is LEAST_BURST


class World:
    """A clock, the allowances of a daemon, and what has moved when."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.bandwidths = Bandwidths(self.clock.callLater, self.clock.seconds)
        self.moved: list[tuple[float, int]] = []

    def enter(self, **options: Any) -> Share:
        """A session of an account with these options."""
        share = self.bandwidths.enter(account(**options))
        assert share is not None
        return share

    def run_out(self, seconds: float = 1e9) -> None:
        """Let time pass, from one call to the next, until nobody waits or so much has passed."""
        end = self.clock.seconds() + seconds
        while self.clock.calls and self.clock.calls[0].getTime() <= end:
            due = self.clock.calls[0].getTime() - self.clock.seconds()
            self.clock.advance(max(0.0, due))


class Mover:
    """A transfer that moves pieces as soon as it may; it knows how long it waited at most."""

    def __init__(self, world: World, pace: Pace | None, sizes: list[int]) -> None:
        assert pace is not None
        self.pace = pace
        self.sizes = list(sizes)
        self.longest = 0.0
        self._world = world
        self._asked = world.clock.seconds()
        self._go()

    def _go(self) -> None:
        world = self._world
        while self.sizes:
            if self.pace.hold(self._go):
                return
            now = world.clock.seconds()
            self.longest = max(self.longest, now - self._asked)
            self._asked = now
            count = min(self.sizes.pop(0), self.pace.piece)
            self.pace.moved(count)
            world.moved.append((now, count))


transfers = st.lists(
    st.tuples(
        st.floats(0, 5, allow_nan=False),  # when it begins
        st.lists(st.integers(0, 200_000), max_size=20),
    ),
    min_size=1,
    max_size=5,
)


def moved_by(rate: int, transfers: list[tuple[float, list[int]]]) -> tuple[World, list[Mover]]:
    """Let transfers of several sessions of one account move all they have."""
    world, movers = World(), []

    def begin(sizes: list[int]) -> None:
        movers.append(Mover(world, world.enter(upload_bandwidth=rate).upload(), sizes))

    for delay, sizes in transfers:
        world.clock.callLater(delay, begin, sizes)
    world.run_out()
    assert not any(mover.sizes for mover in movers), "every transfer comes to its end"
    return world, movers


@given(st.integers(1024, 10_000_000), transfers)
def test_no_window_of_time_sees_more_than_the_limit(
    rate: int, transfers: list[tuple[float, list[int]]]
) -> None:
    world, _ = moved_by(rate, transfers)
    bucket = Bucket(rate, world.clock.seconds)
    beside = bucket.burst + len(transfers) * bucket.piece + 1  # 1 for what floats lose
    for first, (begin, _) in enumerate(world.moved):
        total = 0
        for end, count in world.moved[first:]:
            total += count
            assert total <= rate * (end - begin) + beside


@given(st.integers(1024, 10_000_000), transfers)
def test_nobody_waits_longer_than_a_piece_of_each_takes(
    rate: int, transfers: list[tuple[float, list[int]]]
) -> None:
    world, movers = moved_by(rate, transfers)
    longest = len(transfers) * Bucket(rate, world.clock.seconds).piece / rate
    assert all(mover.longest <= longest + 1e-6 for mover in movers)


def test_the_whole_rate_is_used_and_shared_alike() -> None:
    world = World()
    share = world.enter(upload_bandwidth=RATE)
    movers = [Mover(world, share.upload(), [10_000] * 1000) for _ in range(3)]
    world.run_out(30)
    total = sum(count for _, count in world.moved)
    assert RATE * 30 <= total <= RATE * 30 + LEAST_BURST + 3 * 10_000
    left = [len(mover.sizes) for mover in movers]
    assert max(left) - min(left) <= LEAST_BURST / 10_000 + 2  # the first had the burst alone


def test_a_rest_saves_no_more_than_the_burst() -> None:
    world = World()
    bucket = Bucket(RATE, world.clock.seconds)
    world.clock.advance(1000)
    bucket.take(LEAST_BURST)
    assert bucket.even == world.clock.seconds()
    assert not bucket.full
    world.clock.advance(LEAST_BURST / RATE)
    assert bucket.full


def test_pieces_and_bursts_are_bounded() -> None:
    slow, fast = Bucket(1024, Clock().seconds), Bucket(1 << 40, Clock().seconds)
    assert (slow.burst, slow.piece) == (LEAST_BURST, LEAST_BURST)
    assert (fast.burst, fast.piece) == (1 << 38, MAX_PIECE)


def test_directions_are_limited_apart() -> None:
    share = World().enter(upload_bandwidth=RATE)
    assert share.download() is None
    up = share.upload()
    assert up is not None
    assert share.read_at_most == up.piece
    share = World().enter(download_bandwidth=RATE)
    assert share.upload() is None
    assert share.download() is not None
    assert share.read_at_most == 0


def test_who_has_no_limit_has_no_share() -> None:
    world = World()
    assert world.bandwidths.enter(account()) is None
    world.bandwidths.left(account())
    one = session()
    assert (one.upload_pace(), one.download_pace(), one.read_at_most) == (None, None, 0)
    assert not one.has_waited()
    one.wait_no_more()


def test_members_of_a_group_share_its_limit_and_the_stricter_counts() -> None:
    world = World()
    group = (("staff", RATE, 0),)
    one = world.enter(group_bandwidths=group, upload_bandwidth=10 * RATE)
    bob = replace(account(group_bandwidths=group), uuid="bob-1")
    other = world.bandwidths.enter(bob)
    assert other is not None
    for share in (one, other):
        Mover(world, share.upload(), [10_000] * 100)
    world.run_out(5)
    total = sum(count for _, count in world.moved)
    assert RATE * 4 < total <= RATE * 5 + LEAST_BURST + 2 * 10_000
    assert len(world.bandwidths) == 2  # the group's, and that of the one account


def test_a_login_anew_goes_on_with_what_is_owed() -> None:
    world = World()
    limited = account(upload_bandwidth=RATE)
    Mover(world, world.enter(upload_bandwidth=RATE).upload(), [LEAST_BURST, LEAST_BURST])
    world.bandwidths.left(limited)
    assert len(world.bandwidths) == 1
    again = world.enter(upload_bandwidth=RATE).upload()
    assert again is not None
    assert again.hold(lambda: None)


def test_nothing_is_kept_of_accounts_that_have_gone() -> None:
    world = World()
    limited = account(upload_bandwidth=RATE, download_bandwidth=RATE)
    Mover(world, world.enter(upload_bandwidth=RATE, download_bandwidth=RATE).upload(), [9])
    world.bandwidths.left(limited)
    assert len(world.bandwidths) == 1  # what has moved nothing is gone at once
    world.clock.advance(1)
    assert world.bandwidths.enter(account()) is None
    assert len(world.bandwidths) == 0


def test_other_limits_count_for_new_sessions_only() -> None:
    world = World()
    old = world.enter(upload_bandwidth=RATE).upload()
    new = world.enter(upload_bandwidth=2 * RATE).upload()
    assert old is not None
    assert new is not None
    old.moved(LEAST_BURST * 2)
    assert old.hold(lambda: None)
    assert not new.hold(lambda: None)


def waiting() -> tuple[World, Share, Pace, list[str], Callable[[], None]]:
    """A transfer that waits, and what is called when it need not any more."""
    world = World()
    share = world.enter(upload_bandwidth=RATE)
    pace = share.upload()
    assert pace is not None
    pace.moved(2 * LEAST_BURST)
    called: list[str] = []

    def go_on() -> None:
        called.append("on")

    assert pace.hold(go_on)
    assert share.waiting == {pace}
    return world, share, pace, called, go_on


def test_who_asks_again_while_waiting_is_called_once() -> None:
    world, share, pace, called, go_on = waiting()
    assert pace.hold(go_on)
    pace.moved(LEAST_BURST)
    world.clock.advance(LEAST_BURST / RATE)
    assert called == []
    world.clock.advance(LEAST_BURST / RATE)
    assert called == ["on"]
    assert not share.waiting
    assert not world.clock.calls


def test_what_did_not_move_after_all_is_not_paid() -> None:
    world, _, pace, called, go_on = waiting()
    pace.moved(-LEAST_BURST)
    assert not pace.hold(go_on)
    assert not world.clock.calls
    assert called == []


def test_a_transfer_that_ends_waits_no_more_and_is_not_called() -> None:
    world, share, pace, called, _ = waiting()
    pace.stop()
    assert not world.clock.calls
    assert not share.waiting
    assert called == []


def test_who_is_released_goes_on_at_once_and_once() -> None:
    world, share, pace, called, _ = waiting()
    pace.release()
    pace.release()
    assert called == ["on"]
    assert not world.clock.calls
    assert not share.waiting


def test_when_the_client_has_left_nobody_waits() -> None:
    world, share, pace, called, go_on = waiting()
    share.leave()
    assert called == ["on"]
    pace.moved(LEAST_BURST)
    assert not pace.hold(go_on)
    assert not world.clock.calls


def test_a_visit_shares_the_allowance_and_leaves_for_itself() -> None:
    world = World()
    one = session(share=world.enter(upload_bandwidth=RATE))
    visit = one.visit(one.origin.peer, lambda: None)
    mine, theirs = one.upload_pace(), visit.upload_pace()
    assert mine is not None
    assert theirs is not None
    mine.moved(2 * LEAST_BURST)
    later = visit.upload_pace()
    assert later is not None
    assert later.hold(lambda: None)
    assert visit.has_waited()
    assert not one.has_waited()
    visit.leave()
    assert visit.has_waited()
    assert not visit.has_waited()
    assert mine.hold(lambda: None)
    mine.stop()
