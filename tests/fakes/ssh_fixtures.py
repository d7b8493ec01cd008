"""A server for each test; at its end nothing was logged as a fault of ours."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import globalLogPublisher

from tests.fakes.ssh_server import SshServer


@pytest.fixture
def faults() -> Iterator[list[str]]:
    """Every failure that was logged; a test that expects one clears the list."""
    found: list[str] = []

    def observe(event: dict[str, Any]) -> None:
        if "log_failure" in event:
            found.append(event["log_failure"].getTraceback())

    globalLogPublisher.addObserver(observe)
    yield found
    globalLogPublisher.removeObserver(observe)
    assert not found, found[0]


@pytest.fixture
def serve(tmp_path: Path, faults: list[str]) -> Iterator[Callable[..., SshServer]]:
    """Make a server with the accounts and options that are given."""
    made: list[SshServer] = []

    def make(*accounts: Any, **options: Any) -> SshServer:
        server = SshServer(tmp_path / str(len(made)), *accounts, **options)
        made.append(server)
        return server

    yield make
    for server in made:
        server.close()


@pytest.fixture
def server(serve: Callable[..., SshServer]) -> SshServer:
    """A server with one account, ann."""
    return serve()
