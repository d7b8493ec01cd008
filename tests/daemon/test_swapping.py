"""Files get their places all together, whenever the process that puts them there is killed."""

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mft.daemon import swapping as room
from mft.daemon.load import load
from mft.daemon.swapping import PLAN, NewFile, swap, undisturbed
from tests.fakes.killed import child, prepare
from tests.fakes.killed_imports import import_once, swap_files

MOST_CALLS = 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    conf = tmp_path / "conf"
    conf.mkdir()
    return conf


def texts(top: Path) -> dict[str, bytes]:
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*.*")}


def test_files_are_replaced_and_made_with_their_modes(tmp_path: Path, folder: Path) -> None:
    (folder / "a.ini").write_text("old")
    new = [
        NewFile(tmp_path / "scripts/deep/x.sh", b"script", 0o755),
        NewFile(folder / "a.ini", b"new", 0o600),
    ]
    swap(folder, new)
    assert texts(tmp_path) == {"scripts/deep/x.sh": b"script", "conf/a.ini": b"new"}
    assert (tmp_path / "scripts/deep/x.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "scripts").stat().st_mode & 0o777 == 0o700


def test_a_link_is_replaced_and_what_it_led_to_stays(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "else.pem").write_text("theirs")
    (folder / "a.pem").symlink_to(tmp_path / "else.pem")
    swap(folder, [NewFile(folder / "a.pem", b"ours", 0o600)])
    assert texts(tmp_path) == {"else.pem": b"theirs", "conf/a.pem": b"ours"}
    assert not (folder / "a.pem").is_symlink()


def test_what_cannot_be_written_changes_nothing(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.ini").write_text("old")
    before = texts(tmp_path)
    written: list[Path] = []
    real = room.write_new

    def write_new(path: Path, data: bytes, mode: int) -> None:
        written.append(path)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        real(path, data, mode)

    monkeypatch.setattr(room, "write_new", write_new)
    with pytest.raises(OSError, match="No space"):
        swap(folder, [NewFile(folder / name, b"new", 0o600) for name in ("b.pem", "a.ini")])
    assert texts(tmp_path) == before
    assert len(written) == 2


def test_a_kill_before_any_call_leaves_the_old_files_or_the_new_ones(tmp_path: Path) -> None:
    prepare(import_once, tmp_path / "once")
    new = {"conf/a.ini": b"new", "conf/keys/k.pem": b"new", "scripts/x.sh": b"new"}
    old = {"conf/a.ini": b"old", "conf/keys/k.pem": b"old"}
    seen: list[bool] = []
    for at_call in range(1, MOST_CALLS):
        top = tmp_path / str(at_call)
        (top / "conf/keys").mkdir(parents=True)
        for path, data in old.items():
            (top / path).write_bytes(data)
        files = [(str(top / path), data) for path, data in reversed(new.items())]
        ended = child(swap_files, top / "conf", files, at_call)
        with undisturbed(top / "conf"):
            found = {name: data for name, data in texts(top).items() if ".mft-" not in name}
        assert found in (old, new), f"killed before call {at_call}: {found}"
        seen.append(found == new)
        swap(top / "conf", [NewFile(top / path, data, 0o600) for path, data in new.items()])
        assert texts(top) == new, f"killed before call {at_call}: something is left"
        if ended:
            assert seen == sorted(seen)  # from one call on it is the new one
            assert not seen[0]
            return
    raise AssertionError("it never came to its end")


def plan_of(folder: Path, *places: Path) -> None:
    """What a process leaves that is killed as soon as it has made its plan."""
    lines = ", ".join(f'"{place}"' for place in places)
    (folder / PLAN).write_text(f'{{"places": [{lines}]}}')
    for number, place in enumerate(places):
        place.with_name(f".mft-new-{number}").write_text("new")


def test_whoever_reads_server_ini_finishes_what_was_begun(folder: Path) -> None:
    (folder / "server.ini").write_text("[server]\nname = old\n")
    plan_of(folder, folder / "server.ini")
    (folder / ".mft-new-0").write_text("[server]\nname = new\n")
    loaded = load(folder / "server.ini")
    assert loaded.config is not None
    assert loaded.config.server.name == "new"
    assert [path.name for path in folder.iterdir()] == ["server.ini"]


def test_a_plan_that_is_none_is_a_problem(folder: Path) -> None:
    (folder / "server.ini").write_text("[server]\n")
    for text in ("{", "[]", '{"places": [1]}'):
        (folder / PLAN).write_text(text)
        (problem,) = load(folder / "server.ini").problems
        assert "cannot be read while an import is not finished" in str(problem)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PATIENCE", 0.1)


@pytest.fixture
def hold() -> Iterator[Callable[[Path, int], None]]:
    """Hold a lock as another process does."""
    held: list[int] = []

    def take(folder: Path, how: int) -> None:
        held.append(os.open(folder, os.O_RDONLY))
        fcntl.flock(held[-1], how)

    yield take
    for descriptor in held:
        os.close(descriptor)


@pytest.mark.usefixtures("hurried")
def test_nothing_is_replaced_while_somebody_reads(
    folder: Path, hold: Callable[[Path, int], None]
) -> None:
    (folder / "a.ini").write_text("old")
    hold(folder, fcntl.LOCK_SH)
    with pytest.raises(TimeoutError, match="another process"):
        swap(folder, [NewFile(folder / "a.ini", b"new", 0o600)])
    assert texts(folder) == {"a.ini": b"old"}


@pytest.mark.usefixtures("hurried")
def test_nothing_is_read_while_files_are_being_replaced(
    folder: Path, hold: Callable[[Path, int], None]
) -> None:
    (folder / "server.ini").write_text("[server]\n")
    hold(folder, fcntl.LOCK_EX)
    (problem,) = load(folder / "server.ini").problems
    assert "another process is replacing" in str(problem)


def test_many_read_at_once(folder: Path, hold: Callable[[Path, int], None]) -> None:
    hold(folder, fcntl.LOCK_SH)
    with undisturbed(folder), undisturbed(folder):
        pass


def test_a_folder_that_is_not_there_has_nothing_to_be_disturbed(tmp_path: Path) -> None:
    with undisturbed(tmp_path / "missing"):
        pass


def test_without_locks_it_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, how: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", flock)
    swap(folder, [NewFile(folder / "a.ini", b"new", 0o600)])
    with undisturbed(folder):
        assert texts(folder) == {"a.ini": b"new"}


def test_a_plan_that_appears_between_two_looks_is_finished(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder / "a.ini"
    real, plans = room._held, [place]

    def held(of: Path, how: int) -> object:
        if how == fcntl.LOCK_SH and plans:
            plan_of(of, plans.pop())
        return real(of, how)

    monkeypatch.setattr(room, "_held", held)
    with undisturbed(folder):
        assert texts(folder) == {"a.ini": b"new"}
