"""A record is found under its account's name and no other; a bad one is told, and not guessed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from mft.core.failure import Reason, Refused
from mft.daemon.state.account_records import (
    Kind,
    Known,
    Records,
    prepare,
    record,
    record_key,
    record_name,
)
from mft.events import catalogue as events
from tests.fakes.trail import Trail

MOST = 200


def word(fields: Mapping[str, Any]) -> str:
    """A record is its word."""
    if not isinstance(fields.get("word"), str):
        raise ValueError("has no word")
    return str(fields["word"])


def kind(folder: str) -> Kind[str]:
    unreadable = events.OWN_PASSWORD_UNREADABLE
    return Kind("word", folder, "its word", MOST, word, fields, lambda _: 5.0, unreadable)


def fields(word: str) -> Mapping[str, Any]:
    return {"word": word}


def read(folder: Path, trail: Trail | None = None) -> Records[str]:
    return Records(folder.parent, kind(folder.name), trail or Trail())


def unreadable(folder: Path) -> str:
    """Why the one record there, of ann, cannot be read."""
    trail = Trail()
    found = read(folder, trail)
    with pytest.raises(Refused) as refused:
        found.of("ann")
    assert refused.value.reason is Reason.BROKEN
    assert refused.value.details == f"its word in {record_name('ann')} cannot be read"
    assert found.some
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
    assert found.of(account) == "x"
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
    assert not found.some
    assert found.of("ann") is None


def test_what_whoever_writes_them_says_is_what_there_is(tmp_path: Path) -> None:
    (tmp_path / record_name("ann")).write_bytes(b"{")
    found = read(tmp_path)
    found.put("ann", "y")
    assert found.of("ann") == "y"
    found.drop("ann")
    found.drop("ann")
    assert found.of("ann") is None


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


def test_a_copy_of_what_a_cluster_has_tells_its_version(tmp_path: Path) -> None:
    found, name = read(tmp_path), record_name("ann")
    found.put("ann", "x", 7, 3.5)
    text = found.text(found.known(record_key("ann")))
    assert orjson.loads(text or b"") == {"account": "ann", "word": "x", "version": 7, "moment": 3.5}
    (tmp_path / name).write_bytes(text or b"")
    assert read(tmp_path).known(record_key("ann")) == Known("ann", "x", 7, 3.5, change=1)
    (tmp_path / name).write_bytes(record("ann", {"word": "x"}))
    alone = read(tmp_path).known(record_key("ann"))
    assert alone == Known("ann", "x", 0, 5.0, change=1), "it counts since the record says so"
    assert orjson.loads(found.text(alone) or b"") == {"account": "ann", "word": "x"}
    assert found.text(Known("ann")) is None


@pytest.mark.parametrize("version", [-1, "7", True, 1.5, None])
def test_a_version_that_is_none_makes_no_record(tmp_path: Path, version: object) -> None:
    text = record("ann", {"word": "x", "version": version})
    (tmp_path / record_name("ann")).write_bytes(text)
    assert unreadable(tmp_path) == "has a version that is none"


def test_a_moment_that_is_none_makes_no_record(tmp_path: Path) -> None:
    text = record("ann", {"word": "x", "version": 1, "moment": "now"})
    (tmp_path / record_name("ann")).write_bytes(text)
    assert unreadable(tmp_path) == "has a moment that is none"


def test_what_a_cluster_has_and_cannot_be_read_is_told_once_and_can_be_mended(
    tmp_path: Path,
) -> None:
    trail, key = Trail(), record_key("ann")
    found = read(tmp_path, trail)
    found.put("ann", "x", 1)
    for _ in range(2):
        found.spoil(key, 2, "its place", ValueError("has no word"))
        assert found.spoiled
        with pytest.raises(Refused):
            found.of("ann")
    assert [told.payload.path for told in trail.told] == ["its place"]
    found.spoil(key, 3, "its place", ValueError("has no word"))
    assert len(trail.told) == 2
    found.mend(key)
    assert (found.of("ann"), found.spoiled) == ("x", False)


def test_while_nothing_is_known_nobody_hears_that_there_is_nothing(tmp_path: Path) -> None:
    found = read(tmp_path)
    found.closed = "nobody knows yet"
    with pytest.raises(Refused, match="nobody knows yet"):
        found.of("ann")
    found.closed = ""
    assert found.of("ann") is None


def test_each_change_is_counted(tmp_path: Path) -> None:
    found = read(tmp_path)
    found.put("ann", "x")
    before = found.changes
    found.put("bob", "y")
    assert found.known(record_key("ann")).change <= before < found.known(record_key("bob")).change
    found.drop("bob")
    assert found.changes == before + 2
    assert [key for key, _ in found] == [record_key("ann")]
