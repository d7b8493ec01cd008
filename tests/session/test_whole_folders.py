"""A folder with all that is in it, judged before it has another name."""

import pytest

from mft.auth.permissions import Operation, Rules
from mft.core.failure import Reason
from mft.core.vpath import VPath
from mft.session import whole_folders
from tests.fakes.files import get
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import session, shape, tree

HERE, ELSEWHERE = VPath.parse("/here"), VPath.parse("/elsewhere")
FULL = "allow-full-control"


def test_a_folder_whose_rules_go_with_it_is_renamed() -> None:
    files = tree()
    rules = (FULL, "/here/full/*, allow-read, allow-rename", "/there/*, deny-full-control")
    run(session(*rules, files=files).rename(HERE, ELSEWHERE, replace=False))
    assert get(files, VPath.parse("/elsewhere/full/file")) == b"more"


def test_a_folder_of_more_than_can_be_judged_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_folders, "MAX_JUDGED", 5)
    files = tree()  # with six things in /here
    before = shape(files)
    with refused(Reason.QUOTA):
        run(session(FULL, "/no, allow-read", files=files).rename(HERE, ELSEWHERE, replace=False))
    assert shape(files) == before
    run(session(FULL, "/no, allow-rename", files=files).rename(HERE, ELSEWHERE, replace=False))


@pytest.mark.parametrize(
    ("lines", "all_"),
    [
        ((FULL,), True),
        (("allow-read",), False),
        ((FULL, "/a, allow-rename"), True),
        ((FULL, "/a, allow-read"), False),
        (("allow-read", "/*, allow-rename"), False),
    ],
)
def test_rules_know_whether_they_tell_paths_apart(lines: tuple[str, ...], all_: bool) -> None:
    assert Rules.parse(lines).allow_all(Operation.RENAME) is all_
