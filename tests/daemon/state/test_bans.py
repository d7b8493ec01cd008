"""Bans outlast the process, are shown with the worst first, and can be lifted."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mft.auth.base import Outcome, Password
from mft.auth.guard import Guard, Rules
from mft.auth.ledger import Ledger
from mft.core.peer import Address, Component
from mft.core.secret import Secret
from mft.daemon.state import bans as module
from mft.daemon.state.bans import MAX_SHOWN, NAME, Bans
from mft.events import catalogue as events
from tests.fakes.accounts import NOW, SERVICE
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

POLICY = Component("p1", "security-policy", "strict")
SECTION = "security-policies/p1"
HOUR = 3600.0


class World:
    """One policy and its bans, over a state folder."""

    def __init__(self, state: Path) -> None:
        self.trail = Trail()
        self.now = NOW
        self.disk = Inline()
        guard = Guard(POLICY, Rules(account_after=10), Ledger(), self.trail.emit, lambda: self.now)
        guard.in_force()
        self.guards = {SECTION: guard}
        told: Any = self.trail
        self.bans = Bans(state, self.disk, told, lambda: self.guards, lambda: self.now)
        run(self.bans.load())

    @property
    def guard(self) -> Guard:
        """The policy's."""
        return self.guards[SECTION]

    def tries(self, host: str, name: str = "ann", outcome: Outcome = Outcome.WRONG) -> bool:
        """One attempt; whether it is barred."""
        given, peer = Password(name, Secret("x")), Address(host, 1)
        bar = self.guard.before(given, peer, SERVICE)
        return bar is not None or self.guard.after(given, peer, SERVICE, outcome) is not None

    def ban(self, host: str) -> None:
        """Have it banned, by names that nobody else has."""
        for at in range(5):
            self.tries(host, f"{host} {at}")


def test_bans_counts_and_known_places_outlast_the_process(tmp_path: Path) -> None:
    before = World(tmp_path)
    before.tries("192.0.2.1", outcome=Outcome.ACCEPTED)
    before.ban("192.0.2.7")
    before.ban("2001:db8::1")
    before.tries("192.0.2.8")
    run(before.bans.save())
    after = World(tmp_path)
    assert after.trail.told == []
    assert run(after.bans.describe()) == run(before.bans.describe())
    assert after.tries("192.0.2.7")
    assert after.tries("2001:db8::99")
    assert after.guard.ledger.knows("ann", "192.0.2.1")
    assert [after.tries("192.0.2.8") for _ in range(5)] == [False] * 4 + [True]


