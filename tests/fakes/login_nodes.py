"""Nodes that share their logins by a database which is a few dictionaries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from twisted.internet.defer import Deferred

from mft.auth.account import Account
from mft.auth.base import Outcome, Password
from mft.auth.guard import Guard, Rules
from mft.auth.ledger import Ledgers
from mft.auth.permissions import Rules as Permissions
from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component
from mft.core.secret import Secret
from mft.daemon.cluster.shared_logins import SharedLogins
from mft.events.model import Event
from mft.resources.cluster_calls import Call
from mft.resources.cluster_logins import APPEND, COUNT, FORGET, MOST_NEWS, NEWS, OTHERS, USE
from mft.resources.cluster_notices import (
    APPEAR,
    CLAIM,
    CLAIMED,
    CONFIRM,
    FORGET_NOTICES,
    LIFT,
    LIFT_PART,
)
from mft.session.roster import Roster
from tests.fakes.accounts import NOW, SERVICE
from tests.fakes.run import run
from tests.fakes.trail import Trail

SECTION = "security-policies/p1"
POLICY = Component("p1", "security-policy", "strict")
SOURCE = "192.0.2.7"
FEW = Account("few-1", "few", "/", Permissions(()), maximum_sessions=2)

Values = Mapping[str, Any]


@dataclass
class Notice:
    """A row of what one node is to tell."""

    part: str
    boot: str = ""
    at: float = 0.0
    lifted: float = 0.0
    told: int = 1

    def claim(self, values: Mapping[str, Any], moment: float) -> None:
        new = self.at <= self.lifted or self.at < moment - values["spread"]
        left = self.told == 0 and self.boot == values["dead"]
        if self.lifted < moment and (new or left):
            self.boot, self.at, self.told = values["this"], moment, values["done"]

    def lift(self, moment: float) -> None:
        self.told = 1 if self.at <= moment else self.told
        self.lifted = max(self.lifted, moment)


class Database:
    """What nodes share, as the statements of logins leave it."""

    def __init__(self) -> None:
        self.now = 5_000.0  # no clock of a node shows that
        self.guesses: list[tuple[int, str, int, float, str]] = []
        self.known: set[tuple[str, int]] = set()  # of which process, and its own number
        self.number = 0
        self.counts: dict[tuple[str, str], int] = {}
        self.notices: dict[str, Notice] = {}
        self.nodes: dict[str, bool] = {}  # boots, and whether they live
        self.used: dict[str, float] = {}
        self.trips = 0

    def do(self, call: Call) -> list[Any]:
        statement, values = call
        found = _STATEMENTS[statement](self, values)
        return [] if found is None else found

    def append(self, values: Values) -> None:
        if (values["boot"], values["serial"]) not in self.known:
            self.add(values["boot"], values["serial"], values["told"])

    def news(self, values: Values) -> list[Any]:
        new = [one for one in sorted(self.guesses) if one[0] > values["after"]]
        return [(*one, self.now) for one in new if one[1] != values["this"]][:MOST_NEWS]

    def count(self, values: Values) -> None:
        self.counts[values["node"], values["account"]] = values["sessions"]

    def others(self, values: Values) -> list[Any]:
        rows = self.counts.items()
        account, node = values["account"], values["node"]
        return [(sum(n for (on, of), n in rows if of == account and on != node),)]

    def use(self, values: Values) -> None:
        self.used[values["account"]] = self.now

    def forget(self, values: Values) -> None:
        self.guesses = [one for one in self.guesses if one[3] >= self.now - values["age"]]
        self.known = {(boot, serial) for _, boot, serial, _, _ in self.guesses}

    def forget_notices(self, values: Values) -> None:
        last = self.now - values["age"]
        rows = self.notices.items()
        self.notices = {key: one for key, one in rows if max(one.at, one.lifted) >= last}

    def appear(self, values: Values) -> None:
        self.notices.setdefault(values["key"], Notice(values["part"]))

    def claim(self, values: Values) -> None:
        moment = values["moment"] or self.now - values["age"]
        self.notices[values["notice"]].claim(values, moment)

    def claimed(self, values: Values) -> list[Any]:
        found = self.notices[values["notice"]]
        return [(found.boot, found.told)]

    def confirm(self, values: Values) -> None:
        found = self.notices[values["notice"]]
        if found.boot == values["this"]:
            found.told = 1

    def lift(self, values: Values) -> None:
        self.notices[values["notice"]].lift(self.now + values["seconds"])

    def lift_part(self, values: Values) -> None:
        for one in self.notices.values():
            if one.part == values["of"]:
                one.lift(self.now + values["seconds"])

    def add(self, boot: str, serial: int, told: str, number: int = 0) -> None:
        self.number = max(self.number + 1, number)
        self.guesses.append((number or self.number, boot, serial, self.now, told))
        self.known.add((boot, serial))


_STATEMENTS: Final[Mapping[Any, Callable[[Database, Values], Any]]] = {
    APPEND: Database.append,
    NEWS: Database.news,
    COUNT: Database.count,
    OTHERS: Database.others,
    USE: Database.use,
    FORGET: Database.forget,
    FORGET_NOTICES: Database.forget_notices,
    APPEAR: Database.appear,
    CLAIM: Database.claim,
    CLAIMED: Database.claimed,
    CONFIRM: Database.confirm,
    LIFT: Database.lift,
    LIFT_PART: Database.lift_part,
}


class Cluster:
    """A node's way to it."""

    def __init__(self, uuid: str, database: Database) -> None:
        self.uuid, self.boot, self.database = uuid, f"boot of {uuid}", database
        self.options = SimpleNamespace(node_timeout=10.0)
        self.away, self.joined = False, True
        self.on_join: list[Any] = []
        self.on_beat: list[Any] = []
        self.on_away: list[Any] = []
        database.nodes[self.boot] = True
        self.sessions: Any = int
        self.held: list[Deferred[None]] | None = None  # whose answers the test lets come
        self.refuses: Refused | None = None

    async def ask(self, *calls: Call, key: str = "") -> list[list[Any]]:
        if self.away:
            raise Refused(Reason.BROKEN, "", "away")
        if self.refuses is not None:
            raise self.refuses
        self.database.trips += 1
        rows = [self.database.do(one) for one in calls]
        if self.held is not None:
            self.held.append(Deferred())
            await self.held[-1]
        return rows

    def let_one_go(self) -> None:
        """Let the answer come that has been waited for longest."""
        if self.held:
            self.held.pop(0).callback(None)

    def let_go(self) -> None:
        """Let every answer come, those that are asked for then as well."""
        held, self.held = self.held or [], None
        for one in held:
            one.callback(None)

    @property
    def living(self) -> list[Any]:
        return [SimpleNamespace(boot=boot) for boot, lives in self.database.nodes.items() if lives]

    def goes(self) -> None:
        """Nothing can be asked any more."""
        self.away = True
        for hear in self.on_away:
            hear()

    def beat(self) -> None:
        for hear in self.on_beat:
            hear()


