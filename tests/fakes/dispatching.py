"""A dispatcher with the folders that it works in: a home, an outbox, and an instance."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from mft.core.peer import Component
from mft.events import catalogue
from mft.events.model import Occurrence
from mft.handlers.dispatcher import Dispatcher
from mft.handlers.dispatcher_options import DispatcherOptions
from tests.fakes.handlers import House, house
from tests.fakes.occurrences import ALICE, uploaded
from tests.fakes.occurrences import told as occurred
from tests.fakes.run import run

DISPATCHER = Component("dispatcher-1", "file-dispatcher", "dispatcher")
NOW = 1511789000.123


class Desk:
    """Folders, the rules of a dispatcher, and what it has told."""

    def __init__(self, directory: Path, *, rules: str = "", **options: Any) -> None:
        """In rules, OUT and HOME stand for the folders."""
        self.directory = directory
        self.home, self.out = directory / "alice", directory / "out"
        for folder in (self.home / "in", self.out):
            folder.mkdir(parents=True, exist_ok=True)
        self.house: House = house(directory / "instance")
        self.around = replace(self.house.around, homes=lambda: frozenset({str(self.home)}))
        self.made: dict[str, Any] = {"now": lambda: NOW, "token": lambda: "abcdef"}
        self.options = self.option(rules, **options)

    def option(self, rules: str, **options: Any) -> DispatcherOptions:
        """The options of these rules."""
        given = {
            "name": "dispatcher",
            "type": "file-dispatcher",
            "dispatch_rules": self.whole(rules or "move, *, OUT"),
            **{
                name: self.whole(value) if isinstance(value, str) else value
                for name, value in options.items()
            },
        }
        return DispatcherOptions.model_validate(given)

    def whole(self, text: str) -> str:
        """A text of options, with the folders in it."""
        return text.replace("OUT", str(self.out)).replace("HOME", str(self.home))

    def put(self, name: str = "a.pdf", data: bytes = b"whole") -> str:
        """Put a file into the inbox; gives its path."""
        path = self.home / "in" / name
        path.write_bytes(data)
        return str(path)

    def told(self, path: Any, /, **data: Any) -> Occurrence:
        """The next event in the journal, of an upload to a real path."""
        payload = uploaded()._replace(real_path=path)
        serial = self.house.bus.emit(catalogue.SSH_UPLOAD_DONE, payload, ALICE)
        one = occurred(serial=serial, time=1e9 + self.house.clock.seconds())
        return one._replace(data={**one.data, "real_path": path, **data})

    def dispatcher(self, **options: Any) -> Dispatcher:
        """The handler, started, as after a restart of the server."""
        chosen = self.option(**options) if options else self.options
        handler = Dispatcher(DISPATCHER, chosen, self.around, **self.made)
        run(handler.start())
        return handler

    def handle(self, *occurrences: Occurrence) -> None:
        """Give it events."""
        handler = self.dispatcher()
        for one in occurrences:
            run(handler.handle_many([one]))

    def dispatch(self, name: str = "a.pdf", data: bytes = b"whole") -> tuple[int, dict[str, Any]]:
        """Put a file into the inbox and tell of it; gives the one event that came of that."""
        before = len(self.events)
        self.handle(self.told(self.put(name, data)))
        (found,) = self.events[before:]
        return found

    @property
    def events(self) -> list[tuple[int, dict[str, Any]]]:
        """The number and the data of every event that it told."""
        return [
            (one.event.number, one.data)
            for one in self.house.journal.read()
            if one.origin.component == DISPATCHER
        ]

    @property
    def numbers(self) -> list[int]:
        """The numbers of the events that it told."""
        return [number for number, _ in self.events]

    def files(self, folder: Path | None = None) -> dict[str, bytes]:
        """Every file in the outbox or another folder, hidden ones too."""
        top = self.out if folder is None else folder
        return {
            str(path.relative_to(top)): path.read_bytes()
            for path in sorted(top.rglob("*"))
            if path.is_file()
        }

    @property
    def inbox(self) -> dict[str, bytes]:
        """Every file in the inbox."""
        return self.files(self.home / "in")

    def close(self) -> None:
        """Let the journal go."""
        self.house.journal.close()
