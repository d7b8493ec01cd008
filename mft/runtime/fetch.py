"""One small document over HTTP, fetched or posted: bounded in size and time, led nowhere else."""

import base64
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import OK, PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from mft.core.failure import Reason, Refused
from mft.core.secret import Secret
from mft.runtime.tls import told

SECONDS: Final = 20.0  # from the first packet to the last byte
HEADERS: Final = Headers({"User-Agent": ["mft"], "Accept": ["*/*"]})

T = TypeVar("T")


class Answer(NamedTuple):
    """What a server said, whatever it is."""

    status: int
    body: bytes
    retry_after: str = ""  # what it says of when to ask again (RFC 9110 10.2.3)


def head_fields(
    fields: Mapping[str, str], own: Sequence[tuple[str, str]], username: str, password: Secret
) -> Headers:
    """Header fields: those of ours, then those configured, and HTTP Basic last.

    What comes later stands in place of what came before under its name.
    """
    headers = Headers()
    for name, value in fields.items():
        headers.setRawHeaders(name, [value])
    for name in {name.lower() for name, _ in own}:
        headers.setRawHeaders(name, [])
    for name, value in own:
        headers.addRawHeader(name, value)
    if username:
        pair = f"{username}:{password.reveal()}".encode()
        shown = f"Basic {base64.b64encode(pair).decode()}"
        headers.setRawHeaders("Authorization", [shown])
    return headers


async def fetch(
    agent: IAgent, clock: IReactorTime, url: str, limit: int, seconds: float = SECONDS
) -> bytes:
    """GET a document of at most `limit` bytes; a redirect is not followed.

    Raises Refused: BROKEN when the server cannot be reached or has no such document, ABORTED when
    it takes longer than `seconds`, QUOTA when the document is too long. Cancelling it cancels all.
    """
    return await _in_time(_get(agent, url, limit), clock, url, seconds)


async def post(
    agent: IAgent,
    clock: IReactorTime,
    url: str,
    headers: Headers,
    body: bytes,
    limit: int,
    seconds: float,
    method: str = "POST",
) -> Answer:
    """POST a document, and give the answer of at most `limit` bytes; no redirect is followed.

    With another method, such as PUT, that; a GET has no body.

    Raises Refused as `fetch` does, but every status is an answer. Cancelling it cancels all.
    """
    return await _in_time(_post(agent, method, url, headers, body, limit), clock, url, seconds)


async def _in_time(
    work: Coroutine[Deferred[Any], Any, T], clock: IReactorTime, url: str, seconds: float
) -> T:
    """Do it in so many seconds; what goes wrong is Refused, and says nothing of what was sent."""
    given_up = False

    def give_up(_: object) -> None:
        nonlocal given_up
        given_up = True
        going.cancel()

    going = Deferred.fromCoroutine(work)
    outcome: Deferred[T] = Deferred(give_up)
    going.addBoth(lambda result: None if outcome.called else outcome.callback(result))
    deadline = clock.callLater(seconds, going.cancel)
    try:
        return await outcome
    except Refused:
        raise
    except Exception as error:
        if given_up:  # what was going on tells that in words of its own
            raise CancelledError from None
        if not deadline.active():
            raise Refused(Reason.ABORTED, url, f"took longer than {seconds:g} seconds") from None
        raise Refused(Reason.BROKEN, url, _why(error)) from None
    finally:
        if deadline.active():
            deadline.cancel()


async def _get(agent: IAgent, url: str, limit: int) -> bytes:
    response: IResponse = await agent.request(b"GET", url.encode("ascii"), HEADERS)
    body = _Body(url, limit)
    response.deliverBody(body)
    if response.code != OK:
        body.drop()
        raise Refused(Reason.BROKEN, url, f"answered with status {response.code}")
    return await body.whole


async def _post(
    agent: IAgent, method: str, url: str, headers: Headers, body: bytes, limit: int
) -> Answer:
    sent = None if method == "GET" else _Sent(body)
    verb = method.encode("ascii")
    response: IResponse = await agent.request(verb, url.encode("ascii"), headers, sent)
    taken = _Body(url, limit)
    response.deliverBody(taken)
    (again,) = response.headers.getRawHeaders(b"Retry-After", [b""])[:1]
    return Answer(response.code, await taken.whole, again.decode("latin-1"))


@implementer(IBodyProducer)
class _Sent:
    """A body that is small enough to be written at once."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: Any) -> Deferred[None]:  # noqa: N802 - Twisted's name
        """Write all of it."""
        consumer.write(self._body)
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done

    def pauseProducing(self) -> None:
        """Nothing: it has been written."""

    def resumeProducing(self) -> None:
        """Nothing: it has been written."""

    def stopProducing(self) -> None:
        """Nothing: it has been written."""


class _Body(Protocol):
    """Collects a body up to its limit; what is refused is cut off."""

    def __init__(self, url: str, limit: int) -> None:
        self.whole: Deferred[bytes] = Deferred(lambda _: self._cut())
        self._url = url
        self._left = limit
        self._limit = limit
        self._parts: list[bytes] = []

    def drop(self) -> None:
        """Take no more of it, whatever it is."""
        self.whole.addBoth(lambda _: None)
        self.whole.cancel()

    def dataReceived(self, data: bytes) -> None:
        """Take a part."""
        self._left -= len(data)
        if self._left >= 0:
            self._parts.append(data)
        elif not self.whole.called:
            too_long = Refused(Reason.QUOTA, self._url, f"is longer than {self._limit} bytes")
            self.whole.errback(too_long)
            self._cut()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Give what came, when all came."""
        if self.whole.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):  # the latter: no length was told
            self.whole.callback(b"".join(self._parts))
        else:
            self.whole.errback(reason)

    def _cut(self) -> None:
        transport: Any = self.transport
        transport.loseConnection()  # nothing is left to be sent, so this is at once


def _why(error: BaseException) -> str:
    """What went wrong, without the nesting that twisted.web puts around it."""
    reasons = getattr(error, "reasons", None)
    if reasons:
        return _why(reasons[0].value)
    return told(error) if isinstance(error, SSL.Error) else str(error) or type(error).__name__
