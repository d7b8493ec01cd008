"""The home of an account is deleted so long after its end as its section says, and no other."""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from mft.auth.account import DAY
from mft.daemon import ended_homes as room
from mft.daemon.ended_homes import INTERVAL, EndedHomes
from mft.daemon.state.ended_homes_file import FILE
from mft.events import catalogue as events
from mft.events.bus import NOT_RECORDED
from mft.events.model import Event
from mft.session.roster import Roster
from mft.vfs import removal
from mft.vfs.removal import put_aside
from mft.vfs.volume import Volumes
from tests.fakes.accounts import NOW
from tests.fakes.daemons import Instance
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

AHEAD, DELETED = events.HOME_DELETION_AHEAD, events.HOME_DELETED
NOT_DELETED, HOUR = events.HOME_NOT_DELETED, 3600.0
MOST: Final = 24  # hours that count between two looks
HOUSE: Final = "[groups/DEFAULT_GROUP]\nname = default\ncreate_home_folder = yes\n"
ENDED: Final = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(NOW))}Z"


def account(name: str, more: str = "") -> str:
    return f"[accounts/{name}-1]\nname = {name}\nhome_folder_path = HOME/{name}\n{more}"


def ending(name: str = "ann", after: str = "2d", ended: str = ENDED) -> str:
    """An account that ends when these tests begin."""
    more = f"expire_datetime = {ended}\nhome_folder_delete_on_expire = {after}\n"
    return account(name, more)


