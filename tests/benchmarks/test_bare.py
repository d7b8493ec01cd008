"""mft without journal, permissions and limits serves as mft does, and tells nothing.

Nor does mft without journal alone; mft with handlers tells all of them everything.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest

from mft.events.reader import JournalReader
from tests.benchmarks.bench import Bench
from tests.benchmarks.families import http_servers, ssh_servers
from tests.benchmarks.processes import ChildError
from tests.benchmarks.run import Workbench
from tests.benchmarks.servers import bare
from tests.benchmarks.servers.base import HOST
from tests.benchmarks.servers.ours import Ours, Settings
from tests.benchmarks.servers.told import Told, Untold
from tests.benchmarks.settings import QUICK
from tests.benchmarks.workloads import bulk, http_small, small

NOBODY = {"accounts": {"permissions": "deny-full-control"}}
ONE_FILE = {"services": {"maximum_open_files": "1"}}
EVERYTHING: tuple[Callable[[Bench, Ours], object], ...] = (
    lambda bench, server: small.files(bench, server, up=True),
    lambda bench, server: small.files(bench, server, up=False),
    small.listing,
    lambda bench, server: bulk.download(bench, server, "aes128-gcm"),
    lambda bench, server: bulk.upload(bench, server, "aes128-gcm"),
)
OVER_HTTP: tuple[Callable[[Bench, Ours], object], ...] = (
    lambda bench, server: http_small.files(bench, server, "http", up=True),
    lambda bench, server: http_small.files(bench, server, "https", up=False),
    lambda bench, server: http_small.listing(bench, server, "http", "listing"),
    lambda bench, server: http_small.archive(bench, server, "http"),
)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Workbench(QUICK) as made:
        yield made


def instance(server: Ours) -> Path:
    """Where the server's own files are; it runs."""
    return server.home.parents[1]


def told(server: Ours) -> list[int]:
    """The numbers of the events that its journal holds."""
    with JournalReader(instance(server) / "log" / "journal") as reader:
        return [occurrence.event.number for occurrence in reader.take(100_000)]


def test_the_bare_server_moves_and_lists_files_and_writes_no_event(bench: Bench) -> None:
    server = ssh_servers(bench.tools)["mft-bare"]
    with bench.fresh(server):
        for work in EVERYTHING:  # each compares what arrived with what was sent
            work(bench, server)
        assert told(server) == []
        [journal] = (instance(server) / "log" / "journal").glob("*.jsonl")
        assert journal.read_text().count("\n") == 1  # the head of the file
        assert not (instance(server) / "log" / "server.log").read_text()


def test_the_bare_server_does_the_same_over_http(bench: Bench) -> None:
    server = http_servers(bench.tools)["mft-bare"]
    with bench.fresh(server):
        for work in OVER_HTTP:
            work(bench, server)
        assert told(server) == []


@pytest.mark.bench
def test_the_untold_server_writes_no_event_and_has_its_permissions(bench: Bench) -> None:
    server = Untold(bench.tools)
    with bench.fresh(server):
        for work in EVERYTHING:
            work(bench, server)
        assert told(server) == []
    refusing = Untold(bench.tools, NOBODY)
    with bench.fresh(refusing), pytest.raises(ChildError):
        small.files(bench, refusing, up=True)


@pytest.mark.bench
def test_the_told_server_has_settled_once_every_handler_has_every_event(bench: Bench) -> None:
    server = Told(bench.tools)

    def settle() -> None:  # while the session is there, and does nothing
        server.settle()
        assert set(server.counts()) == {len(told(server))}

    with bench.fresh(server):
        small.files(bench, server, up=True, settle=settle)


@pytest.mark.bench
def test_plain_mft_writes_the_events_of_the_same_work(bench: Bench) -> None:
    server = ssh_servers(bench.tools)["mft"]
    with bench.fresh(server):
        for work in EVERYTHING:
            work(bench, server)
        assert len(told(server)) > 4 * QUICK.small_files  # two of each file, each way


@pytest.mark.bench
def test_the_bare_server_allows_what_the_permissions_of_plain_mft_refuse(bench: Bench) -> None:
    with plain_and_bare(bench, NOBODY) as (plain, stripped):
        with pytest.raises(ChildError):
            small.files(bench, plain, up=True)
        small.files(bench, stripped, up=True)


@pytest.mark.bench
def test_the_bare_server_opens_what_the_limits_of_plain_mft_refuse(bench: Bench) -> None:
    with plain_and_bare(bench, ONE_FILE) as (plain, stripped):
        with pytest.raises(asyncssh.SFTPError):
            asyncio.run(open_two_files(bench, plain))
        asyncio.run(open_two_files(bench, stripped))


@contextmanager
def plain_and_bare(bench: Bench, settings: Settings) -> Iterator[tuple[Ours, Ours]]:
    """Both servers with the same settings; they run."""
    plain = Ours(bench.tools, "mft-refusing", settings=settings)
    stripped = Ours(bench.tools, "mft-allowing", settings=settings, module=bare.__name__)
    with bench.fresh(plain), bench.fresh(stripped):
        yield plain, stripped


async def open_two_files(bench: Bench, server: Ours) -> None:
    """Have two files open at a time in one session."""
    address, key = bench.ready(server).address, str(bench.tools.credentials.key)
    login = {"username": address.user, "client_keys": [key], "known_hosts": None}
    async with (
        asyncssh.connect(HOST, address.port, config=None, **login) as connection,
        connection.start_sftp_client() as sftp,
        sftp.open("big", "rb"),
        sftp.open("part", "rb"),
    ):
        pass
