"""Every way that a client of HTTP comes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.http_server import HttpClient, HttpServer
from tests.fakes.http_wire import Wire
from tests.fakes.ssh_fixtures import faults

__all__ = ["client", "faults", "serve", "server", "tls", "wire"]


@pytest.fixture(params=[False, True], ids=["clear", "tls"])
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    wire = Wire(tls=request.param)
    yield wire
    assert (wire.heads.lent, wire.blocks.lent) == (0, 0), "every buffer is given back"
    wire.close()


@pytest.fixture(params=[False, True], ids=["http", "https"])
def tls(request: pytest.FixtureRequest) -> bool:
    """Whether the service is one over TLS; a test may fix it by a parameter of its own."""
    return bool(request.param)


@pytest.fixture
def serve(tmp_path: Path, faults: list[str], tls: bool) -> Iterator[Callable[..., HttpServer]]:
    """Make a server with the accounts and options that are given."""
    made: list[HttpServer] = []

    def make(*accounts: Any, **options: Any) -> HttpServer:
        server = HttpServer(tmp_path / str(len(made)), *accounts, **{"tls": tls, **options})
        made.append(server)
        return server

    yield make
    for server in made:
        server.close()


@pytest.fixture
def server(serve: Callable[..., HttpServer]) -> HttpServer:
    """A server with one account, ann."""
    return serve()


@pytest.fixture
def client(server: HttpServer) -> HttpClient:
    """Ann, who shows her password with every request."""
    return HttpClient(server)
