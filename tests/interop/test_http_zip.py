"""Folders as ZIP archives: fetched by curl, and read by programs that read them."""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.interop.instance import COMMAND_SECONDS, Place, execute
from tests.interop.trees import HOSTILE, LARGE, content, held, make
from tests.interop.web import Web

pytestmark = pytest.mark.interop

MODE = 0o640
SIZE = 256 << 20  # bytes: more than all buffers between a server and a client that is slow
CUT = (18, 56)  # curl: partial file, failure while receiving
# How each program checks an archive and unpacks it in the working directory.
READERS = {
    "unzip": (("unzip", "-tq"), ("unzip", "-q")),
    "7zz": (("7zz", "t"), ("7zz", "x")),
    "bsdtar": (("bsdtar", "-tf"), ("bsdtar", "-xpf")),
}


def login(web: Web) -> Sequence[str | Path]:
    """Words of curl: who asks, and whom it trusts."""
    return ("--user", f"{web.server.account}:{web.server.password}", "--cacert", web.certificate)


def fill(disk: Path) -> dict[str, bytes | None]:
    """A tree with all that may be difficult; what of it is to be in an archive."""
    make(disk)
    (disk / "large.bin").write_bytes(content(LARGE))
    for name in HOSTILE:
        (disk / name).write_bytes(name.encode())
    (disk / "large.bin").chmod(MODE)
    expected = held(disk)
    expected["\uff3c back"] = expected.pop("\\ back")
    (disk / "link").symlink_to("large.bin")
    (disk / "link to folder").symlink_to("sub")
    return expected


@pytest.mark.parametrize("reader", READERS)
def test_a_folder_comes_as_a_zip(web: Web, web_place: Place, tmp_path: Path, reader: str) -> None:
    expected = fill(web_place.disk)
    file, unpacked = tmp_path / "folder.zip", tmp_path / "unpacked"
    accept = ("-H", "Accept: application/zip", "-o", file)
    execute("curl", "-sSf", *login(web), *accept, web.home(f"{web_place.remote}/"))
    check, unpack = READERS[reader]
    execute(*check, file)
    unpacked.mkdir()
    execute(*unpack, file, cwd=unpacked)
    assert held(unpacked) == expected
    arrived, kept = (unpacked / "large.bin").stat(), (web_place.disk / "large.bin").stat()
    assert arrived.st_mode == kept.st_mode
    assert int(arrived.st_mtime) == int(kept.st_mtime)


def test_a_zip_is_unpacked_while_it_comes(web: Web, web_place: Place, tmp_path: Path) -> None:
    """bsdtar that reads a pipe sees what stands before each member, and never the directory."""
    expected = fill(web_place.disk)
    words = ["curl", "-sSf", *login(web), web.home(f"{web_place.remote}/?zip")]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as curl:
        subprocess.run(
            ["bsdtar", "-xf", "-"],
            stdin=curl.stdout,
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            timeout=COMMAND_SECONDS,
            check=True,
        )
    assert curl.returncode == 0
    assert held(tmp_path) == expected


def test_a_zip_that_cannot_be_whole_is_a_failed_transfer(
    web: Web, web_place: Place, tmp_path: Path
) -> None:
    source, arrived = web_place.disk / "shrinking", tmp_path / "folder.zip"
    with source.open("wb") as file:
        file.truncate(SIZE)  # all of it a hole
    url = web.home(f"{web_place.remote}/?zip")
    words = ["curl", "-sS", *login(web), "--limit-rate", "8M", "-o", arrived, url]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as curl:
        deadline = time.monotonic() + COMMAND_SECONDS
        while not (arrived.exists() and arrived.stat().st_size):
            assert time.monotonic() < deadline
            time.sleep(0.05)  # between two looks at the condition
        os.truncate(source, 0)
        _, told = curl.communicate(timeout=COMMAND_SECONDS)
    assert curl.returncode in CUT, told
    assert arrived.stat().st_size < SIZE
    execute("unzip", "-tq", arrived, ok=False)
