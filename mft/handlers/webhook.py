"""`type = http`: a webhook. Events are sent to a server until it has taken them.

What is tried again here is only what the next second may mend. Everything else is raised, and the
subscription keeps the events and comes back with them.
"""

import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple, Protocol

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.web.http_headers import Headers

from mft.config.http_kinds import shown_url
from mft.core.failure import Reason, Refused
from mft.core.matching import Expression
from mft.core.peer import NOWHERE, PROCESS, Component, Origin
from mft.events import catalogue, payloads
from mft.events.model import Occurrence
from mft.handlers.webhook_options import WebhookOptions
from mft.handlers.webhook_request import Message, Writer
from mft.resources.base import Surroundings
from mft.runtime.fetch import Answer, post
from mft.runtime.resting import SUSPENDED, Resting
from mft.runtime.web_agent import web_agent
from mft.trust.tls import client_context

MOST_BODY: Final = 256 << 10  # bytes of an answer; one handler has one at a time
MOST_ANSWER: Final = MOST_BODY + (64 << 10)  # its head included
LONGEST_PATIENCE: Final = 300.0  # seconds that a server may ask for by Retry-After
MAX_SHOWN: Final = 500  # characters of numbers in an event

# What a server says of the request itself: it would say so again.
UNWANTED: Final = frozenset({400, 413, 414, 415, 422, 431})
NOT_NOW: Final = 429
BROKEN: Final = 500  # and above


class Unwanted(ValueError):  # noqa: N818 - a verdict on an event
    """Every server that there is has answered, and none takes what was sent."""


class Verdict(NamedTuple):
    """Why an answer is no success."""

    details: str
    again: bool  # whether it may soon be another
    unwanted: bool = False
    patience: float = 0.0  # seconds that the server asks for


class Ask(Protocol):
    """Sends one request."""

    async def __call__(self, url: str, headers: Headers, body: bytes, /) -> Answer:
        """Send it; raises Refused for whatever is no answer."""


class Webhook:
    """The handler: one request at a time, in the order of the events."""

    attempts: int = 0

    def __init__(
        self,
        component: Component,
        options: WebhookOptions,
        around: Surroundings,
        ask: Ask | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Send by `ask`, or from its start on over the network."""
        self.component = component
        self._options = options
        self._around = around
        self._ask = ask
        self._now = now
        self._origin = Origin(PROCESS, NOWHERE, component)
        self._writer = Writer(options, around.server, component)
        self._resting = Resting(options.url, around.clock)
        self._not_before: dict[str, float] = {}  # by URL, of the clock: it asked for patience
        self.batch = self._writer.most

    async def start(self) -> None:
        """Get TLS ready; raises ValueError for authorities that cannot be read."""
        if self._ask is None:
            context = await self._around.blocking(_context, self._options)
            self._ask = self._over_network(context)

    async def handle_many(self, occurrences: Sequence[Occurrence]) -> None:
        """Send them in one request; raises Refused, or Unwanted where they are at fault."""
        message = await self._around.blocking(self._writer.message, occurrences)
        url = await self._deliver(message, alone=len(occurrences) == 1)
        numbers = ", ".join(sorted({str(one.event.number) for one in occurrences}))
        path = str(occurrences[0].data.get("path", "")) if len(occurrences) == 1 else ""
        told = payloads.HttpDelivered(numbers[:MAX_SHOWN], path, shown_url(url), len(occurrences))
        self._around.bus.emit(catalogue.HTTP_DELIVERED, told, self._origin)

    async def stop(self) -> None:
        """Nothing: a connection ends with its answer."""

    def _over_network(self, context: SSL.Context) -> Ask:
        clock, options = self._around.clock, self._options
        agent = web_agent(clock, context, MOST_ANSWER)

        async def ask(url: str, headers: Headers, body: bytes) -> Answer:
            wait, method = options.timeout, options.request_method
            return await post(agent, clock, url, headers, body, MOST_BODY, wait, method)

        return ask

    async def _deliver(self, message: Message, *, alone: bool) -> str:
        """Send to the first URL that takes it, and give that; raises what handle_many does."""
        why: list[str] = []
        unwanted = 0
        awake = self._resting.awake()
        for place, url in enumerate(awake, 1):
            verdict = await self._persist(url, message, last=place == len(awake))
            if verdict is None:
                self._resting.well(url)
                return url
            why.append(f"{shown_url(url)}: {verdict.details}")
            unwanted += verdict.unwanted
            if not verdict.unwanted:
                self._suspend(url, verdict.details)
        # One event is not at fault while a URL rests that might take it; of several, which then go
        # one by one, those awake may take some.
        everyone = len(awake) == len(self._options.url)
        if unwanted == len(awake) and (everyone or not alone):
            raise Unwanted("; ".join(why))
        raise Refused(Reason.BROKEN, "", "; ".join(why))

    async def _persist(self, url: str, message: Message, *, last: bool) -> Verdict | None:
        """Send to one URL, again where that may help; None once it has taken the message.

        Who asks for patience gets it, unless there is another URL to ask.
        """
        tried = 0
        while True:
            patience = self._not_before.get(url, 0.0) - self._seconds()
            await self._sleep(max(tried * self._options.retry_increase, patience))
            verdict = await self._once(url, message)
            if verdict is None:
                return None
            if verdict.patience:
                self._not_before[url] = self._seconds() + verdict.patience
            tried += 1
            elsewhere = verdict.patience > 0 and not last
            if not verdict.again or elsewhere or tried > self._options.retry_count:
                return verdict

    async def _once(self, url: str, message: Message) -> Verdict | None:
        if self._ask is None:
            raise Refused(Reason.BROKEN, "", "the handler has not been started")
        moment = self._now()
        try:
            answer = await self._ask(url, self._writer.headers(message, moment), message.body)
        except Refused as refused:
            return Verdict(refused.details, again=refused.reason is not Reason.QUOTA)
        return judge(answer, self._options.expected_response, self._now())

    def _suspend(self, url: str, details: str) -> None:
        if len(self._options.url) > 1 and self._resting.suspend(url):
            told = payloads.UrlSuspended(shown_url(url), SUSPENDED, details)
            self._around.bus.emit(catalogue.URL_SUSPENDED, told, self._origin)

    def _seconds(self) -> float:
        return float(self._around.clock.seconds())

    async def _sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        done: Deferred[None] = Deferred()
        call = self._around.clock.callLater(seconds, done.callback, None)
        try:
            await done
        finally:
            if call.active():
                call.cancel()


def judge(answer: Answer, expected: Expression | None, now: float) -> Verdict | None:
    """None for a success; `now` is the time of day, which a server may count from."""
    status = answer.status
    if 200 <= status < 300:
        text = answer.body.decode("utf-8", "replace")
        if expected is None or expected.matches(text[: expected.limit]):
            return None
        return Verdict("the body of the answer does not match expected_response", again=False)
    details = f"answered with status {status}"
    if 300 <= status < 400:
        details += "; redirects are not followed"
    again = status >= BROKEN or status == NOT_NOW
    patience = _patience(answer.retry_after, now) if again else 0.0
    return Verdict(details, again, status in UNWANTED, patience)


def _patience(text: str, now: float) -> float:
    """How many seconds a Retry-After asks for, within a bound; 0 for none (RFC 9110 10.2.3)."""
    try:
        if text.strip().isdecimal():
            seconds = float(text)
        else:
            seconds = parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError, TypeError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_PATIENCE)


def _context(options: WebhookOptions) -> Any:
    return client_context(options.authorities())