class Node:
    def __init__(
        self,
        uuid: str,
        database: Database,
        now: float = NOW,
        *,
        held: bool = False,
        account_after: int = 10,
    ) -> None:
        self.now, self.trail, self.roster = now, Trail(), Roster()
        ledgers = Ledgers()
        ledger = ledgers.of(SECTION)
        rules = Rules(account_after=account_after)
        self.guard = Guard(POLICY, rules, ledger, self.trail.emit, self.clock)
        self.guard.in_force()
        guards: Mapping[str, Guard] = {SECTION: self.guard}
        self.logins = SharedLogins(self.roster, lambda: guards, self.clock, elapsed=self.clock)
        ledgers.share, ledgers.telling = self.logins.share, self.logins.telling
        self.cluster = Cluster(uuid, database)
        self.cluster.held = [] if held else None
        self.logins.use(self.cluster)  # type: ignore[arg-type]  # the fake

    def clock(self) -> float:
        return self.now

    def fails(self, times: int = 1, name: str = "ann") -> None:
        for _ in range(times):
            given = Password(name, Secret("x"))
            self.guard.after(given, Address(SOURCE, 1), SERVICE, Outcome.WRONG)

    @property
    def bans(self) -> bool:
        return (
            self.guard.before(Password("x", Secret("x")), Address(SOURCE, 1), SERVICE) is not None
        )

    def enters(self, account: Account = FEW) -> None:
        let_go = run(self.logins(account, self.logins.known))
        try:
            self.roster.admit(account.uuid, account.maximum_sessions)
        finally:
            let_go()


def later(seconds: float, *nodes: Node) -> None:
    """Time goes on for nodes that live, which then forget what is over."""
    for database in {id(one.cluster.database): one.cluster.database for one in nodes}.values():
        database.now += seconds
    for node in nodes:
        node.now += seconds
        node.guard.ledger.sweep(node.now)
    for node in nodes * 2:
        node.cluster.beat()


def told_of(event: Event[Any], *nodes: Node) -> int:
    """How often nodes have told an event, all together."""
    return sum(node.trail.count(event) for node in nodes)
