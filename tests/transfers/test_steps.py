"""A transfer that is killed before any one of its calls of the system, and started again."""

import os
import signal
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from mft.transfers.queue import Queue
from mft.vfs.rename import KernelRename
from tests.fakes.transferring import LocalDesk

CALLS = (
    "open",
    "link",
    "rename",
    "unlink",
    "pwritev",
    "preadv",
    "mkdir",
    "rmdir",
    "fsync",
    "fchmod",
    "stat",
    "close",
)
STEPS = ("open", "look", "end_look", "take", "save", "end")
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
    "put aside": Case({"overwrite_rule": "timestamp-to-existing-file"}, old=True, files=2),
    "stamp": Case({"overwrite_rule": "timestamp-always"}),
    "in place": Case({"destination_temporary_suffix": "none"}),
    "archive": Case({"archive_success_path": "archive"}),
    "convert": Case({"destination_content_actions": "*, convert-charset, latin-1, utf-8"}),
}


class Killer:
    """Counts calls, and ends the process before one of them."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.count = 0

    def wrap(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*words: Any, **named: Any) -> Any:
            self.count += 1
            if self.count == self.at:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*words, **named)

        return counted


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Arms a killer in a process that has nothing else to do."""

    def arm(at: int) -> None:
        one = Killer(at)
        for name in CALLS:
            monkeypatch.setattr(os, name, one.wrap(getattr(os, name)))
        for name in STEPS:
            monkeypatch.setattr(Queue, name, one.wrap(getattr(Queue, name)))
        monkeypatch.setattr(KernelRename, "__call__", one.wrap(KernelRename.__call__))

    return arm


def killed(work: Callable[[], None]) -> bool:
    """Do work in a process of its own; whether that was killed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a runner's threads, which the child never needs
        pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(3)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


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
    name: str, tmp_path: Path, killer: Callable[[int], None]
) -> None:
    case = CASES[name]
    for at_call in range(1, MOST_CALLS):
        directory = tmp_path / str(at_call)
        out, into = make(directory, case)

        def work(directory: Path = directory, at_call: int = at_call) -> None:
            killer(at_call)
            LocalDesk(directory, **case.options).go()

        was_killed = killed(work)
        there = has_it(files_in(into), case)
        assert there or (out / case.path).read_bytes() == DATA, f"lost at call {at_call}"
        at = LocalDesk(directory, **case.options)
        at.go(30)
        found = files_in(into)
        assert has_it(found, case) == 1, f"killed before call {at_call}: {sorted(found)}"
        assert len(found) == case.files, f"killed before call {at_call}: {sorted(found)}"
        assert (out / case.path).exists() is case.left
        if not was_killed:
            assert at_call > 40
            return
    raise AssertionError("it never came to its end")


def make(directory: Path, case: Case) -> tuple[Path, Path]:
    """The folders of a transfer, with the file that is to be sent."""
    out, into = directory / "out", directory / "in"
    for folder in (out, into, directory / "archive", (out / case.path).parent):
        folder.mkdir(parents=True, exist_ok=True)
    (out / case.path).write_bytes(DATA)
    if case.old:
        (into / "a.csv").write_bytes(b"old")
    return out, into
