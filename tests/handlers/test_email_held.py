"""A storm of events is a handful of mails, and nothing of it is forgotten."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.core.peer import Actor
from mft.events import catalogue, payloads
from mft.handlers import email_held as module
from mft.handlers.email_counts import CountsFile
from mft.handlers.email_recipients import Resolver
from mft.handlers.email_sender import EmailSender
from mft.handlers.subscription import Subscription
from mft.resources.base import no_addresses
from mft.resources.email_client import DEFAULT_CLIENT
from mft.resources.mail import MailRejected, Reply
from tests.fakes.handlers import House, house
from tests.fakes.occurrences import ALICE, told, uploaded
from tests.fakes.post import MAILER, Post, mailing, options, text
from tests.fakes.run import run

STORM = 10_000
INTERVAL = 600


@pytest.fixture
def home(tmp_path: Path) -> Any:
    made = house(tmp_path)
    yield made
    made.journal.close()


def storm(handler: EmailSender, count: int, first: int = 1) -> None:
    for serial in range(first, first + count):
        run(handler.handle_many([told(serial=serial)]))


def recorded(home: House, event: Any) -> list[dict[str, Any]]:
    return [one.data for one in home.journal.read() if one.event is event]


def test_a_storm_is_a_handful_of_mails(home: House) -> None:
    handler, post = mailing(home)
    subscription = Subscription(handler, options(), home.bus, handler._around)
    run(subscription.start())
    for index in range(STORM):
        home.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(f"/{index}"), ALICE)
        if index % 500 == 0:
            home.clock.advance(0.05)
    for _ in range(40):
        home.clock.advance(1)
    assert len(post.sent) == 20
    assert len(recorded(home, catalogue.MAILS_HELD_BACK)) == 1
    home.clock.advance(INTERVAL)
    assert len(post.sent) == 21
    assert post.subjects[-1] == "[alarms] 9980 events were not mailed one by one"
    said = text(post.messages[-1])
    assert " 9980  of event 30068 (Uploaded" in said
    assert "serials 21 to 10" in said
    (data,) = recorded(home, catalogue.MAILS_SUMMARISED)
    assert (data["name"], data["count"]) == ("alarms", 9980)
    assert subscription.position >= STORM
    home.clock.advance(10 * INTERVAL)
    assert len(post.sent) == 21  # it is said once
    run(subscription.stop())


def test_each_kind_of_event_is_counted(home: House) -> None:
    handler, post = mailing(home, maximum_mails="1")
    run(handler.handle_many([told(serial=1)]))
    other = catalogue.PROCESS_STARTED
    data = other.data(payloads.ProcessState("files", "1"))
    batch = [told(serial=n) for n in range(2, 9)]
    batch.insert(3, told(serial=50)._replace(event=other, data=data))
    run(handler.handle_many(batch))
    home.clock.advance(INTERVAL)
    lines = text(post.messages[-1]).splitlines()
    assert "        7  of event 30068 " in lines[2]
    assert lines[2].endswith("serials 2 to 8")
    assert "        1  of event 20181 " in lines[3]
    assert lines[3].endswith("serials 50 to 50")


def test_the_next_interval_begins_with_its_first_mail(home: House) -> None:
    handler, post = mailing(home, maximum_mails="2", interval="60")
    storm(handler, 2)
    home.clock.advance(59)
    storm(handler, 1, 10)
    home.clock.advance(1)
    assert len(post.sent) == 3  # two, and what was held back
    home.clock.advance(1000)
    storm(handler, 2, 20)
    assert len(post.sent) == 5
    home.clock.advance(59)
    storm(handler, 1, 30)
    assert len(post.sent) == 5
    assert len(recorded(home, catalogue.MAILS_HELD_BACK)) == 2


def test_no_limit_is_no_limit(home: House) -> None:
    handler, post = mailing(home, maximum_mails="0")
    storm(handler, 100)
    assert len(post.sent) == 100
    assert home.clock.getDelayedCalls() == []


def test_events_for_nobody_count_for_nothing(home: House) -> None:
    handler, post = mailing(home, email_to_recipients="{account.email}", maximum_mails="1")
    storm(handler, 10)
    assert post.asked == 0
    assert home.clock.getDelayedCalls() == []


def test_what_fails_does_not_count(home: House) -> None:
    handler, post = mailing(home, maximum_mails="2")
    post.failing = Refused(Reason.ABORTED, "", "away")
    for _ in range(5):
        with pytest.raises(Refused):
            storm(handler, 1)
    post.failing = None
    storm(handler, 2)
    assert len(post.sent) == 2


def held_file(home: House) -> Path:
    return home.directory / "state" / "held-mails" / "mail-1.json"


def test_what_is_held_back_survives_a_kill(home: House) -> None:
    handler, _ = mailing(home, maximum_mails="1")
    storm(handler, 8)
    assert held_file(home).is_file()
    after, post = mailing(home, maximum_mails="1")
    run(after.start())
    assert post.sent == []
    home.clock.advance(0)
    assert post.subjects == ["[alarms] 7 events were not mailed one by one"]
    assert not held_file(home).exists()


def test_a_kill_while_the_summary_is_on_its_way_forgets_nothing(home: House) -> None:
    handler, post = mailing(home, maximum_mails="1", interval="10")
    storm(handler, 1001)
    post.gate = Deferred()
    home.clock.advance(10)
    handler._held.spend()
    storm(handler, 1, 2000)
    assert CountsFile(home.directory / "state", MAILER.uuid).load().total == 1001


def test_counts_that_are_written_later_are_not_written_over_by_older_ones(home: House) -> None:
    """The file is written by several threads, and some are slow."""
    held = mailing(home, maximum_mails="1")[0]._held
    gates: list[Deferred[None]] = []

    async def slow(call: Any, *words: Any) -> Any:
        gates.append(Deferred())
        await gates[-1]
        return call(*words)

    held._around = replace(held._around, blocking=slow)
    saved = []
    for serial in (1, 2):
        held.hold(told(serial=serial))
        saved.append(Deferred.fromCoroutine(held.save()))
    while not all(one.called for one in saved):
        gates.pop().callback(None)
    assert CountsFile(home.directory / "state", MAILER.uuid).load().total == 2


def test_a_stop_says_it_at_once(home: House) -> None:
    handler, post = mailing(home, maximum_mails="1")
    run(handler.start())
    storm(handler, 8)
    run(handler.stop())
    assert len(post.sent) == 2
    assert not held_file(home).exists()
    assert home.clock.getDelayedCalls() == []


def test_a_replay_says_it_at_its_end_and_leaves_alone_what_a_server_holds_back(home: House) -> None:
    handler, _ = mailing(home, maximum_mails="1")
    storm(handler, 8)
    held = held_file(home).read_bytes()
    _, post = mailing(home)
    around = replace(handler._around, replaying=True, resources={DEFAULT_CLIENT: post})
    again = EmailSender(MAILER, options(maximum_mails="1", email_cc="a@example.com"), around)
    run(again.start())
    storm(again, 3)
    run(again.stop())
    assert post.subjects[1:] == ["[alarms] 2 events were not mailed one by one"]
    assert held_file(home).read_bytes() == held


def test_a_replay_waits_for_its_summary_and_tells_when_it_does_not_go(home: House) -> None:
    handler, post = mailing(home)
    around = replace(handler._around, replaying=True)
    again = EmailSender(MAILER, options(maximum_mails="1", email_cc="a@example.com"), around)
    run(again.start())
    storm(again, 3)
    gate = post.gate = Deferred()
    home.clock.advance(INTERVAL)  # the first summary is on its way
    again._held.spend()
    storm(again, 1, 4)
    stopping = Deferred.fromCoroutine(again.stop())
    home.clock.advance(100 * module.PATIENCE)
    assert not stopping.called
    post.gate, post.failing = None, MailRejected("554 too many")
    gate.callback(None)
    assert stopping.called
    told = [data["details"] for data in recorded(home, catalogue.HANDLER_FAILED)]
    assert told[-1] == "3 events that were not mailed: 554 too many"


@pytest.mark.parametrize("silent", [True, False])
def test_a_stop_waits_for_no_server_and_the_next_start_says_it(home: House, silent: bool) -> None:
    handler, post = mailing(home, maximum_mails="1")
    run(handler.start())
    storm(handler, 8)
    if silent:
        post.gate = Deferred()
    else:
        post.failing = Refused(Reason.ABORTED, "", "away")
    stopping = Deferred.fromCoroutine(handler.stop())
    home.clock.advance(module.PATIENCE)
    assert stopping.called
    assert home.clock.getDelayedCalls() == []
    after, post = mailing(home, maximum_mails="1")
    run(after.start())
    home.clock.advance(0)
    assert post.subjects == ["[alarms] 7 events were not mailed one by one"]
    run(after.stop())


def test_a_summary_that_does_not_go_is_tried_again_with_what_came_since(home: House) -> None:
    handler, post = mailing(home, maximum_mails="1")
    storm(handler, 8)
    post.failing = MailRejected("no")
    home.clock.advance(INTERVAL)
    (data,) = recorded(home, catalogue.HANDLER_FAILED)
    assert data["details"] == "7 events that were not mailed: no"
    post.failing = None
    storm(handler, 3, 100)
    home.clock.advance(module.RETRY)
    assert post.subjects[-1] == "[alarms] 9 events were not mailed one by one"


def test_a_summary_that_everybody_refuses_did_not_go(home: House) -> None:
    handler, post = mailing(home, maximum_mails="1")
    storm(handler, 8)
    post.replies = {"officer@example.com": Reply(550, "no")}
    home.clock.advance(INTERVAL)
    assert recorded(home, catalogue.MAILS_SUMMARISED) == []
    post.replies = {}
    home.clock.advance(module.RETRY)
    assert post.subjects[-1] == "[alarms] 7 events were not mailed one by one"


def test_events_are_counted_while_the_summary_is_on_its_way(home: House) -> None:
    handler, post = mailing(home, maximum_mails="1")
    storm(handler, 8)
    post.gate, gate = Deferred(), post.gate
    gate = post.gate
    home.clock.advance(INTERVAL)
    post.gate = None
    storm(handler, 3, 100)
    gate.callback(None)
    assert post.subjects[-1] == "[alarms] 7 events were not mailed one by one"
    home.clock.advance(INTERVAL)
    assert post.subjects[-1] == "[alarms] 2 events were not mailed one by one"


def test_the_summary_is_for_those_who_do_not_depend_on_the_event(home: House) -> None:
    handler, post = mailing(home, email_to_recipients="{account.email}, ann-1", maximum_mails="1")
    storm(handler, 3)
    home.clock.advance(INTERVAL)
    assert post.sent[-1].recipients == ("ann@example.com", "ann@home.example")


def test_where_all_depend_on_the_event_the_summary_is_for_those_of_the_resource(
    home: House,
) -> None:
    handler, _ = mailing(home, email_to_recipients="{account.name}@example.com", maximum_mails="1")
    post = Post(home.around, email_to_recipients="operator@example.com")
    handler._around = replace(handler._around, resources={DEFAULT_CLIENT: post})
    storm(handler, 3)
    home.clock.advance(INTERVAL)
    assert post.sent[-1].recipients == ("operator@example.com",)
    assert [data["count"] for data in recorded(home, catalogue.MAILS_SUMMARISED)] == [2]


def test_a_storm_for_a_large_group_asks_for_one_of_it(home: House) -> None:
    """What is only counted needs nobody but somebody: else each event would cost a thousand."""

    class Everybody(tuple[str, ...]):
        taken = 0

        def __iter__(self) -> Iterator[str]:
            for one in super().__iter__():
                self.taken += 1
                yield one

    handler, _ = mailing(home, email_to_recipients="EVERYBODY", maximum_mails="1")
    everybody = Everybody(f"a{index}@example.com" for index in range(1000))
    named = tuple(handler._options.recipients().values())
    handler._people = Resolver(named, handler._facts, lambda identifier: everybody)
    storm(handler, 1)
    everybody.taken = 0
    storm(handler, 64, 2)
    assert handler._held._counts.total == everybody.taken == 64


def test_beyond_the_limit_events_for_nobody_count_for_nothing(home: House) -> None:
    handler, _ = mailing(home, email_to_recipients="{account.email}", maximum_mails="1")
    handler._held.spend()
    storm(handler, 3)
    nobody = told(serial=4, origin=ALICE._replace(actor=Actor("a-1", "ann", "no address")))
    run(handler.handle_many([nobody]))
    assert not handler._held._counts
    assert [data["serial"] for data in recorded(home, catalogue.MAIL_NOT_FOR_ALL)] == [4]


def test_who_refuses_a_summary_is_told(home: House) -> None:
    handler, post = mailing(
        home, email_to_recipients="officer@example.com, gone@example.com", maximum_mails="1"
    )
    post.replies = {"gone@example.com": Reply(550, "no such user")}
    storm(handler, 3)
    home.clock.advance(INTERVAL)
    assert [data["count"] for data in recorded(home, catalogue.MAILS_SUMMARISED)] == [2]
    data = recorded(home, catalogue.MAIL_NOT_FOR_ALL)[-1]
    assert (data["id"], data["serial"]) == (30068, 2)
    assert data["details"] == "the summary of 2 events: gone@example.com: 550 no such user"


def test_a_summary_for_nobody_is_told_and_kept_until_there_is_somebody(home: House) -> None:
    handler, post = mailing(home, email_to_recipients="ann-1, {account.email}", maximum_mails="1")
    storm(handler, 3)
    people = handler._people
    handler._people = Resolver([], handler._facts, no_addresses)
    home.clock.advance(INTERVAL)
    home.clock.advance(10 * module.RETRY)
    assert recorded(home, catalogue.MAILS_SUMMARISED) == []
    (data,) = recorded(home, catalogue.HANDLER_FAILED)
    assert data["details"] == (
        "2 events that were not mailed: there is nobody who is to get the summary"
    )
    handler._people = people
    storm(handler, 2, 10)
    home.clock.advance(INTERVAL)
    assert post.subjects[-1] == "[alarms] 3 events were not mailed one by one"


def test_a_disk_that_takes_no_counts_stops_nothing(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Any, rows: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mft.handlers.email_counts.CountsFile.save", refuse)
    handler, post = mailing(home, maximum_mails="1")
    storm(handler, 3)
    assert "No space left" in home.log[0]
    home.clock.advance(INTERVAL)
    assert post.subjects[-1] == "[alarms] 2 events were not mailed one by one"
