"""Transfers of a server in a process of its own: asked by `mft transfer`, and killed meanwhile."""

import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mft.cli.main import mft as commands
from tests.interop.instance import MFT, Server, execute, initialise, start, stop

FILES = 40
PATIENCE = 30.0  # seconds for a file to be sent; it takes milliseconds
ROUNDS = 4  # kills


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """An instance, for the tests one after the other: each has transfers of its own."""
    return initialise(tmp_path_factory.mktemp("beside") / "instance")


def add_transfer(server: Server, name: str, **options: str) -> Path:
    """Write the section of a transfer between two new folders; gives the folder of both."""
    beside = server.directory.parent / name
    for folder in ("out", "in"):
        (beside / folder).mkdir(parents=True)
    given = {
        "name": name,
        "source_path": f"{beside}/out",
        "destination_path": f"{beside}/in",
        "stable_interval": "0",
        **options,
    }
    lines = "".join(f"{key} = {value}\n" for key, value in given.items())
    config = server.directory / "conf" / "server.ini"
    config.write_text(f"{config.read_text()}\n[transfers/{name.upper()}]\n{lines}")
    return beside


def mft(server: Server, *words: str, ok: bool = True) -> str:
    """A command for this instance, in a process of its own."""
    config = server.directory / "conf" / "server.ini"
    return execute(*MFT, *words, "-c", config, ok=ok).stdout


def here(server: Server, *words: str, ok: bool = True) -> str:
    """The same in this process, where its modules are loaded once."""
    config = server.directory / "conf" / "server.ini"
    done = CliRunner().invoke(commands, [*words, "-c", str(config)])
    assert (done.exit_code == 0) is ok, done.output
    return done.stdout


def test_a_run_ends_with_0_when_everything_was_sent_and_else_with_1(server: Server) -> None:
    sent = add_transfer(server, "orders", enabled="no")
    (sent / "out" / "a.csv").write_bytes(b"one")
    taken = add_transfer(server, "taken", enabled="no", retry_count="0")
    (taken / "out" / "a.csv").write_bytes(b"one")
    (taken / "in" / "a.csv").write_bytes(b"old")
    process = start(server)
    try:
        assert "suspended" in here(server, "transfer", "list")
        assert mft(server, "transfer", "run", "orders") == "1 done, 0 failed, 0 skipped, 3 bytes.\n"
        assert (sent / "in" / "a.csv").read_bytes() == b"one"
        assert not (sent / "out" / "a.csv").exists()
        assert mft(server, "transfer", "run", "TAKEN", ok=False).startswith("0 done, 1 failed")
        shown = here(server, "transfer", "status", "taken")
        assert "already exists" in shown
        here(server, "transfer", "stop", "taken")
        here(server, "transfer", "run", "taken", ok=False)
        here(server, "transfer", "start", "taken")
        here(server, "transfer", "run", "nothing", ok=False)
    finally:
        stop(server, process)


def test_kills_lose_nothing_and_repeat_nothing(server: Server) -> None:
    # A file that arrives a second time gets another name, so that it is seen.
    rule = {"overwrite_rule": "timestamp-to-new-file", "transfer_chunk_size": "4096"}
    beside = add_transfer(server, "killed", **rule)
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    contents: dict[str, bytes] = {}
    for number in range(FILES):
        contents[f"{number}.bin"] = os.urandom(moments.randrange(300_000))
        (beside / "out" / f"{number}.bin").write_bytes(contents[f"{number}.bin"])
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
        here(server, "transfer", "run", "killed")
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
