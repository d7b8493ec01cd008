"""One file to its end, whatever the servers at both ends do meanwhile."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.transfers import queue
from mft.transfers.queue import Queue
from tests.fakes.killed_transfers import unsynced
from tests.fakes.remote import (
    MemoryRemote,
    MemoryRemoteDownload,
    MemoryRemoteLane,
    MemoryRemoteUpload,
)
from tests.fakes.transferring import Desk

OPERATIONS = {
    MemoryRemote: ("stat", "list", "upload", "download", "make_directory", "remove", "rename"),
    MemoryRemoteLane: ("read_later", "write_later"),
    MemoryRemoteUpload: ("commit",),
    MemoryRemoteDownload: ("close",),
}
DATA = bytes(at % 251 for at in range(10_000))
MOST = 200  # moments of one transfer
LONG = 300  # seconds in which all is done, with every wait after what was cut
# Seconds. Of the looks that find nothing, one is like the other: every one of them would be some
# more moments for each moment.
BETWEEN_LOOKS = "60"
DONE = 60012


class Cutter:
    """Cuts every connection before or after one of the operations, once."""

    def __init__(self, at: int, peers: Any, then: Callable[[], object]) -> None:
        self.left = at
        self._peers = peers
        self._then = then

    def moment(self) -> None:
        self.left -= 1
        if self.left == 0:
            self._then()
            for peer in self._peers:
                peer.cut()
            raise Refused(Reason.ABORTED, "", "the connection is lost")

    def wrap(self, call: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
        async def cut(*words: Any, **named: Any) -> Any:
            self.moment()
            found = await call(*words, **named)
            self.moment()
            return found

        return cut


@pytest.fixture
def arm(monkeypatch: pytest.MonkeyPatch) -> Callable[[Cutter], None]:
    def patch(cutter: Cutter) -> None:
        for kind, names in OPERATIONS.items():
            for name in names:
                monkeypatch.setattr(kind, name, cutter.wrap(ORIGINALS[kind, name]))

    return patch


@pytest.fixture(autouse=True)
def powered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do without syncing: no power is lost here, and what was written is there after an end."""
    monkeypatch.setattr(queue, "_PRAGMAS", unsynced())
    monkeypatch.setattr(Queue, "_sync", lambda *_: None)


ORIGINALS = {(kind, name): getattr(kind, name) for kind in OPERATIONS for name in OPERATIONS[kind]}
OPTIONS = {
    "a move": {},
    "a copy": {"delete_source_on_success": "no"},
    "into folders": {"recursive": "yes"},
    "an archive": {"archive_location_uuid": "archive", "archive_success_path": "/kept"},
    "stamped": {"overwrite_rule": "timestamp-always"},
    "put aside": {"overwrite_rule": "timestamp-to-existing-file"},
    "in place": {"destination_temporary_suffix": "none"},
}


def made(directory: Path, name: str) -> Desk:
    directory.mkdir()
    given = {"retry_wait": "20", "changes_poll_interval": BETWEEN_LOOKS, **OPTIONS[name]}
    at = Desk(directory, **given)
    at.put("sub/a.csv" if name == "into folders" else "a.csv", DATA)
    for peer in at.peers.values():
        peer.late = True
    return at


def whole(at: Desk) -> int:
    """How often the file is at the destination."""
    folder = "/in/sub" if "sub" in at.target.names("/in") else "/in"
    return [at.target.get(f"{folder}/{name}") for name in at.target.names(folder)].count(DATA)


def check(at: Desk, name: str, moment: int) -> None:
    """It is there once, nothing else is, and the source has gone if it was to."""
    folder = "/in/sub" if name == "into folders" else "/in"
    assert whole(at) == 1, f"cut at {moment}: {at.target.names(folder)}"
    assert len(at.target.names(folder)) == 1, f"cut at {moment}: {at.target.names(folder)}"
    stays = name == "a copy"
    left = at.source.names("/out/sub" if name == "into folders" else "/out")
    assert left == ([] if not stays else ["a.csv"]), f"cut at {moment}"
    if name == "an archive":
        assert len(at.archive.names("/kept")) == 1


@pytest.mark.parametrize("name", OPTIONS)
def test_connections_that_end_at_any_moment_lose_nothing_and_repeat_nothing(name, tmp_path, arm):
    for moment in range(1, MOST):
        at = made(tmp_path / str(moment), name)
        cutter = Cutter(moment, at.peers.values(), lambda: None)
        arm(cutter)
        at.start()
        at.pass_time(LONG, step=5)
        check(at, name, moment)
        at.stop()
        assert at.logged == []
        begun, ended = at.numbers.count(60010), at.numbers.count(60012) + at.numbers.count(60013)
        assert begun <= ended <= begun + 1, f"cut at {moment}"  # one that was sent may be told late
        if cutter.left > 0:
            assert moment > 20
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("name", OPTIONS)
def test_an_end_of_this_server_at_any_moment_loses_nothing_and_repeats_nothing(name, tmp_path, arm):
    for moment in range(1, MOST):
        at = made(tmp_path / str(moment), name)
        closed = at.transfer.queue.close
        cutter = Cutter(moment, at.peers.values(), closed)  # nothing is written any more
        arm(cutter)
        at.start()
        at.pass_time(15)
        assert whole(at) or "a.csv" in at.source.names("/out") or at.source.names("/out/sub")
        at.stop()
        at.restart()
        at.pass_time(LONG, step=5)
        check(at, name, moment)
        at.stop()
        if cutter.left > 0:
            return
    raise AssertionError("it never came to its end")
