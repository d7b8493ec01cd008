"""`type = local-file`: the audit log as lines of text, comma separated values or JSON."""

import socket
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import field_validator
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from mft.config.kinds import CommaList, Context, Count, Kind, Wrong, YesNo, size, whole
from mft.config.named_files import as_data
from mft.config.section import option
from mft.core.peer import NOWHERE, PROCESS, Component, Origin
from mft.events import catalogue, payloads
from mft.events.columns import Columns
from mft.events.escape import visible_json
from mft.events.facts import NO_COMPONENT, Facts
from mft.events.model import Occurrence
from mft.events.template import DEFAULT_LINE, Template
from mft.handlers.appended import Appended, Policy, Rotated, RotationFailed
from mft.handlers.base import LONGEST_DELAY, HandlerOptions
from mft.handlers.rotation import IN_PLACE, Moment, RotateOn
from mft.resources.base import Surroundings

BATCH: Final = 512  # lines in one write, about 80 KiB
LONGEST_WAIT: Final = 3600.0  # seconds until the clock is looked at again for a rotation
MIN_ROTATE_AT_SIZE: Final = 4096  # bytes; smaller, and the event of a rotation causes the next

_HOST: Final = {"{host.name}": "name", "{host.fqdn}": "fqdn"}


def _log_path(text: str, context: Context | None) -> str:
    path = text.strip()
    if not path or not path.isprintable():
        raise Wrong("is not a path such as log/server.log")
    plain = path
    for name in _HOST:
        plain = plain.replace(name, "host")
    if "{" in plain or "}" in plain:
        raise Wrong("has a name in braces that is neither {host.name} nor {host.fqdn}")
    return path


def _rotate_at_size(text: str, context: Context | None) -> object:
    found = size().read(text, context)
    if isinstance(found, int) and 0 < found < MIN_ROTATE_AT_SIZE:
        raise Wrong(f"is less than {MIN_ROTATE_AT_SIZE} bytes; 0 turns it off")
    return found


def check_template(text: str) -> str:
    """Give the text of a template back; raises Wrong when it cannot be used."""
    try:
        Template(text, Facts(NO_COMPONENT))
    except ValueError as error:
        raise Wrong(str(error)) from None
    return text


def _content(text: str, context: Context | None) -> str:
    return check_template(text.strip())


EntryContent = Annotated[str, Kind("template", DEFAULT_LINE, _content)]


