"""Guessing: floods cost next to nothing, tables stay small, and no name is given away."""

import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.auth import ledger as ledgers
from mft.auth.base import Credentials, Outcome, Password, PublicKey
from mft.auth.chain import Chain
from mft.auth.guard import MAX_TOLD, Guard, Rules
from mft.auth.ledger import MAX_SOURCES, Ledger
from mft.auth.passwords import PasswordHash
from mft.auth.penalties import Penalties
from mft.core.peer import Address, Component
from mft.core.secret import Secret
from mft.events import catalogue as events
from tests.fakes.accounts import CHEAP_HASH, NOW, SERVICE, Method, account
from tests.fakes.run import run
from tests.fakes.trail import Trail

POLICY = Component("p1", "security-policy", "strict")
HERE = "192.0.2.7"
MINUTE = 60.0


class Victim:
    """A chain over two accounts, one of them with a denied name, and its policy."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.trail = Trail()
        self.now = NOW
        self.ledger = Ledger()
        rules = rules or Rules(denied=frozenset(("root",)), account_after=50)
        guard = Guard(POLICY, rules, self.ledger, self.trail.emit, lambda: self.now)
        guard.in_force()
        self.method = Method(account(password=CHEAP_HASH), account("root", password=CHEAP_HASH))
        self.chain = Chain([self.method], watches=[guard])

    def guess(self, source: str, name: str = "ann", word: str = "wrong") -> Outcome:
        """One guess by password."""
        return self.gives(source, Password(name, Secret(word)))

    def gives(self, source: str, credentials: Credentials) -> Outcome:
        """One attempt."""
        return run(self.chain.judge(credentials, Address(source, 1), SERVICE)).outcome


def test_ten_thousand_guesses_a_minute_cost_little_and_leave_nothing() -> None:
    victim = Victim()
    for at in range(5):
        victim.guess(HERE, f"name-{at}")
    victim.guess(HERE)
    hashes = victim.method.hashes.calls
    tracemalloc.start()
    try:
        began = time.process_time()
        for at in range(10_000):
            victim.now += MINUTE / 10_000
            assert victim.guess(HERE, f"name-{at}") is Outcome.BARRED
        cost = time.process_time() - began
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert cost < MINUTE / 10  # a tenth of a processor; it takes a hundredth, and tracing as much
    assert kept < 16 << 10
    assert victim.method.hashes.calls == hashes
    assert victim.trail.count(events.SOURCE_BLOCKED) <= 3
    assert (len(victim.ledger.sources), len(victim.ledger.accounts)) == (1, 5)


def test_guesses_that_wait_for_their_hash_cost_none_once_their_source_is_banned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    victim, hashed, waiting = Victim(), [], []
    matches = PasswordHash.matches

    def counted(given: PasswordHash, word: str) -> bool:
        hashed.append(word)
        return matches(given, word)

    async def turn(work: Callable[..., Any], *given: Any) -> Any:
        waiting.append(turn := Deferred())
        await turn
        return work(*given)

    monkeypatch.setattr(PasswordHash, "matches", counted)
    monkeypatch.setattr(victim.method._computed, "_login", turn)
    guesses = [Password("ann", Secret(word)) for word in [*map(str, range(11)), "right"]]
    judging = [
        Deferred.fromCoroutine(victim.chain.judge(one, Address(HERE, 1), SERVICE))
        for one in guesses
    ]
    for one in waiting:
        one.callback(None)
    outcomes = [one.result.outcome for one in judging]
    assert outcomes == [Outcome.WRONG] * 12
    assert hashed == ["0", "1", "2", "3", "4"]


def test_a_crowd_of_sources_fills_no_memory_and_frees_nobody_who_is_worse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledgers, "MAX_SOURCES", 200)
    monkeypatch.setattr(ledgers, "MAX_ACCOUNTS", 100)
    victim = Victim(Rules(account_after=50))
    for at in range(5):
        victim.guess(HERE, f"name-{at}")
    for at in range(600):
        victim.now += 0.01
        victim.guess(f"10.0.{at // 256}.{at % 256}", f"somebody-{at}")
    assert victim.guess(HERE, "ann", "right") is Outcome.BARRED
    assert len(victim.ledger.sources) == 200
    assert len(victim.ledger.accounts) == 100
    assert victim.trail.count(events.PENALTIES_DROPPED) == 1


def test_a_full_table_stays_within_its_memory() -> None:
    most = MAX_SOURCES >> 3
    table = Penalties(most)
    table.use(5, 3600.0)
    tracemalloc.start()
    try:
        for at in range(most + 1000):
            table.add(f"2001:db8:{at >> 8:x}:{at & 255:x}::/64", 1.0, "somebody", NOW + at / 1000)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(table) == most
    assert kept < (64 << 20) >> 3


def test_refusals_of_a_crowd_do_not_fill_the_trail() -> None:
    victim = Victim()
    sources = [f"10.0.0.{at}" for at in range(80)]
    for source in sources:
        for at in range(5):
            victim.guess(source, f"{source}-{at}")
    victim.trail.forget()
    for _ in range(20):
        for source in sources:
            assert victim.guess(source) is Outcome.BARRED
    assert victim.trail.events == [events.SOURCE_BLOCKED] * MAX_TOLD


@pytest.mark.parametrize("name", ["ann", "nobody", "root"])
def test_no_name_can_be_told_from_another_by_hashes_or_by_when_the_ban_comes(name: str) -> None:
    victim = Victim()
    outcomes = [victim.guess(HERE, name) for _ in range(7)]
    assert [one is Outcome.BARRED for one in outcomes] == [False] * 5 + [True] * 2
    assert victim.method.hashes.calls == 5


@pytest.mark.parametrize("name", ["ann", "nobody", "root"])
def test_asking_about_keys_is_no_way_around_a_ban(name: str) -> None:
    victim = Victim()
    question = PublicKey(name, b"\0\0\0\x07ssh-rsa", proven=False)
    outcomes = {victim.gives(HERE, question) for _ in range(40)}
    assert not outcomes & {Outcome.ACCEPTABLE, Outcome.ACCEPTED, Outcome.BARRED}
    for _ in range(5):
        victim.guess(HERE, name)
    assert victim.gives(HERE, question) is Outcome.BARRED


def test_one_name_guessed_from_everywhere_is_found_by_nobody_but_its_owner() -> None:
    victim = Victim()
    assert victim.guess("198.51.100.1", "ann", "right") is Outcome.ACCEPTED
    for at in range(60):
        victim.guess(f"10.0.0.{at}")
    assert victim.guess("10.0.1.1", "ann", "right") is Outcome.BARRED
    assert victim.guess("198.51.100.1", "ann", "right") is Outcome.ACCEPTED
    assert victim.trail.count(events.ACCOUNT_GUARDED) == 1


def test_whole_networks_of_ipv6_are_one_guesser() -> None:
    victim = Victim(Rules())
    judged = 0
    for at in range(300):
        source = f"2001:db8:0:{at:x}::{at:x}"
        judged += sum(victim.guess(source, f"name-{at}") is not Outcome.BARRED for _ in range(6))
    assert judged == 40
    assert len(victim.ledger.sources) == 8
