"""The server in memory, for every test of this room."""

from tests.fakes.ssh_fixtures import faults, serve, server

__all__ = ["faults", "serve", "server"]
