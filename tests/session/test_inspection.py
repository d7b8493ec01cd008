"""No upload is under its name before its account's inspections have let it pass."""

import json
import os
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.auth.inspected import Demands
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.inspection import quarantine
from mft.inspection.base import Told, Verdict
from mft.protocols.ssh.events import NUMBERS
from mft.session.inspection import Inspections, root_of
from mft.vfs.base import Attributes, Existing
from tests.fakes.files import get, interrupt, put
from tests.fakes.inspections import CLAM, Saying, Waiting
from tests.fakes.run import run
from tests.fakes.sessions import account, session, tree
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

NEW, FILE = VPath.parse("/here/new"), VPath.parse("/here/file")
DATA = b"some bytes"
CONTENT = Component("content", "content-check", "no-cards")


def refused(work: Coroutine[Any, Any, Any], reason: Reason) -> Refused:
    """What must be refused for a reason."""
    with pytest.raises(Refused) as raised:
        run(work)
    assert raised.value.reason is reason
    return raised.value


class Scene:
    """An account with inspections."""

    def __init__(self, *inspections: Saying, **demands: Any) -> None:
        self.running: dict[str, Saying] = {one.component.uuid: one for one in inspections}
        self.files, self.trail = tree(), Trail()
        ids = demands.pop("ids", tuple(self.running))
        self.account = account(demands=Demands(ids, **demands))
        self.peer = session(
            files=self.files,
            trail=self.trail,
            account_=self.account,
            inspections=Inspections(self.running.get, Inline(), lambda: 1e9),
        )

    def upload(self, path: VPath = NEW, how: Existing = Existing.REPLACE) -> Any:
        """An upload whose bytes have come."""
        file = run(self.peer.upload(path, how))
        file.lane.write_from([memoryview(DATA)], file.start)
        file.wrote(file.start, len(DATA))
        return file

    def close(self, reason: Reason, **given: Any) -> Refused:
        """End an upload that does not get in."""
        self.trail.forget()
        why = refused(self.upload(**given).close(), reason)
        assert self.trail.count(NUMBERS.upload.done) == 0
        assert self.trail.count(NUMBERS.upload.failed) == 1
        return why

    def there(self, path: VPath = NEW) -> bool:
        try:
            run(self.files.stat(path, finished=True))
        except Refused:
            return False
        return True

    def kept(self, path: VPath = NEW) -> bool:
        """Whether its owner can go on with it."""
        try:
            return run(self.files.stat(path)).interrupted
        except Refused:
            return False

    def payload(self, event: Any) -> Any:
        (told,) = [told for told in self.trail.told if told.event is event]
        return told.payload


def test_what_has_passed_all_of_them_is_committed() -> None:
    first, second = Saying(Verdict.passed(details="fine")), Saying(Verdict.passed(), CONTENT)
    scene = Scene(first, second)
    scene.peer.visit(scene.peer.origin.peer, lambda: None)
    file = scene.upload()
    first.meanwhile = lambda: seen.append(scene.there())
    seen: list[bool] = []
    run(file.close())
    assert seen == [False]
    assert get(scene.files, NEW) == DATA
    assert scene.trail.count(events.INSPECTION_PASSED) == 2
    (subject,) = second.seen
    assert (subject.path, subject.size, subject.name) == ("/here/new", len(DATA), "new")
    assert scene.trail.events[-1] is NUMBERS.upload.done


def test_passing_can_be_quiet() -> None:
    scene = Scene(Saying(Verdict.passed()), tell_passed=False)
    run(scene.upload().close())
    assert scene.trail.count(events.INSPECTION_PASSED) == 0


def test_what_is_rejected_is_nowhere_and_no_later_one_is_asked(tmp_path: Path) -> None:
    told = Told(events.CONTENT_FOUND, p.ContentFound("/here/new", "/real", "a card"))
    first, second = Saying(Verdict.rejected("a card", told), CONTENT), Saying(Verdict.passed())
    scene = Scene(first, second, message="Ask us")
    why = scene.close(Reason.REJECTED)
    assert why.told == "Ask us"
    assert not scene.there()
    assert not scene.kept()
    assert second.seen == []
    assert scene.payload(events.INSPECTION_REJECTED).inspection == "no-cards"
    assert scene.payload(events.CONTENT_FOUND).rule_details == "a card"
    assert scene.payload(events.REJECTED_DELETED).path == "/here/new"
    assert scene.payload(NUMBERS.upload.failed).details == "rejected by no-cards: a card"


