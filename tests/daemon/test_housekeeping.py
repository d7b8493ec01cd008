"""What is too old is removed: segments that everybody has read, uploads that nobody continued."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mft.auth.account import DAY
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import VPath
from mft.daemon.endings import Endings
from mft.daemon.housekeeping import INTERVAL, Housekeeping
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.trust.certificates import Identity, self_signed
from mft.vfs.local import LocalFileSystem
from mft.vfs.volume import Volumes
from tests.fakes.accounts import KeptInMemory
from tests.fakes.daemons import SERVER, Instance
from tests.fakes.files import interrupt
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

HOURS = 3600.0
WATCH = "[resources/watch-1]\nname = watch\ntype = analytics\n"


class FakeJournal:
    """Remembers what it was asked to delete."""

    last = 1000

    def __init__(self) -> None:
        self.expired: list[tuple[float, int]] = []
        self.failing: Exception | None = None

    def expire(self, before: float, passed: int) -> None:
        if self.failing is not None:
            raise self.failing
        self.expired.append((before, passed))


class House:
    """Housekeeping over a real disk, with the handlers' places as the test says."""

    def __init__(self, instance: Instance, *sections: str, server: str = SERVER) -> None:
        self.instance = instance
        self.trail: Any = Trail()
        self.trail.journal = FakeJournal()
        self.volumes = Volumes(Inline(), io="inline")
        self.daemon: Any = SimpleNamespace(
            config=instance.config(*sections, server=server),
            handling=SimpleNamespace(subscriptions={}),
            services={},
        )
        self.now = time.time()
        endings = Endings(KeptInMemory(), lambda _: self.now)
        self.tells = True
        self.keeping = Housekeeping(
            self.daemon,
            self.volumes,
            self.trail,
            endings,
            lambda: self.now,
            lambda: self.tells,
        )

    def serve(self, uuid: str, identity: Identity | None) -> None:
        """A service that shows a certificate, or none."""
        certificate = None if identity is None else identity.certificate
        component = Component(uuid, "ftp", f"service {uuid}")
        self.daemon.services[uuid] = SimpleNamespace(component=component, certificate=certificate)

    def warned(self) -> list[Any]:
        """The warnings of a round about certificates."""
        self.trail.forget()
        self.round()
        return [one for one in self.trail.told if one.event is events.CERTIFICATE_EXPIRES]

    def round(self) -> None:
        run(self.keeping.round())

    def leave(self, folder: str, name: str) -> Path:
        """An interrupted upload; gives where it lies."""
        root = self.instance.directory / "data" / folder
        root.mkdir(parents=True, exist_ok=True)
        files = LocalFileSystem(str(root), name, self.volumes)
        known = set(root.iterdir())
        interrupt(files, VPath.parse(f"/{name}"), b"half")
        run(files.close())
        (left,) = set(root.iterdir()) - known
        return left


def account(name: str, folder: str, lifetime: str = "", more: str = "") -> str:
    """The section of an account."""
    kept = f"interrupted_upload_lifetime = {lifetime}\n" if lifetime else ""
    return (
        f"[accounts/{name}-1]\nname = {name}\nhome_folder_path = HOME/{folder}\n"
        f"create_home_folder = yes\n{kept}{more}"
    )


# Certificates.


def test_a_certificate_that_ends_soon_is_told_once_a_day(instance: Instance) -> None:
    house, begin = House(instance), datetime(2030, 1, 10, 9, tzinfo=UTC)
    house.serve("a", self_signed(["localhost"], days=20, now=begin))
    house.serve("b", self_signed(["localhost"], days=90, now=begin))
    house.serve("c", None)
    house.now = begin.timestamp()
    (told,) = house.warned()
    assert told.payload == p.CertificateExpires(
        component_name="service a",
        expires_in_days=19,
        details="expires on 2030-01-30",
        component="ftp",
        name="CN=localhost",
    )
    assert told.message == (
        'Certificate "CN=localhost" of ftp "service a" expires on 2030-01-30: 19 days are left.'
    )
    house.now += 14 * HOURS
    assert house.warned() == []
    house.now += HOURS
    assert [one.payload.expires_in_days for one in house.warned()] == [19]


def test_a_certificate_that_has_ended_is_told_every_day(instance: Instance) -> None:
    house, begin = House(instance), datetime(2030, 1, 10, tzinfo=UTC)
    house.serve("a", self_signed(["localhost"], days=1, now=begin))
    for day in (1, 2, 3):
        house.now = (begin + day * timedelta(days=1)).timestamp()
        (told,) = house.warned()
        assert told.payload.details == "has expired on 2030-01-10"
        assert told.payload.expires_in_days == -day


@pytest.mark.parametrize(
    ("more", "days"),
    [
        ((), 21),
        ((WATCH,), 21),
        ((f"{WATCH}certificate_expiration_warning = 2d\n",), 2),
        ((f"{WATCH}certificate_expiration_warning = 365d\n",), 365),
        ((f"{WATCH}account_expiration_warning = 1d\npassword_expiration_warning = 1d\n",), 21),
    ],
)
def test_the_first_warning_comes_when_the_resource_that_watches_says_or_as_usual(
    instance: Instance, more: tuple[str, ...], days: int
) -> None:
    house, identity = House(instance, *more), self_signed(["localhost"], days=730)
    house.serve("a", identity)
    first = identity.certificate.not_valid_after_utc - timedelta(days=days)
    house.now = first.timestamp() - 1
    assert house.warned() == []
    house.now += 1
    assert len(house.warned()) == 1


