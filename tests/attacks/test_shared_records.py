"""Attacks on what nodes share of accounts: a code twice, an old password, a database that lies.

Whoever can write to the database without the secret of the nodes lets nobody in by it.
"""

import threading
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from mft.auth.application import ApplicationAuthenticator
from mft.auth.base import Accepted, MoreNeeded, OneTimeCode, Password, PasswordChange, Verdict
from mft.auth.own_factors import OwnFactor
from mft.auth.own_passwords import Fault, NotChanged, OwnPassword, mark_of
from mft.auth.passwords import PasswordHash, make_hash
from mft.auth.time_codes import PERIOD, TimeCodes, recovery_digest
from mft.auth.used_codes import MAX_WRONG, Used
from mft.core.failure import Refused
from mft.core.secret import Secret
from mft.daemon.cluster.shared_records import AGAIN, PURPOSE
from mft.daemon.state.account_records import record_key
from mft.events import catalogue as events
from mft.resources.cluster_records import MAX_TEXT
from mft.resources.cluster_seal import Seal
from tests.fakes.accounts import CHEAP_HASH, METHOD, NOW, PEER, SERVICE, Around, account, code_at
from tests.fakes.record_nodes import (
    SECRET,
    RecordNode,
    RecordNodes,
    few_nodes,
    nodes,
    postgresql,
    shared_server,
)
from tests.fakes.run import run

__all__ = ["few_nodes", "nodes", "postgresql", "shared_server"]

ANN, KEY = "id-ann", record_key("id-ann")
CODES = TimeCodes.fresh()
RECOVERY = "ABCD-EFGH-IJKL-MNOP"
FACTOR = OwnFactor(CODES, frozenset((recovery_digest(RECOVERY) or "",)), 7)
NEW = "zwei Pferde auf Haken 7"
ROUNDS = 40  # in each of which two nodes are given one code at the same moment


class Gate:
    """The accounts of one node, as they log in there."""

    def __init__(self, node: RecordNode) -> None:
        self.node = node
        self._around = around = Around(account(password=CHEAP_HASH))
        stores = {"own": node.own, "own_factors": node.factors, "used_codes": node.used}
        self._method = ApplicationAuthenticator(METHOD, around.parts._replace(**stores))
        self._method.kinds  # noqa: B018 - it is asked once, before threads ask

    def ask(self, text: str, now: float = NOW) -> Verdict:
        """Give a password, and what may be at its end."""
        self._around.now = now
        return run(self._method.authenticate(Password("ann", Secret(text)), PEER, SERVICE))

    def code(self, text: str) -> Verdict:
        """Give a code alone, as after a right password."""
        return run(self._method.authenticate(OneTimeCode("ann", Secret(text)), PEER, SERVICE))

    def lets_in(self, text: str, now: float = NOW) -> bool:
        """Whether a password does, with all that nodes settle about a login."""
        mark = self.node.shared.mark
        try:
            verdict = self.ask(text, now)
            if not self.node.cluster.away:
                self.node.settle(ANN, mark)
        except Refused:
            return False
        return isinstance(verdict, Accepted)

    def change(self, old: str, new: str) -> None:
        """Change the password."""
        verdict = self.ask(old)
        assert isinstance(verdict, Accepted)
        change = PasswordChange(Secret(old), Secret(new))
        assert run(self._method.change_credentials(verdict.account, change, PEER))


def gates(nodes: RecordNodes, *names: str) -> list[Gate]:
    return [Gate(one) for one in nodes.start(*names)]


def give_codes(gate: Gate, *others: Gate) -> None:
    """Let the account have codes, on all of them."""
    run(gate.node.factors.keep(ANN, FACTOR, None))
    for one in others:
        one.node.beat()