def test_the_sender_hears_what_to_do(tmp_path: Path) -> None:
    scene = Scene(Saying(Verdict.rejected("no signature", hint="send a.sig first")), message="Ask")
    assert scene.close(Reason.REJECTED).told == "send a.sig first. Ask"


def test_in_quarantine_it_is_a_file_and_why(tmp_path: Path) -> None:
    folder = tmp_path / "quarantine"
    scene = Scene(Saying(Verdict.rejected("clamd found it")), quarantine=str(folder))
    scene.close(Reason.REJECTED)
    told = scene.payload(events.QUARANTINED)
    assert sorted(os.listdir(folder)) == [told.quarantine_id, f"{told.quarantine_id}.json"]
    assert (folder / told.quarantine_id).read_bytes() == DATA
    assert told.quarantine_path == str(folder / told.quarantine_id)
    record = quarantine.find(str(folder), told.quarantine_id)
    assert record is not None
    assert record.account_name == "ann"
    assert (record.path, record.peer, record.time) == ("/here/new", "192.0.2.7:51234", 1e9)
    assert (record.inspection, record.inspection_type) == ("antivirus", "clamav")
    assert record.sha256 == told.sha256
    assert record.size == len(DATA)
    assert not scene.kept()


@pytest.mark.parametrize("broken", ["missing", "a file"])
def test_what_cannot_go_into_quarantine_is_refused_and_deleted(tmp_path: Path, broken: str) -> None:
    folder = tmp_path / "none" / "quarantine"
    if broken == "a file":
        (tmp_path / "none").touch()
    scene = Scene(Saying(Verdict.rejected("bad")), quarantine=str(folder))
    scene.close(Reason.REJECTED)
    assert scene.trail.count(events.QUARANTINE_FAILED) == 1
    assert scene.trail.count(events.QUARANTINED) == 0
    assert not scene.there()
    assert not scene.kept()


def test_what_cannot_be_read_any_more_is_no_evidence(tmp_path: Path) -> None:
    saying = Saying(Verdict.rejected("bad"))
    scene = Scene(saying, quarantine=str(tmp_path))
    file = scene.upload()
    saying.meanwhile = lambda: run(file.lane.change(Attributes(size=3)))
    refused(file.close(), Reason.REJECTED)
    assert "the file became shorter" in scene.payload(events.QUARANTINE_FAILED).details
    assert os.listdir(tmp_path) == []
    assert not scene.there()


def test_a_move_that_fails_leaves_no_record(tmp_path: Path, monkeypatch: Any) -> None:
    scene = Scene(Saying(Verdict.rejected("bad")), quarantine=str(tmp_path))
    file = scene.upload()

    async def divert(folder: str, name: str) -> None:
        (tmp_path / name).write_text("half")
        raise Refused(Reason.NO_SPACE)

    monkeypatch.setattr(file._upload, "divert", divert)
    refused(file.close(), Reason.REJECTED)
    assert os.listdir(tmp_path) == []
    assert scene.payload(events.QUARANTINE_FAILED).details == Reason.NO_SPACE.value
    assert not scene.kept()


UNABLE: Mapping[str, Any] = {
    "unable": Verdict.unable("clamd is down"),
    "refused": Refused(Reason.BROKEN, "", "the disk"),
    "broken": ZeroDivisionError("a fault of ours"),
}


@pytest.mark.parametrize("answer", UNABLE)
def test_what_could_not_be_inspected_is_refused_and_kept_for_its_owner(answer: str) -> None:
    scene = Scene(Saying(UNABLE[answer]))
    scene.close(Reason.UNINSPECTED)
    assert not scene.there()
    assert scene.kept()
    assert scene.payload(events.INSPECTION_UNABLE).outcome == "refused"
    assert scene.trail.count(events.INTERRUPTED_UPLOAD_KEPT) == 1
    scene.running["clam"].answer = Verdict.passed()
    file = run(scene.peer.upload(NEW, Existing.EXTEND))
    run(file.close())
    assert get(scene.files, NEW) == DATA


@pytest.mark.parametrize("answer", UNABLE)
def test_or_let_through_where_the_group_says_so(answer: str) -> None:
    scene = Scene(Saying(UNABLE[answer]), Saying(Verdict.passed(), CONTENT), fails_open=True)
    run(scene.upload().close())
    assert scene.there()
    assert scene.payload(events.INSPECTION_UNABLE).outcome == "let through"
    assert len(scene.running["content"].seen) == 1


