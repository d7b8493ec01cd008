"""The server in memory, for attacks by SSH."""

from tests.fakes.ssh_fixtures import faults, serve, server

__all__ = ["faults", "serve", "server"]
