"""An instance whose server.ini a test writes, and a daemon for it in this process."""

from pathlib import Path
from typing import Any

from mft.daemon.load import Config, load
from mft.daemon.service import Daemon
from mft.events.model import Occurrence
from mft.events.reader import JournalReader
from tests.fakes.ssh_server import host_key

SERVER = "[server]\nname = files\nuuid = server-1\nallow_root = yes\n"
ANN = "[accounts/ann-1]\nname = ann\nhome_folder_path = HOME/ann\ncreate_home_folder = yes\n"
MANY = 10_000  # events of a test's journal


def ssh(name: str, port: int, **options: str) -> str:
    """The section of a service."""
    given = {"name": name, "type": "ssh", "port": str(port), **options}
    lines = "".join(f"{key} = {value}\n" for key, value in given.items())
    return f"[services/{name}-1]\n{lines}"


def log_file(name: str, path: str = "log/server.log", **options: str) -> str:
    """The section of a log file."""
    given = {"name": name, "type": "local-file", "path": path, **options}
    lines = "".join(f"{key} = {value}\n" for key, value in given.items())
    return f"[event-handlers/{name}-1]\n{lines}"


class Instance:
    """A directory with a configuration, a host key, and a home for accounts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.state = directory / "state"
        keys = directory / "conf" / "keys"
        keys.mkdir(parents=True)
        host_key().write(keys / "ssh_host_ed25519_key")
        (directory / "data").mkdir()

    def write(self, *sections: str, server: str = SERVER) -> Path:
        """Write server.ini; HOME in it is where homes are."""
        file = self.directory / "conf" / "server.ini"
        text = "".join((server, *sections)).replace("HOME", str(self.directory / "data"))
        file.write_text(text)
        file.chmod(0o600)
        return file

    def config(self, *sections: str, server: str = SERVER) -> Config:
        """The configuration, written and loaded; it has no errors."""
        loaded = load(self.write(*sections, server=server))
        assert loaded.config is not None, loaded.problems
        return loaded.config

    def daemon(self, reactor: Any, *sections: str, server: str = SERVER) -> Daemon:
        """A daemon that has not been started."""
        return Daemon(self.config(*sections, server=server), reactor)

    @property
    def told(self) -> list[Occurrence]:
        """Every event in the journal."""
        with JournalReader(self.directory / "log" / "journal", 1) as reader:
            return reader.take(MANY)

    @property
    def numbers(self) -> list[int]:
        """The number of every event in the journal."""
        return [one.event.number for one in self.told]
