"""The record of what a dispatcher is about to do."""

import os
from pathlib import Path

import pytest

from mft.handlers.dispatcher_record import (
    MAX_SIZE,
    Intent,
    NotRecordedError,
    Record,
    Target,
    hidden_name,
)


def intent(serial: int = 1, **given: object) -> Intent:
    return Intent(serial, 1e9, 0, "/srv/a\udcff", "move", False, ["/out"], ".mft-t", **given)  # type: ignore[arg-type]  # of a test


def test_what_was_saved_last_is_loaded(tmp_path: Path) -> None:
    record = Record(tmp_path, "one/1")
    assert record.load() is None
    saved = intent(
        targets=[
            Target("/out/a", ".mft-d", "a.part", (1, 2), whole=True, done=True, copied=(3, 4)),
            Target("/out/b", ".mft-e"),
        ],
        since=5,
        source=(5, 6),
        ended="done",
    )
    record.save(intent(serial=7))
    record.save(saved)
    assert Record(tmp_path, "one/1").load() == saved
    assert Record(tmp_path, "one").load() is None
    record.close()
    record.close()


def test_a_line_that_was_torn_leaves_the_one_before(tmp_path: Path) -> None:
    record = Record(tmp_path, "one")
    record.save(intent(serial=1))
    record.save(intent(serial=2))
    record.close()
    path = tmp_path / "dispatcher" / "one.json"
    os.truncate(path, path.stat().st_size - 5)
    assert Record(tmp_path, "one").load() == intent(serial=1)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"7", b"{}", b'{"targets": 5}', b'{"targets": [5]}', b"\xff\n\n"]
)
def test_what_cannot_be_understood_is_nothing(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "dispatcher").mkdir()
    (tmp_path / "dispatcher" / "one.json").write_bytes(text)
    assert Record(tmp_path, "one").load() is None


def test_it_never_grows(tmp_path: Path) -> None:
    record = Record(tmp_path, "one")
    for serial in range(1000):
        record.save(intent(serial=serial))
    assert (tmp_path / "dispatcher" / "one.json").stat().st_size <= MAX_SIZE
    assert Record(tmp_path, "one").load() == intent(serial=999)
    record.close()


def test_a_disk_that_takes_half_a_line_is_an_error_and_the_next_line_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Record(tmp_path, "one")
    record.save(intent(serial=1))
    write = os.write
    for _ in range(2):  # into the file that there is, and into a new one
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda fd, data: write(fd, data[:10]))
            with pytest.raises(NotRecordedError):
                record.save(intent(serial=2))
        assert Record(tmp_path, "one").load() == intent(serial=1)
    record.save(intent(serial=3))
    assert Record(tmp_path, "one").load() == intent(serial=3)
    record.close()


def test_hidden_names_are_the_same_for_the_same_parts() -> None:
    assert hidden_name("a", 1, 2) == hidden_name("a", 1, 2)
    assert hidden_name("a", 1, 2) != hidden_name("a", 12, "")
    assert hidden_name("\udcff").startswith(".mft-d")


def test_it_says_on_which_volume_it_is(tmp_path: Path) -> None:
    record = Record(tmp_path, "one")
    device = tmp_path.stat().st_dev
    assert not record.is_on(device)  # it is nowhere yet
    record.save(intent())
    assert record.is_on(device)
    assert not record.is_on(device + 1)
    record.close()
