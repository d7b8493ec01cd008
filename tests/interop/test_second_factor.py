"""One-time codes by real clients, at a server that is started again in between."""

import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from mft.auth.time_codes import TimeCodes, new_recovery_codes, recovery_digest, step_at
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

pytestmark = pytest.mark.interop

CODES = TimeCodes.fresh()
RECOVERY = new_recovery_codes()[:2]


class Running:
    """An instance whose account has a second factor, and which can be started again."""

    def __init__(self, directory: Path) -> None:
        self.server = initialise(directory)
        self.ftp: Ftp = add_service(self.server, "clear")
        name = self.server.account
        add_account_option(self.server, "multi_factor_authentication", CODES.uri(name, "mft"))
        digests = "".join(f"\n    {recovery_digest(one)}" for one in RECOVERY)
        add_account_option(self.server, "recovery_codes", digests)
        self._process = start(self.server)
        learn_host_keys(self.server)

    def again(self) -> None:
        """End it, and start it again."""
        stop(self.server, self._process)
        self._process = start(self.server)

    def end(self) -> None:
        """End it."""
        stop(self.server, self._process)

    @property
    def told(self) -> str:
        """Its journal, as text."""
        journal = self.server.directory / "log" / "journal"
        return "".join(one.read_text() for one in sorted(journal.iterdir()) if one.is_file())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    made = Running(tmp_path_factory.mktemp("mft") / "coded")
    yield made
    made.end()


def by_openssh(server: Server, folder: Path, code: str, *, ok: bool = True) -> str:
    """Log in by sftp, which asks a program for each answer, as without a terminal it must."""
    program = folder / "askpass"
    program.write_text(
        '#!/bin/sh\ncase "$1" in *code*) echo "$CODE";; *) echo "$PASSWORD_GIVEN";; esac\n'
    )
    program.chmod(0o700)
    batch = folder / "batch"
    batch.write_text("pwd\n")
    words = [word for word in server.ssh if "Identit" not in word and "BatchMode" not in word]
    words += ["-oBatchMode=no", "-oNumberOfPasswordPrompts=1", "-oPubkeyAuthentication=no"]
    env = {
        "SSH_ASKPASS": str(program),
        "SSH_ASKPASS_REQUIRE": "force",
        "PASSWORD_GIVEN": server.password,
        "CODE": code,
    }
    words += ["-P", str(server.port), "-b", str(batch), server.where]
    return execute("sftp", *words, env=env, ok=ok).stdout


def by_curl(ftp: Ftp, password: str, *, ok: bool = True) -> None:
    """List the home by FTP."""
    user = f"{ftp.server.account}:{password}"
    execute("curl", "-sS", "--max-time", "30", "-u", user, ftp.url("/"), ok=ok)


def by_paramiko(server: Server, *answers: str) -> list[str]:
    """Log in by keyboard-interactive; the questions."""
    asked: list[str] = []
    left = list(answers)

    def answer(title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        asked.extend(prompt for prompt, _ in prompts)
        return [left.pop(0) for _ in prompts]

    with paramiko.Transport((server.address, server.port)) as transport:
        transport.connect()
        transport.auth_interactive(server.account, answer)
        assert transport.is_authenticated()
    return asked


def test_a_code_is_appended_or_asked_for_and_used_up_also_after_a_restart(
    running: Running, tmp_path: Path
) -> None:
    server, ftp = running.server, running.ftp
    assert "directory: /" in by_openssh(server, tmp_path, RECOVERY[0])
    now = step_at(time.time())
    by_curl(ftp, server.password, ok=False)
    by_curl(ftp, server.password + CODES.code(now))
    running.again()
    by_curl(ftp, server.password + CODES.code(now), ok=False)
    by_openssh(server, tmp_path, RECOVERY[0], ok=False)
    assert running.told.count("the one-time code was used before") == 2
    asked = by_paramiko(server, server.password, CODES.code(now + 1))
    assert [one.strip() for one in asked] == ["Password:", "One-time code:"]


def test_a_key_alone_is_asked_for_no_code(running: Running, tmp_path: Path) -> None:
    batch = tmp_path / "batch"
    batch.write_text("pwd\n")
    server = running.server
    execute("sftp", *server.ssh, "-P", str(server.port), "-b", batch, server.where)
