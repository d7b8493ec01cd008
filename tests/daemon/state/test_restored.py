"""The first start of a restored instance tells that it was restored; the next ones do not."""

from pathlib import Path

import pytest

from mft.core.peer import Component
from mft.daemon.recovery import recover
from mft.daemon.state.restored import FILE, Mark, forget_mark, parts_of, tell_restored, write_mark
from mft.events import catalogue as events
from mft.events.bus import Bus
from mft.events.journal import Journal

MARK = Mark("2030-01-31T10:00:00+00:00", "files-1", "host-1", 7, ("state", "log", "conf"))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    made = tmp_path / "state"
    made.mkdir()
    return made


def start(state: Path) -> list[tuple[int, object]]:
    """What a start tells of the past."""
    journal = Journal.open(state.parent / "journal")
    begins = journal.last + 1
    recover(journal, Bus(journal, Component("s", "server", "mft")), state)
    told = [(one.event.number, dict(one.data)) for one in journal.read(begins)]
    journal.close()
    return told


def test_it_is_told_once(state: Path) -> None:
    write_mark(state, MARK)
    number = events.RESTORED.number
    data = {"made": MARK.made, "name": "files-1", "host": "host-1", "serial": 7}
    assert start(state) == [(number, data)]
    assert not (state / FILE).exists()
    assert number not in [told for told, _ in start(state)]


def test_an_instance_that_was_never_restored_tells_nothing(state: Path) -> None:
    assert start(state) == []


def test_it_is_told_again_until_it_is_on_the_disk(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mark(state, MARK)

    def sync(journal: Journal) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "sync", sync)
        journal = Journal.open(state.parent / "journal")
        recover(journal, Bus(journal, Component("s", "server", "mft")), state)
    assert (state / FILE).exists()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"serial": "x", "made": 7}', "x" * 70_000])
def test_a_mark_that_is_damaged_is_told_as_far_as_it_is_known(text: str, state: Path) -> None:
    (state / FILE).write_text(text)
    ((number, data),) = start(state)
    assert number == events.RESTORED.number
    assert data["serial"] == 0  # type: ignore[index]  # it is a dict
    assert parts_of(state) == []


def test_the_parts_of_a_restore_are_names_and_nothing_else(state: Path) -> None:
    assert parts_of(state) == []
    write_mark(state, MARK)
    assert parts_of(state) == ["state", "log", "conf"]
    write_mark(state, MARK._replace(parts=("../x", "/etc", "a/b", "log")))
    assert parts_of(state) == ["log"]
    forget_mark(state)
    journal = Journal.open(state.parent / "journal")
    assert not tell_restored(state, Bus(journal, Component("s", "server", "mft")))
    journal.close()