class House:
    """The deletion of homes on a real disk; clocks, sessions and handlers are the test's."""

    def __init__(self, instance: Instance, *sections: str) -> None:
        self.instance = instance
        self.homes = instance.directory / "data"
        self.state = instance.state
        self.state.mkdir(exist_ok=True)
        self.trail: Any = Trail()
        self.trail.journal = SimpleNamespace(last=10)
        self.volumes = Volumes(Inline(), io="inline")
        self.around: Any = SimpleNamespace(
            config=instance.config(*sections, account("joe"), HOUSE),
            roster=Roster(),
            handling=SimpleNamespace(subscriptions={}),
            stopping=False,
        )
        self.wall, self.passed = NOW, 1000.0
        self.used: dict[str, float] = {}
        self.deletes = True
        self.fill("ann")
        self.fill("joe")
        self.start()

    def start(self) -> None:
        """Start, or start again."""
        self.ended = EndedHomes(
            self.around,
            self.state,
            self.volumes,
            self.trail,
            lambda uuid: self.used.get(uuid, NOW - DAY),
            lambda: self.deletes,
            lambda: self.wall,
            lambda: self.passed,
        )

    def fill(self, name: str) -> Path:
        """A home with something in it."""
        home = self.homes / name
        (home / "in").mkdir(parents=True)
        (home / "in" / "file").write_text(f"of {name}")
        return home

    def use(self, *sections: str) -> None:
        """Reload."""
        self.around.config = self.instance.config(*sections, account("joe"), HOUSE)

    def look(self, after: float = 0.0) -> None:
        """Look, so many seconds later."""
        self.wall += after
        self.passed += after
        run(self.ended.round())

    def run(self, hours: int) -> None:
        """Run for so many hours, from a look on."""
        for _ in range(hours // MOST):
            self.look(MOST * HOUR)
        self.look(hours % MOST * HOUR)

    def there(self) -> bool:
        """Whether ann has all that she had."""
        return (self.homes / "ann" / "in" / "file").is_file()

    def told(self, event: Event[Any]) -> list[Any]:
        return [one.payload for one in self.trail.told if one.event is event]

    def names(self) -> set[str]:
        """What is where homes are."""
        assert (self.homes / "joe" / "in" / "file").read_text() == "of joe"
        return {one.name for one in self.homes.iterdir()}


@pytest.fixture(autouse=True)
def _seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let looks be half a day apart."""
    monkeypatch.setattr(room, "INTERVAL", MOST * HOUR / 2)


@pytest.fixture
def house(instance: Instance) -> House:
    """An account that has just ended, whose home is to be deleted in two days."""
    return House(instance, ending())


def due(house: House) -> House:
    """Run until nothing but one second is missing."""
    house.look()
    house.run(47)
    house.look(HOUR - 1)
    assert house.there()
    return house


# When.


def test_a_home_is_deleted_when_its_time_is_over_and_not_one_second_before(house: House) -> None:
    due(house)
    assert house.told(DELETED) == []
    house.look(1)
    assert house.names() == {"joe"}
    (told,) = house.told(DELETED)
    assert (told.account_name, told.account_uuid) == ("ann", "ann-1")
    assert told.home == str(house.homes / "ann")
    assert told.entries == 2
    assert house.told(NOT_DELETED) == []


def test_it_is_told_once_when_its_time_begins_with_the_earliest_moment(house: House) -> None:
    due(house)
    (told,) = house.told(AHEAD)
    assert told.home == str(house.homes / "ann")
    assert told.earliest == time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(NOW + 2 * DAY))


def test_nothing_is_deleted_before_its_moment_however_long_it_was_seen(house: House) -> None:
    house.look()
    for _ in range(10):
        house.passed += MOST * HOUR
        house.look()
    house.wall = NOW + 2 * DAY - 1
    house.look()
    assert house.there()
    house.wall += 1
    house.look()
    assert not house.there()


@pytest.mark.parametrize(
    ("after", "hours"), [("1", 24), ("1h", 24), ("30h", 30), ("7d", 7 * 24), ("90d", 7 * 24)]
)
def test_it_must_have_been_seen_ended_for_a_day_at_least_and_a_week_at_most(
    instance: Instance, after: str, hours: int
) -> None:
    house = House(instance, ending(after=after, ended="2010-01-01Z"))
    house.look()
    house.run(hours - 1)
    house.look(HOUR - 1)
    assert house.there()
    house.look(1)
    assert not house.there()


def test_a_clock_that_was_wrong_for_a_while_deletes_nothing(house: House) -> None:
    house.wall += 400 * DAY
    house.look()
    assert len(house.told(AHEAD)) == 1
    house.run(20)
    house.wall -= 400 * DAY + 30 * DAY  # now it has not even ended
    house.look(HOUR)
    house.run(40)
    assert house.there()
    house.wall += 30 * DAY
    house.look()
    house.run(47)
    assert house.there(), "the time counts from now on"
    assert len(house.told(AHEAD)) == 2


def test_time_in_which_the_server_did_not_run_does_not_count(house: House) -> None:
    house.look()
    house.run(10)
    house.wall += 100 * DAY
    house.passed = 5.0  # another boot
    house.start()
    house.look()
    house.run(37)
    assert house.there()
    house.look(HOUR)
    assert not house.there()
    assert len(house.told(AHEAD)) == 1


def test_what_passes_between_two_looks_counts_twice_the_interval_at_most(house: House) -> None:
    house.look()
    house.look(100 * DAY)
    assert house.there()
    house.run(23)
    assert house.there()
    house.look(HOUR)
    assert not house.there()


# Whose.


@pytest.mark.parametrize(
    "sections",
    [
        [account("ann")],
        [account("ann", f"expire_datetime = {ENDED}\n")],
        [account("ann", "home_folder_delete_on_expire = 1\n")],
        [ending(after="0")],
        [ending(ended="2031-01-01Z")],
        [],
    ],
)
def test_no_other_account_loses_anything(instance: Instance, sections: list[str]) -> None:
    house = House(instance, *sections)
    house.look()
    house.run(24 * 8)
    assert house.there()
    assert house.trail.told == []


@pytest.mark.parametrize(
    "sections", [[ending(ended="2031-01-01Z")], [account("ann")], [], [ending(after="3d")]]
)
def test_an_account_that_is_changed_in_time_keeps_its_home(
    house: House, sections: list[str]
) -> None:
    due(house)
    house.use(*sections)
    house.look(1)
    house.look(HOUR)
    assert house.there()
    assert house.told(DELETED) == []


def test_one_that_ends_again_begins_anew(house: House) -> None:
    due(house)
    house.use(ending(ended="2031-01-01Z"))
    house.look(1)
    house.use(ending())
    house.look(1)
    house.run(47)
    assert house.there()
    house.look(HOUR)
    assert not house.there()


def test_one_that_was_used_meanwhile_begins_anew(house: House) -> None:
    due(house)
    house.used["ann-1"] = house.wall
    house.look(1)
    house.run(47)
    assert house.there()
    house.look(HOUR)
    assert not house.there()


def test_another_folder_of_its_path_begins_anew(house: House) -> None:
    due(house)
    (house.homes / "ann").rename(house.homes / "moved")
    house.fill("ann")
    house.look(1)
    house.run(47)
    assert house.there()
    house.look(HOUR)
    assert house.names() == {"moved", "joe"}


def test_a_home_that_comes_again_after_it_was_deleted_begins_anew(house: House) -> None:
    due(house).look(1)
    house.fill("ann")
    house.look(HOUR)
    assert house.there()
    assert len(house.told(AHEAD)) == 2
    house.run(47)
    assert house.there()


# Who is at work in it.


def test_an_account_that_is_used_all_the_time_is_told_of_once(house: House) -> None:
    for _ in range(5):
        house.look(HOUR)
        house.used["ann-1"] = house.wall + 1
    assert len(house.told(AHEAD)) == 1


def test_a_home_in_which_somebody_has_a_session_stays(house: House) -> None:
    due(house)
    house.around.roster.admit("ann-1", 0)
    house.look(1)
    house.look(HOUR)
    assert house.there()
    (told,) = house.told(NOT_DELETED)
    assert told.details == "a session of the account is open"
    house.around.roster.left("ann-1")
    house.look(HOUR)
    assert not house.there()


def test_a_session_on_another_node_counts(house: House) -> None:
    house.around.roster.elsewhere = lambda account: int(account == "ann-1")
    due(house).look(1)
    assert house.there()


def test_it_stays_until_every_handler_has_what_happened_in_it(house: House) -> None:
    handler = SimpleNamespace(position=9)
    house.around.handling.subscriptions["dispatcher"] = handler
    due(house).look(1)
    assert house.there()
    assert "event handler" in house.told(NOT_DELETED)[0].details
    handler.position = 10
    house.look(HOUR)
    assert not house.there()


def test_another_node_deletes_it(house: House) -> None:
    house.deletes = False
    due(house).look(1)
    assert house.there()
    assert house.trail.told == []
    house.deletes = True
    house.look(HOUR)
    assert not house.there()
    assert len(house.told(AHEAD)) == 1, "nobody knows whether another node has told it"


def test_what_was_put_aside_is_put_back_by_a_start_on_which_another_node_deletes(
    house: House,
) -> None:
    due(house)
    disk = house.volumes.disk

    async def broken(call: Any, *words: Any) -> Any:
        done = await disk(call, *words)
        if call is put_aside:
            raise SystemExit
        return done

    house.volumes.disk = broken
    with pytest.raises(SystemExit):
        house.look(1)
    assert not house.there()
    house.volumes.disk, house.deletes = disk, False
    house.start()
    house.look()
    assert house.there()
    assert house.names() == {"ann", "joe"}


def in_the_last_moment(house: House, change: Callable[[], object]) -> None:
    """Something changes while the home is put aside."""
    disk = house.volumes.disk

    async def then(call: Any, *words: Any) -> Any:
        done = await disk(call, *words)
        if call is put_aside:
            change()
        return done

    house.volumes.disk = then


def comes_back(house: House) -> None:
    house.use(ending(ended="2031-01-01Z"))


def comes_in(house: House) -> None:
    house.around.roster.admit("ann-1", 0)


def clock_is_put_right(house: House) -> None:
    house.wall -= 30 * DAY


def lease_is_lost(house: House) -> None:
    house.deletes = False


@pytest.mark.parametrize("change", [comes_back, comes_in, clock_is_put_right, lease_is_lost])
def test_who_comes_in_the_last_moment_finds_all_of_it(
    house: House, change: Callable[[House], None]
) -> None:
    in_the_last_moment(house, lambda: change(house))
    due(house).look(1)
    assert house.names() == {"ann", "joe"}
    assert house.there()
    assert house.told(DELETED) == []


def test_what_a_new_account_has_made_in_that_moment_stays_and_so_does_what_was_there(
    house: House,
) -> None:
    def comes_back_and_makes_a_home() -> None:
        house.use(ending(ended="2031-01-01Z"))
        house.fill("ann")

    in_the_last_moment(house, comes_back_and_makes_a_home)
    due(house).look(1)
    house.look(HOUR)
    assert house.there()
    (aside,) = house.names() - {"ann", "joe"}
    assert (house.homes / aside / "in" / "file").exists()
    (told,) = house.told(NOT_DELETED)
    assert aside in told.details


# What is not its own.


def test_a_home_that_is_a_link_by_now_stays(house: House) -> None:
    due(house)
    (house.homes / "ann").rename(house.homes / "moved")
    (house.homes / "ann").symlink_to("moved")
    house.look(1)
    house.run(48)
    assert house.names() == {"ann", "moved", "joe"}
    assert len(house.told(NOT_DELETED)) == 1


def test_a_link_of_another_account_that_leads_there_by_now_keeps_it(instance: Instance) -> None:
    shared = instance.directory / "shared"
    shared.mkdir()
    lena = account("lena", f"virtual_folders = /shared, {shared}\n")
    house = House(instance, ending(), lena)
    due(house)
    shared.rmdir()
    shared.symlink_to(house.homes / "ann" / "in")
    house.look(1)
    assert house.there()
    assert "virtual folder of [accounts/lena-1]" in house.told(NOT_DELETED)[0].details


def test_a_mount_keeps_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    due(house)
    mounted = str(house.homes / "ann" / "in")
    monkeypatch.setattr(removal, "mount_points", lambda: [mounted])
    house.look(1)
    house.look(HOUR)
    assert house.there()
    (told,) = house.told(NOT_DELETED)
    assert told.details == f"{mounted} is mounted there"


# What fails.


def test_what_cannot_be_removed_is_told_and_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = removal.os.unlink

    def unlink(*words: Any, **named: Any) -> None:
        if "file" in words:
            raise PermissionError(1, "Operation not permitted")
        real(*words, **named)

    monkeypatch.setattr(removal.os, "unlink", unlink)
    due(house).look(1)
    house.look(HOUR)
    (told,) = house.told(NOT_DELETED)
    (aside,) = house.names() - {"joe"}
    assert told.details == f"Operation not permitted; what is left of it is {aside}, beside it"
    monkeypatch.setattr(removal.os, "unlink", real)
    house.look(HOUR)
    assert house.names() == {"joe"}
    assert len(house.told(DELETED)) == 1


def test_a_stop_leaves_the_rest_to_the_next_start(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "STEP", 1)
    due(house)
    disk = house.volumes.disk

    async def stops(call: Any, *words: Any) -> Any:
        house.around.stopping = getattr(call, "__name__", "") == "step"
        return await disk(call, *words)

    house.volumes.disk = stops
    house.look(1)
    assert len(house.names()) == 2
    assert house.told(DELETED) == []
    house.volumes.disk, house.around.stopping = disk, False
    house.start()
    house.use()  # the account is not even there any more
    house.look(HOUR)
    assert house.names() == {"joe"}
    assert len(house.told(DELETED)) == 1


def test_nothing_is_deleted_that_cannot_be_written_down(house: House) -> None:
    due(house)
    house.state.rename(house.state.with_name("elsewhere"))
    house.look(1)
    assert house.there()
    assert house.told(events.ENDED_HOMES_UNWRITTEN)
    house.state.with_name("elsewhere").rename(house.state)
    house.trail.healthy = False
    house.look(1)
    assert house.there()
    house.trail.healthy = True
    house.look(1)
    assert not house.there()


def test_after_a_damage_of_the_state_the_time_begins_anew(house: House) -> None:
    due(house)
    (house.state / FILE).write_text("{")
    house.start()
    assert len(house.told(events.ENDED_HOMES_UNREADABLE)) == 1
    house.look(1)
    house.run(47)
    assert house.there()
    house.look(HOUR)
    assert not house.there()


def test_a_deletion_that_could_not_be_told_is_told_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    emit = house.trail.emit
    house.trail.emit = lambda event, payload: (
        NOT_RECORDED if event is DELETED else emit(event, payload)
    )
    due(house).look(1)
    assert not house.there()
    house.trail.emit = emit
    house.look(HOUR)
    assert len(house.told(DELETED)) == 1


def test_a_look_comes_every_hour() -> None:
    assert EndedHomes.interval == INTERVAL == HOUR
