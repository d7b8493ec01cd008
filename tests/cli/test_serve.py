"""`mft run` as a process: real signals and the real reactor around a daemon that only tells."""

import os
import pty
import signal
import subprocess
import sys

import pytest

PROGRAM = """
import sys, types
from pathlib import Path

class Daemon:
    def __init__(self, config, reactor):
        self.note = config.directory / "notes"
    def tell(self, word):
        with self.note.open("a") as file:
            file.write(word + "\\n")
    async def start(self):
        if (self.note.parent / "broken").exists():
            from mft.daemon.life import StartFailed
            raise StartFailed(["port 10022 is taken", "no host key"])
        self.tell("start")
    async def stop(self):
        self.tell("stop")
    async def reload(self):
        self.tell("reload")
        print("reloaded", flush=True)

service = types.ModuleType("mft.daemon.service")
service.Daemon = Daemon
sys.modules["mft.daemon.service"] = service
sys.argv = ["mft", "run", *sys.argv[1:]]
from mft.cli.main import main
main()
"""


@pytest.fixture
def instance(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "conf/server.ini").write_text(
        "[services/ssh]\nname = ssh\ntype = ssh\nport = 10022\n"
    )
    return tmp_path


class Running:
    """`mft run` on a terminal, which it greets."""

    def __init__(self, instance):
        self.instance = instance
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "-c", str(instance / "conf/server.ini")],
            stdout=slave,
            stderr=subprocess.PIPE,
        )
        os.close(slave)
        self.output = b""

    def wait_for(self, text):
        while text not in self.output:
            self.output += os.read(self.master, 4096)

    def end(self, number):
        self.process.send_signal(number)
        with self.process:
            error = self.process.stderr.read()
            code = self.process.wait(timeout=60)
        os.close(self.master)
        return code, error

    @property
    def notes(self):
        return (self.instance / "notes").read_text().split()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_what_listens_and_ends_with_a_signal(instance, number):
    server = Running(instance)
    server.wait_for(b"127.0.0.1:10022")
    pid = (instance / "state/mft.pid").read_text()
    assert int(pid) == server.process.pid
    assert server.end(number) == (0, b"")
    assert server.notes == ["start", "stop"]
    assert not (instance / "state/mft.pid").exists()


def test_a_hangup_is_a_reload(instance):
    server = Running(instance)
    server.wait_for(b"127.0.0.1:10022")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(b"reloaded")
    assert server.end(signal.SIGTERM) == (0, b"")
    assert server.notes == ["start", "reload", "stop"]


def start(instance):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, "-c", str(instance / "conf/server.ini")],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_bad_configuration_starts_nothing(instance):
    (instance / "conf/server.ini").write_text("[services/ssh]\ntype = ssh\nname = ssh\nport = x\n")
    done = start(instance)
    assert done.returncode == 1
    assert "server.ini:4: [services/ssh]" in done.stderr
    assert not (instance / "notes").exists()
    assert not (instance / "state/mft.pid").exists()


def test_a_failed_start_says_every_reason(instance):
    (instance / "broken").touch()
    done = start(instance)
    assert done.returncode == 1
    assert done.stderr == "Error: port 10022 is taken\nError: no host key\n"
    assert not (instance / "state/mft.pid").exists()
