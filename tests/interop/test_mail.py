"""Mail on a real mail server: what arrives, over what, and what becomes of it meanwhile."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Refused
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.events.model import Occurrence
from mft.events.reader import JournalReader
from mft.resources.mail import Envelope, MailRejected, Receipt
from tests.fakes import pki
from tests.fakes.daemons import Instance
from tests.fakes.loop import run_loop, until
from tests.fakes.occurrences import ALICE, uploaded
from tests.fakes.odd_smtp import over, sent
from tests.fakes.post import text
from tests.fakes.postfix import PASSWORD, Postfix
from tests.fakes.postfix import postfix as postfix

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a mail server"),
]

ENDS = b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\nlast\r\n"
PEOPLE = (
    "[groups/OFFICERS]\nname = officers\n"
    "[accounts/bob-1]\nname = bob\ngroup = OFFICERS\nhome_folder_path = HOME/bob\n"
    "create_home_folder = yes\nemail = bob@example.com\n"
    "[accounts/carl-1]\nname = carl\ngroup = OFFICERS\nhome_folder_path = HOME/carl\n"
    "create_home_folder = yes\nemail = carl@example.com\n"
)


def section(title: str, **options: object) -> str:
    lines = [f"[{title}]", *(f"{name} = {value}" for name, value in options.items()), ""]
    return "\n".join(lines)


def server(postfix: Postfix, **options: object) -> str:
    given = {
        "name": "post",
        "type": "email-client",
        "port": postfix.starttls,
        "ssl_certificate_authority": postfix.ca,
        "email_from_address": "mft <mft@example.com>",
        **options,
    }
    return section("resources/POST", **given)


def mailing(**options: object) -> str:
    given = {"name": "alarms", "type": "email-sender", "target": 30068, **options}
    return section("event-handlers/mail-1", **given)


def mailed(
    tmp_path: Path, postfix: Postfix, sections: Sequence[str], paths: Sequence[str], boxes: Any
) -> None:
    """Run a server, let uploads happen, and wait until each box has its number of mails."""

    async def main(reactor: Any) -> None:
        daemon = Instance(tmp_path).daemon(reactor, *sections)
        await daemon.start()
        try:
            for path in paths:
                told = uploaded(path)._replace(real_path=str(tmp_path / path.lstrip("/")))
                daemon.bus.emit(events.SSH_UPLOAD_DONE, told, ALICE)
            for box, count in boxes.items():
                await until(reactor, lambda box=box, count=count: postfix.count(box) == count, box)
        finally:
            await daemon.stop()

    run_on(main)


def events_of(directory: Path) -> list[Occurrence]:
    with JournalReader(directory / "log" / "journal", 1) as reader:
        return reader.take(1000)


def run_on(main: Any) -> None:
    """Run on a reactor that TLS of connections uses as well."""

    async def whole(reactor: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("twisted.protocols.tls._get_default_clock", lambda: reactor)
            await main(reactor)

    run_loop(whole)


def test_an_event_arrives_as_a_mail_over_starttls(tmp_path: Path, postfix: Postfix) -> None:
    sections = [server(postfix), mailing(email_to_recipients="ann@example.com")]
    mailed(tmp_path, postfix, sections, ["/inbox/\u00e9.csv"], {"ann": 1})
    (mail,) = postfix.mails("ann")
    assert json.loads(text(mail))["data"]["path"] == "/inbox/\u00e9.csv"
    assert mail["Subject"] == "[30068] [sftp] New event from files"
    assert str(mail["From"]) == "mft <mft@example.com>"
    assert mail["Return-Path"] == "<mft@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@example.com>")
    assert "with ESMTPS" in mail["Received"]


def test_members_of_a_group_and_hidden_ones_have_it_too(tmp_path: Path, postfix: Postfix) -> None:
    handler = mailing(email_cc="OFFICERS", email_bcc="archive@example.com, nobody@example.com")
    before = postfix.count("archive")
    sections = [server(postfix), PEOPLE, handler]
    mailed(tmp_path, postfix, sections, ["/a"], {"bob": 1, "carl": 1, "archive": before + 1})
    (mail,) = postfix.mails("carl")
    assert str(mail["Cc"]) == "bob@example.com, carl@example.com"
    assert "archive" not in str(mail["To"])
    (told,) = [one for one in events_of(tmp_path) if one.event is events.MAIL_NOT_FOR_ALL]
    assert "nobody@example.com: 550 5.1.1" in told.data["details"]


def test_a_file_arrives_as_it_is(tmp_path: Path, postfix: Postfix) -> None:
    content = os.urandom(1 << 20)
    (tmp_path / "a.bin").write_bytes(content)
    told = {"email_associated_files": "attachment", "email_to_recipients": "officer@example.com"}
    mailed(tmp_path, postfix, [server(postfix), mailing(**told)], ["/a.bin"], {"officer": 1})
    (mail,) = postfix.mails("officer")
    (attached,) = mail.iter_attachments()
    assert attached.get_content() == content


def test_a_server_that_is_away_for_a_while_gets_every_event(
    tmp_path: Path, postfix: Postfix
) -> None:
    handler = mailing(email_to_recipients="storm@example.com", email_subject="{data.path}")

    async def main(reactor: Any) -> None:
        daemon = Instance(tmp_path).daemon(reactor, server(postfix), handler)
        await daemon.start()
        subscription = daemon.handling.subscriptions["mail-1"]
        for index in range(12):
            if index == 4:  # and it has heard that the last of these was taken
                await until(reactor, lambda: postfix.count("storm") == 4)
                await until(reactor, lambda: subscription.position >= serial)  # noqa: B023 - now
                postfix.stop()
            serial = daemon.bus.emit(events.SSH_UPLOAD_DONE, uploaded(f"/{index}"), ALICE)
        await until(reactor, lambda: subscription.failures > 0, "it is missed")
        postfix.start()
        await until(reactor, lambda: postfix.count("storm") >= 12, "all have come")
        await daemon.stop()

    run_on(main)
    assert sorted(mail["Subject"] for mail in postfix.mails("storm")) == sorted(
        f"/{index}" for index in range(12)
    )


# What the client itself promises, on a server that nobody here has written.

MAIL = Envelope("mft@example.com", ("archive@example.com",), ENDS)


def send(tmp_path: Path, postfix: Postfix, envelope: Envelope = MAIL, **given: Any) -> Any:
    told = {"ssl_certificate_authority": postfix.ca, **given}
    port = told.pop("at", postfix.starttls)
    return over(tmp_path, lambda around: sent(around, port, envelope, **told))


LOGIN = {"username": "mft@example.com", "password": Secret(PASSWORD)}


@pytest.mark.parametrize("login", [{}, LOGIN])
@pytest.mark.parametrize("way", ["clear", "starttls", "implicit"])
def test_every_way_there_is_taken(
    tmp_path: Path, postfix: Postfix, way: str, login: dict[str, Any]
) -> None:
    secure = {"clear": "Offered", "starttls": "StartTLS", "implicit": "Yes"}[way]
    port = getattr(postfix, way)
    before = postfix.count("archive")
    told = send(tmp_path, postfix, at=port, secure_connection=secure, **login)
    if way == "clear" and login:
        assert "offers no STARTTLS" in str(told)
        return
    assert told == Receipt(("archive@example.com",), {})
    mail = postfix.mails("archive", before + 1)[-1]
    assert text(mail) == ".\n..\n.x\nlast\n"
    kind = {"clear": "ESMTP", "starttls": "ESMTPS", "implicit": "ESMTPS"}[way]
    assert f"with {kind}{'A' if login else ''} id" in mail["Received"]


def test_some_are_taken_and_some_are_not(tmp_path: Path, postfix: Postfix) -> None:
    people = ("archive@example.com", "nobody@example.com", "busy@example.com", "a@other.example")
    told = send(tmp_path, postfix, MAIL._replace(recipients=people))
    assert told.taken == ("archive@example.com",)
    assert {who: said.code for who, said in told.refused.items()} == {
        "nobody@example.com": 550,
        "busy@example.com": 450,
        "a@other.example": 554,
    }


def test_a_wrong_password_is_told(tmp_path: Path, postfix: Postfix) -> None:
    told = send(tmp_path, postfix, **{**LOGIN, "password": Secret("wr0ng")})
    assert isinstance(told, Refused)
    assert "refuses the login: 535 5.7.8" in str(told)
    assert "wr0ng" not in str(told)


def test_a_certificate_of_somebody_else_is_told(tmp_path: Path, postfix: Postfix) -> None:
    (tmp_path / "other.pem").write_bytes(pki.Authority("other").pem)
    told = send(tmp_path, postfix, ssl_certificate_authority=tmp_path / "other.pem")
    assert "certificate verify failed" in str(told)


def test_a_mail_that_is_too_large_for_it_is_a_fault(tmp_path: Path, postfix: Postfix) -> None:
    content = b"Subject: x\r\n\r\n" + b"x" * 76 * 150_000
    told = send(tmp_path, postfix, MAIL._replace(content=content))
    assert isinstance(told, MailRejected)
    assert "takes mail of 11000000 bytes at most" in str(told)
