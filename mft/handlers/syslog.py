"""`type = syslog`: events as messages to a syslog server."""

import os
import socket
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from mft.core.peer import Component
from mft.events.escape import visible
from mft.events.facts import Facts, as_text, whole_data
from mft.events.model import Group, Occurrence
from mft.events.template import Template
from mft.handlers.syslog_options import SyslogOptions
from mft.handlers.syslog_ways import Way, way
from mft.resources.base import Surroundings
from mft.wire import syslog
from mft.wire.syslog import Said, Sender

BATCH: Final = 512  # messages, 128 KiB as a rule; 4 MiB at the usual size, 32 MiB at the largest
# What RFC 5424 messages say of every event, before its data; named as in templates.
IDENTITIES: Final = (
    "id",
    "uuid",
    "serial",
    "account.name",
    "account.uuid",
    "account.email",
    "account.peer.address",
    "account.peer.port",
    "component.uuid",
    "component.type",
    "component.name",
    "server.uuid",
    "server.name",
)


class Syslog:
    """The handler: a batch is delivered as far as its way can know."""

    batch: int = BATCH
    attempts: int = 0  # while the receiver is away, everything waits

    def __init__(self, component: Component, options: SyslogOptions, around: Surroundings) -> None:
        self.component = component
        self._options = options
        self._around = around
        self._size = options.size
        self._whole = options.format == "rfc5424"
        self._second, self._local = 0, datetime.fromtimestamp(0).astimezone()
        facts = Facts(around.server, component)
        self._render = Template(options.entry_content, facts).render
        self._identities = tuple((name, facts.fact(name)) for name in IDENTITIES)
        self._line: Callable[[Sender, Said, int], bytes] = getattr(syslog, options.format)
        self._usual = syslog.priority(options.facility, options.severity)
        self._failure = syslog.priority(options.facility, options.severity_of_failures)
        here = "" if options.url.scheme == "file" else socket.gethostname()
        host = options.host_name or here
        self._sender = Sender(
            host, around.server.name, str(os.getpid()), options.structured_data_id
        )
        self._way: Way | None = None

    async def start(self) -> None:
        """Get ready; the receiver need not be there yet. Raises ValueError for authorities."""
        self._way = await way(self._options, self._around)

    async def handle_many(self, occurrences: Sequence[Occurrence]) -> None:
        """Send a message for each; a receiver that takes nothing holds up this handler alone."""
        if self._way is not None:
            await self._way.send(await self._around.blocking(self._messages, occurrences))

    async def stop(self) -> None:
        """Close what is open; nothing waits to be sent."""
        if self._way is not None:
            await self._way.close()
            self._way = None

    def _messages(self, occurrences: Sequence[Occurrence]) -> list[bytes]:
        """On a thread, so that the reactor has no part in making them."""
        return [self.message(one) for one in occurrences]

    def message(self, occurrence: Occurrence) -> bytes:
        """The message about an event."""
        failed = Group.FAILURE in occurrence.event.groups
        said = Said(
            self._failure if failed else self._usual,
            self._moment(occurrence.time),
            self._render(occurrence),
            str(occurrence.event.number),
            self._values(occurrence) if self._whole else (),
        )
        return self._line(self._sender, said, self._size)

    def _moment(self, time: float) -> datetime:
        """The time with the zone of this machine, which is asked for once a second."""
        second = int(time)
        if second != self._second:
            self._local = datetime.fromtimestamp(second).astimezone()
            self._second = second
        return self._local + timedelta(seconds=time - second) if self._whole else self._local

    def _values(self, occurrence: Occurrence) -> list[tuple[str, str]]:
        """Everything about an event: who, where, what, and all of its data."""
        told = [(name, visible(fact(occurrence))) for name, fact in self._identities]
        data = whole_data(occurrence)
        return told + [(f"data.{key}", visible(as_text(value))) for key, value in data.items()]
