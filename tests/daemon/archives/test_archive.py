"""What an archive says of itself is read back, or refused with a sentence."""

from typing import Any

import orjson
import pytest

from mft import __version__
from mft.core.failure import Malformed, Reason, Refused
from mft.daemon.archives.archive import (
    FORMAT,
    Contents,
    Head,
    Manifest,
    Member,
    check_name,
    head_bytes,
    is_newer,
    manifest_bytes,
    read_head,
    read_manifest,
)

HEAD = Head(
    Contents.EXPORT, __version__, 1.5, "files-1", "uuid", "host", "/srv/mft", "conf/server.ini"
)
EXPORT, BACKUP = Contents.EXPORT, Contents.BACKUP


def changed(**fields: Any) -> bytes:
    return orjson.dumps({**orjson.loads(head_bytes(HEAD)), **fields})


def test_a_head_is_read_back() -> None:
    assert read_head(head_bytes(HEAD), EXPORT) == HEAD


def test_a_manifest_is_read_back() -> None:
    manifest = Manifest((Member("instance/a", 1, 0o600, "00"),), ("/usr/bin/env",))
    assert read_manifest(manifest_bytes(manifest)) == manifest


@pytest.mark.parametrize("fields", [{"format": FORMAT + 1}, {"product": "999.0"}])
def test_what_a_later_version_wrote_is_refused_and_says_which(fields: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=rf"of mft has written it; this one is {__version__}") as said:
        read_head(changed(**fields), EXPORT)
    assert said.value.reason is Reason.UNSUPPORTED


def test_a_later_form_is_refused_before_anything_else_of_it_is_understood() -> None:
    later = orjson.dumps({"format": FORMAT + 1, "product": "2.0.0", "what": ["ever"]})
    with pytest.raises(Refused, match=r"version 2\.0\.0 of mft"):
        read_head(later, EXPORT)


def test_an_archive_of_something_else_names_the_command_that_reads_it() -> None:
    with pytest.raises(Refused, match="it is of `mft export`, for `mft import`"):
        read_head(head_bytes(HEAD), BACKUP)
    with pytest.raises(Refused, match="it is of `mft backup`, for `mft restore`"):
        read_head(changed(contents="backup"), EXPORT)


@pytest.mark.parametrize(
    "fields",
    [
        {"format": "1"},
        {"format": 0},
        {"product": None},
        {"product": "one.two"},
        {"product": ""},
        {"contents": "all"},
        {"contents": None},
        {"made": "today"},
        {"directory": 7},
        {"config": None},
        {"config": "../server.ini"},
        {"config": "/etc/server.ini"},
        {"config": ""},
        {"config": "state/server.ini"},
    ],
)
def test_a_head_that_is_not_whole_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read_head(changed(**fields), EXPORT)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"null"])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="not JSON"):
        read_head(data, EXPORT)
    with pytest.raises(Malformed, match="not JSON"):
        read_manifest(data)


@pytest.mark.parametrize(
    "members",
    [None, {}, [1], [{}], [{"name": "a", "size": "1", "mode": 0, "sha256": ""}], [{"name": 1}]],
)
def test_a_manifest_that_is_not_whole_is_refused(members: object) -> None:
    with pytest.raises(Malformed, match="manifest is not whole"):
        read_manifest(orjson.dumps({"members": members, "system": []}))


@pytest.mark.parametrize("system", [None, [1], ["\x1b[2J"]])
def test_what_it_says_of_the_system_is_text(system: object) -> None:
    with pytest.raises(Malformed, match="manifest is not whole"):
        read_manifest(orjson.dumps({"members": [], "system": system}))


@pytest.mark.parametrize(
    ("version", "newer"), [(__version__, False), ("0.0.9", False), ("0.10", True), ("1", True)]
)
def test_versions_are_compared_as_numbers(version: str, newer: bool) -> None:
    assert is_newer(version) is newer


@pytest.mark.parametrize(
    "name",
    [
        "instance/conf/server.ini",
        "instance/scripts/x",
        "outside/etc/ssl/ca.pem",
        "outside/data/x",
        "instance/" + "a/" * 62 + "a",
    ],
)
def test_a_name_below_one_of_the_tops_is_taken(name: str) -> None:
    check_name(name, EXPORT)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "instance",
        "instance/",
        "/instance/a",
        "elsewhere/a",
        "instance/../a",
        "instance/a/../../b",
        "instance/./a",
        "instance//a",
        "instance/a/",
        "instance/a\0b",
        "instance/a\nb",
        "instance/\u202eini.revres",
        "instance/.mft-import.json",
        "instance/conf/.mft-new-0",
        "instance/" + "x" * 256,
        "instance/" + "a/" * 64 + "a",
        "outside/etc/../shadow",
    ],
)
def test_a_name_that_climbs_hides_or_is_ours_is_refused(name: str) -> None:
    with pytest.raises(Malformed):
        check_name(name, EXPORT)


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("instance/data/ann/x", EXPORT),
        ("instance/log/journal/x", EXPORT),
        ("instance/state/run", EXPORT),
        ("instance/data/ann/x", BACKUP),
        ("instance/log/server.log", BACKUP),
    ],
)
def test_what_such_an_archive_never_has_is_refused(name: str, contents: Contents) -> None:
    with pytest.raises(Malformed, match="not carried"):
        check_name(name, contents)


@pytest.mark.parametrize("name", ["instance/state/run", "instance/log/journal/1.jsonl"])
def test_a_backup_has_state_and_journal(name: str) -> None:
    check_name(name, BACKUP)
