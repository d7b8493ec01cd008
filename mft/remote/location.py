"""Location: the connections to one place, how many, how long, and when it is tried again."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from enum import Enum
from typing import Any, Final, NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import LoopingCall

from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Emitter
from mft.remote.base import Connector, LocationOptions, Remote
from mft.remote.links import Link, Links, broke
from mft.remote.open_files import Teller
from mft.remote.telling import Told
from mft.remote.waits import Waits

LOOK: Final = 5.0  # seconds between two looks at the connections that nobody uses
# What tells of the folder that somebody asked for, and not of the location.
OF_THE_FOLDER: Final = frozenset({Reason.NOT_FOUND, Reason.NOT_A_DIRECTORY, Reason.INVALID})


class State(Enum):
    """What a location does."""

    STOPPED = "stopped"
    STARTED = "started"  # and connects when somebody needs it
    DISCONNECTED = "disconnected"  # it cannot be reached, and is tried again
    FAILED = "failed"  # until it is started anew


class Around(NamedTuple):
    """What a location is given to work with."""

    clock: Any  # the reactor
    bus: Emitter
    steps: bool = False  # whether what only looks is told


class Location:
    """Lends connections to one place.

    A connection is for one folder, and is lent again for the same. When one cannot be made while
    there is no other, the location is disconnected: it tries again by itself, one attempt at a
    time, and whoever wants one meanwhile is Refused(BUSY) and may wait for `available`.
    """

    def __init__(self, connector: Connector, options: LocationOptions, around: Around) -> None:
        self.component = connector.component
        self.options = options
        self.state = State.STOPPED
        self._clock = around.clock
        self._name = connector.component.name
        self._teller = Teller(around.bus, connector.component, steps=around.steps)
        self._links = Links(connector, around.clock)
        self._turns = Waits(self._name)  # for a connection
        self._hoping = Waits(self._name)  # for the location
        self._most = options.max_connections  # fewer while the peer takes no more
        self._most_again: IDelayedCall | None = None
        self._left = options.connection_retry_count
        self._retry: IDelayedCall | None = None
        self._why = ""  # it is disconnected, or has failed
        self._losses = 0  # connections that broke off
        self._lost_at = float("-inf")
        self._look: LoopingCall | None = None

    # Start and stop.

    async def start(self) -> None:
        """Lend connections from now on, also if it had failed; none is made yet."""
        if self._look is None:
            self._look = LoopingCall(self._tend)
            self._look.clock = self._clock
            self._look.start(LOOK, now=False).addErrback(broke)
        self._well()

    async def stop(self) -> None:
        """Lend nothing more, and end every connection, also those that are lent."""
        self._set(State.STOPPED, "")
        if self._look is not None:
            self._look.stop()
            self._look = None
        if self._most_again is not None:
            self._most_again.cancel()
            self._most_as_before()
        await self._links.close()

    # Borrow.

    @asynccontextmanager
    async def borrow(self, folder: str) -> AsyncIterator[Remote]:
        """Lend a connection for a folder, waiting for one that is free.

        Raises Refused: BUSY while the location cannot be reached, has failed, or too many wait;
        ABORTED where it is stopped; NOT_FOUND, NOT_A_DIRECTORY or INVALID for the folder. It comes
        back when the block ends; what was left open in it, or was cut short, ends the connection.
        """
        link = await self._take(folder)
        told = Told(link.remote, folder, self._teller)
        whole = False
        try:
            yield told
            whole = True
        except Refused:
            whole = True  # an answer, after which the connection is as good as before
            raise
        finally:
            told.end()
            self._give_back(link, told, whole and not told.use.open_files)

    async def available(self) -> None:
        """Wait until connections are lent; Refused(ABORTED) when it is stopped, BUSY for too many.

        Where it has failed, that is when somebody starts it anew.
        """
        while self.state is not State.STARTED:
            if self.state is State.STOPPED:
                raise self._refusal()
            await self._hoping.wait()

    def describe(self) -> dict[str, Any]:
        """What `mft location list` shows."""
        return {
            "id": self.component.uuid,
            "name": self._name,
            "type": self.component.kind,
            "state": self.state.value,
            "connections": len(self._links),
            "in_use": len(self._links) - len(self._links.idle),
            "waiting": len(self._turns) + len(self._hoping),
            "details": self._why,
        }

    async def _take(self, folder: str) -> Link:
        self._check()
        if self._turns:
            await self._turns.wait()
        while True:
            self._check()
            link = self._free(folder)
            if link is not None and not await self._in_place(link):
                continue
            if link is None and self._links.room(self._most):
                link = await self._connect(folder)
            if link is not None:
                return link
            if not self._links.room(self._most):
                await self._turns.wait()

    def _free(self, folder: str) -> Link | None:
        """The connection for this folder that was used last."""
        self._sweep()
        self._check()  # a loss may have been one too many
        mine = [link for link in self._links.idle if link.folder == folder]
        if not mine:
            return None
        mine[-1].lent = True
        return mine[-1]

    async def _in_place(self, link: Link) -> bool:
        """Whether a connection still leads to its folder; one that does not is ended."""
        in_place = getattr(link.remote, "in_place", None)  # a check of `Placed` costs more
        if in_place is None:
            return True
        try:
            leads: bool = await in_place()
        except BaseException:
            link.lent = False
            self._turns.one()
            raise
        if link not in self._links:  # the location was stopped meanwhile
            return False
        if not leads:
            self._links.end(link)
        return leads

    def _give_back(self, link: Link, told: Told, fit: bool) -> None:
        if link not in self._links:  # it was ended under its user
            return
        link.lent = False
        link.used = link.asked = self._clock.seconds()
        if told.closed:
            self._links.end(link)
        elif not link.remote.connected:
            self._lost(link, told.use.trouble or "it ended while it was used")
        elif not fit:
            self._links.end(link)
        self._turns.one()

    # Connect.

    async def _connect(self, folder: str) -> Link | None:
        """Make a connection; None where the peer takes no more of them now."""
        try:
            return await self._made(folder, lent=True)
        except Refused as refused:
            if self.state is not State.STARTED:
                raise self._refusal() from None
            if refused.reason in OF_THE_FOLDER:
                self._turns.one()
                raise
            if len(self._links) and refused.reason is not Reason.DENIED:
                self._fewer(str(refused))
                return None
            self._unreachable(folder, refused)
            raise self._refusal() from None

    async def _made(self, folder: str, *, lent: bool) -> Link:
        """A new connection; raises Refused. Lent, before anybody who waits can see it."""
        try:
            link = await self._links.make(folder)
        except CancelledError:
            if self.state is State.STOPPED:
                raise self._refusal() from None
            self._turns.one()
            raise
        if self.state in (State.STOPPED, State.FAILED):
            self._links.end(link)
            raise self._refusal()
        link.lent = lent
        link.losses = self._losses
        identity = link.remote.identity
        shown = f"{identity.kind} {identity.fingerprint}".strip()
        told = p.LocationConnected(self._name, folder, shown, identity.details)
        self._teller.tell(events.LOCATION_CONNECTED, told)
        self._left = self.options.connection_retry_count
        if self.state is State.DISCONNECTED:
            self._well()
        return link

    def _fewer(self, details: str) -> None:
        """The peer takes no more connections than there are: so many, for a while."""
        self._most = len(self._links)
        if self._most_again is None:
            interval = self.options.connection_retry_interval
            self._most_again = self._clock.callLater(interval, self._most_as_before)
        self._teller.tell(events.LOCATION_FEWER, p.LocationFewer(self._name, self._most, details))

    def _most_as_before(self) -> None:
        self._most_again = None
        self._most = self.options.max_connections
        self._turns.everyone()

    # States.

    def _check(self) -> None:
        if self.state is not State.STARTED:
            raise self._refusal()

    def _refusal(self) -> Refused:
        if self.state is State.STOPPED:
            return Refused(Reason.ABORTED, self._name, "the location is stopped")
        words = "the location cannot be reached, and is tried again"
        if self.state is State.FAILED:
            words = "the location has failed, and must be started anew"
        return Refused(Reason.BUSY, self._name, f"{words}: {self._why}")

    def _set(self, state: State, why: str) -> None:
        self.state = state
        self._why = why
        if self._retry is not None and self._retry.active():
            self._retry.cancel()
        self._retry = None
        if state is not State.STARTED:
            self._turns.everyone()
        if state in (State.STARTED, State.STOPPED):
            self._hoping.everyone()

    def _well(self) -> None:
        self._left = self.options.connection_retry_count
        self._set(State.STARTED, "")

    def _unreachable(self, folder: str, refused: Refused) -> None:
        """Try again later; or not at all, where trying again would not help or has not helped."""
        why = str(refused)
        if refused.reason is Reason.DENIED or self._left <= 0:
            self._teller.tell(events.LOCATION_FAILED, p.Failed(self._name, why))
            self._set(State.FAILED, why)
            return
        interval = self.options.connection_retry_interval
        told = p.LocationUnreachable(self._name, self._left, interval, why)
        self._teller.tell(events.LOCATION_UNREACHABLE, told)
        self._left -= 1
        self._set(State.DISCONNECTED, why)
        self._retry = self._clock.callLater(interval, _spawn, self._try_again, folder)

    async def _try_again(self, folder: str) -> None:
        """One attempt; what is made waits for who needs it."""
        try:
            await self._made(folder, lent=False)
        except Refused as refused:
            if self.state is not State.DISCONNECTED:
                return
            if refused.reason in OF_THE_FOLDER:
                self._well()
            else:
                self._unreachable(folder, refused)

    # What becomes of connections.

    def _lost(self, link: Link, why: str) -> None:
        """A connection broke off.

        One that was made after another had broken off, and breaks off soon as well, counts like
        one that cannot be made: there is no storm of connections to a peer that ends them all.
        """
        self._links.end(link)
        self._teller.tell(events.LOCATION_LOST, p.Failed(self._name, why))
        now, last = self._clock.seconds(), self._lost_at
        soon = self.options.connection_retry_interval
        anew = link.losses == self._losses and link.made - last < soon
        self._lost_at = now
        self._losses += 1
        if self.state is State.STARTED and anew and now - link.made < soon:
            self._unreachable(link.folder, Refused(Reason.ABORTED, self._name, why))

    def _sweep(self) -> None:
        """Find out which connections have broken off while nobody used them."""
        for link in self._links.idle:
            if link in self._links and not link.remote.connected:
                self._lost(link, "it ended while nobody used it")
                if self.state is State.STARTED and not self.options.idle_connection_timeout:
                    self._teller.tell(events.LOCATION_RECONNECTING, p.NameOf(self._name))
                    _spawn(self._remake, link.folder)

    async def _remake(self, folder: str) -> None:
        """Make a connection that is always kept."""
        try:
            await self._made(folder, lent=False)
        except Refused as refused:
            if self.state is State.STARTED and refused.reason not in OF_THE_FOLDER:
                self._unreachable(folder, refused)
        self._turns.one()

    def _tend(self) -> None:
        """Look after the connections that nobody uses."""
        self._sweep()
        now, options = self._clock.seconds(), self.options
        kept, every = options.idle_connection_timeout, options.idle_connection_keepalive_interval
        for link in self._links.idle:
            if kept and now - link.used >= kept:
                told = p.LocationIdle(self._name, round(now - link.used, 3))
                self._teller.tell(events.LOCATION_IDLE, told)
                self._links.end(link)
            elif every and now - link.asked >= every:
                _spawn(self._ask, link)

    async def _ask(self, link: Link) -> None:
        """Ask for a sign of life; nobody can borrow the connection meanwhile."""
        link.lent = True
        self._teller.step(events.LOCATION_KEEPALIVE_SENT, p.NameOf(self._name))
        try:
            await self._links.ask(link)
        except Refused as refused:
            told = p.Failed(self._name, str(refused))
            self._teller.tell(events.LOCATION_KEEPALIVE_FAILED, told)
            if link in self._links:
                self._lost(link, str(refused))
        link.lent = False
        self._turns.one()


def _spawn(work: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
    """Begin what nobody waits for."""
    Deferred.fromCoroutine(work(*args)).addErrback(broke)
