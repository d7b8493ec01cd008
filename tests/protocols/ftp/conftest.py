"""The server in memory, for every test of this room."""

from tests.fakes.ftp_fixtures import client, serve, server, slow, slowness, way
from tests.fakes.ssh_fixtures import faults

__all__ = ["client", "faults", "serve", "server", "slow", "slowness", "way"]
