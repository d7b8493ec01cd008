"""Names of accounts in paths: put in once, and never able to climb."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.auth.places import (
    expand,
    member_files,
    member_path,
    ours_in,
    overlap,
    path_name,
    virtual_path,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/srv/homes", "/srv/homes/ann"),
        ("/srv/homes/", "/srv/homes/ann"),
        ("/srv/${USER}/files", "/srv/ann/files"),
        ("${SHARED}/srv/all", "/srv/all"),
        ("${SHARED}/srv/${USER}", "/srv/ann"),
    ],
)
def test_each_member_of_a_group_has_a_path(text: str, expected: str) -> None:
    assert member_path(text, "ann") == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("keys/${USER}", ["keys/ann", "keys/bob"]),
        ("keys", ["keys/ann", "keys/bob"]),
        ("${USER}/key.pub", ["ann/key.pub"]),
        ("${SHARED}keys/ann", ["keys/ann"]),
        ("${SHARED}keys", ["keys"]),
        ("k*", []),
        ("none/${USER}", []),
    ],
)
def test_the_files_of_all_members_are_those_that_are_there(
    text: str, found: list[str], tmp_path: Path
) -> None:
    for name in ("keys/ann", "keys/bob", "ann/key.pub", "bob/other.pub"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    shared = "${SHARED}" if text.startswith("${SHARED}") else ""
    whole = f"{shared}{tmp_path}/{text.removeprefix(shared)}"
    assert [str(path.relative_to(tmp_path)) for path in member_files(whole)] == found


def test_characters_that_mean_something_in_paths_become_dots() -> None:
    assert path_name('a/b\\c:d*e?f"g<h>i|j') == "a.b.c.d.e.f.g.h.i.j"


@pytest.mark.parametrize("name", ["", ".", "..", "/", "//", "a\nb", ".mft-x", "x" * 256])
def test_a_name_that_could_climb_or_hide_has_no_path(name: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a path"):
        member_path("/srv/${USER}", name)


def test_a_value_is_never_expanded_again() -> None:
    assert expand("/${USER}", {"USER": "${USER}"}) == "/${USER}"


@pytest.mark.parametrize("text", ["/${OS_HOME}", "/${USER", "/${}", "/${SHARED}/x"])
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        expand(text, {"USER": "ann"})


def test_a_virtual_path_that_is_none_is_a_value_error() -> None:
    assert str(virtual_path("a/b")) == "/a/b"
    with pytest.raises(ValueError, match="reserved"):
        virtual_path("/.mft-x")


@pytest.mark.fuzz
@given(st.text(max_size=40))
def test_any_name_stays_below_the_folder_of_homes(name: str) -> None:
    try:
        path = member_path("/srv/homes", name)
    except ValueError:
        return
    assert path.startswith("/srv/homes/")
    rest = path.removeprefix("/srv/homes/")
    assert "/" not in rest
    assert rest not in ("", ".", "..")


def test_folders_that_hold_what_is_ours_are_told_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "way").symlink_to(tmp_path / "conf")
    ours = ours_in(tmp_path)
    for folder in ("/", str(tmp_path)):
        assert overlap(folder, ours) == f"holds {tmp_path}/conf, which clients must not reach"
    for folder in (f"{tmp_path}/conf", f"{tmp_path}/way/x", f"{tmp_path}/data/../conf"):
        assert overlap(folder, ours) == f"is inside {tmp_path}/conf, where clients must not reach"
    for folder in (f"{tmp_path}/data", f"{tmp_path}/configuration", "/srv"):
        assert overlap(folder, ours) == ""
