"""The letters of the `perm` fact say what a session would allow."""

import stat

import pytest

from mft.auth.permissions import Permission, Rules
from mft.core.vpath import ROOT, VPath
from mft.session.letters import Letters
from mft.vfs.base import Entry
from tests.fakes.sessions import session

FOLDER = Entry("folder", stat.S_IFDIR | 0o755, 0, 0, 0)
FILE = Entry("file", stat.S_IFREG | 0o644, 0, 0, 0)
LINK = Entry("link", stat.S_IFLNK | 0o777, 0, 0, 0)
PATH = VPath.parse("/in/one")


def letters(entry: Entry, *rules: str, path: VPath = PATH) -> str:
    return Letters(Rules.parse(rules)).of(path, entry)


@pytest.mark.parametrize(
    ("permission", "of_file", "of_folder"),
    [
        (Permission.FULL, "adfrw", "cdeflmp"),
        (Permission.NONE, "", ""),
        (Permission.READ, "r", "e"),
        (Permission.LIST, "", "el"),
        (Permission.TRAVERSE, "", "el"),
        (Permission.WRITE, "aw", "c"),
        (Permission.CREATE_FOLDER, "", "m"),
        (Permission.RENAME, "f", "f"),
        (Permission.DELETE_FILE, "d", "p"),
        (Permission.DELETE_FOLDER, "", "dp"),
        (Permission.SET_ATTRIBUTES, "", ""),
    ],
)
@pytest.mark.parametrize("by_path", [False, True])
def test_each_permission_gives_its_letters(
    permission: Permission, of_file: str, of_folder: str, by_path: bool
) -> None:
    rules = ["deny-full-control", f"/in/*, {permission.value}"] if by_path else [permission.value]
    assert letters(FILE, *rules) == letters(LINK, *rules) == of_file
    assert letters(FOLDER, *rules) == of_folder


def test_nobody_is_told_that_the_root_could_go() -> None:
    for rules in (("allow-full-control",), ("allow-full-control", "/x, allow-read")):
        assert letters(FOLDER, *rules, path=ROOT) == "celmp"


def test_a_folder_tells_what_may_be_done_in_it_by_the_rules_for_what_is_in_it() -> None:
    rules = ("allow-list", "/in/*, allow-list, allow-write, allow-delete-file")
    assert letters(FOLDER, *rules, path=VPath.parse("/in")) == "celp"
    assert letters(FOLDER, *rules, path=VPath.parse("/out")) == "el"


def test_a_session_tells_the_letters_of_its_account() -> None:
    peer = session("allow-read")
    assert peer.permissions_of(PATH, FILE) == "r"
    assert peer.permissions_of(PATH, FOLDER) == "e"
