"""The servers that judge logins, of which one at a time is asked; what fails rests a while."""

from collections.abc import Sequence
from typing import Final, Protocol

from OpenSSL import SSL
from twisted.web.http_headers import Headers

from mft.auth.http_answer import MAX_BODY
from mft.auth.http_options import HttpAuthOptions
from mft.auth.parts import Parts
from mft.config.http_kinds import shown_url
from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.runtime.fetch import Answer, head_fields, post
from mft.runtime.resting import SUSPENDED, Resting
from mft.runtime.web_agent import web_agent
from mft.trust.tls import client_context

# What one answer may bring in all. With 64 requests at a time, some 8 MiB.
MAX_ANSWER: Final = MAX_BODY + (64 << 10)
# Requests at a time; one more is refused. Each login waits for one.
MAX_ASKING: Final = 64
BROKEN_STATUS: Final = 500  # and above: the server says itself that it cannot judge


class Ask(Protocol):
    """Asks one URL."""

    async def __call__(self, url: str, body: bytes, /) -> Answer:
        """Post a question; raises Refused for whatever is no answer."""


async def asking(options: HttpAuthOptions, parts: Parts) -> Ask:
    """What asks over the network; raises Refused for authorities that cannot be read."""
    try:
        context = await parts.disk(_context, options)
    except ValueError as error:
        raise Refused(Reason.INVALID, str(options.ssl_certificate_authority), str(error)) from None
    agent = web_agent(parts.reactor, context, MAX_ANSWER)
    headers = request_headers(options)

    async def ask(url: str, body: bytes) -> Answer:
        wait = options.timeout
        return await post(agent, parts.reactor, url, headers, body, MAX_BODY, wait)

    return ask


def _context(options: HttpAuthOptions) -> SSL.Context:
    return client_context(options.authorities())


def request_headers(options: HttpAuthOptions) -> Headers:
    """The header fields of every request."""
    fields = {
        "User-Agent": "mft",
        "Accept": "application/json, text/plain",
        "Content-Type": "application/json; charset=utf-8",
    }
    own = [(one.name, one.value.reveal()) for one in options.headers]
    return head_fields(fields, own, options.username, options.password)


class Servers:
    """The URLs of one method, in the order in which they are asked."""

    def __init__(self, urls: Sequence[str], ask: Ask, parts: Parts) -> None:
        self._resting = Resting(urls, parts.reactor)
        self._ask = ask
        self._parts = parts
        self._asking = 0

    async def judge(self, body: bytes) -> Answer:
        """Give the first answer of a server that can judge; raises Refused where there is none."""
        if self._asking >= MAX_ASKING:
            raise Refused(Reason.BUSY, "", f"{self._asking} logins wait for an answer")
        self._asking += 1
        try:
            return await self._first(body)
        finally:
            self._asking -= 1

    async def one(self, url: str, body: bytes) -> Answer:
        """Ask this server and no other; raises Refused where it cannot judge."""
        answer = await self._ask(url, body)
        if answer.status >= BROKEN_STATUS:
            raise Refused(Reason.BROKEN, url, f"answered with status {answer.status}")
        return answer

    async def _first(self, body: bytes) -> Answer:
        why: list[str] = []
        for url in self._resting.awake():
            self._parts.step(f"asking {shown_url(url)}")
            try:
                answer = await self.one(url, body)
            except Refused as refused:
                self._suspend(url, refused.details)
                self._parts.step(f"{shown_url(url)} cannot judge: {refused.details}")
                why.append(f"{shown_url(url)}: {refused.details}")
            else:
                self._resting.well(url)
                return answer
        raise Refused(Reason.BROKEN, "", "; ".join(why))

    def _suspend(self, url: str, details: str) -> None:
        """Let a URL rest; told once, however many logins were waiting for it."""
        if self._resting.suspend(url):
            told = p.UrlSuspended(shown_url(url), SUSPENDED, details)
            self._parts.tell(events.URL_SUSPENDED, told)
