"""A reactor whose turns the test takes: descriptors, delayed calls, and calls from threads."""

import queue
from collections.abc import Callable
from typing import Any

from twisted.internet import error, main
from twisted.internet.task import Clock
from twisted.python.failure import Failure

PATIENCE = 30  # seconds for a thread to come back; it takes milliseconds


class Reactor(Clock):
    """Remembers what is watched; `read` and `write` are what epoll would cause."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()
        self.from_threads: queue.Queue[Callable[[], object]] = queue.Queue()

    def addReader(self, descriptor: Any) -> None:
        self.readers.add(descriptor)

    def addWriter(self, descriptor: Any) -> None:
        self.writers.add(descriptor)

    def removeReader(self, descriptor: Any) -> None:
        self.readers.discard(descriptor)

    def removeWriter(self, descriptor: Any) -> None:
        self.writers.discard(descriptor)

    def read(self, descriptor: Any) -> None:
        """The descriptor can be read."""
        assert descriptor in self.readers
        self._lost(descriptor, descriptor.doRead())

    def write(self, descriptor: Any) -> None:
        """The descriptor can be written."""
        assert descriptor in self.writers
        self._lost(descriptor, descriptor.doWrite())

    def _lost(self, descriptor: Any, why: Any) -> None:
        if why is None:
            return
        self.readers.discard(descriptor)
        self.writers.discard(descriptor)
        done = why is main.CONNECTION_DONE
        reason = error.ConnectionDone() if done else error.ConnectionLost()
        descriptor.connectionLost(Failure(reason))

    def callFromThread(self, call: Callable[..., object], *args: Any) -> None:
        """Keep a call for `one_from_thread`."""
        self.from_threads.put(lambda: call(*args))

    def one_from_thread(self) -> None:
        """Wait for a thread to say something, and hear it."""
        self.from_threads.get(timeout=PATIENCE)()
