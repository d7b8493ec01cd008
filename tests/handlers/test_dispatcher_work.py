"""A dispatcher that is killed before any one of its calls of the system, and started again."""

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mft.events.model import Occurrence
from mft.handlers import dispatcher_work
from mft.handlers.dispatcher_copy import How, Making, version_of
from mft.handlers.dispatcher_record import Intent, NotRecordedError, Record, Target
from mft.handlers.dispatcher_roots import Roots
from mft.handlers.dispatcher_work import FAILED, GONE, Outcome, Work
from mft.vfs.names import remove_directory
from mft.vfs.rename import find_rename_new
from mft.vfs.temporary import Temporaries
from tests.fakes.dispatching import DISPATCHER, Desk
from tests.fakes.killed import child, prepare
from tests.fakes.killed_dispatches import (
    A_LIST,
    CASES,
    Case,
    Told,
    desk_of,
    dispatch,
    dispatch_half,
    dispatch_once,
    no_links,
)
from tests.fakes.run import run

DONE, RETRIED = 20130, 20146
MOST_CALLS = 200  # of one dispatch


@pytest.fixture(scope="module", autouse=True)
def prepared(tmp_path_factory: pytest.TempPathFactory) -> None:
    prepare(dispatch_once, tmp_path_factory.mktemp("once"))


def consume(at: Desk) -> list[str]:
    """Take what is in the outbox, as whoever reads it does: never what is hidden."""
    found = [path for path in at.out.rglob("*.pdf") if path.read_bytes() == b"whole"]
    for path in found:
        path.unlink()
    return [str(path.relative_to(at.out)) for path in found]


