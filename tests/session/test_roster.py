"""Who is here, how many of one account, and how to end one."""

import json

import pytest

from mft.core.failure import Reason
from mft.core.vpath import VPath
from mft.session.roster import Roster
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import session


def test_an_account_has_no_more_sessions_than_it_may_have() -> None:
    roster = Roster()
    roster.admit("ann", 2)
    roster.admit("ann", 2)
    with refused(Reason.QUOTA):
        roster.admit("ann", 2)
    roster.admit("bob", 1)
    roster.left("ann")
    roster.admit("ann", 2)
    with refused(Reason.QUOTA):
        roster.admit("ann", 2)


def test_a_source_is_counted_for_each_service() -> None:
    roster = Roster()
    roster.admit_source("ssh-1", "192.0.2.7", 1)
    with refused(Reason.QUOTA):
        roster.admit_source("ssh-1", "192.0.2.7", 1)
    roster.admit_source("ftp-1", "192.0.2.7", 1)
    roster.admit_source("ssh-1", "192.0.2.8", 1)
    roster.left_source("ssh-1", "192.0.2.7")
    roster.admit_source("ssh-1", "192.0.2.7", 1)
    roster.admit_source("ssh-1", "192.0.2.7", 0)
    for service, source in [("ssh-1", "192.0.2.7")] * 2 + [("ftp-1", "192.0.2.7")]:
        roster.left_source(service, source)
    roster.left_source("ssh-1", "192.0.2.8")
    assert not roster._sources


def test_zero_is_no_limit() -> None:
    roster = Roster()
    for _ in range(100):
        roster.admit("ann", 0)
    with refused(Reason.QUOTA):
        roster.admit("ann", 100)


def test_nothing_is_remembered_of_accounts_that_are_not_here() -> None:
    roster = Roster()
    roster.admit("ann", 1)
    roster.left("ann")
    assert not roster._accounts


def test_every_session_is_described_in_plain_values() -> None:
    roster, peer = Roster(), session()
    identity = roster.add(peer, lambda reason: None)
    run(peer.download(VPath.parse("/here/file")))
    [told] = json.loads(json.dumps(roster.describe()))
    assert told.pop("seconds") >= 0
    assert told == {
        "id": identity,
        "account": "ann",
        "address": "192.0.2.7",
        "port": 51234,
        "service": "sftp",
        "protocol": "ssh",
        "since": int(peer.began),
        "files": 1,
    }
    assert peer.identity == identity


def test_one_session_is_ended_and_no_other() -> None:
    roster, told = Roster(), []
    first = roster.add(session(), lambda reason: told.append(("first", reason)))
    second = roster.add(session(), lambda reason: told.append(("second", reason)))
    assert first != second
    assert roster.end(second, "mft end")
    assert told == [("second", "mft end")]
    assert not roster.end("nobody", "mft end")


def test_who_has_gone_cannot_be_ended() -> None:
    roster, peer = Roster(), session()
    identity = roster.add(peer, lambda reason: pytest.fail(reason))
    assert len(roster) == 1
    roster.remove(peer)
    roster.remove(peer)
    assert len(roster) == 0
    assert not roster.end(identity, "mft end")


def test_accounts_are_present_as_long_as_they_have_a_session() -> None:
    roster = Roster()
    for account in ("ann", "bob", "ann"):
        roster.admit(account, 0)
    roster.left("ann")
    roster.left("bob")
    assert roster.present() == ("ann",)
