"""Links: the connections to one place, made, asked for signs of life, and ended in bounded time."""

from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.defer import TimeoutError as TooLong
from twisted.logger import Logger
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.remote.base import REPLY_TIMEOUT, Connector, Remote

# Seconds for a whole connect: a name, a handshake, a login and a folder, each of which the
# connector bounds; this is for one that does not.
CONNECT_TIMEOUT: Final = 5 * REPLY_TIMEOUT
PING_TIMEOUT: Final = 2 * REPLY_TIMEOUT
CLOSE_TIMEOUT: Final = 10.0  # seconds to part politely

log = Logger()


class Link:
    """One connection, for one folder. Times are those of the clock, in seconds."""

    def __init__(self, remote: Remote, folder: str, now: float) -> None:
        self.remote = remote
        self.folder = folder
        self.made = now
        self.used = now  # when it was given back
        self.asked = now  # when it last gave a sign of life
        self.lent = False
        self.losses = 0  # of other connections, when it was made


class Links:
    """Every connection that a location has."""

    def __init__(self, connector: Connector, clock: Any) -> None:
        self._connector = connector
        self._clock = clock
        self._name = connector.component.name
        self._links: list[Link] = []
        self._making = 0
        self._work: set[Deferred[Any]] = set()
        self._closing: set[Deferred[Any]] = set()

    def __len__(self) -> int:
        """How many there are, without those that are being made."""
        return len(self._links)

    def __contains__(self, link: Link) -> bool:
        """Whether it has not ended."""
        return link in self._links

    @property
    def idle(self) -> list[Link]:
        """Those that nobody uses, in the order in which they were used."""
        return sorted((one for one in self._links if not one.lent), key=lambda one: one.used)

    def room(self, most: int) -> bool:
        """Whether one more may be made; of those that nobody uses, one goes where it must."""
        while len(self._links) + self._making >= most:
            idle = self.idle
            if not idle:
                return False
            self.end(idle[0])
        return True

    async def make(self, folder: str) -> Link:
        """A new connection, lent to nobody; raises Refused."""
        self._making += 1
        try:
            remote = await self._bounded(self._connector.connect(folder), CONNECT_TIMEOUT)
        finally:
            self._making -= 1
        link = Link(remote, folder, self._clock.seconds())
        self._links.append(link)
        return link

    async def ask(self, link: Link) -> None:
        """Ask for a sign of life; raises Refused."""
        await self._bounded(link.remote.ping(), PING_TIMEOUT)
        link.asked = self._clock.seconds()

    def end(self, link: Link) -> None:
        """Part with a connection, without waiting for its peer."""
        self._links.remove(link)
        closing = Deferred.fromCoroutine(link.remote.close())
        closing.addTimeout(CLOSE_TIMEOUT, self._clock)
        self._closing.add(closing)
        closing.addErrback(broke).addBoth(lambda _: self._closing.discard(closing))

    async def close(self) -> None:
        """End all of them, and what is under way."""
        for work in tuple(self._work):
            work.cancel()
        for link in tuple(self._links):
            self.end(link)
        await DeferredList([_end_of(one) for one in self._closing])

    async def _bounded(self, work: Any, seconds: float) -> Any:
        """Wait for a peer, and not for ever; what is no refusal becomes one."""
        waiting = Deferred.fromCoroutine(work)
        self._work.add(waiting)
        try:
            return await waiting.addTimeout(seconds, self._clock)
        except TooLong:
            details = f"no answer within {seconds:.0f} seconds"
            raise Refused(Reason.ABORTED, self._name, details) from None
        except (Refused, CancelledError):
            raise
        except OSError as error:
            raise Refused(Reason.BROKEN, self._name, error.strerror or str(error)) from None
        except Exception as error:
            log.failure("a connection to {name}", name=self._name)
            raise Refused(Reason.BROKEN, self._name, type(error).__name__) from None
        finally:
            self._work.discard(waiting)


def broke(failure: Failure) -> None:
    """What nobody waits for has failed: only a developer wants to know, if anybody."""
    if failure.check(Refused, CancelledError, TooLong) is None:
        log.failure("what a location does by itself", failure)


def _end_of(work: Deferred[Any]) -> Deferred[None]:
    """Fires when it ends, and leaves its result alone."""
    done: Deferred[None] = Deferred()

    def ended(result: Any) -> Any:
        done.callback(None)
        return result

    work.addBoth(ended)
    return done