def test_open_never_means_that_what_is_rejected_comes_in() -> None:
    rejecting = Saying(Verdict.rejected("bad"), CONTENT)
    scene = Scene(Saying(UNABLE["unable"]), rejecting, fails_open=True)
    scene.close(Reason.REJECTED)
    assert not scene.there()


def test_an_inspection_that_does_not_run_says_nothing_good() -> None:
    scene = Scene(ids=("gone",))
    scene.close(Reason.UNINSPECTED)
    told = scene.payload(events.INSPECTION_UNABLE)
    assert (told.inspection, told.details) == ("gone", "it is not running")


def test_a_session_without_anything_to_inspect_with_fails_closed() -> None:
    peer = session(account_=account(demands=Demands(("clam",))))
    file = run(peer.upload(NEW, Existing.REPLACE))
    refused(file.close(), Reason.UNINSPECTED)


@pytest.mark.parametrize("leave", ["leave", "wait_no_more"])
def test_a_client_that_leaves_meanwhile_has_nothing_committed(leave: str) -> None:
    saying = Saying(Verdict.passed())
    scene = Scene(saying)
    saying.meanwhile = lambda: getattr(scene.peer, leave)()
    scene.close(Reason.ABORTED)
    assert not scene.there()
    assert scene.kept()


def test_a_long_inspection_finds_out_that_the_client_has_left() -> None:
    saying = Saying(Verdict.passed())
    scene = Scene(saying)

    def meanwhile() -> None:
        scene.peer.leave()
        saying.seen[0].go_on()

    saying.meanwhile = meanwhile
    scene.close(Reason.ABORTED)
    assert scene.trail.count(events.INSPECTION_UNABLE) == 0


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("leave", ["leave", "wait_no_more"])
def test_an_inspection_for_which_nobody_waits_is_cut_short(leave: str, opened: bool) -> None:
    second = Saying(Verdict.passed(), CONTENT)
    scene = Scene(Waiting(Verdict.passed()), second, fails_open=opened)
    closing, ended = Deferred.fromCoroutine(scene.upload().close()), list[Any]()
    closing.addErrback(lambda failure: ended.append(failure.value))
    getattr(scene.peer, leave)()
    assert [one.reason for one in ended] == [Reason.ABORTED]
    assert scene.kept()
    assert second.seen == []
    assert scene.trail.count(events.INSPECTION_UNABLE) == 0
    assert scene.trail.count(NUMBERS.upload.failed) == 1
    assert not scene.peer.has_waited()


def test_none_begins_for_a_client_that_has_left() -> None:
    scene = Scene(Saying(Verdict.passed()))
    file = scene.upload()
    scene.peer.wait_no_more()
    refused(file.close(), Reason.ABORTED)
    assert scene.running[CLAM.uuid].seen == []


def test_what_is_rejected_while_the_client_leaves_is_in_quarantine(tmp_path: Path) -> None:
    saying = Saying(Verdict.rejected("bad"))
    scene = Scene(saying, quarantine=str(tmp_path))
    saying.meanwhile = scene.peer.leave
    scene.close(Reason.REJECTED)
    told = scene.payload(events.QUARANTINED)
    assert (tmp_path / told.quarantine_id).read_bytes() == DATA
    # A digest takes as long as the file is large, and nobody waits for it.
    assert told.sha256 == ""


def test_a_file_that_changes_while_it_is_inspected_does_not_pass() -> None:
    saying = Saying(Verdict.passed())
    scene = Scene(saying)
    file = scene.upload()
    saying.meanwhile = lambda: file.lane.write_from([memoryview(b"more")], len(DATA))
    refused(file.close(), Reason.ABORTED)
    assert not scene.there()


def test_nothing_is_aborted_under_an_inspection() -> None:
    saying = Saying(Verdict.passed())
    scene = Scene(saying)
    file = scene.upload()
    saying.meanwhile = lambda: run(file.abort("the session ends"))
    run(file.close())
    assert scene.there()


@pytest.mark.parametrize("answer", [Verdict.passed(), Verdict.rejected("bad")])
def test_an_upload_is_open_until_its_inspections_are_over(answer: Verdict) -> None:
    saying, count = Saying(answer), list[int]()
    scene = Scene(saying)
    saying.meanwhile = lambda: count.append(len(scene.peer.opened))
    Deferred.fromCoroutine(scene.upload().close()).addErrback(lambda _: None)
    assert count == [1]
    assert not scene.peer.opened


