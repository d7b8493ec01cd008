"""What a node knows of accounts: heard, copied, and the same as on others, whatever happens."""

from collections.abc import Callable

import pytest

from mft.core.failure import Reason, Refused
from mft.daemon.cluster import shared_records
from mft.daemon.cluster.shared_records import AGAIN, FILE, OUTDATED, UNHEARD, WHOLE
from mft.events import catalogue as events
from tests.daemon.state.test_shared_kind import FACTOR, LATER, OWN, step
from tests.fakes.record_nodes import RecordNode, RecordNodes, few_nodes, postgresql
from tests.fakes.run import run

__all__ = ["few_nodes", "postgresql"]


@pytest.fixture
def nodes(few_nodes: RecordNodes) -> RecordNodes:
    return few_nodes


def outdated(node: RecordNode, account: str, mark: shared_records.Mark) -> bool:
    """Whether a login is refused, since it was judged by the past."""
    try:
        node.settle(account, mark)
    except Refused as refused:
        return (refused.reason, refused.details) == (Reason.BUSY, OUTDATED)
    return False


def refusal(node: RecordNode) -> str:
    with pytest.raises(Refused) as refused:
        node.own.of("ann")
    assert refused.value.reason is Reason.BROKEN
    return refused.value.details


def test_a_login_that_was_judged_by_the_past_does_not_count(nodes: RecordNodes) -> None:
    a, b = nodes.start("a", "b")
    before = b.shared.mark
    assert not outdated(b, "ann", before)
    run(a.own.keep("ann", OWN, None))
    assert outdated(b, "ann", before)
    assert not outdated(b, "bob", before)
    b.beat()
    assert outdated(b, "ann", before), "it was heard while the login was judged"
    assert not outdated(b, "bob", before)
    assert not outdated(b, "ann", b.shared.mark)
    assert not outdated(a, "ann", a.shared.mark)
    before = a.shared.mark
    run(b.factors.keep("ann", FACTOR, None))
    assert outdated(a, "ann", before)


def test_a_code_that_was_used_makes_no_login_outdated(nodes: RecordNodes) -> None:
    a, b = nodes.start("a", "b")
    before = b.shared.mark
    run(a.used.take("ann", step(5)))
    run(b.used.take("ann", step(6)))
    assert not outdated(b, "ann", before)


def test_a_new_node_says_nothing_until_it_has_heard_the_others(nodes: RecordNodes) -> None:
    a, b = *nodes.start("a"), nodes.new("b")
    run(a.own.keep("ann", OWN, None))
    b.cut = True
    b.start()
    assert refusal(b) == UNHEARD
    with pytest.raises(Refused):
        b.factors.of("ann")
    assert not (b.state / FILE).exists()
    b.back()
    assert b.own.of("ann") == OWN
    assert b.factors.of("ann") is None
    assert b.trail.count(events.RECORDS_HEARD) == 1


def test_a_node_that_starts_without_the_database_goes_by_its_copies(nodes: RecordNodes) -> None:
    a, b = nodes.start("a", "b")
    run(a.own.keep("ann", OWN, None))
    b.beat()
    b.stop()
    run(a.own.keep("ann", LATER, OWN))
    again = nodes.new("b")
    again.cut = True
    again.start()
    assert again.own.of("ann") == OWN
    again.back()
    assert again.own.of("ann") == LATER


def test_without_a_secret_nothing_is_shared_and_nothing_can_be_changed(nodes: RecordNodes) -> None:
    alone = nodes.new("a", secret="")
    run(alone.own.keep("ann", OWN, None))
    alone.start()
    assert alone.trail.count(events.RECORDS_NOT_SHARED) == 1
    assert alone.own.of("ann") == OWN
    assert alone.shared.calls_for("ann") == ()
    alone.shared.hear("ann", alone.shared.mark, ())
    for change in (alone.own.keep("ann", LATER, OWN), alone.used.take("ann", step(5))):
        with pytest.raises(Refused) as refused:
            run(change)
        assert refused.value.reason is Reason.BROKEN
    alone.beat(3)
    assert nodes.sql("SELECT COUNT(*) FROM mft_account_records") == [0]