class LogFileOptions(HandlerOptions):
    """Write events into a file of this machine, one line each."""

    longest_delay: ClassVar[float] = LONGEST_DELAY

    path: Annotated[str, Kind("file", "log/server.log", _log_path, files=as_data)] = option(
        "Where the log is. {host.name} and {host.fqdn} stand for the names of this machine.",
        "log/server.log",
        examples=["log/{host.name}.log"],
    )
    format: Literal["text", "csv", "json"] = option(
        "`text`: lines made by `entry_content`. `csv`: the values named by `structured_fields`. "
        "`json`: everything about an event, as one JSON object a line.",
        "text",
        ours=True,
    )
    entry_content: EntryContent = option(
        "The template of a line of text.", DEFAULT_LINE, examples=["{id} {message}"]
    )
    structured_fields: CommaList = option(
        "Which values make a line of comma separated values; naming any turns `csv` on.",
        (),
        examples=["timestamp.iso_8601, id, account.name, message"],
    )
    rotate_external: YesNo = option(
        "Whether something else, such as logrotate, renames the log; it is then opened anew.", False
    )
    rotate_at_size: Annotated[int, Kind("size", "0 or 100 MiB", _rotate_at_size)] = option(
        "The size at which the log is rotated. 0: not by size.", 0, examples=["100 MiB"]
    )
    rotate_on: RotateOn = option(
        "When the log is rotated; it is then not rotated by size.",
        None,
        examples=["00:00 time-of-day", "1 day-of-month"],
        old_names=["rotate_each"],
    )
    rotate_count: Annotated[int, whole(IN_PLACE, 10000, "number of files")] = option(
        "How many rotated files are kept. 0: all. -1: none, the log is emptied in place.", 0
    )
    fail_after_errors: Count = option(
        "After how many failures in a row the handler stops itself. 0: never.",
        0,
        safer="A disk that was full for a while does not end the audit log.",
    )

    @field_validator("structured_fields")
    @classmethod
    def _known_fields(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value:
            try:
                Columns(value, Facts(NO_COMPONENT))
            except ValueError as error:
                raise Wrong(str(error)) from None
        return value

    def check(self, context: Context) -> Iterator[Wrong]:
        """Options that cannot go together."""
        if self.format == "csv" and not self.structured_fields:
            yield Wrong("csv needs structured_fields", option="format")
        if self.format == "json" and self.structured_fields:
            yield Wrong("cannot be given with format = json", option="structured_fields")
        if self.rotate_on is not None and self.rotate_at_size:
            yield Wrong("cannot be given with rotate_on", option="rotate_at_size")

    def policy(self) -> Policy:
        """How the file is rotated."""
        when: Moment = self.rotate_on
        return Policy(self.rotate_at_size, when, self.rotate_count, self.rotate_external)


Render = Callable[[Occurrence], str]


def renderer(
    form: str, content: str, fields: Sequence[str], server: Component, own: Component
) -> tuple[Render, str]:
    """How an occurrence becomes a line, and the header line of the file (empty for none)."""
    facts = Facts(server, own)
    if fields:
        columns = Columns(fields, facts)
        return columns.render, columns.header
    if form == "json":
        return (lambda told: visible_json(facts.as_json(told))), ""
    return Template(content, facts).render, ""


def encode(lines: Sequence[str]) -> bytes:
    """Lines as UTF-8, each with its line feed."""
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")


class LogFile:
    """The handler: lines of a batch are written at once, all of them or none."""

    batch: int = BATCH
    attempts: int = 0  # while the disk is in the way, everything waits

    def __init__(
        self,
        component: Component,
        options: LogFileOptions,
        around: Surroundings,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self.component = component
        self._around = around
        self._now = now
        self._origin = Origin(PROCESS, NOWHERE, component)
        self._render, header = renderer(
            options.format,
            options.entry_content,
            options.structured_fields,
            around.server,
            component,
        )
        path = around.directory / _expanded(options.path)
        self._file = Appended(path, options.policy(), encode([header]) if header else b"", now)
        self._timer: IDelayedCall | None = None

    async def start(self) -> None:
        """Open the file; raises OSError when that is not possible."""
        await self._around.blocking(self._file.open)
        self._await_rotation()

    async def handle_many(self, occurrences: Sequence[Occurrence]) -> None:
        """Append one line for each; raises OSError when the disk takes none."""
        self._tell(await self._around.blocking(self._append, occurrences))

    def _append(self, occurrences: Sequence[Occurrence]) -> Sequence[Rotated | RotationFailed]:
        """On a thread, so that the reactor has no part in making lines."""
        return self._file.write(encode([self._render(one) for one in occurrences]))

    async def stop(self) -> None:
        """Close the file."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._around.blocking(self._file.close)

    def _await_rotation(self) -> None:
        due = self._file.due
        if due is not None:
            wait = min(max((due - self._now()).total_seconds(), 0.0) + 0.01, LONGEST_WAIT)
            self._timer = self._around.clock.callLater(wait, self._rotation_due)

    def _rotation_due(self) -> None:
        self._timer = None
        Deferred.fromCoroutine(self._rotate()).addErrback(
            lambda failure: self._around.log(f"rotation: {failure.getErrorMessage()}")
        )

    async def _rotate(self) -> None:
        try:
            self._tell(await self._around.blocking(self._file.write, b""))
        finally:
            self._await_rotation()

    def _tell(self, told: Sequence[Rotated | RotationFailed]) -> None:
        bus, path = self._around.bus, str(self._file.path)
        for one in told:
            if isinstance(one, RotationFailed):
                failed = (
                    catalogue.ROTATION_MISCONFIGURED if one.denied else catalogue.ROTATION_FAILED
                )
                bus.emit(failed, payloads.Details(one.details), self._origin)
            elif one.target is None:
                bus.emit(catalogue.LOG_TRUNCATED, payloads.PathOf(path, path), self._origin)
            else:
                target = str(one.target)
                rotated = payloads.Rotated(target, target, path, one.size)
                bus.emit(catalogue.LOG_ROTATED, rotated, self._origin)


def _expanded(path: str) -> Path:
    """The path with the names of this machine in it; a name never makes a folder."""
    for placeholder, which in _HOST.items():
        if placeholder in path:
            name = socket.gethostname() if which == "name" else socket.getfqdn()
            path = path.replace(placeholder, name.replace("/", "_"))
    return Path(path)
