"""Bandwidth: what the sessions of one account, or of one group, may move together in a second.

Whoever has moved bytes waits until they are paid for, and so is all that others had moved before
them. So nobody starves, and a transfer among N waits no longer than N pieces take.
"""

import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from mft.auth.account import Account

BURST_SECONDS: Final = 0.25  # of the rate may move at once after a rest,
LEAST_BURST: Final = 32 << 10  # but always so many bytes: what one READ of SFTP asks for
MAX_PIECE: Final = 512 << 10  # bytes that one transfer moves before it looks again


class Timer(Protocol):
    """A call that was ordered for later."""

    def cancel(self) -> None:
        """It is not wanted any more."""


CallLater = Callable[[float, Callable[[], None]], Timer]
Clock = Callable[[], float]


class Bucket:
    """A rate in bytes a second, what may move at once, and what has not been paid for yet.

    What moves in any time t is at most rate * t, `burst`, and one piece for each transfer.
    """

    __slots__ = ("_clock", "_even", "burst", "piece", "rate", "users")

    def __init__(self, rate: int, clock: Clock) -> None:
        self.rate = rate
        self.burst = max(int(rate * BURST_SECONDS), LEAST_BURST)
        self.piece = min(self.burst, MAX_PIECE)
        self.users = 0  # sessions
        self._clock = clock
        self._even = self._rested()  # from when on nothing is owed

    def _rested(self) -> float:
        return self._clock() - self.burst / self.rate

    @property
    def even(self) -> float:
        """The moment at which all that has moved is paid for."""
        return self._even

    @property
    def full(self) -> bool:
        """Whether it is as if nothing had moved."""
        return self._even <= self._rested()

    def take(self, count: int) -> None:
        """So many bytes have moved; fewer than 0 have not moved after all."""
        self._even = max(self._even, self._rested()) + count / self.rate


class Pace:
    """One transfer's part in its account's bandwidth, in one direction."""

    __slots__ = ("_buckets", "_go_on", "_share", "_timer", "_until", "piece")

    def __init__(self, share: "Share", buckets: Sequence[Bucket]) -> None:
        self.piece = min(bucket.piece for bucket in buckets)  # bytes before it looks again
        self._share = share
        self._buckets = buckets
        self._until = self._paid()
        self._timer: Timer | None = None
        self._go_on: Callable[[], None] = _nothing

    def _paid(self) -> float:
        return max(bucket.even for bucket in self._buckets)

    def moved(self, count: int) -> None:
        """The transfer has moved so many bytes; fewer than 0 were not moved after all."""
        for bucket in self._buckets:
            bucket.take(count)
        self._until = self._paid()

    def hold(self, go_on: Callable[[], None]) -> bool:
        """Whether it must not move anything now; `go_on` is called once it may, and only then."""
        share = self._share
        left = self._until - share.clock()
        if left <= 0 or share.over:
            self.stop()
            return False
        self._go_on = go_on
        if self._timer is None:
            share.begins(self)
            self._timer = share.call_later(left, self._rang)
        return True

    def stop(self) -> None:
        """It is not waited for any more."""
        timer, self._timer = self._timer, None
        self._share.waiting.discard(self)
        if timer is not None:
            timer.cancel()

    def release(self) -> None:
        """Whoever waits goes on at once, for there is nothing left to move."""
        self._until = 0.0
        if self._timer is not None:
            self.stop()
            self._ended()

    def _rang(self) -> None:
        self._timer = None
        self._share.waiting.discard(self)
        if not self.hold(self._go_on):
            self._ended()

    def _ended(self) -> None:
        go_on, self._go_on = self._go_on, _nothing
        go_on()


class Share:
    """One session's part: it makes a pace for each transfer, and knows which of them wait."""

    def __init__(
        self, call_later: CallLater, clock: Clock, up: Sequence[Bucket], down: Sequence[Bucket]
    ) -> None:
        self.call_later = call_later
        self.clock = clock
        self.up = up
        self.down = down
        self.waiting: set[Pace] = set()
        self.over = False  # the client has left: nobody waits for anything
        self._waited = False  # since somebody asked

    def upload(self) -> Pace | None:
        """For one upload; None where nothing limits it."""
        return Pace(self, self.up) if self.up else None

    def download(self) -> Pace | None:
        """For one download; None where nothing limits it."""
        return Pace(self, self.down) if self.down else None

    def begins(self, pace: Pace) -> None:
        """A transfer begins to wait."""
        self.waiting.add(pace)
        self._waited = True

    def has_waited(self) -> bool:
        """Whether a transfer waits, or has waited since this was asked the last time."""
        waited, self._waited = self._waited, bool(self.waiting)
        return waited

    @property
    def read_at_most(self) -> int:
        """Bytes to take from the client in one read; 0 is any number."""
        return min((bucket.piece for bucket in self.up), default=0)

    def another(self) -> "Share":
        """The same for another connection of the session."""
        return Share(self.call_later, self.clock, self.up, self.down)

    def leave(self) -> None:
        """The client has left: whoever waits hears of it where it goes on."""
        self.over = True
        for pace in tuple(self.waiting):
            pace.release()


class _Limit(NamedTuple):
    whose: Hashable
    rate: int


class Bandwidths:
    """Every allowance that somebody has a part in.

    One is kept until it is as if nothing had moved, so that a login anew does not begin with a
    new one: at most one for each account and group, for the seconds that this takes.
    """

    def __init__(self, call_later: CallLater, clock: Clock = time.monotonic) -> None:
        self._call_later = call_later
        self._clock = clock
        self._buckets: dict[_Limit, Bucket] = {}
        self._resting: dict[_Limit, None] = {}  # those without a session

    def __len__(self) -> int:
        return len(self._buckets)

    def enter(self, account: Account) -> Share | None:
        """A session of an account begins; None where nothing limits it. `left` must follow."""
        self._sweep()
        up, down = _limits(account)
        if not (up or down):
            return None
        return Share(self._call_later, self._clock, *map(self._used, (up, down)))

    def left(self, account: Account) -> None:
        """A session has ended that had a part."""
        for limit in (one for limits in _limits(account) for one in limits):
            bucket = self._buckets[limit]
            bucket.users -= 1
            if not bucket.users:
                self._resting[limit] = None
        self._sweep()

    def _used(self, limits: Sequence[_Limit]) -> Sequence[Bucket]:
        found = []
        for limit in limits:
            bucket = self._buckets.get(limit)
            if bucket is None:
                bucket = self._buckets[limit] = Bucket(limit.rate, self._clock)
            bucket.users += 1
            self._resting.pop(limit, None)
            found.append(bucket)
        return tuple(found)

    def _sweep(self) -> None:
        for limit in [one for one in self._resting if self._buckets[one].full]:
            del self._resting[limit], self._buckets[limit]


def _limits(account: Account) -> tuple[Sequence[_Limit], Sequence[_Limit]]:
    """What limits the uploads and the downloads of an account: its own, and its groups'."""
    own = (account.uuid, account.upload_bandwidth, account.download_bandwidth)
    up, down = [], []
    for kind, (whose, upload, download) in (
        ("account", own),
        *(("group", each) for each in account.group_bandwidths),
    ):
        if upload:
            up.append(_Limit((kind, whose, "up"), upload))
        if download:
            down.append(_Limit((kind, whose, "down"), download))
    return up, down


def _nothing() -> Any:
    """Nobody waits."""
