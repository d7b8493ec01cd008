"""The files that tell which one-time codes accounts have used."""

import stat
from pathlib import Path
from typing import Any

import orjson
import pytest
from twisted.internet.defer import CancelledError, Deferred

from mft.auth.used_codes import Used
from mft.core.failure import Reason, Refused
from mft.daemon.state.used_codes import MAX_SIZE, UsedCodeFiles
from mft.events import catalogue as events
from tests.fakes.record_table import TableInMemory, in_memory
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

USED = Used("mark", 7, ("a", "b"), (6, 4))


def opened(state: Path, trail: Trail | None = None) -> UsedCodeFiles:
    return UsedCodeFiles(state, Inline(), trail or Trail())


def only_file(state: Path) -> Path:
    (path,) = (state / "second-factors").iterdir()
    return path


def test_only_the_server_may_read_them(tmp_path: Path) -> None:
    run(opened(tmp_path).take("ann", lambda _: USED))
    assert stat.S_IMODE((tmp_path / "second-factors").stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize("account", ["ann", "../../etc/passwd", "a" * 150, "\u00e4 /"])
def test_what_was_used_is_used_after_a_restart(tmp_path: Path, account: str) -> None:
    run(opened(tmp_path).take(account, lambda _: USED))
    assert only_file(tmp_path).parent == tmp_path / "second-factors"
    assert run(opened(tmp_path).look(account)) == USED


BROKEN = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "another account": orjson.dumps({"account": "bob", **USED._asdict()}),
    "no step": orjson.dumps({"account": "ann", "mark": "m", "recovery": [], "recent": []}),
    "no list": orjson.dumps({"account": "ann", "mark": "m", "step": 1, "recent": []}),
    "endless": b" " * MAX_SIZE + orjson.dumps({"account": "ann", **USED._asdict()}),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_read_lets_nobody_in_and_is_told(tmp_path: Path, text: bytes) -> None:
    run(opened(tmp_path).take("ann", lambda _: USED))
    only_file(tmp_path).write_bytes(text)
    trail = Trail()
    kept = opened(tmp_path, trail)
    with pytest.raises(Refused) as told:
        run(kept.look("ann"))
    assert told.value.reason is Reason.BROKEN
    assert trail.events == [events.USED_CODES_UNREADABLE]
    assert run(kept.look("bob")) == Used()


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    run(opened(tmp_path).take("ann", lambda _: USED))
    beside = only_file(tmp_path).with_suffix(".json.77.new")
    beside.write_bytes(b"half")
    assert run(opened(tmp_path).look("ann")) == USED
    assert not beside.exists()


class Slow:
    """A disk whose calls wait until they are let go."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[None]] = []

    async def __call__(self, call: Any, /, *args: Any, **kwargs: Any) -> Any:
        waits: Deferred[None] = Deferred()
        self.waiting.append(waits)
        await waits
        return call(*args, **kwargs)


def test_what_is_used_is_used_before_it_is_on_disk_and_no_older_write_wins(tmp_path: Path) -> None:
    disk = Slow()
    kept = UsedCodeFiles(tmp_path, disk, Trail())  # type: ignore[arg-type]  # the fakes
    done: list[int] = []

    def take(step: int) -> None:
        writing = Deferred.fromCoroutine(kept.take("ann", lambda _: USED._replace(step=step)))
        writing.addCallback(lambda _: done.append(step))

    for step in (7, 8):
        take(step)
        assert run(kept.look("ann")).step == step
    assert len(disk.waiting) == 1, "one write at a time for each account"
    disk.waiting.pop().callback(None)
    assert (done, run(opened(tmp_path).look("ann")).step) == ([7], 7)
    disk.waiting.pop().callback(None)
    assert (done, run(opened(tmp_path).look("ann")).step) == ([7, 8], 8)


def once(used: Used) -> Used | None:
    return None if used.step == USED.step else USED


class SlowTable(TableInMemory):
    """A database that answers when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Deferred[None]] = []

    async def write(self, *given: Any) -> Any:
        found = await super().write(*given)
        waits: Deferred[None] = Deferred()
        self.waiting.append(waits)
        await waits
        return found


def test_of_two_logins_by_one_code_at_one_node_the_second_waits_for_the_first(
    tmp_path: Path,
) -> None:
    kept, table, done = opened(tmp_path), SlowTable(), []
    kept.sharing.use(in_memory(table))
    for _ in range(2):
        taking = Deferred.fromCoroutine(kept.take("ann", once))
        taking.addCallback(done.append)
    assert (len(table.waiting), done) == (1, [])
    table.waiting.pop().callback(None)
    assert table.waiting == []
    assert sorted(done, key=bool) == [None, USED]


def test_a_login_that_gives_up_holds_up_nobody_and_has_used_its_code(tmp_path: Path) -> None:
    kept, table, done = opened(tmp_path), SlowTable(), []
    kept.sharing.use(in_memory(table))
    first = Deferred.fromCoroutine(kept.take("ann", lambda used: USED))
    first.addErrback(lambda failure: done.append(failure.check(CancelledError)))
    first.cancel()
    assert done == [CancelledError]
    second = Deferred.fromCoroutine(kept.take("ann", once))
    second.addCallback(done.append)
    table.waiting.pop().callback(None)
    assert done == [CancelledError, None]


def test_a_disk_that_fails_is_told_to_whoever_keeps(tmp_path: Path) -> None:
    async def full(*given: Any, **kept: Any) -> Any:
        raise OSError(28, "No space left on device")

    kept = UsedCodeFiles(tmp_path, full, Trail())  # type: ignore[arg-type]  # the fakes
    with pytest.raises(OSError, match="No space"):
        run(kept.take("ann", lambda _: USED))
    assert run(kept.look("ann")) == USED, "nobody learns by a full disk that a code does twice"