@pytest.mark.parametrize("day", [0, 1])
def test_a_certificate_that_nobody_wants_to_hear_of_is_never_told(
    instance: Instance, day: int
) -> None:
    house = House(instance, f"{WATCH}certificate_expiration_warning = 0\n")
    identity = self_signed(["localhost"])
    house.serve("a", identity)
    end = identity.certificate.not_valid_after_utc
    house.now = (end + timedelta(days=day)).timestamp()
    assert house.warned() == []


# The journal.


def test_it_is_done_every_hour() -> None:
    assert Housekeeping.interval == INTERVAL == HOURS


def test_segments_are_kept_until_the_slowest_handler_has_read_them(instance: Instance) -> None:
    house = House(instance, server=f"{SERVER}journal_retention = 30\n")
    house.daemon.handling.subscriptions = {
        "fast": SimpleNamespace(position=900),
        "slow": SimpleNamespace(position=17),
    }
    house.round()
    ((before, passed),) = house.trail.journal.expired
    assert passed == 17
    assert before == pytest.approx(time.time() - 30 * DAY, abs=60)


def test_without_handlers_only_age_counts(instance: Instance) -> None:
    house = House(instance)
    house.round()
    assert house.trail.journal.expired[0][1] == FakeJournal.last


def test_a_retention_of_0_keeps_everything(instance: Instance) -> None:
    house = House(instance, server=f"{SERVER}journal_retention = 0\n")
    house.round()
    assert house.trail.journal.expired == []


@pytest.mark.parametrize("error", [OSError("gone"), Refused(Reason.BUSY, "", "too many calls")])
def test_a_journal_that_cannot_be_expired_waits_for_the_next_round(
    instance: Instance, error: Exception
) -> None:
    house = House(instance)
    house.trail.journal.failing = error
    house.round()
    house.trail.journal.failing = None
    house.round()
    assert len(house.trail.journal.expired) == 1


# Interrupted uploads.


def test_what_nobody_continued_in_time_is_removed_and_told(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(instance, account("ann", "ann", "1h"))
    left = house.leave("ann", "ann")
    house.round()
    assert left.exists()
    later(monkeypatch, 2 * HOURS)
    house.round()
    assert not left.exists()
    (told,) = house.trail.told
    assert told.event is events.INTERRUPTED_UPLOAD_REMOVED
    assert (told.payload.path, told.payload.offset) == (str(left), 4)


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the sweeper's clock be ahead: no test can set the time of a file's last change."""
    now = time.time() + seconds
    monkeypatch.setattr(
        "mft.daemon.housekeeping.Sweeper.__init__.__kwdefaults__", {"now": lambda: now}
    )


SHARED = [
    ("one home", account("ann", "all", "1h"), account("bob", "all", "1d"), "all"),
    ("a home inside", account("ann", "all", "1h"), account("bob", "all/bob", "1d"), "all/bob"),
    ("a home around", account("ann", "all/ann", "1h"), account("bob", "all", "1d"), "all/ann"),
    (
        "a virtual folder",
        account("ann", "all", "1h"),
        account("bob", "bob", "1d", "virtual_folders = /all, HOME/all\n"),
        "all",
    ),
]


@pytest.mark.parametrize("case", SHARED, ids=lambda case: case[0])
def test_the_longest_lifetime_of_those_who_share_a_place_counts(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, case: tuple[str, str, str, str]
) -> None:
    _, ann, bob, folder = case
    (instance.directory / "data" / "all").mkdir()
    house = House(instance, ann, bob)
    left = house.leave(folder, "bob")
    later(monkeypatch, 2 * HOURS)
    house.round()
    assert left.exists()
    later(monkeypatch, 25 * HOURS)
    house.round()
    assert not left.exists()
    assert len(house.trail.told) == 1


def test_places_that_nobody_shares_have_their_own_lifetimes(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(instance, account("ann", "ann", "1h"), account("anna", "anna", "1d"))
    short, long = house.leave("ann", "ann"), house.leave("anna", "anna")
    later(monkeypatch, 2 * HOURS)
    house.round()
    assert not short.exists()
    assert long.exists()


def test_a_home_that_is_a_link_is_the_place_it_leads_to(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    (instance.directory / "data" / "real").mkdir()
    (instance.directory / "data" / "link").symlink_to("real")
    house = House(instance, account("ann", "link", "1h"), account("bob", "real", "1d"))
    left = house.leave("real", "bob")
    later(monkeypatch, 2 * HOURS)
    house.round()
    assert left.exists()


def test_a_home_that_nobody_has_used_yet_is_no_error(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(instance, account("ann", "none"), account("bob", "bob", "1h"))
    left = house.leave("bob", "bob")
    later(monkeypatch, 2 * HOURS)
    house.round()
    assert not left.exists()
    assert len(house.trail.told) == 1


def test_what_ends_soon_is_told_in_a_round(instance: Instance) -> None:
    ends = datetime.now(UTC) + timedelta(days=3, hours=1)
    house = House(
        instance, account("ann", "ann", more=f"expire_datetime = {ends:%Y-%m-%d %H:%M}Z\n")
    )
    house.tells = False  # another node of the cluster does
    house.round()
    assert house.trail.count(events.ACCOUNT_EXPIRES) == 0
    house.tells = True
    for _ in range(2):
        house.round()
    (told,) = [one for one in house.trail.told if one.event is events.ACCOUNT_EXPIRES]
    assert (told.payload.account_name, told.payload.days) == ("ann", 3)


def test_what_an_account_of_another_file_left_is_removed_as_well(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = instance.directory / "shared.ini"
    text = account("eva", "eva", "1h").replace("HOME", str(instance.directory / "data"))
    path.write_text(text)
    path.chmod(0o600)
    method = f"[authentications/s]\ntype = local-file\nname = s\npath = {path}\n"
    house = House(instance, method)
    left = house.leave("eva", "eva")
    later(monkeypatch, 2 * HOURS)
    house.round()
    assert not left.exists()
