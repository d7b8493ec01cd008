"""A file on its way from a client: written as it comes, converted first where it has to be."""

from collections.abc import Callable
from typing import Protocol

from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.protocols.faults import broke
from mft.protocols.incoming import Incoming
from mft.session.files import ReceivedFile


class Source(Protocol):
    """The connection that the file comes from."""

    def hold(self, *, held: bool) -> None:
        """Take nothing more from the client for now, or go on."""

    def read_at_most(self, count: int) -> None:
        """Take no more than so many bytes in one read."""

    def complete(self) -> None:
        """All of it was received, and is written."""

    def fail(self, refused: Refused) -> None:
        """It cannot be received to its end."""


class Conversion(Protocol):
    """What becomes of the bytes on their way, step by step: little may become much."""

    @property
    def pending(self) -> bool:
        """Whether `more` has to be called before anything else is taken."""

    def take(self, view: memoryview) -> bytes:
        """What the next bytes stand for, or its beginning; raises Refused."""

    def more(self) -> bytes:
        """The next step of what was taken already."""

    def finish(self) -> bytes:
        """What is left at the end; raises Refused."""


class ReceivingFile:
    """Bytes for a file from `start` on."""

    reads = True

    def __init__(
        self,
        file: ReceivedFile,
        start: int,
        conversion: Conversion | None,
        soon: Callable[[Callable[[], None]], object],
    ) -> None:
        """`conversion` changes what the client sends; `soon` does a thing in the next turn."""
        self.at = start
        self._file = file
        self._conversion = conversion
        self._soon = soon
        self._connection: Source
        self._done = False  # whether the client has sent everything
        self._over = False  # whether the transfer has ended, one way or the other
        self._incoming = Incoming(
            lambda request, failed: None, self._resumed, self._broke, file.session
        )

    @property
    def busy(self) -> bool:
        """Whether the disk is writing, or the account's bandwidth is what the client waits for."""
        return self._incoming.writing > 0 or self._pending or self._incoming.paced

    def begin(self, connection: Source) -> None:
        """Take what comes."""
        self._connection = connection
        if self._incoming.read_at_most:
            connection.read_at_most(self._incoming.read_at_most)
            self._incoming.begins()
            if self._incoming.paced:
                connection.hold(held=True)

    def pump(self) -> bool:
        """Nothing is sent."""
        return False

    def took(self, view: memoryview) -> None:
        """Write bytes, or copy them once for a disk that makes one wait."""
        conversion = self._conversion
        if conversion is None:
            self._add(view)
        else:
            self._converted(lambda: conversion.take(view))
        self._after()

    def _add(self, view: memoryview) -> None:
        if len(view):
            self._incoming.add(self._file, self.at, view, None)
            self.at += len(view)
            self._incoming.flush()

    def _converted(self, step: Callable[[], bytes]) -> None:
        try:
            self._add(memoryview(step()))
        except Refused as refused:
            self._connection.fail(refused)

    @property
    def _pending(self) -> bool:
        return self._conversion is not None and self._conversion.pending

    def _after(self) -> None:
        if self._file.failure is not None:
            self._connection.fail(self._file.failure)
        elif self._pending:
            self._connection.hold(held=True)
            self._soon(self._go_on)
        elif self._incoming.full:
            self._connection.hold(held=True)

    def _go_on(self) -> None:
        """Take the next step of what has come, unless the disk is behind."""
        conversion = self._conversion
        if self._over or conversion is None or not conversion.pending or self._incoming.full:
            return
        self._converted(conversion.more)
        self._after()
        self._next()

    def _resumed(self) -> None:
        if self._over:
            return
        if self._file.failure is not None:
            self._connection.fail(self._file.failure)
        elif self._pending:
            self._go_on()
        else:
            self._next()

    def _next(self) -> None:
        """Everything that came has been taken: wait for more, or for the disk at the end."""
        if self._pending or self._incoming.full:
            return
        if self._done:
            self._finish()
        else:
            self._connection.hold(held=False)

    def peer_done(self) -> None:
        """All of it has come: the transfer ends when it is written."""
        self._done = True
        if not self._pending:
            self._finish()

    def _finish(self) -> None:
        conversion, self._conversion = self._conversion, None
        if conversion is not None:
            self._converted(conversion.finish)
        self._complete_when_written()

    def _complete_when_written(self) -> None:
        if self._file.failure is not None:
            self._connection.fail(self._file.failure)
        elif not (self._incoming.writing or self._incoming.paced):
            self._connection.complete()

    def _broke(self, failure: Failure) -> None:
        self._connection.fail(Refused(Reason.BROKEN, "", broke("an upload", failure)))

    async def settled(self) -> None:
        """Wait until the disk has taken what was given to it; nothing more is."""
        self._over = True
        self._incoming.leave()
        await self._incoming.settled()
