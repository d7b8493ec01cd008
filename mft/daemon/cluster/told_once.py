"""ToldOnce: what several nodes of a cluster come to know, one of them tells.

Each claims it in the database, together with what it tells others anyway. Who has claimed it tells
it, and then says so; where that node dies before, another claims it.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from mft.auth.ledger import BANNED, ENDED, News, Telling

if TYPE_CHECKING:
    from mft.resources.cluster_calls import Call, Row

MOST_PENDING: Final = 10_000  # claims, and as many lifts, that wait for the database
MOST_AT_ONCE: Final = 100  # of each in one round trip
FRESH: Final = 0.5  # of `node_timeout`: an answer that took longer is asked for again


class Nodes(Protocol):
    """What is known of the nodes."""

    boot: str
    options: Any

    @property
    def away(self) -> bool:
        """Whether nothing can be asked now."""

    @property
    def living(self) -> Sequence[Any]:
        """The nodes that live, as of the last heartbeat."""


class _About(NamedTuple):
    section: str
    kind: str
    what: str
    key: str = ""  # none: all of them
    lift: int = 0  # of what was lifted since: which lift, so that what comes then is another

    @property
    def key_digest(self) -> str:
        """What stands for it in the database."""
        return _digest(*self[:4])

    @property
    def part_digest(self) -> str:
        """What stands there for all that is of its kind."""
        return _digest(*self[:3])


@dataclass(slots=True)
class _Pending:
    about: _About
    news: News
    tell: Telling
    at: float = 0.0  # by the clock of the database, where that is known
    heard: bool = False  # of another node
    told: bool = False  # all the same, since the database was away
    by: str = ""  # the process that has claimed it
    waits: bool = False  # for the next heartbeat
    late: bool = False  # an answer took so long that another may have taken this node for dead


class _Lift(NamedTuple):
    about: _About
    when: float
    beyond: float  # seconds: what comes in these is lifted as well


class _Asked(NamedTuple):
    at: float
    claims: Sequence[tuple[_Pending, int]]  # and where their answers are
    lifts: int
    confirmed: int


class ToldOnce:
    """What waits to be told, or for another node to have told it."""

    def __init__(self, clock: Callable[[], float], elapsed: Callable[[], float]) -> None:
        """`elapsed` gives seconds that nobody sets."""
        self._clock = clock
        self._elapsed = elapsed
        self._nodes: Nodes | None = None
        self._pending: OrderedDict[_About, _Pending] = OrderedDict()
        self._lifts: deque[_Lift] = deque(maxlen=MOST_PENDING)
        self._confirms: deque[_About] = deque(maxlen=MOST_PENDING)
        self._lifted = 0  # how often something was
        self.hearing: float | None = None  # when that was, of which other nodes have told just now

    def use(self, nodes: Nodes) -> None:
        """Agree from now on with the nodes of a cluster."""
        self._nodes = nodes

    def once(self, section: str, news: News, tell: Telling) -> None:
        """Tell it, unless another node does; at once where that cannot be found out."""
        nodes, heard = self._nodes, self.hearing is not None
        if nodes is None:
            tell()
            return
        about = _About(section, news.kind, news.what, news.key)
        before = self._pending.get(about)
        if before is not None and abs(before.news.when - news.when) <= news.spread:
            return  # it was counted once more, with what others have told meanwhile
        self._give_up(self._pending.pop(about, None))
        at = self.hearing if self.hearing is not None and news.what == BANNED else 0.0
        pending = self._pending[about] = _Pending(about, news, tell, at, heard)
        if len(self._pending) > MOST_PENDING:
            self._give_up(self._pending.popitem(last=False)[1])
        if nodes.away:
            self._tell_own(pending)

    def lifted(self, section: str, kind: str, key: str, interval: float) -> None:
        """What there was is not to be told any more; what comes now, is."""
        if self._nodes is not None:
            now = self._clock()
            self._lifted += 1
            for one in [one for one in self._pending if _is_of(one, section, kind, key)]:
                pending = self._pending.pop(one)
                pending.about = one._replace(lift=self._lifted)
                self._pending[pending.about] = pending
            self._lifts.append(_Lift(_About(section, kind, BANNED, key), now, 0.0))
            # A node that has not heard of it yet may see the end of what was lifted.
            self._lifts.append(_Lift(_About(section, kind, ENDED, key), now, interval / 2))

    def away(self) -> None:
        """The database cannot be asked any more: what this node knows of itself, it tells."""
        for pending in list(self._pending.values()):
            self._tell_own(pending)

    def _tell_own(self, pending: _Pending) -> None:
        if not pending.heard and not pending.by and not pending.told:
            pending.told = True
            pending.tell()

    def _give_up(self, pending: _Pending | None) -> None:
        """There is no room to find out who tells it, or it came again."""
        if pending is not None:
            self._tell_own(pending)

    # What the database is asked.

    @property
    def waits(self) -> bool:
        """Whether there is something to ask."""
        return bool(self._lifts or self._confirms or self._due(1))

    def beat(self) -> None:
        """A heartbeat: ask again whether others have told what they have claimed."""
        for pending in self._pending.values():
            pending.waits = False

    def _due(self, most: int) -> list[_Pending]:
        due = (one for one in self._pending.values() if not one.waits)
        return [one for one, _ in zip(due, range(most), strict=False)]

    def calls(self, nodes: Nodes) -> "tuple[list[Call], _Asked]":
        """What is to be asked next, and what `answered` is given with the rows of that.

        They are in the order of the rows that they lock, those which lock several behind them.
        """
        claims = self._due(MOST_AT_ONCE)
        lifts = [self._lifts[n] for n in range(min(len(self._lifts), MOST_AT_ONCE))]
        confirms = [self._confirms[n] for n in range(min(len(self._confirms), MOST_AT_ONCE))]
        by_row: list[tuple[str, _Pending | None, list[Call]]] = [
            *((about.key_digest, None, _confirm(nodes, about)) for about in confirms),
            *((_order(lift.about), None, self._lift(lift)) for lift in lifts),
            *((one.about.key_digest, one, self._claim(nodes, one)) for one in claims),
        ]
        by_row.sort(key=lambda one: one[0])
        calls: list[Call] = []
        asked: list[tuple[_Pending, int]] = []
        for _, pending, some in by_row:
            calls += some
            if pending is not None:
                asked.append((pending, len(calls) - 1))
        return calls, _Asked(self._elapsed(), asked, len(lifts), len(confirms))

    def answered(self, nodes: Nodes, asked: _Asked, rows: "Sequence[Sequence[Row]]") -> None:
        """Hear the answer, and tell what is this node's to tell."""
        for _ in range(asked.lifts):
            self._lifts.popleft()
        for _ in range(asked.confirmed):
            self._confirms.popleft()
        fresh = self._elapsed() - asked.at < FRESH * nodes.options.node_timeout
        for pending, place in asked.claims:
            about = pending.about
            if self._pending.get(about) is not pending:
                continue
            boot, told = rows[place][0] if rows[place] else ("", 0)  # it was forgotten meanwhile
            if told or pending.told:
                del self._pending[about]
            elif boot != nodes.boot:
                pending.by, pending.waits = boot, True
            elif fresh or pending.late:
                del self._pending[about]
                pending.tell()
                self._confirms.append(about)
            else:
                pending.late = True  # it is asked for again

    def _claim(self, nodes: Nodes, pending: _Pending) -> "list[Call]":
        from mft.resources.cluster_notices import APPEAR, CLAIM, CLAIMED

        about, key = pending.about, pending.about.key_digest
        living = {one.boot for one in nodes.living}
        claim = CLAIM(
            notice=key,
            this=nodes.boot,
            dead="" if pending.by in living else pending.by,
            moment=pending.at,
            age=max(0.0, self._clock() - pending.news.when),
            spread=pending.news.spread,
            done=int(pending.told),
        )
        return [APPEAR(key=key, part=about.part_digest), claim, CLAIMED(notice=key)]

    def _lift(self, lift: _Lift) -> "list[Call]":
        from mft.resources.cluster_notices import APPEAR, LIFT, LIFT_PART

        about, seconds = lift.about, lift.beyond - max(0.0, self._clock() - lift.when)
        if not about.key:
            return [LIFT_PART(of=about.part_digest, seconds=seconds)]
        key = about.key_digest
        return [APPEAR(key=key, part=about.part_digest), LIFT(notice=key, seconds=seconds)]


def _confirm(nodes: Nodes, about: _About) -> "list[Call]":
    from mft.resources.cluster_notices import CONFIRM

    return [CONFIRM(notice=about.key_digest, this=nodes.boot)]


def _is_of(about: _About, section: str, kind: str, key: str) -> bool:
    """Whether it is of what is lifted, and was not before."""
    return about[:2] == (section, kind) and key in ("", about.key) and not about.lift


def _order(about: _About) -> str:
    return about.key_digest if about.key else f"~{about.part_digest}"  # behind every digest


def _digest(*texts: str) -> str:
    from mft.resources.cluster_tables import digest_of

    return digest_of("\0".join(texts))
