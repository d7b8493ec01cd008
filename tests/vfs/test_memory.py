"""The tree in memory: what only it has to promise, and that it does as the disk does."""

import tempfile
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.vfs.base import Attributes, Existing, FileSystem
from mft.vfs.local import LocalFileSystem
from mft.vfs.memory import MemoryFileSystem
from mft.vfs.memory_tree import MAX_FILE
from mft.vfs.volume import Volumes
from tests.fakes.files import get, interrupt, names, put
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.threads import Inline

A = VPath.parse("/a")
PATHS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map(
    lambda parts: VPath(tuple(parts))
)
DATA = st.binary(min_size=1, max_size=6)


def test_a_file_too_large_for_memory_is_no_space() -> None:
    files = MemoryFileSystem()
    upload = run(files.upload(A, Existing.REPLACE))
    with refused(Reason.NO_SPACE):
        upload.lane.write_from([memoryview(b"x")], MAX_FILE)
    run(upload.abort(keep=False))
    assert files.real_path(A) == "memory:/a"


def test_two_trees_share_nothing() -> None:
    one, two = MemoryFileSystem(), MemoryFileSystem()
    put(one, A, b"x")
    assert names(two, ROOT) == []


class Same(RuleBasedStateMachine):
    """Whatever is done to both, the disk and the memory answer alike and hold the same."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        volumes = Volumes(Inline(), io="inline")
        self.disk = {
            owner: LocalFileSystem(self._folder.name, owner, volumes) for owner in ("alice", "bob")
        }
        first = MemoryFileSystem(owner="alice")
        self.memory = {"alice": first, "bob": MemoryFileSystem(first.tree, "bob")}

    def both(self, owner: str, act: Any) -> None:
        answers = [self.answer(files, act) for files in (self.disk[owner], self.memory[owner])]
        assert answers[0] == answers[1]

    @staticmethod
    def answer(files: FileSystem, act: Any) -> object:
        try:
            return act(files)
        except Refused as refusal:
            return refusal.reason

    owners = st.sampled_from(["alice", "alice", "bob"])

    @rule(owner=owners, path=PATHS, data=DATA, how=st.sampled_from(Existing))
    def upload(self, owner: str, path: VPath, data: bytes, how: Existing) -> None:
        self.both(owner, lambda files: put(files, path, data, how))

    @rule(owner=owners, path=PATHS, data=DATA)
    def interrupt(self, owner: str, path: VPath, data: bytes) -> None:
        self.both(owner, lambda files: interrupt(files, path, data))

    @rule(owner=owners, path=PATHS)
    def download(self, owner: str, path: VPath) -> None:
        self.both(owner, lambda files: get(files, path))

    @rule(owner=owners, path=PATHS)
    def make_directory(self, owner: str, path: VPath) -> None:
        self.both(owner, lambda files: run(files.make_directory(path)))

    @rule(owner=owners, path=PATHS)
    def remove(self, owner: str, path: VPath) -> None:
        self.both(owner, lambda files: run(files.remove(path)))

    @rule(owner=owners, path=PATHS)
    def remove_directory(self, owner: str, path: VPath) -> None:
        self.both(owner, lambda files: run(files.remove_directory(path)))

    @rule(owner=owners, source=PATHS, into=PATHS, replace=st.booleans())
    def rename(self, owner: str, source: VPath, into: VPath, replace: bool) -> None:
        self.both(owner, lambda files: run(files.rename(source, into, replace=replace)))

    @rule(owner=owners, path=PATHS, size=st.integers(0, 9), follow=st.booleans())
    def truncate(self, owner: str, path: VPath, size: int, follow: bool) -> None:
        attributes = Attributes(size=size, mode=0o640)
        self.both(owner, lambda files: run(files.change(path, attributes, follow=follow)))

    @rule(owner=owners, path=PATHS, to=PATHS)
    def make_link(self, owner: str, path: VPath, to: VPath) -> None:
        self.both(owner, lambda files: run(files.make_link(path, str(to))))

    @rule(owner=owners, path=PATHS)
    def read_link(self, owner: str, path: VPath) -> None:
        self.both(owner, lambda files: run(files.read_link(path)))

    @rule(owner=owners, path=PATHS, follow=st.booleans())
    def stat(self, owner: str, path: VPath, follow: bool) -> None:
        def told(files: FileSystem) -> object:
            entry = run(files.stat(path, follow=follow))
            return entry.name, entry.mode, entry.is_directory or entry.size

        self.both(owner, told)

    @rule(owner=owners, path=PATHS)
    def list(self, owner: str, path: VPath) -> None:
        self.both(owner, lambda files: names(files, path))

    def teardown(self) -> None:
        self.both("alice", lambda files: names(files, ROOT))
        for files in self.disk.values():
            run(files.close())
        self._folder.cleanup()


def test_every_sequence_of_calls_ends_the_same_on_disk_and_in_memory() -> None:
    many = settings(max_examples=60, stateful_step_count=40, deadline=None)
    run_state_machine_as_test(Same, settings=many)
