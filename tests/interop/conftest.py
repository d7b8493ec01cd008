"""Servers for real clients: one for all tests, and one for clients that know little."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop.ftp import ANY_SESSION, MODES, Ftp, add_service
from tests.interop.instance import (
    Place,
    Server,
    add_account_option,
    add_server_option,
    initialise,
    learn_host_keys,
    start,
    stop,
)
from tests.interop.web import SCHEMES, Web, add_web, believing

# What the first server.ini of `mft init` has, and a MAC for clients with neither authenticated
# encryption nor encrypt-then-MAC (libssh2 before 1.11, which Debian 12's curl uses).
FOR_OLDER_CLIENTS = "secure, curve25519-sha256, curve25519-sha256@libssh.org, hmac-sha2-256"

STORAGE = (
    "auto",
    "threads",
)  # `io`: where calls on files run; on a slow disk all go through threads

ONLY_NEW = "secure"  # the default of the option; the clients of Debian 12 know none of its kex


def serve(directory: Path, cipher_list: str | None = None, **options: str) -> Iterator[Server]:
    """Make, start, lend and stop one instance; `options` go into [server]."""
    instance = initialise(directory, cipher_list)
    for name, value in options.items():
        add_server_option(instance, name, value)
    with ExitStack() as running:
        running.callback(stop, instance, start(instance))
        if cipher_list != ONLY_NEW:
            learn_host_keys(instance)
        yield instance


@pytest.fixture(scope="session", params=STORAGE)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The instance that `mft init` makes, on a disk that is fast and on one taken for slow."""
    yield from serve(tmp_path_factory.mktemp("mft") / "instance", io=request.param)


@pytest.fixture(scope="session", params=STORAGE)
def older_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The same, and `server.ini` names what older clients need."""
    directory = tmp_path_factory.mktemp("mft") / "older"
    yield from serve(directory, FOR_OLDER_CLIENTS, io=request.param)


@pytest.fixture(scope="session")
def strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same with the algorithms that are the default where `server.ini` names none."""
    yield from serve(tmp_path_factory.mktemp("mft") / "strict", ONLY_NEW)


def fresh(server: Server) -> Place:
    """A directory of the test's own in the account's home."""
    disk = Path(tempfile.mkdtemp(prefix="t-", dir=server.home))
    return Place(f"/{disk.name}", disk)


@pytest.fixture
def place(server: Server) -> Place:
    """A fresh directory on `server`."""
    return fresh(server)


@pytest.fixture
def older_place(older_server: Server) -> Place:
    """A fresh directory on `older_server`."""
    return fresh(older_server)


@pytest.fixture(scope="session")
def ftp_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ftp]]:
    """Two instances, one for each storage, with a service for each mode: by `storage mode`.

    One more is for clients that take up no TLS session.
    """
    services: dict[str, Ftp] = {}
    with ExitStack() as running:  # also when one of them does not start
        for storage in STORAGE:
            instance = initialise(tmp_path_factory.mktemp("mft") / "ftp")
            add_server_option(instance, "io", storage)
            for mode in MODES:
                services[f"{storage} {mode}"] = add_service(instance, mode)
            services["any session"] = add_service(instance, "implicit", **ANY_SESSION)
            running.callback(stop, instance, start(instance))
        yield services


@pytest.fixture(params=["auto clear", "auto explicit", "threads implicit", "threads clear"])
def ftp(request: pytest.FixtureRequest, ftp_services: dict[str, Ftp]) -> Ftp:
    """A service of each mode, and each storage in clear and over TLS."""
    return ftp_services[request.param]


@pytest.fixture
def ftp_place(ftp: Ftp) -> Place:
    """A fresh directory on `ftp`."""
    return fresh(ftp.server)


@pytest.fixture(scope="session")
def web_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Web]]:
    """Two instances, one for each storage, with HTTP and HTTPS: by `storage scheme`.

    Each has one more for clients with a certificate: by `storage certificate`.
    """
    services: dict[str, Web] = {}
    with ExitStack() as running:  # also when one of them does not start
        for storage in STORAGE:
            instance = initialise(tmp_path_factory.mktemp("mft") / "web")
            add_server_option(instance, "io", storage)
            for scheme in SCHEMES:
                services[f"{storage} {scheme}"] = add_web(instance, scheme)
            services[f"{storage} certificate"] = add_web(instance, "https", **believing(instance))
            add_account_option(instance, "allow_certificate_authentication", "yes")
            running.callback(stop, instance, start(instance))
        yield services


@pytest.fixture(params=["auto http", "threads https"])
def web(request: pytest.FixtureRequest, web_services: dict[str, Web]) -> Web:
    """A service of each scheme, and of each storage."""
    return web_services[request.param]


@pytest.fixture
def web_place(web: Web) -> Place:
    """A fresh directory on `web`."""
    return fresh(web.server)