def choose(gate: Gate, word: str) -> None:
    """Let the account have chosen a password, whose hash costs little."""
    hashed, own = PasswordHash.parse(make_hash(word, "crypt-sha512", 1000)), gate.node.own
    chosen = OwnPassword(mark_of(PasswordHash.parse(CHEAP_HASH)), hashed, NOW, ())
    run(own.keep(ANN, chosen, own.of(ANN)))


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do things in as many threads, all at the same moment."""
    results: list[Any] = [None] * len(acts)
    barrier = threading.Barrier(len(acts))

    def do(number: int) -> None:
        barrier.wait()
        results[number] = acts[number]()

    threads = [threading.Thread(target=do, args=(number,)) for number in range(len(acts))]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return results


# A code, twice.


def test_one_code_on_two_nodes_at_the_same_moment_lets_in_once(nodes: RecordNodes) -> None:
    a, b = gates(nodes, "a", "b")
    give_codes(a, b)
    for count in range(ROUNDS):
        now = NOW + count * PERIOD
        text = "right" + code_at(now, CODES)
        verdicts = at_once(lambda: a.ask(text, now), lambda: b.ask(text, now))  # noqa: B023 - done
        assert sum(isinstance(one, Accepted) for one in verdicts) == 1, verdicts


def test_many_codes_on_many_nodes_let_in_once_each(nodes: RecordNodes) -> None:
    a, b, c = gates(nodes, "a", "b", "c")
    give_codes(a, b, c)
    let_in: list[float] = []
    for count in range(ROUNDS // 4):
        moments = [NOW + (3 * count + step) * PERIOD for step in range(3)]

        def tries(gate: Gate, moments: list[float] = moments) -> list[float]:
            texts = [(one, "right" + code_at(one, CODES)) for one in moments]
            return [one for one, text in texts if isinstance(gate.ask(text, one), Accepted)]

        for found in at_once(*(lambda gate=gate: tries(gate) for gate in (a, b, c))):
            let_in += found
    assert len(let_in) == len(set(let_in)) >= ROUNDS // 4


def test_a_recovery_code_does_on_one_node_only(nodes: RecordNodes) -> None:
    a, b = gates(nodes, "a", "b")
    give_codes(a, b)
    verdicts = at_once(lambda: a.code(RECOVERY), lambda: b.code(RECOVERY))
    assert sum(isinstance(one, MoreNeeded) for one in verdicts) == 1
    assert sum(isinstance(one.code(RECOVERY), MoreNeeded) for one in (a, b)) == 0


def test_a_code_that_was_used_on_one_node_is_no_guess_on_another(nodes: RecordNodes) -> None:
    a, b = gates(nodes, "a", "b")
    give_codes(a, b)
    old = "right" + code_at(NOW, CODES)
    assert a.lets_in(old)
    later = NOW + 20 * PERIOD
    for _ in range(MAX_WRONG + 1):
        assert not b.lets_in(old, later)
    assert not b.node.used.slips.too_many(ANN, later)
    assert b.lets_in("right" + code_at(later, CODES), later)


# Changes.


def test_a_password_that_was_given_up_lets_in_nowhere(nodes: RecordNodes) -> None:
    a, b = gates(nodes, "a", "b")
    assert b.lets_in("right")
    a.change("right", NEW)
    assert not b.lets_in("right"), "though no heartbeat has told of it"
    b.node.beat()
    assert not b.lets_in("right")
    assert not a.lets_in("right")
    assert a.lets_in(NEW)
    assert b.lets_in(NEW)


def test_codes_that_were_given_are_wanted_everywhere(nodes: RecordNodes) -> None:
    a, b = gates(nodes, "a", "b")
    give_codes(a)
    assert not b.lets_in("right"), "though no heartbeat has told of it"
    b.node.beat()
    assert not b.lets_in("right")
    assert b.lets_in("right" + code_at(NOW, CODES))


def test_of_two_changes_at_the_same_moment_one_is_made(nodes: RecordNodes) -> None:
    a, b = gates(nodes, "a", "b")

    def change(gate: Gate, new: str) -> bool:
        try:
            gate.change("right", new)
        except NotChanged as why:
            assert why.fault is Fault.BUSY  # noqa: PT017 - in a thread
            return False
        return True

    made = at_once(lambda: change(a, NEW), lambda: change(b, NEW[::-1]))
    assert sorted(made) == [False, True]
    for one in (a, b):
        one.node.beat()
        assert one.lets_in(NEW) == made[0]
        assert one.lets_in(NEW[::-1]) == made[1]


# Without the database.


def test_without_the_database_a_password_goes_on_and_nothing_is_used_or_changed(
    nodes: RecordNodes,
) -> None:
    a, b = gates(nodes, "a", "b")
    choose(a, NEW)
    b.node.beat()
    b.node.away()
    assert b.lets_in(NEW)
    assert not b.lets_in("right")
    with pytest.raises(NotChanged) as why:
        b.change(NEW, "drittes-Wort-8-Ecken")
    assert why.value.fault is Fault.BROKEN
    with pytest.raises(Refused):
        run(b.node.factors.keep(ANN, FACTOR, None))
    assert b.node.trail.count(events.CLUSTER_AWAY) == 1
    b.node.back()
    give_codes(a, b)
    b.node.away()
    text = NEW + code_at(NOW, CODES)
    assert not b.lets_in(text)
    assert not b.lets_in(NEW)
    for _ in range(MAX_WRONG + 1):
        assert not b.lets_in(NEW + code_at(NOW + 99 * PERIOD, CODES))
    b.node.back()
    assert b.lets_in(text), "it was not used up, and nobody was barred"
    assert not a.lets_in(text)


def test_a_node_that_was_away_knows_of_everything_when_it_is_back(nodes: RecordNodes) -> None:
    a, b = gates(nodes, "a", "b")
    b.node.away()
    choose(a, NEW)
    give_codes(a)
    text = NEW + code_at(NOW, CODES)
    assert a.lets_in(text)
    b.node.back()
    assert not b.lets_in("right")
    assert not b.lets_in(NEW)
    assert not b.lets_in(text)
    assert b.lets_in(NEW + code_at(NOW + PERIOD, CODES), NOW + PERIOD)


# A database that lies.


def sealed(kind: str, version: int, text: bytes, secret: str = SECRET, key: str = KEY) -> str:
    return Seal(Secret(secret), PURPOSE).close(text, kind, key, version)


OPEN = (
    b'{"account": "id-ann", "moment": 9e9, "record": {"replaces": "x", "changed": 9e9, '
    b'"earlier": [], "password": "%s"}}' % CHEAP_HASH.encode()
)
FORGED = {
    "not sealed": OPEN.decode(),
    "as if it were": b64encode(b"x" * 12 + OPEN).decode(),
    "by another secret": sealed("password", 2, OPEN, "another secret, which is the thief's own"),
    "of another account": sealed("password", 2, OPEN, key=record_key("id-bob")),
    "of another kind": sealed("codes", 2, OPEN),
    "of another version": sealed("password", 1, OPEN),
    "about another account": sealed("password", 2, OPEN.replace(b"id-ann", b"id-bob")),
    "no JSON": sealed("password", 2, b"{"),
    "no table": sealed("password", 2, b"[]"),
    "no record": sealed("password", 2, b'{"account": "id-ann", "moment": 1, "record": []}'),
    "no moment": sealed("password", 2, b'{"account": "id-ann", "record": null}'),
    "empty": "",
    "endless": "x" * (MAX_TEXT + 1),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_password_lets_nobody_in(few_nodes: RecordNodes, kind: str) -> None:
    nodes = few_nodes
    a, b = gates(nodes, "a", "b")
    choose(a, NEW)
    values = f"text = '{FORGED[kind]}', version = 2, changed = changed + 1"
    nodes.sql(f"UPDATE mft_account_records SET {values}")
    (c,) = gates(nodes, "c")
    for one in (a, b, c):
        one.node.beat()
        for word in ("right", NEW):
            assert not one.lets_in(word)
        found = [two for two in one.node.trail.told if two.event is events.OWN_PASSWORD_UNREADABLE]
        assert len(found) == 1
        assert KEY in found[0].payload.path
        assert CHEAP_HASH not in found[0].message


@pytest.mark.parametrize("version", [1 << 62, (1 << 63) - 1, -1, 0])
def test_an_absurd_version_lets_nobody_in_and_stops_no_node(
    nodes: RecordNodes, version: int
) -> None:
    a, b = gates(nodes, "a", "b")
    choose(a, NEW)
    b.node.beat()
    nodes.sql(f"UPDATE mft_account_records SET version = {version}, changed = changed + 1")
    for one in (a, b):
        one.node.beat(2)
        assert not one.lets_in("right")
        assert not one.node.cluster.away
    assert a.node.cluster.joined


def test_an_old_password_that_is_put_back_does_not_count_for_who_knows_better(
    nodes: RecordNodes,
) -> None:
    a, b = gates(nodes, "a", "b")
    choose(a, NEW)
    ((text, version),) = nodes.sql("SELECT text, version FROM mft_account_records")
    choose(a, "drittes-Wort-8-Ecken")
    b.node.beat()
    values = f"text = '{text}', version = {version}, changed = changed + 1"
    nodes.sql(f"UPDATE mft_account_records SET {values}")
    for one in (b, a):
        assert not one.lets_in(NEW)
        one.node.beat(2)
        assert not one.lets_in(NEW)
        assert one.lets_in("drittes-Wort-8-Ecken")
    assert b.node.trail.count(events.RECORDS_PUT_BACK) == 1
    (c,) = gates(nodes, "c")
    assert not c.lets_in(NEW)


def test_a_forged_list_of_used_codes_lets_no_code_in(nodes: RecordNodes) -> None:
    a, b = gates(nodes, "a", "b")
    give_codes(a, b)
    first = "right" + code_at(NOW, CODES)
    assert a.lets_in(first)
    empty = b'{"account": "id-ann", "moment": 0, "record": null}'
    for text in ("", "x", sealed("used", 1, empty), sealed("used", 2, empty, "x" * 40)):
        nodes.sql(
            f"UPDATE mft_account_records SET text = '{text}', version = 2 WHERE kind = 'used'"
        )
        assert not b.lets_in(first)
        assert not b.lets_in("right" + code_at(NOW + PERIOD, CODES), NOW + PERIOD)
    assert b.node.trail.count(events.USED_CODES_UNREADABLE) == 1
    nodes.sql("DELETE FROM mft_account_records WHERE kind = 'used'")
    for one in (a, b):
        one.node.shared._looked -= 10 * AGAIN + 1
        one.node.beat()
    assert not b.lets_in(first), "a has put back what it knows"


def test_the_database_and_the_trail_show_no_secret(nodes: RecordNodes) -> None:
    a, b = gates(nodes, "a", "b")
    give_codes(a, b)
    assert a.lets_in("right" + code_at(NOW, CODES))
    hashed = PasswordHash.parse(CHEAP_HASH)
    run(a.node.own.keep(ANN, OwnPassword(mark_of(hashed), hashed, NOW, ()), None))
    b.node.beat()
    rows = str(nodes.sql("SELECT * FROM mft_account_records"))
    told = "".join(one.message for node in (a, b) for one in node.node.trail.told)
    digest = recovery_digest(RECOVERY) or ""
    assert run(b.node.used.look(ANN)) != Used()
    for secret in (CODES.secret.reveal(), hashed.digest, hashed.text, digest, CODES.mark, SECRET):
        assert secret not in rows
        assert secret not in told
