"""Opening a session: its home, its folders, its storage, and room for it."""

import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from mft.auth.account import Account
from mft.auth.base import PasswordChange
from mft.core.failure import Reason
from mft.core.vpath import ROOT, VPath
from mft.events import catalogue as events
from mft.protocols.ssh.events import NUMBERS
from mft.session import opening as module
from mft.session.bandwidth import Bandwidths
from mft.session.opening import Limits, Opening
from mft.session.roster import Roster
from mft.session.session import Session
from mft.vfs.base import Existing
from mft.vfs.volume import Volumes
from tests.fakes.gate import Gate, until_waiting
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import PEER, SERVICE, account
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail


async def unchanged(given: PasswordChange) -> None:
    """What would change a password."""


class Hall:
    """An opening with what it is made of."""

    def __init__(self, home: Path, disk: Any = None) -> None:
        self.home = home
        self.trail = Trail()
        self.roster = Roster()
        self.bandwidths = Bandwidths(Clock().callLater)
        volumes = Volumes(disk or Inline(), io="inline" if disk is None else "threads")
        self.opening = Opening(self.trail, volumes, self.roster, self.bandwidths)  # type: ignore[arg-type]  # fake

    def account(self, **options: Any) -> Account:
        """An account whose home is here."""
        return Account(
            "ann-1", "ann", str(self.home), account().rules, **{"maximum_sessions": 1, **options}
        )

    def open(self, sources: int = 0, **options: Any) -> Any:
        """Open a session, or begin to."""
        return self.opening.open(
            self.account(**options), PEER, SERVICE, NUMBERS, Limits(7, sources), unchanged
        )


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    (tmp_path / "home").mkdir()
    return Hall(tmp_path / "home")


def leave(session: Session) -> None:
    run(session.close("the end"))


def test_a_session_is_over_the_home_of_its_account(hall: Hall) -> None:
    (hall.home / "file").write_bytes(b"bytes")
    session = run(hall.open())
    assert run(session.stat(VPath(("file",)))).size == 5
    assert session.real_path(VPath(("file",))) == f"{hall.home}/file"
    leave(session)


def test_a_missing_home_is_made_and_told_where_that_is_asked_for(hall: Hall) -> None:
    hall.home = hall.home / "ann"
    structure = (VPath.parse("in/new"),)
    session = run(hall.open(create_home_folder=True, home_folder_structure=structure))
    assert (hall.home / "in" / "new").is_dir()
    assert hall.trail.events == [events.HOME_CREATED] * 3
    leave(session)


def test_folders_are_made_in_a_home_that_is_there(hall: Hall) -> None:
    session = run(hall.open(home_folder_structure=(VPath.parse("in"),)))
    assert hall.trail.events == [events.HOME_CREATED]
    leave(session)


@pytest.mark.parametrize("structure", [(), (VPath.parse("in"),)])
def test_a_missing_home_is_refused_and_told_and_takes_no_seat(
    hall: Hall, structure: tuple[VPath, ...]
) -> None:
    home, hall.home = hall.home, hall.home / "gone"
    for _ in range(2):
        with refused(Reason.NOT_FOUND):
            run(hall.open(home_folder_structure=structure))
    assert hall.trail.events == [events.HOME_UNAVAILABLE] * 2
    hall.home = home
    leave(run(hall.open()))


def test_virtual_folders_are_seen_beside_the_home(hall: Hall, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "file").write_bytes(b"bytes")
    folders = ((VPath.parse("/shared"), str(tmp_path / "shared")),)
    session = run(hall.open(virtual_folders=folders))
    assert run(session.stat(VPath.parse("/shared/file"))).size == 5
    leave(session)


def test_a_change_of_a_virtual_folder_itself_is_refused_and_told(
    hall: Hall, tmp_path: Path
) -> None:
    (tmp_path / "shared").mkdir()
    folders = ((VPath.parse("/shared"), str(tmp_path / "shared")),)
    session = run(hall.open(virtual_folders=folders))
    with refused():
        run(session.remove_directory(VPath.parse("/shared")))
    assert hall.trail.count(events.VIRTUAL_FOLDER_PROTECTED) == 1
    assert (tmp_path / "shared").is_dir()
    leave(session)


