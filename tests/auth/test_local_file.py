"""Accounts of another file: those that it has, and those that it had when it cannot be used."""

import pytest

from mft.auth.base import Accepted, Anonymous, NotMine, Password
from mft.auth.local_file import LOOK, NONE, LocalFileAuthenticator, LocalFileOptions
from mft.auth.own_passwords import NotChanged, OwnPassword, mark_of
from mft.auth.passwords import PasswordHash, make_hash
from mft.core.secret import Secret
from mft.events import catalogue as events
from tests.fakes.accounts import CHEAP_HASH, PEER, SERVICE, Around, account, group
from tests.fakes.run import run
from tests.fakes.shared_accounts import PATH, SHARED, Shared, of_file

ANN = account(password=CHEAP_HASH)
BOB = account("bob", password=CHEAP_HASH)


def knows(method: Shared, name: str) -> bool:
    given = Password(name, Secret("right"))
    return isinstance(run(method.authenticate(given, PEER, SERVICE)), Accepted)


def started() -> Shared:
    method = Shared(ANN)
    run(method.start())
    return method


def test_its_accounts_are_those_of_the_file_and_no_others() -> None:
    method = Shared(ANN)
    assert knows(method, "ann")
    assert not knows(method, "bob")
    assert [step for step in method.steps if str(PATH) in step] == [
        f'{PATH} has the account "ann" (ID shared-ann) in default',
        f"the password of {PATH} counts",
        f"{PATH} has no account of this name",
    ]
    given = Anonymous("shared-ann")
    assert run(method.authenticate(given, PEER, SERVICE)) == NotMine()


def test_every_five_minutes_it_looks_whether_the_file_has_changed() -> None:
    method = started()
    method.reactor.advance(LOOK)
    method.reactor.advance(LOOK)
    assert method.reads == [(1,), (1,)]
    assert method.trail.told == []
    method.now_has = of_file(BOB, stamp=2)
    method.reactor.advance(LOOK)
    assert (knows(method, "ann"), knows(method, "bob")) == (False, True)
    (told,) = method.trail.told
    assert told.event is events.ACCOUNTS_READ
    assert "1 accounts, 1 groups" in told.message
    method.now_has = None
    method.reactor.advance(LOOK)
    assert method.reads[-1] == (2,)


def test_a_file_that_cannot_be_used_leaves_the_accounts_and_is_told_once() -> None:
    method = started()
    for _ in range(3):
        method.now_has = ValueError(f"{PATH}:7: has no end")
        method.reactor.advance(LOOK)
    assert knows(method, "ann")
    (told,) = method.trail.told
    assert told.event is events.ACCOUNTS_UNREADABLE
    assert f"{PATH}:7: has no end" in told.message
    method.now_has = of_file(BOB, stamp=2)
    method.reactor.advance(LOOK)
    assert knows(method, "bob")
    method.now_has = ValueError(f"{PATH}:7: has no end")
    method.reactor.advance(LOOK)
    assert method.trail.events[-1] is events.ACCOUNTS_UNREADABLE
    assert len(method.trail.told) == 3


def test_accounts_that_contradict_each_other_leave_those_before() -> None:
    method = started()
    twice = of_file(BOB, stamp=2)
    method.now_has = twice._replace(accounts={**twice.accounts, "other": BOB})
    method.reactor.advance(LOOK)
    assert knows(method, "ann")
    assert method.trail.events == [events.ACCOUNTS_UNREADABLE]


def test_a_method_that_was_stopped_looks_no_more() -> None:
    method = started()
    run(method.stop())
    method.reactor.advance(10 * LOOK)
    assert method.reads == []
    assert method.reactor.getDelayedCalls() == []
    assert knows(method, "ann")  # by who is still logging in at a service that leaves


def test_a_password_that_was_chosen_before_the_account_was_shared_does_not_count() -> None:
    method = Shared(ANN)
    new = PasswordHash.parse(make_hash("another", "crypt-sha512", 1000))
    method.own.kept["shared-ann"] = OwnPassword(
        mark_of(PasswordHash.parse(CHEAP_HASH)), new, 0.0, ()
    )
    assert knows(method, "ann")
    with pytest.raises(NotChanged):
        run(NONE.keep("shared-ann", method.own.kept["shared-ann"], None))


def test_a_file_that_was_not_read_is_refused_when_it_is_made() -> None:
    options = LocalFileOptions.model_validate({"name": "shared", "path": PATH})
    with pytest.raises(ValueError, match="was not read"):
        LocalFileAuthenticator(SHARED, options, Around().parts)


def test_a_group_of_the_file_is_not_that_of_server_ini() -> None:
    groups = {"DEFAULT_GROUP": group("shared default", enabled="no")}
    method = Shared()
    method.now_has = of_file(ANN, stamp=2, groups=groups)
    run(method.start())
    method.reactor.advance(LOOK)
    assert not knows(method, "ann")