def test_a_database_with_too_many_records_is_told_and_not_taken(
    nodes: RecordNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (a,) = nodes.start("a")
    for name in ("ann", "bob"):
        run(a.own.keep(name, OWN, None))
    monkeypatch.setattr(shared_records, "MOST", 1)
    (b,) = nodes.start("b")
    b.beat(3)
    assert b.trail.count(events.RECORDS_NOT_SHARED) == 1
    assert refusal(b) == UNHEARD


def test_what_becomes_visible_late_is_heard(nodes: RecordNodes) -> None:
    a, b = nodes.start("a", "b")
    run(a.own.keep("ann", OWN, None))
    b.beat()
    run(a.own.keep("ann", LATER, OWN))
    nodes.sql("UPDATE mft_account_records SET changed = changed - 30")
    b.beat()
    assert b.own.of("ann") == LATER


def test_a_node_that_was_away_hears_what_it_has_missed(nodes: RecordNodes) -> None:
    a, b = nodes.start("a", "b")
    b.away()
    for name in ("ann", "bob"):
        run(a.own.keep(name, OWN, None))
    run(a.factors.keep("ann", FACTOR, None))
    assert b.own.of("ann") is None
    b.back()
    assert (b.own.of("ann"), b.own.of("bob"), b.factors.of("ann")) == (OWN, OWN, FACTOR)


def missed(node: RecordNode) -> None:
    """It has heard nothing for longer than others wait for a node."""
    node.shared._since = 1.0


def waited(node: RecordNode) -> None:
    """It has looked at everything long ago."""
    node.shared._looked -= WHOLE


@pytest.mark.parametrize("past", [missed, waited])
@pytest.mark.parametrize("lost", ["DELETE FROM mft_account_records", "restore"])
def test_what_a_database_has_lost_is_put_back(
    nodes: RecordNodes, lost: str, past: Callable[[RecordNode], None]
) -> None:
    a, b = nodes.start("a", "b")
    run(a.own.keep("ann", OWN, None))
    nodes.sql("DROP TABLE IF EXISTS saved", "CREATE TABLE saved AS TABLE mft_account_records")
    run(a.own.keep("ann", LATER, OWN))
    run(a.used.take("ann", step(5)))
    b.beat()
    nodes.sql("DELETE FROM mft_account_records")
    if lost == "restore":
        nodes.sql("INSERT INTO mft_account_records SELECT * FROM saved")
    assert not outdated(b, "ann", b.shared.mark), "it knows better"
    b.beat()
    assert b.trail.count(events.RECORDS_PUT_BACK) == 1
    past(a)
    a.beat()
    assert a.trail.count(events.RECORDS_PUT_BACK) == 1, "what b has never heard of"
    (c,) = nodes.start("c")
    assert a.own.of("ann") == b.own.of("ann") == c.own.of("ann") == LATER
    assert run(a.used.take("ann", step(5))) is None
    assert run(c.used.take("ann", step(5))) is None
    nodes.sql("DROP TABLE saved")


def test_what_could_not_be_read_counts_again_once_it_is_removed(nodes: RecordNodes) -> None:
    a, b = nodes.start("a", "b")
    run(a.own.keep("ann", OWN, None))
    b.beat()
    nodes.sql("UPDATE mft_account_records SET text = 'x', version = version + 1")
    b.beat(2)
    refusal(b)
    assert b.trail.count(events.OWN_PASSWORD_UNREADABLE) == 1
    nodes.sql("DELETE FROM mft_account_records")
    b.shared._looked -= AGAIN
    b.beat()
    assert b.own.of("ann") == OWN
    a.beat()
    assert a.own.of("ann") == OWN


def test_a_server_that_leaves_goes_on_alone_by_its_files(nodes: RecordNodes) -> None:
    a, b = nodes.start("a", "b")
    run(a.own.keep("ann", OWN, None))
    b.beat()
    run(b.shared.leave())
    run(b.own.keep("ann", LATER, OWN))
    assert run(b.used.take("ann", step(5))) is not None
    assert b.shared.calls_for("ann") == ()
    a.beat()
    assert a.own.of("ann") == OWN
    b.shared.use(b.cluster)
    a.beat()
    assert a.own.of("ann") == b.own.of("ann") == LATER
    assert run(a.used.take("ann", step(5))) is None
