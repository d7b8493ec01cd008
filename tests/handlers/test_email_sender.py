"""An event becomes a mail for everybody who is to get it, and one for each of them only."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mft.core.failure import Reason, Refused
from mft.core.peer import Actor
from mft.events import catalogue
from mft.events.model import Occurrence
from mft.handlers import email_sender as module
from mft.handlers.email_sender import EmailSender
from mft.handlers.subscription import DELAY, Subscription
from mft.resources.base import Surroundings
from mft.resources.mail import MailRejected, Reply
from tests.fakes.handlers import House, house
from tests.fakes.occurrences import ALICE, told, uploaded
from tests.fakes.post import MAILER, Post, mailing, options, text
from tests.fakes.run import run

AWAY = Refused(Reason.ABORTED, "", "the mail server is away")
NO = Reply(550, "no such user")
LATER = Reply(450, "later")


@pytest.fixture
def home(tmp_path: Path) -> Any:
    made = house(tmp_path)
    yield made
    made.journal.close()


def handle(handler: EmailSender, *occurrences: Occurrence) -> None:
    run(handler.handle_many(occurrences))


def recorded(home: House, event: Any) -> list[dict[str, Any]]:
    return [one.data for one in home.journal.read() if one.event is event]


def test_a_mail_says_the_event_as_json(home: House) -> None:
    handler, post = mailing(home)
    handle(handler, told("/inbox/\u00e9\u202e.csv"))
    (message,) = post.messages
    event = json.loads(text(message))
    assert event["id"] == "30068"
    assert event["data"]["path"] == "/inbox/\u00e9\u202e.csv"
    assert event["account"]["name"] == "alice"
    assert "\u202e" not in text(message)


def test_its_headers_are_those_of_a_machine(home: House) -> None:
    around = home.around
    _, post = mailing(home)
    around = Surroundings(
        around.server,
        around.directory,
        around.bus,
        around.clock,
        around.blocking,
        around.outside,
        around.work,
        around.log,
        resources={"DEFAULT-EMAIL-CLIENT": post},
    )
    moment = datetime(2026, 3, 7, 19, 44, 5, tzinfo=UTC)
    given = options(email_to_recipients="Ann <ann@example.com>", email_cc="bob@example.com")
    handler = EmailSender(MAILER, given, around, lambda: moment)
    handle(handler, told())
    (message,) = post.messages
    assert str(message["From"]) == "mft <mft@example.com>"
    assert str(message["To"]) == "Ann <ann@example.com>"
    assert str(message["Cc"]) == "bob@example.com"
    assert message["Subject"] == "[30068] [sftp] New event from files"
    assert message["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(message["Date"]) == moment
    assert message["Message-ID"].endswith("@example.com>")
    assert message.get_content_type() == "text/plain"
    assert post.sent[0].sender == "mft@example.com"
    assert post.sent[0].recipients == ("ann@example.com", "bob@example.com")


def test_the_same_event_has_the_same_name_and_another_handler_another(home: House) -> None:
    handler, post = mailing(home)
    handle(handler, told(serial=1))
    handle(handler, told(serial=1))
    handle(handler, told(serial=2))
    other = EmailSender(MAILER._replace(uuid="mail-2"), handler._options, handler._around)
    handle(other, told(serial=1))
    names = [message["Message-ID"] for message in post.messages]
    assert names[0] == names[1]
    assert len(set(names)) == 3


def test_subject_and_body_are_templates(home: House) -> None:
    handler, post = mailing(
        home,
        email_subject="{id} {handler.name} {data.file_name}",
        email_body="[{account.name}] {message}{LF}{LF}{data_json}",
    )
    handle(handler, told("/inbox/a\nb.csv"))
    (message,) = post.messages
    assert message["Subject"] == r"30068 alarms a\nb.csv"
    first, _, data = text(message).partition("\n\n")
    assert first.startswith('[alice] Uploaded "/inbox/a\\nb.csv"')
    assert json.loads(data)["path"] == "/inbox/a\nb.csv"


def test_a_line_end_in_a_subject_is_none(home: House) -> None:
    handler, post = mailing(home, email_subject="a{CR}{LF}Bcc: x@example.com")
    handle(handler, told())
    assert post.subjects == [r"a\r\nBcc: x@example.com"]
    assert post.messages[0]["Bcc"] is None


def test_recipients_are_addresses_templates_accounts_and_groups_each_once(home: House) -> None:
    handler, post = mailing(
        home,
        email_to_recipients="{account.email}, ANN@example.com",
        email_cc="OFFICERS, ann-1",
        email_bcc="archive@example.com, officer@example.com",
    )
    origin = ALICE._replace(actor=Actor("ann-1", "ann", "ann@example.com, ann@work.example"))
    handle(handler, told(origin=origin))
    (message,) = post.messages
    assert str(message["To"]) == "ann@example.com, ann@work.example"
    assert str(message["Cc"]) == "officer@example.com, ann@home.example"
    assert message["Bcc"] is None
    assert "archive" not in str(message)
    assert post.sent[0].recipients == (
        "ann@example.com",
        "ann@work.example",
        "officer@example.com",
        "ann@home.example",
        "archive@example.com",
    )


def test_mail_that_only_others_do_not_see_is_to_nobody(home: House) -> None:
    handler, post = mailing(home, email_to_recipients="", email_bcc="archive@example.com")
    handle(handler, told())
    assert str(post.messages[0]["To"]) == "undisclosed-recipients:;"


@pytest.mark.parametrize("maximum", ["1", "1000"])
def test_two_handlers_that_mail_everything_do_not_mail_what_the_other_tells(
    home: House, maximum: str
) -> None:
    """One recipient is refused each time, the file is gone, and the limit is reached."""
    _, post = mailing(home)
    post.replies = {"gone@example.com": NO}
    around = replace(home.around, resources={"DEFAULT-EMAIL-CLIENT": post})
    given = options(
        email_to_recipients="ann@example.com, gone@example.com",
        email_associated_files="attachment",
        maximum_mails=maximum,
        interval="10",
    )
    for one in ("mail-1", "mail-2"):
        handler = EmailSender(MAILER._replace(uuid=one, name=one), given, around)
        run(Subscription(handler, given, home.bus, around).start())
    for path in ("/gone-1.csv", "/gone-2.csv"):
        home.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(path), ALICE)
    home.clock.pump([0.1] * 200)
    mails, events = len(post.sent), home.journal.last
    home.clock.pump([0.1] * 600)
    assert (len(post.sent), home.journal.last) == (mails, events)
    assert len(post.sent) == 4


def test_an_event_for_nobody_is_skipped_in_silence(home: House) -> None:
    handler, post = mailing(home, email_to_recipients="{account.email}", email_cc="EMPTY")
    handle(handler, told())
    assert post.asked == 0
    assert home.numbers() == []


def test_who_names_nobody_has_the_recipients_of_the_resource(home: House) -> None:
    handler, _ = mailing(home, email_to_recipients="")
    post = Post(home.around, email_to_recipients="operator@example.com")
    handler._around.resources["DEFAULT-EMAIL-CLIENT"] = post  # type: ignore[index]  # a dict
    handle(handler, told())
    assert post.sent[0].recipients == ("operator@example.com",)


def test_without_its_mail_server_it_does_not_start(home: House) -> None:
    handler, _ = mailing(home, email_client="other")
    with pytest.raises(Refused, match="the resource other is not running"):
        run(handler.start())


def test_many_recipients_are_several_mails(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECIPIENTS", 2)
    handler, post = mailing(home, email_bcc=", ".join(f"a{n}@example.com" for n in range(4)))
    handle(handler, told())
    assert [len(envelope.recipients) for envelope in post.sent] == [2, 2, 1]
    assert len({message["Message-ID"] for message in post.messages}) == 1


# What goes wrong.


def test_who_is_refused_is_told_and_the_others_have_their_mail(home: House) -> None:
    handler, post = mailing(home, email_cc="ann@example.com, {account.name}")
    post.replies = {"ann@example.com": NO}
    handle(handler, told())
    assert post.sent[0].recipients == ("officer@example.com",)
    (data,) = recorded(home, catalogue.MAIL_NOT_FOR_ALL)
    assert "ann@example.com: 550 no such user" in data["details"]
    assert "alice is no e-mail address" in data["details"]
    assert (data["id"], data["serial"], data["name"]) == (30068, 1, "alarms")


def test_a_mail_that_everybody_refuses_is_a_fault(home: House) -> None:
    handler, post = mailing(home, email_cc="ann@example.com")
    post.replies = {"ann@example.com": NO, "officer@example.com": NO}
    for _ in range(2):
        with pytest.raises(MailRejected, match=r"officer@example\.com: 550 no such user"):
            handle(handler, told())
    post.replies = {}
    handle(handler, told())
    assert len(post.sent) == 1


def test_who_is_refused_for_now_gets_it_later_and_the_others_only_once(home: House) -> None:
    handler, post = mailing(home, email_cc="ann@example.com, none@example.com")
    post.replies = {"ann@example.com": LATER, "none@example.com": NO}
    for _ in range(3):
        with pytest.raises(Refused, match=r"takes no mail now for ann@example\.com: 450 later"):
            handle(handler, told())
    post.replies = {}
    handle(handler, told())
    assert [envelope.recipients for envelope in post.sent] == [
        ("officer@example.com",),
        ("ann@example.com",),
    ]
    (data,) = recorded(home, catalogue.MAIL_NOT_FOR_ALL)
    assert data["details"] == "none@example.com: 550 no such user"


@pytest.mark.parametrize("alone", [True, False])
def test_nobody_is_refused_for_now_for_ever(home: House, alone: bool) -> None:
    handler, post = mailing(home, email_cc="" if alone else "ann@example.com")
    post.replies = {"officer@example.com": LATER}
    for _ in range(module.RECIPIENT_TRIES - 1):
        with pytest.raises(Refused):
            handle(handler, told())
    if alone:
        with pytest.raises(MailRejected):
            handle(handler, told())
    else:
        handle(handler, told())
        assert len(recorded(home, catalogue.MAIL_NOT_FOR_ALL)) == 1


def test_a_full_box_holds_up_the_first_mail_only_and_is_asked_with_each(home: House) -> None:
    handler, post = mailing(home, email_cc="full@example.com")
    post.replies = {"full@example.com": LATER}
    for _ in range(module.RECIPIENT_TRIES - 1):
        with pytest.raises(Refused):
            handle(handler, told(serial=1))
    handle(handler, told(serial=1))
    handle(handler, told(serial=2))
    details = [one["details"] for one in recorded(home, catalogue.MAIL_NOT_FOR_ALL)]
    assert details == ["full@example.com: 450 later"] * 2
    post.replies = {}
    handle(handler, told(serial=3))
    assert post.sent[-1].recipients == ("officer@example.com", "full@example.com")
    post.replies = {"full@example.com": LATER}
    with pytest.raises(Refused):  # it took one: it is waited for again
        handle(handler, told(serial=4))


def test_who_is_the_only_one_is_waited_for_with_each_mail(home: House) -> None:
    handler, post = mailing(home)
    post.replies = {"officer@example.com": LATER}
    for serial in (1, 2):
        for _ in range(module.RECIPIENT_TRIES - 1):
            with pytest.raises(Refused):
                handle(handler, told(serial=serial))
        with pytest.raises(MailRejected):
            handle(handler, told(serial=serial))


def test_a_server_that_takes_few_at_a_time_gets_them_so(home: House) -> None:
    handler, post = mailing(home, email_bcc=", ".join(f"a{n}@example.com" for n in range(5)))
    seen: list[str] = []

    def three(address: str) -> Reply:
        seen.append(address)
        return Reply(250, "ok") if len(seen) % 4 else Reply(452, "too many recipients")

    post.replies = three
    handle(handler, told())
    assert sorted(one for envelope in post.sent for one in envelope.recipients) == [
        *(f"a{n}@example.com" for n in range(5)),
        "officer@example.com",
    ]


def test_what_has_gone_is_not_sent_again_when_another_of_its_batch_fails(home: House) -> None:
    handler, post = mailing(home)
    batch = [told(f"/{n}", serial=n) for n in range(4)]
    gates = iter([None, None, AWAY, None, MailRejected("no"), None, None])

    async def send(envelope: Any, real: Any = post.send) -> Any:
        post.failing = next(gates)
        return await real(envelope)

    post.send = send  # type: ignore[method-assign]  # a server that changes its mind
    with pytest.raises(Refused):
        handle(handler, *batch)
    with pytest.raises(MailRejected):
        handle(handler, *batch)
    for one in batch:
        handle(handler, one)
    assert [json.loads(text(message))["serial"] for message in post.messages] == [0, 1, 2, 3]
    assert handler._done == set()
    post.failing = None
    gates = iter([None])
    handle(handler, batch[0])  # asked for once more
    assert len(post.sent) == 5


def test_a_handler_that_is_stopped_waits_for_no_server(home: House) -> None:
    handler, post = mailing(home)
    post.gate = Deferred()
    sending = Deferred.fromCoroutine(handler.handle_many([told()]))
    failed: list[Any] = []
    sending.addErrback(failed.append)
    sending.cancel()
    assert failed[0].check(CancelledError)


# The file of an event.


def about(path: Path) -> Occurrence:
    occurrence = told()
    occurrence.data["real_path"] = str(path)
    return occurrence


def test_the_file_of_an_event_goes_with_its_mail(home: House) -> None:
    handler, post = mailing(home, email_associated_files="attachment")
    content = bytes(range(256)) * 100
    (home.directory / "a.pdf").write_bytes(content)
    handle(handler, about(home.directory / "a.pdf"))
    (message,) = post.messages
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("a.pdf", content)
    assert json.loads(text(message))["id"] == "30068"


def test_without_the_option_no_file_goes(home: House) -> None:
    handler, post = mailing(home)
    (home.directory / "a.pdf").write_bytes(b"x")
    handle(handler, about(home.directory / "a.pdf"))
    assert list(post.messages[0].iter_attachments()) == []


@pytest.mark.parametrize("kind", ["missing", "folder", "large", "fifo", "denied"])
def test_a_file_that_cannot_go_is_told_of_and_the_mail_goes(
    home: House, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, post = mailing(home, email_associated_files="attachment")
    path = home.directory / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "large":
        with path.open("wb") as file:
            file.truncate((5 << 20) + 1)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "denied":

        def refuse(path: str) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(module, "read_file", refuse)
    handle(handler, about(path))
    (message,) = post.messages
    (note,) = message.iter_attachments()
    assert note.get_filename() == "not-attached.txt"
    assert str(path) in note.get_content()
    (data,) = recorded(home, catalogue.ATTACHMENT_LEFT_OUT)
    assert data["real_path"] == str(path)
    assert data["details"] in note.get_content()


def test_an_event_without_a_file_is_a_mail_without_one(home: House) -> None:
    handler, post = mailing(home, email_associated_files="attachment")
    occurrence = told()
    del occurrence.data["real_path"]
    handle(handler, occurrence)
    assert list(post.messages[0].iter_attachments()) == []
    assert home.numbers() == []


# As one of the readers of the journal.


def subscribed(home: House, handler: EmailSender) -> Subscription:
    subscription = Subscription(handler, handler._options, home.bus, handler._around)
    run(subscription.start())
    return subscription


def test_a_server_that_was_away_gets_everything(home: House) -> None:
    handler, post = mailing(home)
    subscription = subscribed(home, handler)
    post.failing = AWAY
    for index in range(5):
        home.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(f"/{index}"), ALICE)
    for _ in range(40):
        home.clock.advance(60)
    assert post.sent == []
    assert not subscription.given_up
    post.failing = None
    home.clock.advance(60)
    paths = [json.loads(text(message))["data"]["path"] for message in post.messages]
    assert paths == [f"/{index}" for index in range(5)]
    run(subscription.stop())


def test_a_mail_that_is_refused_is_a_dead_letter_and_the_next_one_goes(home: House) -> None:
    handler, post = mailing(home, email_subject="{data.path}")
    subscription = subscribed(home, handler)
    home.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded("/bad"), ALICE)
    home.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded("/good"), ALICE)
    post.failing = MailRejected("the mail server says 554 \u2022 no")
    home.clock.advance(DELAY)
    for _ in range(12):
        home.clock.advance(60)
        if subscription.buried:
            post.failing = None
    assert subscription.buried == 1
    assert post.subjects == ["/good"]
    (letter,) = recorded(home, catalogue.DEAD_LETTER)
    assert "554" in letter["details"]
    run(subscription.stop())


def test_a_handler_is_never_mailed_its_own_events(home: House) -> None:
    handler, post = mailing(home, email_cc="nobody")
    subscription = subscribed(home, handler)
    post.replies = {}
    handler._tell_left_out(told(), "gone")
    home.clock.advance(DELAY)
    assert post.sent == []
    run(subscription.stop())
