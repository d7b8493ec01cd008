"""`mft run` as a process: real signals and the real reactor around a daemon that only tells."""

import os
import pty
import signal
from tempfile import TemporaryFile

import pytest

from tests.fakes import preloaded
from tests.fakes.preloaded import FIRST, Preloaded

AROUND = {**os.environ, FIRST: "tests.fakes.telling_daemon"}


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
        self.errors = TemporaryFile()  # noqa: SIM115 - until its end
        with open(slave, "wb", buffering=0) as terminal:
            words = ["run", "-c", str(instance / "conf/server.ini")]
            self.process = Preloaded(words, instance, AROUND, terminal, self.errors)
        self.output = b""

    def wait_for(self, text):
        while text not in self.output:
            self.output += os.read(self.master, 4096)

    def end(self, number):
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        os.close(self.master)
        with self.errors:
            self.errors.seek(0)
            return code, self.errors.read()

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
    words = ["run", "-c", str(instance / "conf/server.ini")]
    return preloaded.run(words, instance, AROUND, "", 60)


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
