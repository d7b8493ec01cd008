"""Nodes in memory, and the way to them."""

import time

import pytest

from mft.core.failure import Reason
from mft.core.vpath import ROOT, VPath
from mft.vfs.base import Attributes
from mft.vfs.memory_tree import MAX_FILE, MemoryLane, MemoryTree, resize
from tests.fakes.refused import refused
from tests.fakes.run import run


@pytest.fixture
def tree() -> MemoryTree:
    return MemoryTree(time.time)


def test_links_that_lead_out_are_denied(tree: MemoryTree) -> None:
    for name, text in (("up", "../x"), ("absolute", "/etc")):
        link = tree.node(0o120777)
        link.text = text
        tree.root.children[name] = link
        with refused(Reason.DENIED):
            tree.find(VPath((name,)))
    assert tree.find(ROOT) is tree.root


def test_a_size_beyond_memory_is_no_space() -> None:
    with refused(Reason.NO_SPACE):
        resize(bytearray(), MAX_FILE + 1)


def test_a_closed_lane_is_refused(tree: MemoryTree) -> None:
    lane = MemoryLane(tree.node(0o100644), tree, "/a")
    assert lane.fileno() is None
    run(lane.sync())
    lane.close()
    with refused(Reason.DENIED):
        lane.write_from([memoryview(b"x")], 0)
    with refused(Reason.DENIED):
        run(lane.change(Attributes(size=1)))
