"""A server and a client for each test, in clear unless the test changes the one fixture `way`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mft.protocols.ftp import data
from tests.fakes.ftp_client import CLEAR, WAYS, FtpClient, Way
from tests.fakes.ftp_server import FtpServer
from tests.fakes.slow import SlowFiles, Slowness

every_way = pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])


@pytest.fixture
def way() -> Way:
    """How connections are protected."""
    return CLEAR


@pytest.fixture
def serve(
    tmp_path: Path, faults: list[str], way: Way, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., FtpServer]]:
    """Make a server with the accounts and options that are given."""
    made: list[FtpServer] = []

    def make(*accounts: Any, **options: Any) -> FtpServer:
        server = FtpServer(tmp_path / str(len(made)), *accounts, **{**way.options, **options})
        monkeypatch.setattr(data, "connect", server.connect_out)
        made.append(server)
        return server

    yield make
    for server in made:
        server.close()


@pytest.fixture
def server(serve: Callable[..., FtpServer]) -> FtpServer:
    """A server with one account, ann."""
    return serve()


@pytest.fixture
def client(server: FtpServer, way: Way) -> FtpClient:
    """Ann, who has come as far as a transfer."""
    return FtpClient(server, way).arrive()


@pytest.fixture
def slowness() -> Slowness:
    """A disk that is fast until the test says otherwise."""
    made = Slowness()
    made.slow = False
    return made


@pytest.fixture
def slow(serve: Callable[..., FtpServer], slowness: Slowness) -> FtpServer:
    """A server over that disk."""
    return serve(storage=lambda memory: SlowFiles(memory, slowness))