@pytest.mark.parametrize(
    ("name", "consumed"),
    [
        *((name, False) for name in CASES),
        *((name, True) for name in ("copy", "move", "move to two", "move with a suffix")),
    ],
)
def test_a_kill_before_any_call_loses_nothing_and_repeats_nothing(
    name: str, consumed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    if not case.links:
        monkeypatch.setattr(os, "link", no_links)
    for at_call in range(1, MOST_CALLS):
        directory = tmp_path / str(at_call)
        told, ended = killed(directory, case, at_call)
        at = desk_of(directory, case)
        try:
            taken = consume(at) if consumed else []
            at.handle(told, told)
            assert at.numbers == [DONE], f"killed before call {at_call}"
            there = {name: b"whole" for name in case.out if name not in taken}
            assert at.files() == there, f"killed before call {at_call}: {taken}"
            assert at.inbox == ({"a.pdf": b"whole"} if case.left else {})
        finally:
            at.close()
        if ended:
            return
    raise AssertionError("it never came to its end")


def killed(directory: Path, case: Case, at_call: int) -> tuple[Occurrence, bool]:
    """One dispatch in a process that is killed; whether it came to its end before that."""
    first = desk_of(directory, case)
    if case.old:
        (first.out / "a.pdf").write_bytes(b"old")
    told = first.told(first.put())
    first.close()
    return told, child(dispatch, directory, plain(case), Told.of(told), at_call)


def plain(case: Case) -> dict[str, Any]:
    """A case as another process may have it."""
    return {**case._asdict(), "options": dict(case.options)}


def test_a_list_of_files_goes_on_where_it_was(tmp_path: Path) -> None:
    for at_call in range(1, MOST_CALLS, 3):
        directory = tmp_path / str(at_call)
        first = desk_of(directory, A_LIST)
        told = first.told("", destination_paths=[first.put(name) for name in "abc"])
        first.close()
        ended = child(dispatch, directory, plain(A_LIST), Told.of(told), at_call)
        at = desk_of(directory, A_LIST)
        at.handle(told)
        paths = [data["path"].rpartition("/")[2] for _, data in at.events]
        assert (at.numbers, paths) == ([DONE] * 3, ["a", "b", "c"]), at_call
        assert at.files() == dict.fromkeys("abc", b"whole")
        at.close()
        if ended:
            return
    raise AssertionError("it never came to its end")


# What a killed server left is not what it was when the next one looks.


class Full:
    """A disk that takes records, and no files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = True
        write = os.write

        def one(descriptor: int, data: Any) -> int:
            if self.full and bytes(data) == b"whole":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(descriptor, data)

        monkeypatch.setattr(os, "write", one)
        monkeypatch.setattr(os, "link", no_links)


@pytest.mark.parametrize("orderly", [True, False])
@pytest.mark.parametrize("action", ["copy", "move"])
def test_a_file_that_waits_for_its_next_try_is_dispatched_after_a_restart(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, action: str, orderly: bool
) -> None:
    at = desk(f"{action}, *, OUT", retry_count=5)
    handler, told = at.dispatcher(), at.told(at.put())
    disk = Full(monkeypatch)
    waiting = Deferred.fromCoroutine(handler.handle_many([told]))
    assert not waiting.called
    if orderly:
        waiting.addErrback(lambda failure: failure.trap(CancelledError))
        waiting.cancel()
        run(handler.stop())
    disk.full = False
    at.handle(told)
    assert at.numbers == [RETRIED, DONE]
    assert at.files() == {"a.pdf": b"whole"}
    assert at.inbox == ({"a.pdf": b"whole"} if action == "copy" else {})


@pytest.mark.parametrize("suffix", ["", ".part"])
@pytest.mark.parametrize("lost", ["volume", "name"])
def test_what_was_half_copied_and_is_gone_was_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, lost: str
) -> None:
    options = {"rules": "move, *, OUT", "destination_temporary_suffix": suffix}
    at = Desk(tmp_path, **options)
    told = at.told(at.put())
    at.close()
    monkeypatch.setattr(os, "link", no_links)
    assert not child(dispatch_half, tmp_path, options, Told.of(told))
    (left,) = (tmp_path / "out").iterdir()
    if lost == "volume":
        (tmp_path / "out").rename(tmp_path / "volume")
    else:
        left.unlink()
    at = Desk(tmp_path, **options)
    at.handle(told)
    assert at.numbers == [DONE]
    assert at.files() == {"a.pdf": b"whole"}
    assert at.inbox == {}
    at.close()


class KilledError(BaseException):
    """Nobody handles it, as nobody handles a kill."""


def ready(
    at: Desk, told: Occurrence, monkeypatch: pytest.MonkeyPatch, *, links: bool = False
) -> Intent:
    """What is recorded just before a whole copy, or a second name, gets its name."""
    record = Record(at.directory / "instance" / "state", DISPATCHER.uuid)
    with monkeypatch.context() as patch:
        if not links:
            patch.setattr(os, "link", no_links)
        patch.setattr(Making, "_publish", kill)
        with pytest.raises(KilledError):
            run(at.dispatcher().handle_many([told]))
    found = record.load()
    record.close()
    assert found is not None
    return found


def kill(*words: Any) -> None:
    raise KilledError


def test_a_whole_copy_whose_volume_is_away_was_not_published(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk("move, *, OUT")
    told = at.told(at.put())
    intent = ready(at, told, monkeypatch)
    (target,) = intent.targets
    assert target.whole
    assert target.made is not None
    (at.out / target.temporary).rename(at.directory / "elsewhere")
    record = Record(at.directory / "instance" / "state", DISPATCHER.uuid)
    # As a mount point whose volume is not there: the folder, but not the device.
    target.made = (target.made[0] + 1, target.made[1])
    record.save(intent)
    record.close()
    at.handle(told)
    assert at.numbers == [DONE]
    assert at.files() == {"a.pdf": b"whole"}
    assert at.inbox == {}


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("act", ["remove", "replace", "remove and leave a file"])
@pytest.mark.parametrize("suffix", ["", ".part"])
def test_what_a_client_does_to_a_folder_before_a_whole_copy_has_its_name_loses_nothing(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, suffix: str, act: str, links: bool
) -> None:
    at = desk("move, *, OUT/two", destination_temporary_suffix=suffix)
    folder = at.out / "two"
    folder.mkdir()
    told = at.told(at.put())
    ready(at, told, monkeypatch, links=links)
    if act == "replace":
        folder.rename(at.out / "older")
        folder.mkdir()
    else:
        for path in folder.glob("[!.]*"):
            path.unlink()
        top = os.open(at.out, os.O_RDONLY)
        with pytest.raises(OSError, match="not empty"):
            remove_directory(top, "two", Temporaries("alice", 100.0, time.time))
        os.close(top)
        if act != "remove":
            (folder / "later").write_bytes(b"whole")
    at.handle(told)
    assert at.numbers == [DONE]
    assert (folder / "a.pdf").read_bytes() == b"whole"
    assert at.inbox == {}


def test_a_copy_that_is_taken_away_before_it_has_its_name_is_told(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk("move, *, OUT")
    monkeypatch.setattr(os, "link", no_links)
    handler, told = at.dispatcher(), at.told(at.put())

    def replaced() -> None:
        (hidden,) = at.out.iterdir()
        hidden.unlink()
        hidden.write_bytes(b"foreign")

    during(monkeypatch, "utime", replaced)
    run(handler.handle_many([told]))
    ((number, data),) = at.events
    assert (number, "taken away" in data["details"]) == (20125, True)
    assert at.inbox == {"a.pdf": b"whole"}
    assert "a.pdf" not in at.files()


def test_a_foreign_file_under_the_suffixed_name_stays(desk: Callable[..., Desk]) -> None:
    at = desk("move, *, OUT", destination_temporary_suffix=".part")
    (at.out / "a.pdf.part").write_bytes(b"foreign")
    assert at.dispatch()[0] == 20125
    assert at.files() == {"a.pdf.part": b"foreign"}
    assert at.inbox == {"a.pdf": b"whole"}


def test_a_copy_has_the_suffixed_name_until_it_is_whole(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk("copy, *, OUT", destination_temporary_suffix=".part")
    handler, told = at.dispatcher(), at.told(at.put())
    seen: list[list[str]] = []
    during(monkeypatch, "pread", lambda: seen.append(sorted(os.listdir(at.out))))
    run(handler.handle_many([told]))
    assert seen == [["a.pdf.part"]]
    assert at.files() == {"a.pdf": b"whole"}


# What is on the disk.


@pytest.mark.parametrize("readable", [True, False])
def test_the_name_of_a_copy_is_on_the_disk_before_its_source_goes(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    at = desk("move, *, OUT, OUT/two", create_destination_folder="parent")
    monkeypatch.setattr(os, "link", no_links)
    handler, told = at.dispatcher(), at.told(at.put())
    done: list[str] = []
    fsync, unlink, opened = os.fsync, os.unlink, os.open

    def sync(descriptor: int) -> None:
        done.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    def remove(name: str, **named: Any) -> None:
        done.append(name)
        unlink(name, **named)

    def open_it(name: Any, flags: int, *words: Any, **named: Any) -> int:
        if name == "." and not readable:
            raise PermissionError
        return opened(name, flags, *words, **named)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "unlink", remove)
    monkeypatch.setattr(os, "open", open_it)
    run(handler.handle_many([told]))
    folders = [str(at.out), str(at.out / "two")]
    names = folders if readable else [f"{folder}/a.pdf" for folder in folders]
    removed = max(index for index, name in enumerate(done) if name.startswith(".mft-d"))
    assert done[removed - 2 : removed] == names  # and that is the source
    assert "a.pdf" not in done
    assert at.numbers == [DONE]


@pytest.mark.parametrize("together", [True, False])
def test_a_second_name_is_on_the_disk_before_a_record_elsewhere_says_that_it_is_there(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    at = desk("move, *, OUT")
    handler, told = at.dispatcher(), at.told(at.put())
    done: list[str] = []
    fsync, save = os.fsync, Record.save

    def sync(descriptor: int) -> None:
        done.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    def saved(record: Record, intent: Intent) -> None:
        done.append("whole" if intent.targets[0].whole else "begun")
        save(record, intent)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Record, "save", saved)
    monkeypatch.setattr(Record, "is_on", lambda record, device: together)
    run(handler.handle_many([told]))
    assert at.numbers == [DONE]
    before = done[: done.index("whole")]
    assert before == ([] if together else [str(at.out)])


# What happens to a file while it is dispatched.


def during(
    monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], None], before: bool = True
) -> None:
    """Do something once, around the first of some calls of the system."""
    call = getattr(os, name)

    def watched(*words: Any, **named: Any) -> Any:
        monkeypatch.setattr(os, name, call)
        if before:
            act()
        answer = call(*words, **named)
        if not before:
            act()
        return answer

    monkeypatch.setattr(os, name, watched)


def replace_source(at: Desk, data: bytes = b"newer") -> None:
    """What a second upload of the same name does."""
    beside = at.home / "in" / ".mft-upload"
    beside.write_bytes(data)
    beside.rename(at.home / "in" / "a.pdf")


@pytest.mark.parametrize("call", ["fsync", "pread", "fchmod"])
def test_a_file_that_is_replaced_while_it_is_copied_stays_and_has_its_own_event(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    at = desk("move, *, OUT", overwrite_rule="overwrite")
    monkeypatch.setattr(os, "link", no_links)
    handler, told = at.dispatcher(), at.told(at.put())
    during(monkeypatch, call, lambda: replace_source(at))
    run(handler.handle_many([told]))
    assert at.files() == {"a.pdf": b"whole"}
    assert at.inbox == {"a.pdf": b"newer"}
    run(handler.handle_many([at.told(told.data["real_path"])]))
    assert at.numbers == [DONE, DONE]
    assert at.files() == {"a.pdf": b"newer"}
    assert at.inbox == {}


def test_a_file_that_is_replaced_while_it_is_moved_is_not_removed(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk("move, *, OUT")
    handler, told = at.dispatcher(), at.told(at.put())
    during(monkeypatch, "link", lambda: replace_source(at))
    run(handler.handle_many([told]))
    assert at.numbers == [DONE]
    assert at.files() == {"a.pdf": b"whole"}
    assert at.inbox == {"a.pdf": b"newer"}


def test_a_file_that_is_replaced_at_the_last_moment_comes_back(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk("move, *, OUT")
    real, calls = find_rename_new(), []

    def rename_new(source: int, old: str, target: int, new: str, /) -> None:
        calls.append(new)
        if new.startswith(".mft-") and old == "a.pdf":
            replace_source(at)
        real(source, old, target, new)

    at.made["rename_new"] = rename_new
    assert at.dispatch()[0] == DONE
    assert at.files() == {"a.pdf": b"whole"}
    assert at.inbox == {"a.pdf": b"newer"}
    assert calls[-1] == "a.pdf"


def test_what_was_taken_goes_when_yet_another_file_has_its_name(
    desk: Callable[..., Desk],
) -> None:
    at = desk("move, *, OUT")
    real = find_rename_new()

    def rename_new(source: int, old: str, target: int, new: str, /) -> None:
        if new.startswith(".mft-") and old == "a.pdf":
            replace_source(at, b"second")
        if old.startswith(".mft-") and new == "a.pdf" and at.inbox.get("a.pdf") is None:
            (at.home / "in" / "a.pdf").write_bytes(b"third")
        real(source, old, target, new)

    at.made["rename_new"] = rename_new
    at.dispatch()
    assert at.inbox == {"a.pdf": b"third"}


def test_a_file_that_is_written_while_it_is_copied_is_copied_again(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk("move, *, OUT")
    monkeypatch.setattr(os, "link", no_links)
    handler, told = at.dispatcher(), at.told(at.put())
    during(monkeypatch, "pread", lambda: append(at), before=False)
    run(handler.handle_many([told]))
    assert at.files() == {"a.pdf": b"whole and more"}
    assert at.inbox == {}


def append(at: Desk) -> None:
    with (at.home / "in" / "a.pdf").open("ab") as file:
        file.write(b" and more")


def test_a_file_that_is_written_after_it_was_copied_is_copied_again(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk("move, *, OUT")
    monkeypatch.setattr(os, "link", no_links)
    handler, told = at.dispatcher(), at.told(at.put())
    real = dispatcher_work.present
    looked: list[str] = []

    def present(folder: int, name: str) -> os.stat_result | None:
        looked.append(name)
        if looked.count("a.pdf") == 1 and name == "a.pdf":
            append(at)
        return real(folder, name)

    monkeypatch.setattr(dispatcher_work, "present", present)
    run(handler.handle_many([told]))
    assert at.numbers == [DONE]
    assert at.files() == {"a.pdf": b"whole and more"}
    assert at.inbox == {}


def test_a_file_that_is_written_all_the_time_is_not_dispatched(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk("move, *, OUT, OUT/two", create_destination_folder="parent")
    handler, told = at.dispatcher(), at.told(at.put())
    pread = os.pread

    def busy(*words: Any) -> bytes:
        append(at)
        return pread(*words)

    monkeypatch.setattr(os, "pread", busy)
    run(handler.handle_many([told]))
    ((number, data),) = at.events
    assert number == 20125
    assert "written all the time" in data["details"]
    assert at.files() == {}
    assert list(at.inbox) == ["a.pdf"]


def test_a_disk_that_is_full_leaves_nothing_behind(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk("move, *, OUT")
    monkeypatch.setattr(os, "link", no_links)
    handler, told = at.dispatcher(), at.told(at.put())

    def full(*words: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    run(handler.handle_many([told]))
    ((number, data),) = at.events
    assert (number, data["details"]) == (20125, "No space left on device")
    assert at.files() == {}
    assert at.inbox == {"a.pdf": b"whole"}


def test_a_rename_to_another_disk_says_so(desk: Callable[..., Desk]) -> None:
    at = desk("rename, *, OUT")

    def across(source: int, old: str, target: int, new: str, /) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    at.made["rename_new"] = across
    number, data = at.dispatch()
    assert number == 20125
    assert "different volumes" in data["details"]
    assert at.inbox == {"a.pdf": b"whole"}


def test_a_rename_of_what_has_become_a_link_is_undone(desk: Callable[..., Desk]) -> None:
    at = desk("rename, *, OUT")
    real = find_rename_new()
    source = at.home / "in" / "a.pdf"

    def rename_new(folder: int, old: str, target: int, new: str, /) -> None:
        if source.is_file() and not source.is_symlink():
            source.unlink()
            source.symlink_to("/etc/hostname")
        real(folder, old, target, new)

    at.made["rename_new"] = rename_new
    number, data = at.dispatch()
    assert number == 20125
    assert "no file" in data["details"]
    assert list(at.out.iterdir()) == []
    assert stat.S_ISLNK(source.lstat().st_mode)


def test_large_files_are_copied_in_steps(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mft.handlers.dispatcher_copy.BLOCK", 10)
    at = desk("copy, *, OUT")
    handler, told = at.dispatcher(), at.told(at.put(data=bytes(range(250)) * 4))
    before = at.around.blocking.calls  # type: ignore[attr-defined]  # the fake counts them
    run(handler.handle_many([told]))
    assert at.around.blocking.calls - before > 1000 / 10 / 8  # type: ignore[attr-defined]  # as above
    assert at.files() == {"a.pdf": bytes(range(250)) * 4}


def broken_off(at: Desk) -> Occurrence:
    """An event whose file was half copied when the server was killed."""
    told = at.told(at.put(data=bytes(1000)))
    intent = Intent(told.serial, told.time, 0, told.data["real_path"], "copy", False, [], ".mft-t")
    intent.targets = [Target(f"{at.out}/a.pdf", ".mft-d1")]
    record = Record(at.directory / "instance" / "state", "dispatcher-1")
    roots = Roots(frozenset(), frozenset({str(at.out)}), at.around.homes)
    work = Work(intent, record, roots, How(), find_rename_new())
    assert work.advance() is None
    work.close()
    record.close()
    assert [name for name in at.files() if name.startswith(".mft-")] == [".mft-d1"]
    return told


def test_what_is_broken_off_in_the_middle_is_done_after_the_next_start(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mft.handlers.dispatcher_copy.BLOCK", 10)
    at = desk("copy, *, OUT")
    told = broken_off(at)
    at.dispatcher()
    assert at.files() == {}
    at.handle(told)
    assert at.files() == {"a.pdf": bytes(1000)}
    assert at.numbers == [DONE]


def test_a_start_on_a_full_disk_leaves_what_was_broken_off_until_there_is_room(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mft.handlers.dispatcher_copy.BLOCK", 10)
    at = desk("copy, *, OUT")
    told = broken_off(at)

    def full(record: Record, intent: Intent) -> None:
        raise NotRecordedError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Record, "save", full)
        handler = at.dispatcher()
        assert "No space left" in at.house.log[0]
        with pytest.raises(OSError, match="cannot be recorded"):
            run(handler.handle_many([told]))
    assert at.numbers == []
    run(handler.handle_many([told]))
    assert at.files() == {"a.pdf": bytes(1000)}
    assert at.numbers == [DONE]


@pytest.mark.parametrize("action", ["move", "move-with-timestamp", "delete"])
def test_a_new_file_that_gets_the_number_of_the_one_before_is_not_taken_for_it(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    at = desk(f"{action}, *" if action == "delete" else f"{action}, *, OUT")
    path = Path(at.put(data=b"one"))
    spare = at.directory / "spare"
    spare.hardlink_to(path)
    monkeypatch.setattr(os, "link", no_links)  # as between two disks
    handler, told = at.dispatcher(), at.told(str(path))
    save = Record.save

    def full(record: Record, intent: Intent) -> None:
        if intent.ended:
            raise NotRecordedError("No space left on device")
        save(record, intent)

    with monkeypatch.context() as patched:
        patched.setattr(Record, "save", full)
        with pytest.raises(OSError, match="cannot be recorded"):
            run(handler.handle_many([told]))
    assert at.inbox == {}
    spare.write_bytes(b"another")
    spare.rename(path)
    run(handler.handle_many([told]))
    assert at.numbers == [DONE]
    assert at.inbox == {"a.pdf": b"another"}
    assert [*at.files().values()] == ([] if action == "delete" else [b"one"])


def test_what_can_be_said_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"four")
    status = path.stat()
    assert version_of(status) == (4, status.st_mtime_ns)
    assert Outcome(GONE) == (GONE, "")
    assert Outcome(FAILED, "why").details == "why"
