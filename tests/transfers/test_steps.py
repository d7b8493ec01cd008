"""A transfer that is killed before any one of its calls that change anything, and started again."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import pytest

from mft.core.vpath import VPath
from mft.transfers import queue, steps
from mft.transfers.queue import Queue
from mft.transfers.rows import Row
from mft.vfs.base import Entry
from tests.fakes.killed import child, prepare
from tests.fakes.killed_transfers import transfer, transfer_once, unsynced
from tests.fakes.remote import MemoryRemote, MemoryRemoteUpload
from tests.fakes.transferring import PART, Desk, LocalDesk

MOST_CALLS = 1000  # of one transfer
DATA = bytes(at % 251 for at in range(10_000))


class Case(NamedTuple):
    """Options, and what is there once a file has been sent by them."""

    options: Mapping[str, str] = MappingProxyType({})
    left: bool = False  # whether the source stays
    old: bool = False  # whether something has the name
    files: int = 1  # at the destination
    path: str = "a.csv"


CASES = {
    "move": Case(),
    "copy": Case({"delete_source_on_success": "no"}, left=True),
    "move into a folder": Case({"recursive": "yes"}, path="sub/a.csv"),
    "overwrite": Case({"overwrite_rule": "overwrite"}, old=True),
    "copy over another": Case(
        {"overwrite_rule": "overwrite", "delete_source_on_success": "no"}, left=True, old=True
    ),
    "put aside": Case({"overwrite_rule": "timestamp-to-existing-file"}, old=True, files=2),
    "stamp": Case({"overwrite_rule": "timestamp-always"}),
    "in place": Case({"destination_temporary_suffix": "none"}),
    "archive": Case({"archive_success_path": "archive"}),
    "convert": Case({"destination_content_actions": "*, convert-charset, latin-1, utf-8"}),
}


@pytest.fixture(scope="module", autouse=True)
def prepared(tmp_path_factory: pytest.TempPathFactory) -> None:
    prepare(transfer_once, tmp_path_factory.mktemp("once"))


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def has_it(found: Mapping[str, bytes], case: Case) -> int:
    """How often the file is there, whole."""
    data = DATA.decode("latin-1").encode() if "convert" in str(case.options) else DATA
    return sum(content == data for content in found.values())


@pytest.mark.parametrize("name", CASES)
def test_a_kill_before_any_call_loses_nothing_and_repeats_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_PRAGMAS", unsynced())
    monkeypatch.setattr(Queue, "_sync", lambda *_: None)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    case = CASES[name]
    for at_call in range(1, MOST_CALLS):
        directory = tmp_path / str(at_call)
        out, into = make(directory, case)
        was_killed = not child(transfer, directory, dict(case.options), at_call)
        there = has_it(files_in(into), case)
        assert there or (out / case.path).read_bytes() == DATA, f"lost at call {at_call}"
        at = LocalDesk(directory, **case.options)
        at.go(30)
        found = files_in(into)
        assert has_it(found, case) == 1, f"killed before call {at_call}: {sorted(found)}"
        assert len(found) == case.files, f"killed before call {at_call}: {sorted(found)}"
        assert (out / case.path).exists() is case.left
        assert not list(out.rglob(".mft-*")), f"left aside, killed before call {at_call}"
        if not was_killed:
            assert at_call > 25
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize(("name", "folder"), [("move", "in"), ("in place", "in"), ("archive",) * 2])
def test_nothing_hidden_is_left_of_a_file_whose_source_has_gone_since_a_kill(
    name: str, folder: str, tmp_path: Path
) -> None:
    case = CASES[name]
    for at_call in range(1, MOST_CALLS):
        directory = tmp_path / str(at_call)
        out, _ = make(directory, case)
        assert not child(transfer, directory, dict(case.options), at_call)
        if list((directory / folder).rglob(".mft-*")):
            break
    (out / case.path).unlink()
    LocalDesk(directory, **case.options).go(30)
    assert not list(directory.rglob(".mft-*"))


def make(directory: Path, case: Case) -> tuple[Path, Path]:
    """The folders of a transfer, with the file that is to be sent."""
    out, into = directory / "out", directory / "in"
    for folder in (out, into, directory / "archive", (out / case.path).parent):
        folder.mkdir(parents=True, exist_ok=True)
    (out / case.path).write_bytes(DATA)
    if case.old:
        (into / "a.csv").write_bytes(b"old")
    return out, into


def test_what_has_no_time_is_begun_anew_after_a_cut(tmp_path: Path) -> None:
    desk = Desk(tmp_path, retry_wait="5")
    desk.put("a.csv", b"A" * 100_000, 0)
    desk.source.makes_digests = desk.target.makes_digests = False
    desk.source.breaks_after = 50_000
    desk.start()
    while desk.source.breaks_after is not None:
        desk.pass_time(0.1, 0.1)
    (part,) = desk.arrived.values()
    assert set(part) == {ord("A")}
    desk.put("a.csv", b"B" * 100_000, 0)  # the same size, and no time that tells it apart
    desk.pass_time(60)
    assert desk.arrived == {"a.csv": b"B" * 100_000}


@pytest.mark.parametrize("digests", [True, False])
def test_a_digest_is_made_where_it_is_of_use(tmp_path: Path, digests: bool) -> None:
    made: list[object] = []

    def sha256() -> object:
        made.append(None)
        return hashlib.sha256()

    desk = Desk(tmp_path)
    desk.put("a.csv", DATA)
    desk.target.makes_digests = digests
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(steps, "hashlib", SimpleNamespace(sha256=sha256))
        desk.go()
    assert len(made) == digests
    assert desk.arrived == {"a.csv": DATA}


@pytest.mark.parametrize("lies", [True, False])
def test_a_digest_that_nobody_expected_is_compared_as_well(tmp_path: Path, lies: bool) -> None:
    desk = Desk(tmp_path, retry_count="0")
    desk.put("a.csv", DATA)
    desk.target.false_digests = lies
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(MemoryRemote, "may_digest", lambda *_: False)
        desk.go()
    assert desk.arrived == ({} if lies else {"a.csv": DATA})
    assert desk.left == (["a.csv"] if lies else [])


@pytest.mark.parametrize(
    ("size", "stays", "saves"),
    [
        (4000, "yes", [("sent", True)]),
        (4000, "no", [("sent", True), ("verified", True)]),
        (5000, "yes", [("sending", False), ("sent", True)]),
        (5000, "no", [("sending", False), ("sent", True), ("verified", True)]),
    ],
)
def test_what_is_of_no_use_after_a_kill_is_not_written_down(
    tmp_path: Path, size: int, stays: str, saves: list[tuple[str, bool]]
) -> None:
    """A file of one piece is not gone on with; a copy ends in the call that follows."""
    saved: list[tuple[str, bool]] = []
    ended: list[bool] = []
    save, end = Queue.save, Queue.end

    def saves_it(queue: Queue, row: Row, *, durable: bool = True) -> None:
        saved.append((row.state, durable))
        save(queue, row, durable=durable)

    def ends_it(queue: Queue, *words: Any, durable: bool = False, **named: Any) -> Any:
        ended.append(durable)
        return end(queue, *words, durable=durable, **named)

    desk = Desk(tmp_path, delete_source_on_success="no" if stays == "yes" else "yes")
    desk.put("a.csv", bytes(size))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Queue, "save", saves_it)
        patched.setattr(Queue, "end", ends_it)
        desk.go()
    assert saved == saves
    assert ended == [stays == "yes"]
    assert desk.arrived == {"a.csv": bytes(size)}


@pytest.mark.parametrize("told", [0, len(DATA), len(DATA) + 1])
def test_what_a_server_tells_too_early_is_asked_again(tmp_path: Path, told: int) -> None:
    """Along with the end of an upload and a rename; only what is right needs no look of its own."""
    looks: list[str] = []  # at the destination
    stat = MemoryRemote.stat

    async def looks_at(peer: MemoryRemote, path: VPath, **how: Any) -> Entry:
        nonlocal looks
        looks += [path.name] if how.get("finished") else []
        return await stat(peer, path, **how)

    async def rename_seen(peer: MemoryRemote, *names: VPath, replace: bool) -> Entry:
        await peer.rename(*names, replace=replace)
        return Entry("", 0o100600, told, 0, 0)

    desk = Desk(tmp_path, overwrite_rule="disable", delete_source_on_success="no")
    desk.put("a.csv", DATA)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(MemoryRemote, "stat", looks_at)
        patched.setattr(MemoryRemote, "rename_seen", rename_seen, raising=False)
        seen = property(lambda _: Entry("", 0o100600, told, 0, 0))
        patched.setattr(MemoryRemoteUpload, "seen", seen, raising=False)
        desk.go()
    assert desk.arrived == {"a.csv": DATA}
    before, *again = looks
    assert before == f"a.csv{PART}"
    assert again == ([] if told == len(DATA) else [f"a.csv{PART}", "a.csv"])
