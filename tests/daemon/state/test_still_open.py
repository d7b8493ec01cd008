"""What is open after some events: each thing from its beginning to its end, and no longer."""

import pytest

from mft.core.peer import Address
from mft.daemon.state import still_open
from mft.daemon.state.begun import BEGUN
from mft.daemon.state.still_open import StillOpen, known
from mft.events import catalogue as events
from mft.events.model import Event, Occurrence
from tests.fakes.occurrences import ALICE, SYSTEM

CONNECTIONS = next(n for n, kind in enumerate(BEGUN) if events.SSH_CONNECTED.number in kind.begins)
FILES = next(n for n, kind in enumerate(BEGUN) if events.SSH_OPEN_DONE.number in kind.begins)


def told(serial, event: Event, origin=ALICE, **data) -> Occurrence:
    return Occurrence(serial, 1e9, event, data, origin)


def opened(serial, path, event=events.SSH_OPEN_DONE):
    names = {"path": path, "real_path": f"/srv{path}", "mode": "writing", "requested_path": path}
    return told(serial, event, **names)


def after(*occurrences) -> StillOpen[int]:
    still = StillOpen(lambda one: one.serial)
    for one in occurrences:
        still.offer(one)
    return still


def files(still):
    return still.by_kinds()[FILES]


def test_a_thing_is_open_until_its_end_is_told():
    still = after(opened(1, "/a"), opened(2, "/b"), opened(3, "/a", events.SSH_UPLOAD_DONE))
    assert files(still) == [2]
    assert still.count == 1


def test_what_is_open_twice_needs_two_ends():
    twice = opened(1, "/a"), opened(2, "/a"), opened(3, "/a", events.SSH_UPLOAD_FAILED)
    assert files(after(*twice)) == [2]
    assert files(after(*twice, opened(4, "/a", events.SSH_UPLOAD_FAILED))) == []


def test_an_end_without_a_beginning_is_nothing():
    assert after(opened(1, "/a", events.SSH_UPLOAD_DONE)).count == 0


def test_things_of_other_connections_are_other_things():
    elsewhere = opened(2, "/a", events.SSH_UPLOAD_DONE)
    origin = ALICE._replace(peer=Address("192.0.2.8", 51234))
    assert files(after(opened(1, "/a"), elsewhere._replace(origin=origin))) == [1]


def test_what_is_learned_later_stands_for_the_beginning():
    session = told(2, events.SSH_SESSION_OPENED, client_version="OpenSSH")
    still = after(told(1, events.SSH_CONNECTED), session)
    assert still.by_kinds()[CONNECTIONS] == [2]
    assert known(BEGUN[CONNECTIONS], session)["client_version"] == "OpenSSH"
    assert after(session).count == 0


def test_only_what_tells_things_apart_is_known_of_a_beginning():
    assert "size" not in known(BEGUN[FILES], told(1, events.SSH_OPEN_DONE, path="/a", size=7))
    assert known(BEGUN[FILES], told(1, events.SSH_OPEN_DONE, path="/a"))["mode"] == ""


def test_a_run_goes_on_from_its_start_until_it_is_drained():
    started, drained = told(1, events.PROCESS_STARTED), told(2, events.DRAINED)
    assert not after(told(1, events.PROCESS_STARTING)).running
    assert after(started, opened(2, "/a")).running
    assert not after(started, drained).running


def test_data_that_another_version_left_out_counts_as_empty():
    still = after(told(1, events.SSH_OPEN_DONE, path="/a"))
    assert files(still) == [1]
    still.offer(told(2, events.SSH_UPLOAD_DONE, path="/a", mode=""))
    assert still.count == 0


def test_data_of_another_kind_is_passed_over():
    odd = told(1, events.SSH_OPEN_DONE, path=["/a"])
    still = after(odd)
    assert still.count == 0
    with pytest.raises(ValueError, match="data of another kind"):
        still.restore(FILES, odd)


def test_what_is_restored_ends_as_what_was_told():
    still = after()
    still.restore(FILES, opened(7, "/a"))
    assert files(still) == [7]
    still.offer(opened(8, "/a", events.SSH_UPLOAD_DONE))
    assert still.count == 0


@pytest.mark.parametrize(
    ("kind", "one"),
    [
        (FILES, opened(7, "/a", events.SSH_UPLOAD_DONE)),
        (FILES, told(7, events.SSH_CONNECTED)),
        (FILES, told(7, events.DRAINED, SYSTEM)),
        (len(BEGUN), opened(7, "/a")),
    ],
)
def test_what_did_not_begin_it_is_not_restored(kind, one):
    with pytest.raises(ValueError, match="event 7 did not begin"):
        after().restore(kind, one)


def test_more_than_the_most_are_not_kept(monkeypatch):
    monkeypatch.setattr(still_open, "MAX_OPEN", 2)
    monkeypatch.setattr(still_open, "MAX_SAME", 2)
    many = [opened(n, path) for n, path in enumerate(["/a", "/b", "/c", "/a", "/a"], 1)]
    assert files(after(*many)) == [1, 4, 2]
