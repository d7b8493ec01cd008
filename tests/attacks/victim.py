"""The server that attacks by FTP and HTTP are made on: a service for each kind of attack."""

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.interop.ftp import MODES, Ftp
from tests.interop.ports import free_base
from tests.interop.web import SCHEMES, Web
from tests.system.rig import Rig, until

TEN_PORTS: Final = 10
SOON: Final = "1"  # seconds: the least that login_timeout takes
IDLE: Final = "2"
FEW: Final = "20"  # connections at a time
_ANONYMOUS: Final = re.compile(r"^RssAnon:\s+(\d+) kB", re.MULTILINE)
_LOGINS: Final = {"maximum_unauthenticated_connections_per_source": "1000"}
# The one proxy that is trusted, by those services whose name says so.
PROXY: Final = "127.0.0.5"
SERVER: Final = "127.0.0.1"
_PROXIED: Final = {"proxy_protocol": "any", "trusted_proxies": PROXY, **_LOGINS}

CONNECTED: Final = frozenset((10033, 30014, 40053))  # what tells that somebody has come


class Victim:
    """A rig, its services by name, and what an attack may have cost."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.trail = rig.trail
        rig.say("server", audit_requests="yes")
        found: dict[str, Ftp] = {mode: rig.ftp(mode, **_LOGINS) for mode in MODES}
        for mode in MODES:
            found[f"hurried {mode}"] = rig.ftp(mode, login_timeout=SOON)
        found["ready"] = rig.ftp("clear", passive_wait_connection="no")
        impatient = {"idle_connection_timeout": IDLE, "idle_data_connection_timeout": IDLE}
        found["impatient"] = rig.ftp("clear", **impatient)
        found["ten ports"] = rig.ftp("clear", passive_port_range=_free_range(), **_LOGINS)
        for mode in ("clear", "implicit"):
            found[f"proxied {mode}"] = rig.ftp(mode, **_PROXIED, passive_port_range=_free_range())
        self.services: Mapping[str, Ftp] = found
        webs: dict[str, Web] = {scheme: rig.web(scheme, **_LOGINS) for scheme in SCHEMES}
        for scheme in SCHEMES:
            webs[f"hurried {scheme}"] = rig.web(scheme, login_timeout=SOON)
            webs[f"impatient {scheme}"] = rig.web(scheme, idle_connection_timeout=IDLE)
            webs[f"proxied {scheme}"] = rig.web(scheme, **_PROXIED)
        told_by = {"client_forwarded_header": "X-Forwarded-For", "trusted_proxies": SERVER}
        webs["forwarded"] = rig.web("http", **told_by, **_LOGINS)
        webs["few"] = rig.web("http", maximum_concurrent_connections=FEW, **_LOGINS)
        self.webs: Mapping[str, Web] = webs
        self._names = itertools.count()

    def __getitem__(self, name: str) -> Ftp:
        """A service."""
        return self.services[name]

    def put(self, data: bytes) -> str:
        """Put a file into the home; gives its name."""
        name = self.name()
        (self.rig.home / name).write_bytes(data)
        return name

    def name(self) -> str:
        """A name that no file has."""
        return f"file-{next(self._names)}"

    def path(self, name: str) -> Path:
        """Where the disk has a file."""
        return self.rig.home / name

    @property
    def memory(self) -> int:
        """Bytes of its process that are no file's."""
        assert self.rig.process is not None
        status = Path(f"/proc/{self.rig.process.pid}/status").read_text()
        found = _ANONYMOUS.search(status)
        assert found is not None
        return int(found[1]) << 10

    def told(self, number: int, port: int) -> list[dict[str, object]]:
        """The data of every event of a number that one connection has.

        Ports come again: what is told of is the last connection that had this one.
        """
        events = list(self.trail.from_port(port))
        begins = [at for at, one in enumerate(events) if one["id"] in CONNECTED]
        since = begins[-1] if begins else 0
        return [one["data"] for one in events[since:] if one["id"] == number]

    def tells(self, number: int, port: int) -> dict[str, object]:
        """Wait for an event of a connection; gives its data."""
        until(lambda: self.told(number, port), f"event {number}")
        return self.told(number, port)[0]


def _free_range() -> str:
    """Ten ports next to each other that nobody listens on, and that were not given before."""
    low = free_base(*range(TEN_PORTS))
    return f"{low} - {low + TEN_PORTS - 1}"
