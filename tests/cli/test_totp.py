"""`mft totp` makes one-time codes, and writes nothing."""

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from mft.auth.kinds import OneTimeCodes, RecoveryCodes
from mft.auth.options import AccountOptions
from mft.auth.time_codes import TimeCodes, recovery_digest, step_at
from mft.cli.totp import qr_code, totp
from mft.daemon.load import load
from tests.fakes.accounts import CHEAP_HASH, OTPAUTH

URI = re.compile(r"^otpauth://totp/\S+$", re.MULTILINE)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "conf" / "server.ini"
    found.parent.mkdir()
    found.write_text(
        "[server]\nname = our files\n[groups/DEFAULT_GROUP]\nname = all\n"
        f"home_folder_path = {tmp_path}/${{USER}}\ncreate_home_folder = yes\n"
        f"[accounts/id-1]\nname = ann lee\npassword = {CHEAP_HASH}\n"
    )
    return found


def test_what_it_prints_can_be_put_into_server_ini(file: Path) -> None:
    before = file.read_bytes()
    result = CliRunner().invoke(totp, ["-c", str(file), "ann lee"])
    assert result.exit_code == 0, result.output
    assert file.read_bytes() == before
    told, _, lines = result.output.partition("multi_factor_authentication")
    assert "[accounts/id-1]" in told
    (uri,) = URI.findall(told)
    assert uri.startswith("otpauth://totp/our%20files:ann%20lee?secret=")
    file.write_text(f"{file.read_text()}multi_factor_authentication{lines}")
    loaded = load(file)
    assert loaded.config is not None, loaded.problems
    account: AccountOptions = loaded.config.accounts["id-1"]
    assert account.multi_factor_authentication is not None
    assert account.multi_factor_authentication.reveal() == uri
    recovery = re.findall(r"^    ([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})$", told, re.MULTILINE)
    assert len(recovery) == 10
    assert account.recovery_codes == tuple(map(recovery_digest, recovery))


def test_an_account_may_be_named_by_its_id_and_must_exist(file: Path) -> None:
    assert "ann%20lee" in CliRunner().invoke(totp, ["-c", str(file), "id-1"]).output
    result = CliRunner().invoke(totp, ["-c", str(file), "eve"])
    assert result.exit_code == 2
    assert "there is no account" in result.output


def test_the_qr_code_needs_no_colours_and_has_light_around_it() -> None:
    lines = list(qr_code("otpauth://totp/x"))
    assert {one for line in lines for one in line} <= set("\u2588\u2580\u2584 ")
    assert len({len(line) for line in lines}) == 1
    assert set(lines[0]) == {"\u2588"}
    assert all(line[:2] == line[-2:] == "\u2588" * 2 for line in lines)


def asked(file: Path, *answers: str) -> tuple[int, str]:
    """Run it on a terminal; an answer `code` is the right one."""
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "mft", "totp", "-c", str(file), "ann lee"]
    process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    output, left = b"", list(answers)
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        output += piece
        if output.count(b"shows now:") > len(answers) - len(left) and left:
            answer = left.pop(0)
            if answer == "code":
                (uri,) = URI.findall(output.decode().replace("\r", ""))
                answer = TimeCodes.parse(uri).code(step_at(time.time()))
            os.write(ours, answer.encode() + b"\n")
    os.close(ours)
    return process.wait(), output.decode()


def test_on_a_terminal_a_code_proves_that_it_works(file: Path) -> None:
    status, output = asked(file, "nothing", "code")
    assert (status, "That is not the code" in output) == (0, True)
    assert "recovery_codes =" in output


def test_without_a_right_code_there_are_no_lines_to_copy(file: Path) -> None:
    status, output = asked(file, "1", "2", "3")
    assert status == 1
    assert "nothing was made" in output
    assert "recovery_codes" not in output


def test_the_kinds_hide_what_they_hold() -> None:
    for kind in (OneTimeCodes, RecoveryCodes):
        assert kind.__metadata__[0].secret


# Codes that an account has given itself.


def test_they_are_taken_away_by_the_running_server_only(file: Path) -> None:
    result = CliRunner().invoke(totp, ["-c", str(file), "ann lee", "--remove"])
    assert result.exit_code == 1
    assert "No server is running" in result.output


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (True, "The one-time codes of ann lee are gone; its password alone logs in."),
        (False, "ann lee has given itself no one-time codes."),
    ],
)
def test_what_became_of_them_is_said(
    file: Path, monkeypatch: pytest.MonkeyPatch, there: bool, said: str
) -> None:
    asked: list[object] = []

    def ask(where: Path, **request: object) -> dict[str, object]:
        asked.append((where, request))
        return {"removed": there}

    monkeypatch.setattr("mft.cli.totp.ask", ask)
    result = CliRunner().invoke(totp, ["-c", str(file), "ann lee", "--remove"])
    assert (result.exit_code, said in result.output) == (0 if there else 1, True)
    assert asked == [(file, {"do": "remove-codes", "account": "id-1"})]


def test_codes_of_the_configuration_are_told_apart(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mft.cli.totp.ask", lambda where, **request: {"removed": False})
    file.write_text(f"{file.read_text()}multi_factor_authentication = {OTPAUTH}\n")
    result = CliRunner().invoke(totp, ["-c", str(file), "id-1", "--remove"])
    assert "Those that it has are in [accounts/id-1]" in result.output
