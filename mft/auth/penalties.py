"""Penalties: what refused attempts add up to, how that fades, and when it is a ban.

Nothing here knows of logins. A table is bounded: when it is full, those whose penalties end first
are dropped, so that what is worst stays.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

# What fades while five guesses are made must not give a sixth: half a point counts as a whole one.
SLACK: Final = 0.5
MAX_NAMES: Final = 8  # names of one key that are told apart; what others have cost only fades
MAX_SWEPT: Final = 1000  # ends in one sweep: a tenth of a second, where each is told
MAX_LAST: Final = 40  # characters of what was tried last


@dataclass(slots=True)
class Penalty:
    """What one key has to its name; a ban when `until` is set."""

    points: float = 0.0  # as they were at `when`
    when: float = 0.0  # seconds since the epoch
    until: float = 0.0
    attempts: int = 0  # that were refused and counted
    barred: int = 0  # that were not judged at all, since it was banned
    last: str = ""  # for people: what was tried last
    names: dict[int, float] = field(default_factory=dict)  # points by the hash of a name


def _nobody(key: str, penalty: Penalty) -> None:
    """Hear that a ban has ended."""


class Penalties:
    """A bounded table of penalties by key; `use` says from how many points on they are a ban."""

    def __init__(
        self, most: int, ended: Callable[[str, Penalty], None] = _nobody, kind: str = ""
    ) -> None:
        """`ended` hears of each ban whose time is over; `kind` is what its keys are."""
        self.kind = kind
        self.limit = 0.0  # points; 0: nothing is counted, and no ban holds
        self.interval = 1.0  # seconds of a ban, and in which `limit` points fade
        self.dropped = 0  # since the start, because the table was full
        self.ended = ended
        self._most = most
        self._known: dict[str, Penalty] = {}
        # When each ends, the first one in front. It is put right only when it comes to the front:
        # an end that has moved away meanwhile is put back, one of nobody is thrown away.
        self._ends: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._known)

    def use(self, limit: float, interval: float) -> None:
        """Count by these from now on; bans that were given keep their end."""
        self.limit, self.interval = limit, interval

    def banned(self, key: str, now: float) -> Penalty | None:
        """The penalty of a key that is banned now."""
        penalty = self._known.get(key)
        if not self.limit or penalty is None or not penalty.until:
            return None
        if penalty.until <= now:
            self._end(key, penalty)
            return None
        return penalty

    def holds(self, key: str, now: float) -> bool:
        """Whether a key is banned now. It changes nothing: any thread may ask."""
        penalty = self._known.get(key)
        return bool(self.limit) and penalty is not None and penalty.until > now

    def add(self, key: str, weight: float, name: str, now: float) -> bool:
        """Count one refused attempt; whether the key is banned from now on.

        One that is banned already is not banned for longer.
        """
        if not self.limit or not weight:
            return False
        penalty = self._known.get(key)
        if penalty is not None and penalty.until and penalty.until <= now:
            self._end(key, penalty)
            penalty = None
        if penalty is None:
            penalty = self._known[key] = Penalty(when=now)
        penalty.attempts += 1
        penalty.last = name[:MAX_LAST]
        if penalty.until:
            return False
        self._fade(penalty, now)
        penalty.points += weight
        mark = hash(name)
        if mark in penalty.names or len(penalty.names) < MAX_NAMES:
            penalty.names[mark] = penalty.names.get(mark, 0.0) + weight
        banned = penalty.points > self.limit - SLACK
        if banned:
            penalty.until = now + self.interval
            penalty.names = {}
        if penalty.attempts == 1:
            self._enter(self._end_of(penalty), key)
            self._make_room(key, now)
        return banned

    def take_back(self, key: str, name: str, now: float) -> bool:
        """A name was right after all: what it alone has cost the key is forgiven, if anything."""
        penalty = self._known.get(key)
        if penalty is None or penalty.until or hash(name) not in penalty.names:
            return False
        self._fade(penalty, now)
        penalty.points -= penalty.names.pop(hash(name), 0.0)
        if penalty.points <= 0:
            del self._known[key]
        return True

    def lift(self, key: str) -> bool:
        """Forget a key; whether there was anything to forget."""
        return self._known.pop(key, None) is not None

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()
        self._ends.clear()

    def sweep(self, now: float) -> None:
        """Forget what is over, or the first of it: each ban that ends may be told."""
        for _ in range(MAX_SWEPT):
            if not self._ends or self._ends[0][0] > now:
                return
            key = heapq.heappop(self._ends)[1]
            penalty = self._known.get(key)
            if penalty is None:
                continue
            end = self._end_of(penalty)
            if end > now:
                heapq.heappush(self._ends, (end, key))
            else:
                self._end(key, penalty)

    def points(self, penalty: Penalty, now: float) -> float:
        """What is left of a penalty's points."""
        faded = max(0.0, now - penalty.when) * self.limit / self.interval
        return max(0.0, penalty.points - faded)

    def every(self) -> Iterator[tuple[str, Penalty]]:
        """All that is known, as it is now; also while another thread adds to it."""
        yield from list(self._known.items())

    def restore(self, key: str, penalty: Penalty, now: float) -> None:
        """Know again what was kept; a ban ends no later than one given now would."""
        penalty.when = min(penalty.when, now)
        penalty.until = min(penalty.until, now + self.interval)
        penalty.attempts = max(penalty.attempts, 1)
        if penalty.until or self.points(penalty, now) > 0:
            self._known[key] = penalty
            self._enter(self._end_of(penalty), key)
            self._make_room(key, now)

    def _fade(self, penalty: Penalty, now: float) -> None:
        penalty.points = self.points(penalty, now)
        penalty.when = now
        if not penalty.points:
            penalty.names = {}

    def _end_of(self, penalty: Penalty) -> float:
        if penalty.until:
            return penalty.until
        if not self.limit:
            return 0.0
        return penalty.when + penalty.points * self.interval / self.limit

    def _end(self, key: str, penalty: Penalty) -> None:
        del self._known[key]
        if penalty.until:
            self.ended(key, penalty)

    def _enter(self, end: float, key: str) -> None:
        heapq.heappush(self._ends, (end, key))
        if len(self._ends) > 2 * self._most + 64:  # half of them are of nobody
            self._ends = [(self._end_of(one), name) for name, one in self._known.items()]
            heapq.heapify(self._ends)

    def _make_room(self, key: str, now: float) -> None:
        """Drop those that end first, and never the one that came just now."""
        if len(self._known) <= self._most:
            return
        self.sweep(now)
        kept: list[tuple[float, str]] = []
        while len(self._known) > self._most and self._ends:
            said, name = heapq.heappop(self._ends)
            penalty = self._known.get(name)
            if penalty is None:
                continue
            end = self._end_of(penalty)
            if name == key:
                kept.append((end, name))
            elif end > said:
                heapq.heappush(self._ends, (end, name))
            elif end <= now:
                self._end(name, penalty)
            else:
                del self._known[name]
                self.dropped += 1
        for one in kept:
            heapq.heappush(self._ends, one)
