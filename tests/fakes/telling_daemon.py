"""A daemon that only tells what is done to it; the server runs it once this module was read."""

import sys
import types
from typing import Any

from mft.daemon.life import StartFailed


class Daemon:
    """Writes a word for everything into `notes` of its instance; one with `broken` fails."""

    def __init__(self, config: Any, reactor: object) -> None:
        self.note = config.directory / "notes"

    def tell(self, word: str) -> None:
        """Write a word."""
        with self.note.open("a") as file:
            file.write(word + "\n")

    async def start(self) -> None:
        """Start, unless it is broken."""
        if (self.note.parent / "broken").exists():
            raise StartFailed(["port 10022 is taken", "no host key"])
        self.tell("start")

    async def stop(self) -> None:
        """Stop."""
        self.tell("stop")

    async def reload(self) -> None:
        """Read the configuration again."""
        self.tell("reload")
        print("reloaded", flush=True)


service: Any = types.ModuleType("mft.daemon.service")
service.Daemon = Daemon
sys.modules["mft.daemon.service"] = service
