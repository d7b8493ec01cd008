"""Transfers of a server in a process of its own: asked by `mft transfer`, and killed meanwhile."""

import os
import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.interop.instance import MFT, Server, execute, initialise, start, stop

FILES = 40
PATIENCE = 30.0  # seconds for a file to be sent; it takes milliseconds
ROUNDS = 4  # kills


@pytest.fixture
def server(tmp_path: Path) -> Server:
    made = initialise(tmp_path / "instance")
    for name in ("out", "in", "kept"):
        (tmp_path / name).mkdir()
    return made


def add_transfer(server: Server, **options: str) -> None:
    """Write the section of a transfer between two folders beside the instance."""
    beside = server.directory.parent
    given = {
        "name": "orders",
        "source_path": f"{beside}/out",
        "destination_path": f"{beside}/in",
        "stable_interval": "0",
        **options,
    }
    lines = "".join(f"{key} = {value}\n" for key, value in given.items())
    config = server.directory / "conf" / "server.ini"
    config.write_text(f"{config.read_text()}\n[transfers/ORDERS]\n{lines}")


def mft(server: Server, *words: str, ok: bool = True) -> str:
    """A command for this instance."""
    config = server.directory / "conf" / "server.ini"
    return execute(*MFT, *words, "-c", config, ok=ok).stdout


def test_a_run_ends_with_0_when_everything_was_sent(server: Server) -> None:
    beside = server.directory.parent
    (beside / "out" / "a.csv").write_bytes(b"one")
    add_transfer(server, enabled="no")
    process = start(server)
    try:
        assert "suspended" in mft(server, "transfer", "list")
        assert mft(server, "transfer", "run", "orders") == "1 done, 0 failed, 0 skipped, 3 bytes.\n"
        assert (beside / "in" / "a.csv").read_bytes() == b"one"
        assert not (beside / "out" / "a.csv").exists()
    finally:
        stop(server, process)


def test_a_run_ends_with_1_when_something_could_not_be_sent(server: Server) -> None:
    beside = server.directory.parent
    (beside / "out" / "a.csv").write_bytes(b"one")
    (beside / "in" / "a.csv").write_bytes(b"old")
    add_transfer(server, enabled="no", retry_count="0")
    process = start(server)
    try:
        assert mft(server, "transfer", "run", "ORDERS", ok=False).startswith("0 done, 1 failed")
        shown = mft(server, "transfer", "status", "orders")
        assert "already exists" in shown
        mft(server, "transfer", "stop", "orders")
        mft(server, "transfer", "run", "orders", ok=False)
        mft(server, "transfer", "start", "orders")
        mft(server, "transfer", "run", "nothing", ok=False)
    finally:
        stop(server, process)


def test_kills_lose_nothing_and_repeat_nothing(server: Server) -> None:
    beside = server.directory.parent
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    contents: dict[str, bytes] = {}
    for number in range(FILES):
        contents[f"{number}.bin"] = os.urandom(moments.randrange(300_000))
        (beside / "out" / f"{number}.bin").write_bytes(contents[f"{number}.bin"])
    # A file that arrives a second time gets another name, so that it is seen.
    add_transfer(server, overwrite_rule="timestamp-to-new-file", transfer_chunk_size="4096")
    for _ in range(ROUNDS):
        process = start(server)
        before = len(list((beside / "out").iterdir()))
        wanted = before - moments.randrange(1, 4)
        wait_until(beside / "out", wanted)
        process.kill()
        process.wait()
        check(beside, contents, f"seed {seed}")
    process = start(server)
    try:
        mft(server, "transfer", "run", "orders")
    finally:
        stop(server, process)
    assert {path.name: path.read_bytes() for path in (beside / "in").iterdir()} == contents
    assert list((beside / "out").iterdir()) == []


def wait_until(folder: Path, left: int) -> None:
    """Until so many files are left in a folder."""
    deadline = time.monotonic() + PATIENCE
    while len(os.listdir(folder)) > max(left, 0):
        assert time.monotonic() < deadline, "nothing is sent"
        time.sleep(0.001)  # between two looks


def check(beside: Path, contents: dict[str, bytes], told: str) -> None:
    """Each file is whole at one end at least, and nothing else has its name."""
    there: dict[str, Any] = {path.name: path.read_bytes() for path in (beside / "in").iterdir()}
    for name, content in contents.items():
        source = beside / "out" / name
        assert there.get(name) == content or source.read_bytes() == content, f"{name}, {told}"
        assert there.get(name, content) == content, f"{name}, {told}"
