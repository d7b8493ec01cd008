"""Where files may be touched, and that no link is followed there."""

import os
from pathlib import Path

import pytest

from mft.core.failure import Reason
from mft.handlers.dispatcher_roots import Place, Roots, is_link, open_file, open_folder
from tests.fakes.refused import refused

HOMES = frozenset({"/srv/alice", "/srv/alice/inner", "/srv/bob"})


def roots(*given: str, destinations: tuple[str, ...] = ()) -> Roots:
    return Roots(frozenset(given), frozenset(destinations), lambda: HOMES)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/srv/alice/a", Place("/srv/alice", (), "a", True)),
        ("/srv/alice/inner/b/a", Place("/srv/alice", ("inner", "b"), "a", True)),
        ("/srv/alice//b/./a", Place("/srv/alice", ("b",), "a", True)),
        ("/out/x/a", Place("/out", ("x",), "a", False)),
    ],
)
def test_homes_and_destinations_are_allowed_where_nothing_is_given(path: str, place: Place) -> None:
    assert roots(destinations=("/out", "/out/x")).place(path) == place


@pytest.mark.parametrize("path", ["/etc/shadow", "/srv/carol/a", "/srv/alice", "/outer/a", "/a"])
def test_everything_else_is_refused(path: str) -> None:
    with refused(Reason.DENIED):
        roots(destinations=("/out",)).place(path)


def test_what_is_given_is_all_that_is_allowed() -> None:
    one = roots("/data", "/srv/alice/out", destinations=("/out",))
    assert one.place("/data/x/a") == Place("/data", ("x",), "a", False)
    for path in ("/out/a", "/srv/alice/in/a", "/srv/bob/a"):
        with refused(Reason.DENIED):
            one.place(path)


def test_a_folder_in_a_home_is_reached_from_the_home_since_its_owner_could_change_it() -> None:
    assert roots("/srv/alice/out").place("/srv/alice/out/a") == Place(
        "/srv/alice", ("out",), "a", True
    )


@pytest.mark.parametrize(
    "path", ["", "a", "/srv/alice/../bob/a", "/srv/alice/", "/", "/srv/alice/\0", "/" + "a" * 5000]
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with refused(Reason.INVALID):
        roots().place(path)


def test_names_of_ours_are_refused() -> None:
    with refused(Reason.INVALID):
        roots().place("/srv/alice/.mft-x")


def at(folder: Path, *folders: str) -> Place:
    return Place(str(folder), folders, "a", False)


def test_a_link_on_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real" / "in").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    os.close(open_folder(at(tmp_path, "real", "in"), create=False))
    for create in (False, True):
        with refused(Reason.DENIED):
            open_folder(at(tmp_path, "link", "in"), create=create)


def test_the_allowed_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real" / "in").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    os.close(open_folder(at(tmp_path / "link", "in"), create=False))


def test_folders_are_made_when_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_folder(at(tmp_path / "new", "in"), create=False)
    os.close(open_folder(at(tmp_path / "new", "in"), create=True))
    os.close(open_folder(at(tmp_path / "new", "in"), create=True))
    assert (tmp_path / "new" / "in").is_dir()


def test_a_file_on_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        open_folder(at(tmp_path, "file"), create=False)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "fifo")
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        os.close(open_file(folder, "file"))
        for name in ("folder", "link", "fifo"):
            with refused(Reason.DENIED):
                open_file(folder, name)
        with pytest.raises(FileNotFoundError):
            open_file(folder, "none")
        assert is_link(folder, "link")
        assert not is_link(folder, "none")
    finally:
        os.close(folder)
