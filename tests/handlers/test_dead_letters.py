"""The record of what a handler gave up on."""

import os
import stat
from pathlib import Path

import pytest

from mft.handlers import dead_letters as module
from mft.handlers.dead_letters import DeadLetters


def test_letters_are_read_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, "log/1")
    assert letters.read() == []
    for serial in (3, 1):
        letters.bury({"serial": serial})
    assert [one["serial"] for one in letters.read()] == [3, 1]
    assert DeadLetters(tmp_path, "log").read() == []
    (file,) = (tmp_path / "dead-letters").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_they_are_recorded_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SIZE", 100)
    letters = DeadLetters(tmp_path, "log")
    for serial in range(100):
        letters.bury({"serial": serial})
    assert 100 <= (tmp_path / "dead-letters" / "log.jsonl").stat().st_size < 120
    assert letters.read()[0] == {"serial": 0}  # the oldest are kept


def test_a_line_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, "log")
    letters.bury({"serial": 1})
    with (tmp_path / "dead-letters" / "log.jsonl").open("ab") as file:
        file.write(b'{"serial"\n[]\n{}\n{"serial": "2"}\n')
    letters.bury({"serial": 3})
    assert [one["serial"] for one in letters.read()] == [1, 3]


@pytest.mark.parametrize("taken", [0, 5])
def test_what_a_full_disk_takes_of_a_line_harms_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    letters = DeadLetters(tmp_path, "log")
    letters.bury({"serial": 1})
    whole = os.write
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", lambda fd, data: whole(fd, data[:taken]))
        with pytest.raises(OSError, match="No space left"):
            letters.bury({"serial": 2})
    letters.bury({"serial": 3})
    assert letters.read() == [{"serial": 1}, {"serial": 3}]


def test_a_line_that_a_kill_cut_harms_no_other(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, "log")
    letters.bury({"serial": 1})
    with (tmp_path / "dead-letters" / "log.jsonl").open("ab") as file:
        file.write(b'{"serial"')
    letters.bury({"serial": 3})
    assert letters.read() == [{"serial": 1}, {"serial": 3}]


def test_a_letter_is_on_the_disk_before_its_handler_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []
    monkeypatch.setattr(module.os, "fsync", lambda fd: done.append(os.fstat(fd).st_size))
    DeadLetters(tmp_path, "log").bury({"serial": 1})
    assert done == [len('{"serial":1}\n')]


def test_those_that_are_kept_are_all_there_are(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, "log")
    for serial in range(3):
        letters.bury({"serial": serial})
    letters.keep([{"serial": 2}])
    assert letters.read() == [{"serial": 2}]
    letters.keep([])
    assert list((tmp_path / "dead-letters").iterdir()) == []
    letters.keep([])