def test_a_real_entry_at_a_virtual_folder_is_refused_and_told(hall: Hall, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (hall.home / "shared").mkdir()
    folders = ((VPath.parse("/shared"), str(tmp_path / "shared")),)
    with refused(Reason.EXISTS):
        run(hall.open(virtual_folders=folders))
    assert hall.trail.events == [events.VIRTUAL_FOLDER_CLASH, events.HOME_UNAVAILABLE]
    leave(run(hall.open()))


def test_nothing_stays_open_of_a_session_that_was_not_opened(hall: Hall, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    (tmp_path / "shared").mkdir()
    (hall.home / "shared").mkdir()
    folders = ((VPath.parse("/shared"), str(tmp_path / "shared")),)
    for _ in range(3):
        with refused(Reason.EXISTS):
            run(hall.open(virtual_folders=folders))
    leave(run(hall.open()))
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_the_account_may_is_what_the_session_and_its_storage_do(hall: Hall) -> None:
    session = run(hall.open(file_write_size=4))
    received = run(session.upload(VPath(("file",)), Existing.REPLACE))
    with refused(Reason.QUOTA):
        received.lane.write_from([memoryview(b"12345")], 0)
    assert session._max_open == 7
    leave(session)


# Room.


def test_a_source_has_as_many_sessions_of_a_service_as_it_may_have(hall: Hall) -> None:
    first = run(hall.open(sources=1, maximum_sessions=0))
    with refused(Reason.QUOTA):
        run(hall.open(sources=1, maximum_sessions=2))
    leave(first)
    leave(first)  # once more frees nothing more
    again = run(hall.open(sources=1))  # whoever was refused has left nothing behind
    with refused(Reason.QUOTA):
        run(hall.open(sources=1, maximum_sessions=0))
    leave(again)
    assert not hall.roster._sources
    assert not hall.roster._accounts


def test_a_session_with_a_limit_has_its_part_until_it_ends(hall: Hall) -> None:
    session = run(hall.open(upload_bandwidth=4096))
    assert session.upload_pace() is not None
    assert session.download_pace() is None
    assert session.read_at_most > 0
    assert len(hall.bandwidths) == 1
    leave(session)
    assert len(hall.bandwidths) == 0


def test_a_session_that_cannot_be_opened_leaves_no_part_behind(hall: Hall) -> None:
    hall.home = hall.home / "missing"
    with refused(Reason.NOT_FOUND):
        run(hall.open(upload_bandwidth=4096, maximum_sessions=0))
    assert len(hall.bandwidths) == 0
    assert not hall.roster._accounts


def test_an_account_has_as_many_sessions_as_it_may_have(hall: Hall) -> None:
    first = run(hall.open(maximum_sessions=2))
    second = run(hall.open(maximum_sessions=2))
    with refused(Reason.QUOTA):
        run(hall.open(maximum_sessions=2))
    assert not hall.trail.told  # the login tells
    leave(first)
    leave(first)  # once more frees nothing more
    third = run(hall.open(maximum_sessions=2))
    with refused(Reason.QUOTA):
        run(hall.open(maximum_sessions=2))
    leave(second)
    leave(third)


class Waiting:
    """A disk pool whose calls wait for a gate."""

    def __init__(self) -> None:
        self.gate = Gate()

    async def __call__(self, call: Any, /, *args: Any, **kwargs: Any) -> Any:
        await self.gate
        return call(*args, **kwargs)


def test_logins_side_by_side_cannot_all_pass(tmp_path: Path) -> None:
    disk = Waiting()
    hall = Hall(tmp_path, disk)
    first = until_waiting(hall.open())
    with refused(Reason.QUOTA):
        run(hall.open())
    disk.gate.open = True
    leave(run(first))
    leave(run(hall.open()))


def test_logins_of_a_source_side_by_side_cannot_all_pass(tmp_path: Path) -> None:
    disk = Waiting()
    hall = Hall(tmp_path, disk)
    first = until_waiting(hall.open(sources=1, maximum_sessions=0))
    with refused(Reason.QUOTA):
        run(hall.open(sources=1, maximum_sessions=0))
    disk.gate.open = True
    leave(run(first))


def test_a_login_that_is_given_up_takes_no_seat(tmp_path: Path) -> None:
    disk = Waiting()
    hall = Hall(tmp_path, disk)
    opening = until_waiting(hall.open(create_home_folder=True))
    opening.close()
    disk.gate.open = True
    leave(run(hall.open()))
    assert events.HOME_UNAVAILABLE not in hall.trail.events


def test_the_name_of_who_makes_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module._own_name()

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(module.pwd, "getpwuid", unknown)
    assert module._own_name() == str(os.geteuid())


def test_the_root_of_a_home_can_be_listed(hall: Hall) -> None:
    session = run(hall.open())
    listing = run(session.list(ROOT))
    assert run(listing.batch()) == ()
    leave(session)
