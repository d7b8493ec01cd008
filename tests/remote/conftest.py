"""Locations that lead to our own server in memory, and to one that does as it is told."""

from tests.fakes.sftp_fixtures import far, faults, link, serve, server, tree

__all__ = ["far", "faults", "link", "serve", "server", "tree"]
