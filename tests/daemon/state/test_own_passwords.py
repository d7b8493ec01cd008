"""The files of passwords that accounts have given themselves."""

import stat
from pathlib import Path

import orjson
import pytest

from mft.auth.own_passwords import OwnPassword, mark_of
from mft.auth.passwords import PasswordHash
from mft.core.failure import Reason, Refused
from mft.daemon.state.own_passwords import MAX_SIZE, KeptPasswords, OwnPasswordFiles
from mft.events import catalogue as events
from tests.fakes.accounts import CHEAP_HASH
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

HASH = PasswordHash.parse(CHEAP_HASH)
OWN = OwnPassword(mark_of(HASH), HASH, 1.5, (HASH,))


def opened(state: Path, trail: Trail | None = None) -> OwnPasswordFiles:
    return OwnPasswordFiles(state, Inline(), trail or Trail())


def only_file(state: Path) -> Path:
    (path,) = (state / "passwords").iterdir()
    return path


def test_only_the_server_may_read_them(tmp_path: Path) -> None:
    run(opened(tmp_path).keep("ann", OWN, None))
    assert stat.S_IMODE((tmp_path / "passwords").stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize("account", ["ann", "../../etc/passwd", "a" * 150, "\u00e4 /"])
def test_an_id_is_no_path(tmp_path: Path, account: str) -> None:
    run(opened(tmp_path).keep(account, OWN, None))
    assert only_file(tmp_path).parent == tmp_path / "passwords"
    assert opened(tmp_path).of(account) == OWN


BROKEN = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "no account": b"{}",
    "another account": orjson.dumps({"account": "bob"}),
    "no hash": orjson.dumps({"account": "ann", "replaces": "x", "changed": 1, "earlier": []}),
    "no hash of ours": orjson.dumps(
        {"account": "ann", "replaces": "x", "changed": 1, "earlier": [], "password": "open"}
    ),
    "no moment": orjson.dumps(
        {"account": "ann", "replaces": "x", "earlier": [], "password": CHEAP_HASH}
    ),
    "no list": orjson.dumps(
        {"account": "ann", "replaces": "x", "changed": 1, "password": CHEAP_HASH}
    ),
    "too much": b" " * (MAX_SIZE + 1),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_one_that_cannot_be_read_is_told_and_lets_nobody_in(tmp_path: Path, kind: str) -> None:
    files = opened(tmp_path)
    run(files.keep("ann", OWN, files.of("ann")))
    run(files.keep("bob", OWN, files.of("bob")))
    path = next(one for one in (tmp_path / "passwords").iterdir() if b'"ann"' in one.read_bytes())
    path.write_bytes(BROKEN[kind])
    trail = Trail()
    files = opened(tmp_path, trail)
    (told,) = trail.told
    assert told.event is events.OWN_PASSWORD_UNREADABLE
    assert told.payload.path == str(path)
    assert CHEAP_HASH not in told.message
    with pytest.raises(Refused) as refused:
        files.of("ann")
    assert refused.value.reason is Reason.BROKEN
    assert files.of("bob") == OWN
    assert files.of("carl") is None


def test_what_a_killed_process_was_writing_is_neither_read_nor_left(tmp_path: Path) -> None:
    run(opened(tmp_path).keep("ann", OWN, None))
    kept = only_file(tmp_path)
    kept.with_name(f"{kept.name}.4711.new").write_bytes(kept.read_bytes()[:50])
    trail = Trail()
    assert opened(tmp_path, trail).of("ann") == OWN
    assert trail.told == []
    assert only_file(tmp_path) == kept


def test_one_that_cannot_be_written_leaves_what_was(tmp_path: Path) -> None:
    files = opened(tmp_path)
    run(files.keep("ann", OWN, files.of("ann")))
    away = (tmp_path / "passwords").rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        run(files.keep("ann", OWN._replace(changed=2), files.of("ann")))
    assert files.of("ann") == OWN
    away.rename(tmp_path / "passwords")
    assert opened(tmp_path).of("ann") == OWN


def test_a_reader_reads_what_is_there_and_changes_nothing(tmp_path: Path) -> None:
    assert KeptPasswords(tmp_path, Trail()).of("ann") is None
    assert list(tmp_path.iterdir()) == []
    run(opened(tmp_path).keep("ann", OWN, None))
    left = tmp_path / "passwords" / "of-a-killed-process.new"
    left.touch()
    kept = KeptPasswords(tmp_path, Trail())
    assert kept.of("ann") == OWN
    with pytest.raises(Refused):
        run(kept.keep("bob", OWN, kept.of("bob")))
    assert opened(tmp_path).of("bob") is None
    assert not left.exists()


def test_a_reader_that_may_not_look_says_so(tmp_path: Path) -> None:
    (tmp_path / "passwords").touch()
    with pytest.raises(OSError):
        KeptPasswords(tmp_path, Trail())
