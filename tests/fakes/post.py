"""A mail server for handlers that keeps what it is given, and refuses what it is told to."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred

from mft.config.ini import RawSection, Value
from mft.config.kinds import Context
from mft.config.section import check_section, read_section
from mft.core.peer import Component
from mft.handlers.email_options import EmailSenderOptions
from mft.handlers.email_sender import EmailSender
from mft.resources.base import Surroundings
from mft.resources.email_client import DEFAULT_CLIENT, EmailClient, EmailClientOptions
from mft.resources.mail import Envelope, Receipt, Reply
from tests.fakes.handlers import House

MAILER = Component("mail-1", "email-sender", "alarms")
OK = Reply(250, "ok")


class Post(EmailClient):
    """Takes every mail, unless it is told otherwise."""

    def __init__(self, around: Surroundings, **given: str) -> None:
        told = {"name": "post", "email_from_address": "mft <mft@example.com>", **given}
        options = EmailClientOptions.model_validate(told)
        super().__init__(Component(DEFAULT_CLIENT, "email-client", "post"), options, around)
        self.sent: list[Envelope] = []  # what was taken, for at least somebody
        self.asked = 0
        self.failing: Exception | None = None
        self.gate: Deferred[None] | None = None
        self.replies: Mapping[str, Reply] | Callable[[str], Reply] = {}

    async def send(self, envelope: Envelope) -> Receipt:
        """Take it."""
        self.asked += 1
        if self.gate is not None:
            await self.gate
        if self.failing is not None:
            raise self.failing
        find = self.replies if callable(self.replies) else self.replies.get
        said = {one: find(one) or OK for one in envelope.recipients}
        taken = tuple(one for one, reply in said.items() if reply.code < 300)
        if taken:
            self.sent.append(envelope._replace(recipients=taken))
        return Receipt(taken, {one: reply for one, reply in said.items() if reply.code >= 300})

    @property
    def messages(self) -> list[EmailMessage]:
        """What was taken, as its readers see it."""
        return [parsed(envelope.content) for envelope in self.sent]

    @property
    def subjects(self) -> list[str]:
        """The subject of each."""
        return [str(message["Subject"]) for message in self.messages]


def parsed(content: bytes) -> EmailMessage:
    """A message as its readers see it."""
    return cast(EmailMessage, BytesParser(policy=policy.default).parsebytes(content))


def text(message: EmailMessage) -> str:
    """What its body says."""
    body = message.get_body(("plain",))
    assert body is not None
    return cast(str, body.get_content()).replace("\r\n", "\n")


def read(directory: Path, **given: str) -> tuple[EmailSenderOptions | None, list[str]]:
    """Options as server.ini gives them, and every problem."""
    values = {"name": "alarms", "type": "email-sender", **given}
    lines = {name: Value(value, "server.ini", 2) for name, value in values.items()}
    raw = RawSection("event-handlers/mail-1", "server.ini", 1, lines)
    problems: list[Any] = []
    found = read_section(EmailSenderOptions, raw, Context(directory), problems)
    if found is not None:
        check_section(found, raw, Context(directory), problems)
    return found, [str(problem) for problem in problems]


def options(**given: str) -> EmailSenderOptions:
    """Options that are right."""
    found, problems = read(Path("/instance"), **given)
    assert found is not None, problems
    return found


def mailing(home: House, **given: str) -> tuple[EmailSender, Post]:
    """A handler in a house with a post office, not started; who to is the officer by default."""
    post = Post(home.around)
    known = {"ann-1": ("ann@example.com", "ann@home.example"), "OFFICERS": ("officer@example.com",)}
    around = replace(
        home.around,
        resources={DEFAULT_CLIENT: post},
        addresses_of=lambda identifier: known.get(identifier, ()),
    )
    told = {"email_to_recipients": "officer@example.com", **given}
    return EmailSender(MAILER, options(**told), around), post
