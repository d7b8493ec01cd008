"""When accounts were last used is known across restarts, and a damaged file locks nobody out."""

import os
import stat
from pathlib import Path

import orjson
import pytest

from mft.core.failure import Reason, Refused
from mft.daemon.state import last_logins
from mft.daemon.state.account_records import key_of
from mft.daemon.state.last_logins import FILE, MAX_SIZE, LastLogins, last_login, read_last_logins
from mft.events import catalogue as events
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

NOW = 1_900_000_000.0


class Kept(LastLogins):
    """Last logins whose clock a test sets."""

    def __init__(self, state: Path, now: float = NOW) -> None:
        self.trail = Trail()
        self.now = now
        self.here: list[str] = []
        super().__init__(state, Inline(), self.trail, lambda: self.here, lambda: self.now)


def test_a_login_is_known_after_a_restart(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.login("ann-1")
    run(kept.save())
    later = Kept(tmp_path, NOW + 1000)
    assert later.of("ann-1") == NOW
    assert later.trail.told == []
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_what_a_killed_server_had_half_written_does_not_stay(tmp_path: Path) -> None:
    (tmp_path / f"{FILE}.77.new").write_text("{")
    Kept(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_account_that_nobody_has_seen_is_used_now_and_not_later(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    assert kept.of("ann-1") == NOW
    kept.now += 1000
    assert kept.of("ann-1") == NOW
    kept.login("ann-1")
    assert kept.of("ann-1") == NOW + 1000
    run(kept.save())
    assert read_last_logins(tmp_path / FILE) == {"ann-1": NOW + 1000}


def test_only_what_has_changed_is_written(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    run(kept.save())
    assert not (tmp_path / FILE).exists()
    kept.login("ann-1")
    run(kept.save())
    (tmp_path / FILE).unlink()
    kept.of("ann-1")
    run(kept.save())
    assert not (tmp_path / FILE).exists()


BROKEN = {
    "nothing": b"",
    "no JSON": b'{"ann-1": 19',
    "a list": b"[1]",
    "no moment": b'{"ann-1": "yesterday"}',
    "a word": b'{"ann-1": true}',
    "no moment of any calendar": b'{"ann-1": 1e20}',
    "a moment before all": b'{"ann-1": -5}',
    "too much": b" " * (MAX_SIZE + 1),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_damaged_file_is_told_put_aside_and_counts_as_none(tmp_path: Path, kind: str) -> None:
    (tmp_path / FILE).write_bytes(BROKEN[kind])
    kept = Kept(tmp_path)
    (told,) = kept.trail.told
    assert told.event is events.LAST_LOGINS_UNREADABLE
    assert told.payload.path == str(tmp_path / FILE)
    assert kept.of("ann-1") == NOW
    assert (tmp_path / f"{FILE}.damaged").read_bytes() == BROKEN[kind]
    run(kept.save())
    assert Kept(tmp_path).trail.told == []


def test_a_file_that_cannot_be_opened_is_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    (told,) = Kept(tmp_path).trail.told
    assert told.payload.details == os.strerror(21)


def test_a_disk_that_too_much_waits_for_is_no_end_of_writing(tmp_path: Path) -> None:
    async def busy(*given: object) -> None:
        raise Refused(Reason.BUSY, "", "too much waits")

    kept = Kept(tmp_path)
    kept.login("ann-1")
    disk, kept._file._disk = kept._file._disk, busy  # type: ignore[assignment]  # as the pool refuses
    run(kept.save())
    (told,) = kept.trail.told
    assert told.payload.details == "too much waits"
    kept._file._disk = disk
    run(kept.save())
    assert read_last_logins(tmp_path / FILE) == {"ann-1": NOW}


def test_what_cannot_be_written_is_told_once_and_tried_again(tmp_path: Path) -> None:
    state = tmp_path / "state"
    kept = Kept(state)
    kept.login("ann-1")
    for _ in range(2):
        run(kept.save())
    (told,) = kept.trail.told
    assert told.event is events.LAST_LOGINS_UNWRITTEN
    assert told.payload.details == os.strerror(2)
    state.mkdir()
    run(kept.save())
    assert read_last_logins(state / FILE) == {"ann-1": NOW}


def test_the_longest_unused_is_forgotten_when_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_logins, "MAX_KEPT", 3)
    kept = Kept(tmp_path)
    for account in ("a", "b", "a", "c", "d"):
        kept.now += 1
        kept.login(account)
    run(kept.save())
    assert list(orjson.loads((tmp_path / FILE).read_bytes())) == ["a", "c", "d"]
    (tmp_path / FILE).write_bytes(orjson.dumps({"new": 5, "old": 3, "mid": 4, "older": 2}))
    assert list(read_last_logins(tmp_path / FILE)) == ["old", "mid", "new"]


def test_who_stays_for_long_is_used_all_the_time(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.login("ann-1")
    kept.login("bob-1")
    kept.here = ["ann-1"]
    kept.now += 1000
    run(kept.save())
    assert read_last_logins(tmp_path / FILE) == {"ann-1": NOW + 1000, "bob-1": NOW}


# What other nodes have seen.

LONG = "\u00e4" * 150  # an ID that is no key


@pytest.mark.parametrize("account", ["ann-1", LONG])
def test_what_another_node_has_seen_counts(tmp_path: Path, account: str) -> None:
    kept = Kept(tmp_path)
    kept.hear([(key_of(account), NOW - 500)])
    assert kept.of(account) == NOW - 500
    kept.hear([(key_of(account), NOW - 900)])
    assert kept.of(account) == NOW - 500
    kept.login(account)
    kept.hear([(key_of(account), NOW - 100)])
    assert kept.of(account) == NOW
    kept.hear([(key_of(account), NOW + 100)])
    assert kept.of(account) == NOW + 100
    assert dict(kept.tell()) == {key_of(account): NOW + 100}
    run(kept.save())
    assert Kept(tmp_path, NOW + 1000).of(account) == NOW + 100
    assert len(read_last_logins(tmp_path / FILE)) == 1


@pytest.mark.parametrize("account", ["ann-1", LONG])
def test_who_is_new_here_and_was_seen_elsewhere_is_not_new(tmp_path: Path, account: str) -> None:
    kept = Kept(tmp_path)
    assert kept.of(account) == NOW
    assert dict(kept.tell()) == {}, "nobody has seen it"
    kept.hear([(key_of(account), NOW - 5000)])
    assert kept.of(account) == NOW - 5000
    kept.hear([(key_of(account), NOW - 9000)])
    assert kept.of(account) == NOW - 5000


def test_what_was_heard_is_found_in_the_file_by_its_account(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.hear([(key_of(LONG), NOW - 500), ("bob-1", 1e20), ("carl-1", -5)])
    run(kept.save())
    found = read_last_logins(tmp_path / FILE)
    assert last_login(found, LONG) == NOW - 500
    assert last_login(found, "bob-1") is None
    assert list(found) == [key_of(LONG)]


def test_those_with_a_session_are_told_by_their_keys(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.here = ["ann-1", "ann-1", LONG]
    assert kept.present() == {"ann-1", key_of(LONG)}
