"""Fetching one small document over HTTP: bounded in size and time, and never led elsewhere."""

from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import OK, PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse

from mft.core.failure import Reason, Refused

SECONDS: Final = 20.0  # from the first packet to the last byte
HEADERS: Final = Headers({"User-Agent": ["mft"], "Accept": ["*/*"]})


async def fetch(
    agent: IAgent, clock: IReactorTime, url: str, limit: int, seconds: float = SECONDS
) -> bytes:
    """GET a document of at most `limit` bytes; a redirect is not followed.

    Raises Refused: BROKEN when the server cannot be reached or has no such document, ABORTED when
    it takes longer than `seconds`, QUOTA when the document is too long. Cancelling it cancels all.
    """
    getting: Deferred[bytes] = Deferred.fromCoroutine(_get(agent, url, limit))
    deadline = clock.callLater(seconds, getting.cancel)
    try:
        return await getting
    except Refused:
        raise
    except Exception as error:
        if not deadline.active():
            raise Refused(Reason.ABORTED, url, f"took longer than {seconds:g} seconds") from None
        cause = _innermost(error)
        if isinstance(cause, CancelledError):
            raise cause from None
        raise Refused(Reason.BROKEN, url, str(cause) or type(cause).__name__) from None
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


def _innermost(error: BaseException) -> BaseException:
    """What went wrong, without the nesting that twisted.web puts around it."""
    reasons = getattr(error, "reasons", None)
    return _innermost(reasons[0].value) if reasons else error
