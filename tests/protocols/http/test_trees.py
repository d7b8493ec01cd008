"""Whole trees are removed through the session's own door, and nothing beside them."""

from typing import Any

import pytest

from mft.core.failure import Reason
from mft.core.vpath import ROOT, VPath
from mft.events import catalogue as e
from mft.protocols.http import trees
from mft.protocols.http.events import NUMBERS
from mft.protocols.http.trees import copy_tree, remove_any, remove_tree
from mft.vfs.listing import BATCH
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.files import put
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import session, shape, tree
from tests.fakes.trail import Trail

HERE, THERE = VPath.parse("/here"), VPath.parse("/there")
FULL = HERE.child("full")


def http(*rules: str, **given: Any) -> Any:
    return session(*rules, numbers=NUMBERS, **given)


def below(files: MemoryFileSystem, path: VPath) -> set[str]:
    """Every path at or below this one."""
    return {one for one in shape(files) if VPath.parse(one).within(path)}


def test_a_tree_goes_with_all_that_is_in_it_the_deepest_first() -> None:
    files, trail = tree(), Trail()
    beside = below(files, THERE)
    run(remove_tree(http(files=files, trail=trail), HERE))
    assert not below(files, HERE)
    assert below(files, THERE) == beside
    removed = [told.payload.path for told in trail.told if told.event is e.HTTP_REMOVE_DONE]
    folders = [
        told.payload.path for told in trail.told if told.event is e.HTTP_REMOVE_DIRECTORY_DONE
    ]
    assert sorted(removed) == ["/here/file", "/here/full/file", "/here/link"]
    assert folders.index("/here/full/inner") < folders.index("/here/full") < folders.index("/here")


def test_a_deep_tree_and_a_wide_one_are_removed() -> None:
    files, trail = MemoryFileSystem(owner="ann-1"), Trail()
    deep = VPath(("top",))
    run(files.make_directory(deep))
    for _ in range(300):
        deep = deep.child("d")
        run(files.make_directory(deep))
    put(files, deep.child("file"), b"deep")
    for number in range(2 * BATCH + 1):
        run(files.make_directory(VPath(("top", f"w{number}"))))
    run(remove_tree(http(files=files, trail=trail), VPath(("top",))))
    assert not files.tree.root.children
    # A folder is listed again for each batch of folders in it, and not for each of them.
    listed = [told.payload.path for told in trail.told if told.event is e.HTTP_LIST_DONE]
    assert listed.count("/top") == 4


def test_what_links_lead_to_stays() -> None:
    files = tree()
    run(files.make_link(HERE.child("way"), "../there"))
    run(files.make_link(FULL.child("deeper"), "../../there/full"))
    beside = below(files, THERE)
    run(remove_any(http(files=files), HERE))
    assert not below(files, HERE)
    assert below(files, THERE) == beside


@pytest.mark.parametrize("folder", [False, True])
def test_a_link_to_a_folder_is_no_folder(folder: bool) -> None:
    files = tree()
    way = HERE.child("way")
    run(files.make_link(way, "../there"))
    before = below(files, THERE)
    if folder:
        with refused(Reason.NOT_A_DIRECTORY):
            run(remove_any(http(files=files), way, folder=True))
    else:
        run(remove_any(http(files=files), way))
        assert str(way) not in shape(files)
    assert below(files, THERE) == before


def test_the_root_is_refused_before_anything_in_it_is_removed() -> None:
    files, trail = tree(), Trail()
    before = shape(files)
    for folder in (False, True):
        with refused(Reason.DENIED):
            run(remove_any(http(files=files, trail=trail), ROOT, folder=folder))
    assert shape(files) == before
    assert trail.events[:2] == [e.ROOT_PROTECTED, e.HTTP_REMOVE_DIRECTORY_FAILED]


def test_a_file_is_removed_and_is_no_folder() -> None:
    files = tree()
    with refused(Reason.NOT_A_DIRECTORY):
        run(remove_any(http(files=files), HERE.child("file"), folder=True))
    run(remove_any(http(files=files), HERE.child("file")))
    assert "/here/file" not in shape(files)
    for folder in (False, True):
        with refused(Reason.NOT_FOUND):
            run(remove_any(http(files=files), HERE.child("file"), folder=folder))


@pytest.mark.parametrize(
    ("rules", "reason", "stays"),
    [
        (("allow-list, allow-delete-folder",), Reason.DENIED, "/here/file"),
        (("allow-list, allow-delete-file",), Reason.DENIED, "/here/full"),
        (("allow-delete-file, allow-delete-folder",), Reason.IS_A_DIRECTORY, "/here/file"),
        (
            ("allow-full-control", "/here/full/file, allow-list"),
            Reason.DENIED,
            "/here/full/file",
        ),
        (
            ("allow-traverse, allow-delete-file, allow-delete-folder",),
            Reason.NOT_EMPTY,
            "/here/full/file",
        ),
    ],
    ids=["no files", "no folders", "not seen", "one file", "only folders are seen"],
)
def test_what_may_not_be_removed_stays_and_ends_it(
    rules: tuple[str, ...], reason: Reason, stays: str
) -> None:
    files, trail = tree(), Trail()
    peer = http(*rules, files=files, trail=trail)
    with refused(reason):
        run(remove_any(peer, HERE))
    assert stays in shape(files)
    assert not peer.opened, "no folder is left open"


def test_who_may_not_remove_a_folder_does_not_empty_it() -> None:
    files = tree()
    before = shape(files)
    rules = ("allow-full-control", "/here/full, allow-list, allow-delete-file")
    with refused(Reason.DENIED):
        run(remove_tree(http(*rules, files=files), FULL))
    assert shape(files) == before


def test_whoever_leaves_removes_no_more() -> None:
    files = tree()
    peer = http(files=files)
    peer.leave()
    with refused(Reason.ABORTED):
        run(remove_tree(peer, HERE))
    assert "/here/full/file" in shape(files)


# Copies.


def test_a_tree_is_copied_with_its_files_and_folders_and_without_its_links() -> None:
    files = tree()
    run(copy_tree(http(files=files), HERE, VPath.parse("/copy")))
    copied = {path.removeprefix("/copy") for path in below(files, VPath.parse("/copy"))}
    assert copied == {"", "/file", "/full", "/full/file", "/full/inner", "/empty"}
    before = {path.removeprefix("/here"): data for path, data in shape(files).items()}
    assert before["/full/file"][1] == shape(files)["/copy/full/file"][1] == b"more"


def test_a_copy_ends_at_the_first_thing_that_cannot_be_copied() -> None:
    files = tree()
    rules = ("allow-full-control", "/here/full/*, deny-full-control")
    with refused(Reason.DENIED):
        run(copy_tree(http(*rules, files=files), HERE, VPath.parse("/copy")))
    assert "/copy/full/file" not in shape(files)


def test_a_copy_of_more_folders_than_may_wait_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MAX_FOLDERS", 1)
    with refused(Reason.QUOTA):
        run(copy_tree(http(files=tree()), HERE, VPath.parse("/copy")))
