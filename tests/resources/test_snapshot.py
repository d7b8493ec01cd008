"""What is in a folder, and what changed between two looks."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.resources import snapshot as module
from mft.resources.snapshot import Change, Seen, TooMany, What, compare, remove, take

Parts = tuple[str, ...]


def seen(inode: int, size: int = 1, *, folder: bool = False) -> Seen:
    return Seen(folder, (1, inode), 0 if folder else size, 0, 0)


def happened(before: dict[Parts, Seen], after: dict[Parts, Seen]) -> list[tuple[str, str]]:
    return [
        (one.what.value, "/".join(one.path) + ("" if not one.to else f" to {'/'.join(one.to)}"))
        for one in compare(before, after).changes
    ]


def test_a_folder_is_looked_at_with_what_is_below_it_if_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "sub" / "deep" / "b").write_text("yy")
    assert set(take(str(tmp_path), {}, recursive=False)) == {("a",), ("sub",)}
    found = take(str(tmp_path), {}, recursive=True)
    assert set(found) == {("a",), ("sub",), ("sub", "deep"), ("sub", "deep", "b")}
    assert (found["a",].size, found["sub", "deep", "b"].size) == (1, 2)
    assert found["sub",].folder


def test_links_are_not_followed_and_our_own_files_are_not_there(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    (inside / ".mft-upload").write_text("x")
    found = take(str(inside), {}, recursive=True)
    assert set(found) == {("link",)}
    assert not found["link",].folder


def test_there_is_an_end_to_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ENTRIES", 3)
    for name in "abcd":
        (tmp_path / name).touch()
    with pytest.raises(TooMany, match="more than 3 files"):
        take(str(tmp_path), {}, recursive=False)
    monkeypatch.setattr(module, "MAX_ENTRIES", 100)
    monkeypatch.setattr(module, "MAX_DEPTH", 2)
    (tmp_path / "1" / "2" / "3" / "4").mkdir(parents=True)
    assert ("1", "2", "3") not in take(str(tmp_path), {}, recursive=True)


def test_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        take(str(tmp_path / "none"), {}, recursive=True)


@pytest.mark.parametrize("call", ["stat", "open"])
def test_what_nobody_may_look_into_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "sub" / "deep" / "a").touch()
    before = take(str(tmp_path), {}, recursive=True)
    (tmp_path / "b").touch()
    fail(monkeypatch, call, "sub", errno.EACCES)
    if call == "stat":  # where a folder's content cannot be asked for, it cannot be opened either
        fail(monkeypatch, "open", "sub", errno.EACCES)
    assert set(take(str(tmp_path), before, recursive=True)) == {*before, ("b",)}
    assert take(str(tmp_path), before, recursive=True).items() >= before.items()
    monkeypatch.setattr(module, "MAX_ENTRIES", 3)
    with pytest.raises(TooMany):
        take(str(tmp_path), before, recursive=True)


def test_what_nobody_may_look_into_and_nobody_has_seen_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").touch()
    fail(monkeypatch, "stat", "a", errno.EACCES)
    assert take(str(tmp_path), {}, recursive=True) == {}


@pytest.mark.parametrize("call", ["stat", "open"])
@pytest.mark.parametrize("error", [errno.ENOENT, errno.ENOTDIR, errno.ELOOP])
def test_what_is_gone_by_now_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: int
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").touch()
    before = take(str(tmp_path), {}, recursive=True)
    fail(monkeypatch, call, "sub", error)
    assert ("sub", "a") not in take(str(tmp_path), before, recursive=True)


@pytest.mark.parametrize("call", ["stat", "open"])
def test_a_folder_that_cannot_be_read_for_another_reason_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    (tmp_path / "sub").mkdir()
    fail(monkeypatch, call, "sub", errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        take(str(tmp_path), {}, recursive=True)


def fail(monkeypatch: pytest.MonkeyPatch, call: str, name: str, error: int) -> None:
    """Let a call of the system fail for one name."""
    real = getattr(os, call)

    def failing(given: object, *more: object, **named: object) -> object:
        if given == name:
            raise OSError(error, os.strerror(error))
        return real(given, *more, **named)

    monkeypatch.setattr(os, call, failing)


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ({}, {("a",): seen(1)}, [("create", "a")]),
        ({("a",): seen(1)}, {}, [("delete", "a")]),
        ({("a",): seen(1)}, {("a",): seen(1)}, []),
        ({("a",): seen(1)}, {("a",): seen(1, 2)}, [("modify", "a")]),
        ({("a",): seen(1)}, {("a",): seen(2)}, [("modify", "a")]),
        ({("a",): seen(1)}, {("b",): seen(1)}, [("rename", "a to b")]),
        ({("a",): seen(1)}, {("b",): seen(1, 2)}, [("delete", "a"), ("create", "b")]),
        ({("a",): seen(1)}, {("b",): seen(2)}, [("delete", "a"), ("create", "b")]),
        (
            {("d",): seen(1, folder=True), ("d", "a"): seen(2)},
            {("e",): seen(1, folder=True), ("e", "a"): seen(2)},
            [("rename", "d to e")],
        ),
        (
            {("d",): seen(1, folder=True), ("d", "a"): seen(2)},
            {("e",): seen(1, folder=True), ("e", "b"): seen(2)},
            [("rename", "d to e"), ("rename", "d/a to e/b")],
        ),
        (
            {("d",): seen(1, folder=True), ("d", "a"): seen(2)},
            {("e",): seen(1, folder=True), ("b",): seen(2)},
            [("rename", "d to e"), ("rename", "d/a to b")],
        ),
        (
            {("a",): seen(1), ("b",): seen(1)},
            {("c",): seen(1)},
            [("delete", "a"), ("delete", "b"), ("create", "c")],
        ),
    ],
)
def test_what_changed_is_told_once(
    before: dict[Parts, Seen], after: dict[Parts, Seen], wanted: list[tuple[str, str]]
) -> None:
    assert happened(before, after) == wanted


def test_the_content_of_a_renamed_folder_has_another_name_as_well() -> None:
    before = {("d",): seen(1, folder=True), ("d", "a"): seen(2)}
    after = {("e",): seen(1, folder=True), ("e", "a"): seen(2)}
    assert compare(before, after).renamed == {("d",): ("e",), ("d", "a"): ("e", "a")}


NAMES = st.sampled_from("abcd").map(lambda name: (name,))
SEEN = st.builds(seen, st.integers(1, 4), st.integers(0, 2))


@pytest.mark.fuzz
@given(st.dictionaries(NAMES, SEEN), st.dictionaries(NAMES, SEEN))
@settings(max_examples=200, deadline=None)
def test_what_is_told_leads_from_one_to_the_other(
    before: dict[Parts, Seen], after: dict[Parts, Seen]
) -> None:
    names = set(before)
    for one in compare(before, after).changes:
        if one.what is What.RENAMED:
            names.remove(one.path)
            names.add(one.to)
        elif one.what is What.DELETED:
            names.remove(one.path)
        elif one.what is What.CREATED:
            names.add(one.path)
        else:
            assert one.path in names
    assert names == set(after)


def test_a_file_that_changed_meanwhile_is_not_removed(tmp_path: Path) -> None:
    file = tmp_path / "sub" / "a"
    file.parent.mkdir()
    file.write_text("x")
    found = take(str(tmp_path), {}, recursive=True)
    file.write_text("longer")
    assert remove(str(tmp_path), ("sub", "a"), found["sub", "a"]) is False
    now = take(str(tmp_path), {}, recursive=True)["sub", "a"]
    assert remove(str(tmp_path), ("sub", "a"), now) is True
    assert not file.exists()
    assert remove(str(tmp_path), ("sub", "a"), now) is False


def test_a_link_in_the_place_of_a_folder_leads_to_no_other_file(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "sub").mkdir(parents=True)
    outside.mkdir()
    os.link(_file(root / "sub" / "a"), outside / "a")
    seen_now = take(str(root), {}, recursive=True)["sub", "a"]
    (root / "sub").rename(root / "moved")
    (root / "sub").symlink_to(outside)
    with pytest.raises(OSError):
        remove(str(root), ("sub", "a"), seen_now)
    assert (outside / "a").exists()


def _file(path: Path) -> Path:
    path.write_text("x")
    return path


def test_a_change_of_a_folder_is_none_of_its_content() -> None:
    before = {("d",): seen(1, folder=True)}
    after = {("d",): seen(1, folder=True), ("d", "a"): seen(2)}
    assert compare(before, after).changes == [Change(What.CREATED, ("d", "a"), folder=False)]