def test_what_a_killed_server_had_half_written_does_not_stay(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.77.new").write_text("[")
    World(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_the_server_may_read_them(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.ban("192.0.2.7")
    run(world.bans.save())
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [NAME]


def test_a_ban_that_ended_while_the_server_was_away_is_over(tmp_path: Path) -> None:
    before = World(tmp_path)
    before.ban("192.0.2.7")
    run(before.bans.save())
    after = World(tmp_path)
    after.now += HOUR
    run(after.bans.round())
    assert after.trail.events == [events.BAN_ENDED]
    assert not after.tries("192.0.2.7")


def test_a_clock_that_was_wrong_bans_nobody_for_ever(tmp_path: Path) -> None:
    before = World(tmp_path)
    before.now += 1000 * HOUR
    before.ban("192.0.2.7")
    run(before.bans.save())
    after = World(tmp_path)
    assert after.tries("192.0.2.7")
    after.now += HOUR
    assert not after.tries("192.0.2.7")


def test_nothing_is_written_while_nothing_changes(tmp_path: Path) -> None:
    world = World(tmp_path)
    for _ in range(3):
        run(world.bans.round())
    assert not (tmp_path / NAME).exists()
    world.ban("192.0.2.7")
    calls = world.disk.calls
    for _ in range(3):
        run(world.bans.round())
    assert world.disk.calls == calls + 1
    for _ in range(100):
        world.tries("192.0.2.7")  # refused by the ban: nothing new
    run(world.bans.round())
    assert world.disk.calls == calls + 1


FEW = 32 << 10  # bytes of the file
ROW = [SECTION, "sources", "192.0.2.7", 1.0, NOW, 0.0, 1, 0, "ann"]
DAMAGED: dict[str, bytes] = {
    "nothing": b"",
    "half": b'[\n["security-policies/p1", "sour',
    "an object": b"{}",
    "deep": b"[" * 30_000,
    "no text": b"\xff\xfe",
    "too much": b" " * (FEW + 1),
    **{
        f"row {at}": json.dumps([ROW, row]).encode()
        for at, row in enumerate(
            (
                {},
                [],
                ROW[:-1],
                [SECTION, "gods", *ROW[2:]],
                [SECTION, "sources", 7, *ROW[3:]],
                [*ROW[:3], "1", *ROW[4:]],
                [*ROW[:3], True, *ROW[4:]],
                [*ROW[:3], -1, *ROW[4:]],
                [*ROW[:5], 1e300, *ROW[6:]],
                [*ROW[:8], None],
                [SECTION, "known", "ann"],
                [SECTION, "known", "ann", 7],
            )
        )
    },
    "infinity": json.dumps([[*ROW[:5], float("inf"), *ROW[6:]]]).encode(),
    "no number": json.dumps([[*ROW[:5], float("nan"), *ROW[6:]]]).encode(),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_told_and_the_server_begins_with_none(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_FILE", FEW)
    (tmp_path / NAME).write_bytes(DAMAGED[kind])
    world = World(tmp_path)
    (told,) = world.trail.told
    assert told.event is events.BANS_NOT_KEPT
    assert told.payload.path == str(tmp_path / NAME)
    assert run(world.bans.describe()) == []
    world.ban("192.0.2.7")
    run(world.bans.save())
    assert World(tmp_path).trail.told == []


def test_what_is_written_can_be_read_again_however_much_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_FILE", FEW)
    world = World(tmp_path)
    for at in range(1000):
        world.tries(f"10.0.{at // 256}.{at % 256}", f"name-{at}")
    world.ban("192.0.2.7")
    run(world.bans.save())
    assert (tmp_path / NAME).stat().st_size <= FEW
    again = World(tmp_path)
    assert again.trail.told == []
    assert again.tries("192.0.2.7")


def test_rows_of_a_policy_that_is_gone_are_passed_over(tmp_path: Path) -> None:
    gone = ["security-policies/gone", *ROW[1:]]
    (tmp_path / NAME).write_text(json.dumps([gone, ROW]))
    world = World(tmp_path)
    assert [row["key"] for row in run(world.bans.describe())] == ["192.0.2.7"]


def test_a_file_that_cannot_be_written_is_told_once_and_the_bans_hold(tmp_path: Path) -> None:
    world = World(tmp_path / "away")
    world.ban("192.0.2.7")
    world.trail.forget()
    for _ in range(3):
        run(world.bans.round())
    assert world.trail.events == [events.BANS_NOT_KEPT]
    assert world.tries("192.0.2.7")
    (tmp_path / "away").mkdir()
    run(world.bans.round())
    assert World(tmp_path / "away").tries("192.0.2.7")


def test_of_a_full_table_those_that_end_last_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_KEPT", 2)
    world = World(tmp_path)
    for at in range(5):
        world.now += 1
        world.ban(f"192.0.2.{at}")
    run(world.bans.save())
    rows = run(World(tmp_path).bans.describe())
    assert [row["key"] for row in rows if row["until"]] == ["192.0.2.4", "192.0.2.3"]
    assert len(rows) == 4  # and two names


# For administrators.


def test_the_worst_are_shown_first_with_everything_that_is_known_of_them(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.tries("192.0.2.8", "bob")
    world.ban("192.0.2.7")
    world.tries("192.0.2.7")
    rows = [row for row in run(world.bans.describe()) if row["what"] == "source"]
    assert rows == [
        {
            "what": "source",
            "key": "192.0.2.7",
            "policy": "strict",
            "state": "banned",
            "until": NOW + HOUR,
            "points": 5.0,
            "limit": 5,
            "attempts": 5,
            "refused": 1,
            "last": "192.0.2.7 4",
        },
        {
            "what": "source",
            "key": "192.0.2.8",
            "policy": "strict",
            "state": "counted",
            "until": None,
            "points": 1.0,
            "limit": 5,
            "attempts": 1,
            "refused": 0,
            "last": "bob",
        },
    ]
    json.dumps(run(world.bans.describe()))


def test_a_name_that_is_guarded_is_shown(tmp_path: Path) -> None:
    world = World(tmp_path)
    for at in range(10):
        world.tries(f"192.0.2.{at}")
    first = run(world.bans.describe())[0]
    assert (first["what"], first["key"], first["state"]) == ("account", "ann", "guarded")
    assert first["last"] == "192.0.2.9"


def test_no_more_are_shown_than_anybody_reads(tmp_path: Path) -> None:
    world = World(tmp_path)
    for at in range(MAX_SHOWN + 10):
        world.tries(f"10.0.{at // 256}.{at % 256}", f"name-{at}")
    world.ban("192.0.2.7")
    rows = run(world.bans.describe())
    assert len(rows) == MAX_SHOWN
    assert rows[0]["key"] == "192.0.2.7"


def test_a_ban_whose_time_is_over_is_not_shown(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.ban("192.0.2.7")
    world.now += HOUR
    assert [row for row in run(world.bans.describe()) if row["state"] == "banned"] == []


LIFTS: dict[str, Callable[[Bans], int]] = {
    "an address": lambda bans: bans.lift("192.0.2.7"),
    "everything": lambda bans: bans.lift_all(),
}


@pytest.mark.parametrize("what", LIFTS)
def test_what_is_lifted_may_log_in_at_once_and_after_a_restart(tmp_path: Path, what: str) -> None:
    world = World(tmp_path)
    world.ban("192.0.2.7")
    run(world.bans.save())
    assert LIFTS[what](world.bans) > 0
    assert not world.tries("192.0.2.7", outcome=Outcome.ACCEPTED)
    run(world.bans.save())
    assert not World(tmp_path).tries("192.0.2.7", outcome=Outcome.ACCEPTED)
    assert world.trail.count(events.SOURCE_UNBLOCKED) == 1


def test_a_name_is_lifted(tmp_path: Path) -> None:
    world = World(tmp_path)
    for at in range(10):
        world.tries(f"192.0.2.{at}")
    assert world.bans.lift_account("ann") == 1
    assert world.bans.lift_account("ann") == 0
    assert world.trail.count(events.ACCOUNT_UNGUARDED) == 1
