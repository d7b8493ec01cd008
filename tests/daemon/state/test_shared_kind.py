"""One kind of record on several nodes: who is too slow is judged again, and nothing is lost."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mft.auth.own_factors import OwnFactor
from mft.auth.own_passwords import OwnPassword, mark_of
from mft.auth.passwords import PasswordHash
from mft.auth.time_codes import TimeCodes
from mft.auth.used_codes import Used
from mft.core.failure import Reason, Refused
from mft.daemon.state.own_factors import FACTORS
from mft.daemon.state.shared_kind import TRIES
from mft.events import catalogue as events
from tests.fakes.accounts import CHEAP_HASH, CODES
from tests.fakes.record_nodes import RecordNode, RecordNodes, few_nodes, postgresql
from tests.fakes.run import run

__all__ = ["few_nodes", "postgresql"]

HASH = PasswordHash.parse(CHEAP_HASH)
OWN = OwnPassword(mark_of(HASH), HASH, 1000.5, (HASH,))
LATER = OWN._replace(changed=2000.5, earlier=())
FACTOR = OwnFactor(CODES, frozenset(), 7)


@pytest.fixture
def nodes(few_nodes: RecordNodes) -> RecordNodes:
    return few_nodes


def step(number: int) -> Callable[[Used], Used | None]:
    """Use up a step, unless it is."""
    return lambda used: None if number <= used.step else used.taken("mark", number)


def kept(node: RecordNode, folder: str) -> list[dict[str, Any]]:
    """What the files of a node have."""
    files = (node.state / folder).iterdir()
    return [orjson.loads(one.read_bytes()) for one in files]


def test_what_one_node_has_changed_another_hears_with_a_heartbeat(nodes: RecordNodes) -> None:
    a, b = nodes.start("a", "b")
    run(a.own.keep("ann", OWN, None))
    run(a.factors.keep("ann", FACTOR, None))
    assert (a.own.of("ann"), a.factors.of("ann")) == (OWN, FACTOR)
    b.beat()
    assert (b.own.of("ann"), b.factors.of("ann"), b.factors.some) == (OWN, FACTOR, True)
    run(b.own.keep("ann", LATER, OWN))
    run(b.factors.keep("ann", None, FACTOR))
    a.beat()
    assert (a.own.of("ann"), a.factors.of("ann"), a.factors.some) == (LATER, None, False)


def test_each_node_has_a_copy_of_its_own(nodes: RecordNodes) -> None:
    a, b = nodes.start("a", "b")
    run(a.own.keep("ann", OWN, None))
    run(a.factors.keep("ann", FACTOR, None))
    b.beat()
    assert kept(a, "passwords") == kept(b, "passwords")
    assert [one["version"] for one in kept(b, "passwords")] == [1]
    assert len(kept(b, "one-time-codes")) == 1
    run(a.factors.keep("ann", None, FACTOR))
    b.beat()
    assert kept(a, "one-time-codes") == kept(b, "one-time-codes") == []


def test_who_changes_what_another_node_has_changed_is_refused_and_knows_then(
    nodes: RecordNodes,
) -> None:
    a, b = nodes.start("a", "b")
    run(a.own.keep("ann", OWN, None))
    with pytest.raises(Refused) as refused:
        run(b.own.keep("ann", LATER, None))
    assert refused.value.reason is Reason.BUSY
    assert b.own.of("ann") == OWN
    run(b.own.keep("ann", LATER, OWN))
    with pytest.raises(Refused):
        run(a.own.keep("ann", LATER._replace(changed=3000), OWN))
    assert a.own.of("ann") == LATER


def test_a_change_that_was_outrun_is_judged_again(nodes: RecordNodes) -> None:
    a, b = nodes.start("a", "b")
    judged: list[int] = []

    def seven(used: Used) -> Used | None:
        judged.append(used.step)
        return step(7)(used)

    a.before = lambda: run(b.used.take("ann", step(5)))
    assert run(a.used.take("ann", seven)) == Used("mark", 7, (), (5,))
    assert judged == [-1, 5]
    a.before = lambda: run(b.used.take("ann", step(9)))
    assert run(a.used.take("ann", step(9))) is None
    assert run(a.used.look("ann")).step == 9


def test_one_that_is_outrun_again_and_again_gives_up(nodes: RecordNodes) -> None:
    a, b = nodes.start("a", "b")
    count = 0

    def outrun() -> None:
        nonlocal count
        count += 1
        run(b.used.take("ann", step(count)))
        a.before = outrun

    a.before = outrun
    with pytest.raises(Refused) as refused:
        run(a.used.take("ann", step(1000)))
    assert (refused.value.reason, count) == (Reason.BUSY, TRIES)
    a.before = None
    assert run(a.used.take("ann", step(1000))) is not None


def test_what_a_server_has_when_it_joins_is_everybodys(nodes: RecordNodes) -> None:
    a = nodes.new("a")
    run(a.own.keep("ann", OWN, None))
    run(a.factors.keep("ann", FACTOR, None))
    run(a.used.take("ann", step(5)))
    a.start()
    assert a.trail.events[-2:] == [events.RECORDS_GIVEN, events.RECORDS_HEARD]
    assert "1 records" in a.trail.told[-2].message
    (b,) = nodes.start("b")
    assert (b.own.of("ann"), b.factors.of("ann")) == (OWN, FACTOR)
    assert kept(a, "passwords")[0]["version"] == 1
    assert run(b.used.take("ann", step(5))) is None
    a.beat()
    assert a.trail.events[-1] is events.RECORDS_HEARD, "and nothing is given twice"


@pytest.mark.parametrize(("first", "second"), [(OWN, LATER), (LATER, OWN)])
def test_of_two_passwords_of_servers_that_join_the_later_counts(
    nodes: RecordNodes, first: OwnPassword, second: OwnPassword
) -> None:
    a, b = nodes.new("a"), nodes.new("b")
    run(a.own.keep("ann", first, None))
    run(b.own.keep("ann", second, None))
    a.start()
    b.start()
    a.beat()
    assert a.own.of("ann") == b.own.of("ann") == LATER
    assert kept(a, "passwords") == kept(b, "passwords")


def test_what_either_of_two_servers_has_used_up_stays_used_up(nodes: RecordNodes) -> None:
    a, b = nodes.new("a"), nodes.new("b")
    run(a.used.take("ann", lambda used: used.taken("mark", 5).recovered("one")))
    run(b.used.take("ann", lambda used: used.taken("mark", 7).recovered("two")))
    a.start()
    b.start()
    together = Used("mark", 7, ("one", "two"), (5,))
    assert run(a.used.look("ann")) == run(b.used.look("ann")) == together


def test_codes_that_were_removed_do_not_come_back_with_an_old_server(nodes: RecordNodes) -> None:
    old = nodes.new("old")
    run(old.factors.keep("ann", FACTOR, None))
    (a,) = nodes.start("a")
    run(a.factors.keep("ann", FACTOR, None))
    run(a.factors.keep("ann", None, FACTOR))
    old.start()
    assert old.factors.of("ann") is None
    assert kept(old, "one-time-codes") == []


def test_codes_that_a_server_alone_gave_after_they_were_removed_count(nodes: RecordNodes) -> None:
    (a,) = nodes.start("a")
    run(a.factors.keep("ann", FACTOR, None))
    run(a.factors.keep("ann", None, FACTOR))
    alone = nodes.new("alone")
    new = OwnFactor(TimeCodes.fresh(), frozenset(), 1 << 40)
    run(alone.factors.keep("ann", new, None))
    alone.start()
    a.beat()
    assert a.factors.of("ann") == alone.factors.of("ann") == new


def test_a_copy_that_cannot_be_written_is_told_once_and_written_later(nodes: RecordNodes) -> None:
    (a,) = nodes.start("a")
    away = (a.state / "passwords").rename(a.state / "away")
    run(a.own.keep("ann", OWN, None))
    run(a.own.keep("bob", OWN, None))
    a.beat(3)
    assert a.trail.count(events.RECORD_COPY_UNWRITTEN) == 1
    away.rename(a.state / "passwords")
    a.beat()
    assert len(kept(a, "passwords")) == 2


def test_an_administrator_removes_codes_from_any_node(nodes: RecordNodes) -> None:
    a, b = nodes.start("a", "b")
    run(a.factors.keep("ann", FACTOR, None))
    assert run(b.factors.take_away("ann", "ann")), "before it has heard of them"
    a.beat()
    assert a.factors.of("ann") is None
    assert not run(a.factors.take_away("ann", "ann"))
    assert b.trail.count(events.SECOND_FACTOR_TAKEN_AWAY) == 1


def test_codes_that_cannot_be_read_can_be_removed(nodes: RecordNodes) -> None:
    a, b = nodes.start("a", "b")
    run(a.factors.keep("ann", FACTOR, None))
    nodes.sql("UPDATE mft_account_records SET text = 'x', version = 2")
    b.beat()
    with pytest.raises(Refused):
        b.factors.of("ann")
    assert run(b.factors.take_away("ann", "ann"))
    a.beat()
    assert a.factors.of("ann") is b.factors.of("ann") is None
    assert FACTORS.unreadable in b.trail.events


def test_a_file_that_cannot_be_read_is_healed_by_what_the_nodes_have(nodes: RecordNodes) -> None:
    (a,) = nodes.start("a")
    run(a.own.keep("ann", OWN, None))
    again = nodes.new("b")
    (again.state / "passwords" / next((a.state / "passwords").iterdir()).name).write_bytes(b"{")
    damaged = nodes.new("b")
    assert damaged.trail.events == [events.OWN_PASSWORD_UNREADABLE]
    damaged.start()
    assert damaged.own.of("ann") == OWN
    assert kept(damaged, "passwords") == kept(a, "passwords")


def test_a_file_that_cannot_be_read_is_not_taken_for_nothing(nodes: RecordNodes) -> None:
    a = nodes.new("a")
    run(a.own.keep("ann", OWN, None))
    next((a.state / "passwords").iterdir()).write_bytes(b"{")
    damaged, b = nodes.start("a", "b")
    for _ in range(2):
        with pytest.raises(Refused):
            damaged.own.of("ann")
        damaged.beat()
    assert nodes.sql("SELECT COUNT(*) FROM mft_account_records") == [0]
    assert b.own.of("ann") is None
