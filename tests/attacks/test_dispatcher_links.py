"""Somebody with a shell swaps files and folders for links while a dispatcher works on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.test_symlink_races import EXCHANGE, REPLACE, SECRET, attacker
from tests.fakes.dispatching import Desk
from tests.fakes.run import run

ROUNDS = 60
MOST_ROUNDS = 50 * ROUNDS  # on a machine so busy that the attacker hardly runs
ACTIONS = ("copy", "move", "rename")
DONE, FAILED = 20130, 20125


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    made = tmp_path / "outside"
    made.mkdir()
    (made / "secret").write_bytes(SECRET)
    return made


@pytest.fixture(params=ACTIONS)
def action(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def desks(tmp_path: Path) -> Iterator[list[Desk]]:
    made: list[Desk] = []
    yield made
    for one in made:
        one.close()


def attacked(at: Desk, name: str) -> None:
    """Dispatch again and again, until it has worked and has been refused because of a link."""
    handler = at.dispatcher()
    ways: set[str] = set()
    for count in range(MOST_ROUNDS):
        if count >= ROUNDS and {"done", "link"} <= ways:
            return
        told = at.told(f"{at.home}/{name}")
        before = at.house.journal.last
        run(handler.handle_many([told]))
        assert at.house.journal.last == before + 1
        number, data = newest(at)
        if number == DONE:
            ways.add("done")
        elif "link" in str(data.get("details")) or "no file" in str(data.get("details")):
            ways.add("link")
    raise AssertionError(f"nothing was swapped, so nothing was tested: {ways}")


def newest(at: Desk) -> tuple[int, dict[str, object]]:
    """The event that was told last."""
    *_, one = at.house.journal.read(at.house.journal.last)
    return one.event.number, one.data


def unharmed(at: Desk, outside: Path) -> None:
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"secret": SECRET}
    for path in at.out.rglob("*"):
        assert not path.is_symlink(), path
        assert path.is_dir() or path.read_bytes() != SECRET, path


def test_a_file_swapped_for_a_link_is_never_followed(
    tmp_path: Path, outside: Path, action: str, desks: list[Desk]
) -> None:
    # A name of its own for each, since a rename never overwrites.
    rule = f"{action}, g/*/, OUT/{{serial}}-{{data.file_name}}"
    desks.append(at := Desk(tmp_path / "desk", rules=rule))
    target = at.home / "in" / "secret"
    target.write_bytes(b"inside")
    with attacker(REPLACE, target, outside / "secret"):
        attacked(at, "in/secret")
    unharmed(at, outside)


def test_a_folder_swapped_for_a_link_is_never_read_from(
    tmp_path: Path, outside: Path, desks: list[Desk]
) -> None:
    desks.append(at := Desk(tmp_path / "desk", rules="copy, *, OUT", overwrite_rule="overwrite"))
    (at.home / "in" / "secret").write_bytes(b"inside")
    link = tmp_path / "link"
    link.symlink_to(outside)
    with attacker(EXCHANGE, at.home / "in", link):
        attacked(at, "in/secret")
    unharmed(at, outside)


def test_a_folder_swapped_for_a_link_is_never_written_to(
    tmp_path: Path, outside: Path, action: str, desks: list[Desk]
) -> None:
    rule = f"{action}, g/*/, HOME/outbox/{{serial}}"
    desks.append(at := Desk(tmp_path / "desk", rules=rule))
    (at.home / "outbox").mkdir()
    link = tmp_path / "link"
    link.symlink_to(outside)
    with attacker(EXCHANGE, at.home / "outbox", link):
        handler, numbers = at.dispatcher(), set()
        for count in range(MOST_ROUNDS):
            if count >= ROUNDS and {DONE, FAILED} <= numbers:
                break
            at.put()
            run(handler.handle_many([at.told(f"{at.home}/in/a.pdf")]))
            numbers.add(newest(at)[0])
    assert {DONE, FAILED} <= numbers, "nothing was swapped, so nothing was tested"
    unharmed(at, outside)


@pytest.mark.parametrize("name", ["../../outside/secret", "in/../../../outside/secret", "./.."])
def test_a_path_that_a_peer_has_chosen_is_taken_from_allowed_folders_only(
    tmp_path: Path, outside: Path, name: str, desks: list[Desk]
) -> None:
    desks.append(at := Desk(tmp_path / "desk", rules="move, *, OUT", dispatch_attribute="path"))
    for path in (name, f"{at.home}/{name}", str(outside / "secret"), "/etc/hostname"):
        at.handle(at.told("", path=path))
    assert at.numbers == [FAILED] * 4
    unharmed(at, outside)


def test_a_file_name_is_nothing_but_a_name(tmp_path: Path, desks: list[Desk]) -> None:
    rule = r"move, m/\/in\/(.*)$/, OUT/{1}/{data.file_name}/"
    desks.append(at := Desk(tmp_path / "desk", rules=rule, create_destination_folder="parent"))
    for name in ("..", "%s{1}{data.path}", "$(touch x)", "-rf", " ", "a\\..\\b", "\u202e"):
        path = at.put(name) if name != ".." else f"{at.home}/in/.."
        at.handle(at.told(path, path=f"/in/{name}/../../x"))
    for path in tmp_path.rglob("*"):
        assert path.is_relative_to(at.directory)
    for path in at.out.rglob("*"):
        assert not path.is_file() or len(path.relative_to(at.out).parts) == 3
    assert at.numbers.count(DONE) >= 5
