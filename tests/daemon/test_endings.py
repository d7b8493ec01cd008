"""What ends soon is told once a day, and who is out of use once."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mft.auth.account import DAY
from mft.auth.own_passwords import OwnPassword, mark_of
from mft.auth.passwords import PasswordHash
from mft.core.failure import Reason, Refused
from mft.daemon.endings import Endings
from mft.events import catalogue as events
from tests.fakes.accounts import CHEAP_HASH, NOW, KeptInMemory
from tests.fakes.daemons import ANN, Instance

GROUP = "[groups/DEFAULT_GROUP]\nname = default\n"
HASH = f"password = {CHEAP_HASH}\n"
EXPIRES, PASSWORD = events.ACCOUNT_EXPIRES, events.PASSWORD_EXPIRES
UNUSED = events.ACCOUNT_UNUSED


class Watched(Endings):
    """Endings of one account, whose last use a test sets."""

    def __init__(self, instance: Instance, more: str = "", group: str = "") -> None:
        self.kept = KeptInMemory()
        self.last = NOW
        self.config = instance.config(f"{ANN}email = a@b, c@d\n{more}", GROUP + group)
        super().__init__(self.kept, lambda _: self.last)

    def told(self, days: float = 0) -> list[tuple[Any, ...]]:
        """What is told so many days from now: the event, and what it holds."""
        due = self.due(self.config, NOW + days * DAY)
        return [(one.event, *one.payload) for one in due]


def ends(instance: Instance, more: str, group: str = "") -> list[tuple[Any, ...]]:
    return Watched(instance, more, group).told()


def test_an_account_that_ends_soon_is_told_with_the_days_that_are_left(instance: Instance) -> None:
    found = ends(instance, "expire_datetime = 2030-03-20 18:00Z\n")
    assert found == [(EXPIRES, "ann", 3, "a@b, c@d", "ann-1")]


@pytest.mark.parametrize(
    "more",
    [
        "",
        "expire_datetime = 2030-04-10Z\n",  # in more days than that
        "expire_datetime = 2030-03-17Z\n",  # it has ended, which each login is told
        "enabled = no\nexpire_datetime = 2030-03-20Z\n",
    ],
)
def test_what_ends_later_or_has_ended_is_not_told(instance: Instance, more: str) -> None:
    assert ends(instance, more) == []


def test_what_ends_is_told_once_a_day(instance: Instance) -> None:
    watched = Watched(instance, "expire_datetime = 2030-03-20 18:00Z\n")
    found = [watched.told(days) for days in (0, 0.1, 1, 1.1, 2, 3, 4)]
    assert [len(one) for one in found] == [1, 0, 1, 0, 1, 1, 0]


def test_a_password_that_ends_soon_is_told(instance: Instance) -> None:
    more = f"{HASH}password_lifetime = 20\nlast_password_update = 2030-03-07\n"
    ((event, name, days, *_),) = ends(instance, more)
    assert (event, name, days) == (PASSWORD, "ann", 9)
    assert ends(instance, f"{HASH}last_password_update = 2030-03-07\n") == []
    group = "password_lifetime = 20\n"
    assert len(ends(instance, f"{HASH}created = 2030-03-07\n", group)) == 1
    assert ends(instance, "created = 2030-03-07\n", group) == []  # it has none


def test_a_password_of_ones_own_ends_by_its_own_age(instance: Instance) -> None:
    more = f"{HASH}password_lifetime = 20\nlast_password_update = 2030-03-07\n"
    watched = Watched(instance, more)
    stored = PasswordHash.parse(CHEAP_HASH)
    watched.kept.kept["ann-1"] = OwnPassword(mark_of(stored), stored, NOW, ())
    assert watched.told() == []
    assert [one[0] for one in watched.told(10)] == [PASSWORD]
    watched.kept.fails = Refused(Reason.BROKEN)
    assert watched.told(11) == []


def test_an_account_out_of_use_is_told_once_and_again_when_that_happens_again(
    instance: Instance,
) -> None:
    watched = Watched(instance, group="disable_on_inactivity = 30\n")
    assert watched.told(29) == []
    assert watched.told(30) == [(UNUSED, "ann", 30, "2030-03-17", "ann-1")]
    assert watched.told(31) == []
    watched.last = NOW + 31 * DAY
    assert watched.told(32) == []
    assert watched.told(61) == [(UNUSED, "ann", 30, "2030-04-17", "ann-1")]


def test_a_newer_change_of_its_section_counts_as_a_use(instance: Instance) -> None:
    group = "disable_on_inactivity = 30\n"
    assert Watched(instance, "changed = 2030-04-01Z\n", group).told(31) == []
    assert len(Watched(instance, "changed = 2030-03-01Z\n", group).told(31)) == 1


# From when on.


END = datetime(2032, 3, 17, tzinfo=UTC).timestamp()
ACCOUNT = "expire_datetime = 2032-03-17 00:00Z\n"
AGING = f"{HASH}password_lifetime = 731\nlast_password_update = 2030-03-17 00:00Z\n"
WATCH = "[resources/watch-1]\nname = watch\ntype = analytics\n"


def told_before(instance: Instance, more: str, days: int) -> list[bool]:
    """Whether an end is told a second earlier than so many days before it, and then."""
    watched = Watched(instance, more)
    when = END - days * DAY
    return [bool(watched.due(watched.config, at)) for at in (when - 1, when)]


@pytest.mark.parametrize(
    ("more", "accounts", "passwords"),
    [
        ("", 21, 14),
        (WATCH, 21, 14),
        (f"{WATCH}account_expiration_warning = 2d\n", 2, 14),
        (f"{WATCH}password_expiration_warning = 3d\n", 21, 3),
        (f"{WATCH}password_expiration_warning = 365d\n", 21, 365),
        (f"{WATCH}certificate_expiration_warning = 1d\n", 21, 14),
        (f"{WATCH}enabled = no\naccount_expiration_warning = 0\n", 21, 14),
    ],
)
def test_an_end_is_told_from_when_the_resource_that_watches_says_or_as_usual(
    instance: Instance, more: str, accounts: int, passwords: int
) -> None:
    assert told_before(instance, f"{ACCOUNT}\n{more}", accounts) == [False, True]
    assert told_before(instance, f"{AGING}\n{more}", passwords) == [False, True]


@pytest.mark.parametrize(("name", "ending"), [("account", ACCOUNT), ("password", AGING)])
def test_an_end_that_nobody_wants_to_hear_of_is_never_told(
    instance: Instance, name: str, ending: str
) -> None:
    more = f"{ending}\n{WATCH}{name}_expiration_warning = 0\n"
    assert told_before(instance, more, 0) == [False, False]
