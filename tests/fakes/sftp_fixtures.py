"""A connection to our own server in memory."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mft.remote.sftp_tree import SftpTree
from tests.fakes.sftp_link import Link, OwnServer
from tests.fakes.ssh_fixtures import faults, serve, server
from tests.fakes.ssh_host import SshHost
from tests.fakes.ssh_server import SshServer

__all__ = ["Far", "far", "faults", "link", "serve", "server", "tree"]


@pytest.fixture
def link(tmp_path: Path, server: SshServer) -> Iterator[Link]:
    """A location that leads to our own server."""
    made = Link(tmp_path, lambda: OwnServer(server))
    yield made
    for socket in made.sockets:
        socket.ended = True
    made.reactor.settle()
    made.settle()


@pytest.fixture
def tree(link: Link) -> SftpTree:
    """A connection to it."""
    return link.connect()


Far = Callable[..., tuple[Link, SshHost]]


@pytest.fixture
def far(tmp_path: Path, faults: list[str]) -> Far:
    """Make a location that leads to a server that does as it is told."""

    def make(host: SshHost | None = None, **options: str) -> tuple[Link, SshHost]:
        made = host or SshHost()
        return Link(tmp_path, lambda: made, **options), made

    return make
