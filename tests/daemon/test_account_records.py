"""A record is found under its account's name and no other; a bad one is told, and not guessed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from mft.daemon.account_records import prepare, read_records, record, record_name

MOST = 200


def word(fields: Mapping[str, Any]) -> str:
    """A record is its word."""
    if not isinstance(fields.get("word"), str):
        raise ValueError("has no word")
    return str(fields["word"])


def read(folder: Path) -> tuple[dict[str, str | None], list[str]]:
    told: list[str] = []
    found = read_records(folder, MOST, word, lambda path, details: told.append(details))
    return found, told


@pytest.mark.parametrize("account", ["ann", "../../etc/passwd", "", "\u202e", "a\0b", "x" * 150])
def test_whatever_an_id_is_its_record_has_a_name_in_the_folder(
    tmp_path: Path, account: str
) -> None:
    name = record_name(account)
    assert Path(name).name == name
    (tmp_path / name).write_bytes(record(account, {"word": "x"}))
    assert read(tmp_path) == ({name: "x"}, [])


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
    assert read(tmp_path) == ({record_name("ann"): None}, [why])


def test_a_file_that_cannot_be_opened_is_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / record_name("ann")).mkdir()
    assert read(tmp_path) == ({record_name("ann"): None}, ["Is a directory"])


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    assert read(tmp_path / "none") == ({}, [])


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
