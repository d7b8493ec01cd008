"""Real clients of every family at once, within the one limit of their account."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.interop.ftp import Ftp, add_service
from tests.interop.instance import (
    Server,
    add_account_option,
    execute,
    initialise,
    learn_host_keys,
    start,
    stop,
)
from tests.interop.trees import content
from tests.interop.web import Web, add_web

pytestmark = pytest.mark.interop

RATE = 1_000_000  # bytes a second
SIZE = 800_000  # bytes of each file
# Of three transfers at once: the burst, and a piece of each, which are a quarter second's; and what
# SSH had begun.
BESIDE = RATE + 64_000
LEAST = (3 * SIZE - BESIDE) / RATE  # seconds


class Limited(NamedTuple):
    """An instance whose account has a limit both ways."""

    server: Server
    ftp: Ftp
    web: Web


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    instance = initialise(tmp_path_factory.mktemp("mft") / "limited")
    add_account_option(instance, "upload_bandwidth", "1 MB")
    add_account_option(instance, "download_bandwidth", "1 MB")
    made = Limited(instance, add_service(instance, "clear"), add_web(instance, "https"))
    with ExitStack() as running:
        running.callback(stop, instance, start(instance))
        learn_host_keys(instance)
        yield made


def at_once(limited: Limited, folder: Path, *, upload: bool) -> float:
    """Move a file by each family at the same time; how many seconds all of it took."""
    server = limited.server
    curl = ["curl", "-sSf", "--user", f"{server.account}:{server.password}"]
    curl += ["--cacert", str(limited.web.certificate)]
    word = "--upload-file" if upload else "--output"
    batch = "put sftp sftp\n" if upload else "get sftp sftp\n"
    sftp = ["sftp", "-P", str(server.port), *server.ssh, "-b", "-", server.where]
    began = time.monotonic()
    with ThreadPoolExecutor(3) as together:
        running = [
            together.submit(execute, *sftp, stdin=batch, cwd=folder),
            together.submit(execute, *curl, word, folder / "ftp", limited.ftp.url("/ftp")),
            together.submit(execute, *curl, word, folder / "web", limited.web.home("/web")),
        ]
        for one in running:
            one.result()
    return time.monotonic() - began


def test_uploads_and_downloads_of_all_families_share_it(limited: Limited, tmp_path: Path) -> None:
    names = ("sftp", "ftp", "web")
    for name in names:
        (tmp_path / name).write_bytes(content(SIZE))
    assert at_once(limited, tmp_path, upload=True) >= LEAST
    for name in names:
        assert (limited.server.home / name).read_bytes() == content(SIZE)
        (tmp_path / name).unlink()
    assert at_once(limited, tmp_path, upload=False) >= LEAST
    for name in names:
        assert (tmp_path / name).read_bytes() == content(SIZE)
