"""What is known of the running server: for `mft status`, balancers and monitors."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mft import __version__

if TYPE_CHECKING:
    from mft.daemon.service import Daemon


class Vital:
    """Looks at one daemon; changes nothing."""

    def __init__(self, daemon: "Daemon", began: float) -> None:
        """`began` is when the process started, in seconds since the epoch."""
        self._daemon = daemon
        self._began = began

    def unready(self) -> Sequence[str]:
        """Why the server should get no new clients now; empty when it should."""
        daemon = self._daemon
        reasons = []
        if daemon.stopping:
            reasons.append("the server is shutting down")
        if not daemon.bus.healthy:
            reasons.append("the audit journal cannot be written")
        silent = [one.component.name for one in daemon.services.values() if one.address is None]
        reasons += [f'the service "{name}" does not listen' for name in silent]
        return reasons + daemon.nodes.unready

    def behind(self) -> Mapping[str, int]:
        """How many events each event handler has still to look at, by its name."""
        return {one["name"]: one["behind"] for one in self._daemon.handling.describe()}

    def status(self) -> Mapping[str, Any]:
        """What `mft status` shows."""
        daemon = self._daemon
        return {
            "version": __version__,
            "name": daemon.config.server.name,
            "pid": os.getpid(),
            "running_since": int(self._began),
            "sessions": len(daemon.roster),
            "waiting_for_restart": daemon.waiting_for_restart,
            "journal": "written" if daemon.bus.healthy else daemon.bus.journal.failure,
            "events": daemon.bus.journal.last,
            **daemon.nodes.status,
            "services": [
                {
                    "name": service.component.name,
                    "type": service.component.kind,
                    "address": str(service.address),
                    "connections": service.connections,
                }
                for service in daemon.services.values()
            ],
            "event_handlers": daemon.handling.describe(),
        }
