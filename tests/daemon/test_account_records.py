"""A record is found under its account's name and no other; a bad one is told, and not guessed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from mft.core.failure import Reason, Refused
from mft.daemon.account_records import Records, prepare, record, record_name
from mft.events import catalogue as events
from tests.fakes.trail import Trail

MOST = 200


def word(fields: Mapping[str, Any]) -> str:
    """A record is its word."""
    if not isinstance(fields.get("word"), str):
        raise ValueError("has no word")
    return str(fields["word"])


def read(folder: Path, trail: Trail | None = None) -> Records[str]:
    return Records(folder, MOST, word, trail or Trail(), events.OWN_PASSWORD_UNREADABLE)


def unreadable(folder: Path) -> str:
    """Why the one record there, of ann, cannot be read."""
    trail = Trail()
    found = read(folder, trail)
    with pytest.raises(Refused) as refused:
        found.of("ann", "its word")
    assert refused.value.reason is Reason.BROKEN
    assert refused.value.details == f"its word in {record_name('ann')} cannot be read"
    assert "ann" in found
    assert len(found) == 1
    (told,) = trail.told
    assert told.event is events.OWN_PASSWORD_UNREADABLE
    assert told.payload.path == str(folder / record_name("ann"))
    return str(told.payload.details)


@pytest.mark.parametrize("account", ["ann", "../../etc/passwd", "", "\u202e", "a\0b", "x" * 150])
def test_whatever_an_id_is_its_record_has_a_name_in_the_folder(
    tmp_path: Path, account: str
) -> None:
    name = record_name(account)
    assert Path(name).name == name
    (tmp_path / name).write_bytes(record(account, {"word": "x"}))
    trail = Trail()
    found = read(tmp_path, trail)
    assert found.of(account, "its word") == "x"
    assert found.path(account) == tmp_path / name
    assert trail.told == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "is not JSON"),
        (b"[]", "is not about an account of this name"),
        (record("bob", {"word": "x"}), "is not about an account of this name"),
        (record("ann", {}), "has no word"),
        (b" " * (MOST + 1), f"is longer than {MOST} bytes"),
    ],
)
def test_what_cannot_be_read_is_told_and_is_no_record(
    tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / record_name("ann")).write_bytes(content)
    assert unreadable(tmp_path) == why


def test_a_file_that_cannot_be_opened_is_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / record_name("ann")).mkdir()
    assert unreadable(tmp_path) == "Is a directory"


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    found = read(tmp_path / "none")
    assert len(found) == 0
    assert "ann" not in found
    assert found.of("ann", "its word") is None


def test_what_whoever_writes_them_says_is_what_there_is(tmp_path: Path) -> None:
    (tmp_path / record_name("ann")).write_bytes(b"{")
    found = read(tmp_path)
    found.put("ann", "y")
    assert found.of("ann", "its word") == "y"
    found.drop("ann")
    found.drop("ann")
    assert found.of("ann", "its word") is None


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    prepare(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "a.json").write_text("{}")
    (folder / "a.json.77.new").write_text("half")
    prepare(folder)
    assert [path.name for path in folder.iterdir()] == ["a.json"]


def test_a_record_is_readable_text_about_its_account() -> None:
    assert orjson.loads(record("ann", {"word": "x"})) == {"account": "ann", "word": "x"}
