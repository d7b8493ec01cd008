"""`type = email-sender`: an event as a mail, and a storm of events as a handful of them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import orjson

from mft.core.failure import Reason, Refused
from mft.core.peer import NOWHERE, PROCESS, Component, Origin
from mft.events import catalogue, payloads
from mft.events.escape import visible, visible_json
from mft.events.facts import Facts, unique
from mft.events.line import plain
from mft.events.model import Occurrence
from mft.events.template import Template
from mft.handlers.email_counts import Counts
from mft.handlers.email_held import HeldBack, NobodyError
from mft.handlers.email_message import Draft, compose, read_file
from mft.handlers.email_options import EmailSenderOptions
from mft.handlers.email_recipients import People, Resolver
from mft.resources.base import Surroundings
from mft.resources.email_client import MAX_RECIPIENTS, EmailClient
from mft.resources.mail import Envelope, MailRejected, Reply

BATCH: Final = 64  # events at a time: as mails one by one, as counts all at once
# How often recipients may be refused for now, each time some later: the last after half an hour.
RECIPIENT_TRIES: Final = 30
MAX_TIRED: Final = 1000  # addresses that were asked so often, and are remembered
MAX_DETAILS: Final = 1000  # characters of an event about recipients


@dataclass(slots=True)
class _Progress:
    """How far the mail of one event has come; it is repeated for those who do not have it yet."""

    serial: int
    taken: set[str] = field(default_factory=set)
    refused: dict[str, Reply] = field(default_factory=dict)
    tries: int = 0


class EmailSender:
    """The handler: it holds nothing but how far it has come with a batch, and counts."""

    batch: int = BATCH
    attempts: int = 0  # while the server is away, everything waits

    def __init__(
        self,
        component: Component,
        options: EmailSenderOptions,
        around: Surroundings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.component = component
        self._options = options
        self._around = around
        self._now = now
        self._origin = Origin(PROCESS, NOWHERE, component)
        self._facts = facts = Facts(around.server, component)
        self._subject = Template(options.email_subject, facts)
        self._body = Template(options.email_body, facts) if options.email_body else None
        self._people = Resolver(tuple(options.recipients().values()), facts, around.addresses_of)
        self._held = HeldBack(component, options, around, self._summarise)
        self._done: set[int] = set()  # serials of a batch of which another event failed
        self._progress = _Progress(-1)
        # Who was refused for now to the last try: the next mails do not wait for them as well.
        self._tired: set[str] = set()

    async def start(self) -> None:
        """Find the mail server, and what was held back before; raises Refused for no server."""
        self._client()
        await self._held.start()

    async def handle_many(self, occurrences: Sequence[Occurrence]) -> None:
        """Send a mail for each, or count it; what is done stays done when another one fails."""
        try:
            for told in occurrences:
                if told.serial not in self._done:
                    await self._handle(told)
                    self._done.add(told.serial)
        finally:
            await self._held.save()
        self._done.difference_update(told.serial for told in occurrences)

    async def stop(self) -> None:
        """Say what was held back, if that goes quickly; else it is said after the next start."""
        await self._held.stop()

    def _client(self) -> EmailClient:
        return self._around.resource(self._options.email_client, EmailClient)

    # One event.

    async def _handle(self, told: Occurrence) -> None:
        if not self._held.room and self._for_anybody(told):
            self._held.hold(told)
            return
        people = self._people_for(told)
        if people.addresses:
            await self._send(told, people)
            self._held.spend()
        elif people.wrong:
            self._tell_refused(told.event.number, told.serial, _joined(people.wrong))

    def _for_anybody(self, told: Occurrence) -> bool:
        if self._people.named:
            return self._people.anybody(told)
        return bool(self._client().recipients)

    def _people_for(self, told: Occurrence | None) -> People:
        if self._people.named:
            return self._people.of(told)
        return People(self._client().recipients, (), (), ())

    async def _send(self, told: Occurrence, people: People) -> None:
        """Send it to all of them; raises while anybody may still get it later."""
        content, left_out = await self._written(told, people)
        progress = self._progress
        if progress.serial != told.serial:
            self._progress = progress = _Progress(told.serial)
        while pending := _pending(people, progress):
            await self._hand_over(pending, content, progress)
        wrong = _wrong(people, progress)
        self._progress = _Progress(-1)
        if not progress.taken:
            raise MailRejected(f"the mail server refuses every recipient: {_joined(wrong)}")
        if wrong:
            self._tell_refused(told.event.number, told.serial, _joined(wrong))
        if left_out:
            self._tell_left_out(told, left_out)

    async def _hand_over(self, pending: list[str], content: bytes, progress: _Progress) -> None:
        """Hand it over once; who is refused for now is asked again, though not for ever."""
        client = self._client()
        receipt = await client.send(Envelope(client.sender.address, pending, content))
        progress.taken.update(receipt.taken)
        self._tired.difference_update(receipt.taken)
        tired = self._tired if progress.taken else ()
        refused = receipt.refused.items()
        later = {one: said for one, said in refused if not (said.permanent or one in tired)}
        final = {one: said for one, said in refused if one not in later}
        progress.refused.update(final)
        if not later or receipt.taken or final:
            return
        progress.tries += 1
        if progress.tries >= RECIPIENT_TRIES:
            progress.refused.update(later)
            self._tired.update(list(later)[: MAX_TIRED - len(self._tired)])
            return
        said = _joined([f"{one}: {reply}" for one, reply in later.items()])
        raise Refused(Reason.ABORTED, "", f"the mail server takes no mail now for {said}")

    def _tell_refused(self, number: int, serial: int, details: str) -> None:
        data = payloads.MailRefused(number, serial, self.component.name, details)
        self._around.bus.emit(catalogue.MAIL_NOT_FOR_ALL, data, self._origin)

    def _tell_left_out(self, told: Occurrence, why: str) -> None:
        path, real = told.data.get("path", ""), told.data["real_path"]
        data = payloads.AttachmentLeftOut(
            str(path), str(real), told.event.number, self.component.name, why
        )
        self._around.bus.emit(catalogue.ATTACHMENT_LEFT_OUT, data, self._origin)

    # What it says.

    async def _written(self, told: Occurrence, people: People) -> tuple[bytes, str]:
        """The message, put together in a thread; and why its file is not in it."""
        body = self._as_json(told) if self._body is None else self._body.render(told)
        subject = self._subject.render(told)
        draft = self._draft(people, subject, body, unique(self._around.server, told))
        path = told.data.get("real_path") if self._options.email_associated_files else None
        return await self._around.blocking(_compose, draft, path if isinstance(path, str) else "")

    def _draft(self, people: People, subject: str, body: str, identifier: str) -> Draft:
        mine = hashlib.sha256(self.component.uuid.encode()).hexdigest()[:8]
        named = f"{identifier.replace('-', '')}.{mine}"  # two handlers write two mails
        return Draft(self._client().sender, people.to, people.cc, subject, body, named, self._now())

    def _as_json(self, told: Occurrence) -> str:
        """The whole event, for people and for programs; each line on its own is visible."""
        whole = plain(self._facts.as_object(told))
        text = orjson.dumps(whole, option=orjson.OPT_INDENT_2).decode()
        return "\n".join(map(visible_json, text.split("\n"))) + "\n"

    # What was held back.

    async def _summarise(self, counts: Counts) -> None:
        """One mail for all of them, to those who do not depend on the event."""
        people = self._people_for(None)
        if not people.addresses:
            people = People(self._client().recipients, (), (), ())
        if not people.addresses:
            raise NobodyError("there is nobody who is to get the summary")
        subject = f"[{self.component.name}] {counts.total} events were not mailed one by one"
        body = (
            f"There were more than {self._options.maximum_mails} mails in "
            f"{self._options.interval:g} seconds. Not mailed one by one:\n\n{counts.lines()}\n\n"
            "All of them are in the audit trail: mft audit search\n"
        )
        draft = self._draft(people, subject, body, counts.digest())
        content = await self._around.blocking(compose, draft)
        progress = _Progress(-1)
        while pending := _pending(people, progress):
            await self._hand_over(pending, content, progress)
        wrong = _wrong(people, progress)
        if not progress.taken:
            raise MailRejected(_joined(wrong))
        if wrong:
            number, held = counts.earliest
            details = f"the summary of {counts.total} events: {_joined(wrong)}"
            self._tell_refused(number, held.first, details)


def _pending(people: People, progress: _Progress) -> list[str]:
    settled = progress.taken | progress.refused.keys()
    return [one for one in people.addresses if one not in settled][:MAX_RECIPIENTS]


def _wrong(people: People, progress: _Progress) -> list[str]:
    """Who does not get a mail, and why."""
    return [*people.wrong, *(f"{one}: {said}" for one, said in progress.refused.items())]


def _compose(draft: Draft, path: str) -> tuple[bytes, str]:
    """Runs in a thread. Where the file cannot go with it, the mail goes and says so."""
    if not path:
        return compose(draft), ""
    try:
        attachment = read_file(path)
    except (OSError, ValueError) as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        return compose(draft, left_out=f"{visible(path)} does not go with this mail: {why}"), why
    return compose(draft, attachment), ""


def _joined(wrong: Sequence[str]) -> str:
    text = "; ".join(wrong)
    return text if len(text) <= MAX_DETAILS else f"{text[:MAX_DETAILS]}..."
