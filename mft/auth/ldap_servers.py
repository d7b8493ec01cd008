"""Servers: several that hold the same directory, asked in order; one that fails is passed over.

A server that failed is asked again by one login after a while, or at once when nothing else is
left; meanwhile the others do not wait for it.
"""

from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic
from typing import Final, NamedTuple, TypeVar

from mft.auth.ldap_talk import Unreachable
from mft.core.failure import Reason, Refused

T = TypeVar("T")

PASSED_OVER_SECONDS: Final = 30.0  # for which the others are asked before one that failed


class Change(NamedTuple):
    """A server that cannot be reached any more, or can be again."""

    server: str
    reachable: bool
    details: str


class _Server:
    """What is known of one server."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.failed_at: float | None = None
        self.tried_again = False  # by a login that is under way


class Servers:
    """Used by several threads at once."""

    def __init__(self, hosts: Sequence[str], clock: Callable[[], float] = monotonic) -> None:
        self._servers = tuple(_Server(host) for host in hosts)
        self._clock = clock
        self._lock = Lock()
        self._changes: list[Change] = []  # at most two of each server until they are taken

    def ask(self, work: Callable[[str], T], step: Callable[[str], None]) -> T:
        """Do some work with the first server that can be used; raises what the work raises.

        Raises Refused(BROKEN) when none can.
        """
        failed: list[str] = []
        for server in self._order():
            if not self._begin(server):
                failed.append(f"{server.host} does not answer yet")
                continue
            step(f"asks {server.host}")
            try:
                answer = work(server.host)
            except Unreachable as error:
                self._end(server, str(error))
                failed.append(f"{server.host}: {error}")
                step(f"{server.host} cannot be used: {error}")
            except BaseException:
                self._end(server, "")  # it did answer
                raise
            else:
                self._end(server, "")
                return answer
        raise Refused(Reason.BROKEN, "", f"no directory answers ({'; '.join(failed)})")

    def changes(self) -> tuple[Change, ...]:
        """Take what has changed since it was last asked."""
        with self._lock:
            taken, self._changes = tuple(self._changes), []
        return taken

    def _order(self) -> list[_Server]:
        now = self._clock()
        with self._lock:
            good = [
                one
                for one in self._servers
                if one.failed_at is None
                or (now - one.failed_at >= PASSED_OVER_SECONDS and not one.tried_again)
            ]
            return good + [one for one in self._servers if one not in good]

    def _begin(self, server: _Server) -> bool:
        """Whether this login may ask it: one that failed is tried by one login at a time."""
        with self._lock:
            if server.failed_at is None:
                return True
            if server.tried_again:
                return False
            server.tried_again = True
            return True

    def _end(self, server: _Server, failure: str) -> None:
        with self._lock:
            was_good = server.failed_at is None
            server.failed_at = self._clock() if failure else None
            server.tried_again = False
            if was_good is bool(failure):
                self._changes.append(Change(server.host, not failure, failure))