def test_the_clock_of_idleness_stands_still_meanwhile() -> None:
    saying, waited = Saying(Verdict.passed()), []
    scene = Scene(saying)
    saying.meanwhile = lambda: waited.append(scene.peer.has_waited())
    run(scene.upload().close())
    assert waited == [True]
    assert not scene.peer.has_waited()


def test_neighbours_are_read_for_the_inspection_only() -> None:
    saying = Saying(Verdict.passed())
    scene = Scene(saying)
    put(scene.files, VPath.parse("/here/new.sig"), b"x" * 50)
    run(scene.upload().close())
    (subject,) = saying.seen
    assert run(subject.beside(".sig", 20)) == b"x" * 21
    assert run(subject.beside(".other", 20)) is None
    with pytest.raises(Refused):
        run(subject.source.read(memoryview(bytearray(9)), 0))  # the upload has ended
    with pytest.raises(Refused):
        subject.source.reopen()


@pytest.mark.parametrize("how", [Existing.EXTEND, Existing.MODIFY])
def test_a_finished_file_is_not_changed_in_place(how: Existing) -> None:
    scene = Scene(Saying(Verdict.passed()))
    refused(scene.peer.upload(FILE, how), Reason.DENIED)
    refused(scene.peer.change(FILE, Attributes(size=0)), Reason.DENIED)
    assert get(scene.files, FILE) == b"old bytes"
    run(scene.peer.change(FILE, Attributes(modified=1)))
    run(scene.upload(FILE).close())
    assert get(scene.files, FILE) == DATA


def test_an_interrupted_upload_goes_on_and_is_inspected_whole() -> None:
    saying = Saying(Verdict.passed())
    scene = Scene(saying)
    interrupt(scene.files, NEW, b"half")
    run(scene.upload(NEW, Existing.EXTEND).close())
    assert get(scene.files, NEW) == b"half" + DATA
    assert saying.seen[0].size == 4 + len(DATA)


def test_a_copy_is_inspected_too() -> None:
    scene = Scene(Saying(Verdict.rejected("bad")))
    refused(scene.peer.copy(FILE, NEW), Reason.REJECTED)
    assert not scene.there()


AS_ANOTHER: Mapping[str, Any] = {
    "renamed": lambda peer, old, new: peer.rename(old, new, replace=True),
    "a second name": lambda peer, old, new: peer.make_hard_link(old, new, allowed=True),
    "a link": lambda peer, old, new: peer.make_link(new, str(old)),
}


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("how", AS_ANOTHER)
def test_what_has_passed_for_its_ending_keeps_it(how: str, running: bool) -> None:
    signed = Saying(Verdict.passed())
    signed.ending = ".sig"
    scene = Scene(Saying(Verdict.passed(), CONTENT), signed)
    if not running:
        del scene.running[CLAM.uuid]
    signature, program = VPath.parse("/here/run.sh.sig"), VPath.parse("/here/run.sh")
    put(scene.files, signature, b"reboot")
    scene.trail.forget()
    why = refused(AS_ANOTHER[how](scene.peer, signature, program), Reason.DENIED)
    assert "keeps its ending .sig" in why.details
    assert len(scene.trail.events) == 1
    assert not scene.there(program)
    run(AS_ANOTHER[how](scene.peer, signature, VPath.parse("/here/other.sig")))


@pytest.mark.parametrize("how", AS_ANOTHER)
def test_other_names_are_free(how: str) -> None:
    scene = Scene(Saying(Verdict.passed()))
    put(scene.files, VPath.parse("/here/a.sig"), b"no signature")
    run(AS_ANOTHER[how](scene.peer, VPath.parse("/here/a.sig"), NEW))


def test_where_the_tree_begins_that_a_file_lies_in() -> None:
    mounts = ((VPath.parse("/m"), "/srv/m"), (VPath.parse("/m/n"), "/srv/n"))
    one = account(virtual_folders=mounts)
    for path, root in (("/a", "/homes/ann"), ("/m/a", "/srv/m"), ("/m/n/a", "/srv/n")):
        assert root_of(one, VPath.parse(path)) == root


def test_records_are_json_that_anybody_can_read(tmp_path: Path) -> None:
    scene = Scene(Saying(Verdict.rejected("bad")), quarantine=str(tmp_path))
    scene.close(Reason.REJECTED)
    (place,) = tmp_path.glob("*.json")
    assert json.loads(place.read_text())["details"] == "bad"
