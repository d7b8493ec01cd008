"""The command line as a whole: quick help, plain failures, three exit codes."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from mft.cli import main as command_line
from mft.cli.main import COMMANDS, main, mft
from mft.core.failure import Reason, Refused


def mft_in_a_process(*words, **more):
    return subprocess.run(
        [sys.executable, "-m", "mft", *words], capture_output=True, text=True, timeout=60, **more
    )


def test_help_lists_every_command():
    result = CliRunner().invoke(mft, ["--help"])
    assert result.exit_code == 0
    for name in COMMANDS:
        assert name in result.output


def test_help_imports_no_command():
    code = (
        "import sys; from mft.cli.main import mft; mft(['--help'], standalone_mode=False);"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in"
        " ('twisted', 'pydantic', 'cryptography', 'rich')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_the_version_is_told():
    done = mft_in_a_process("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("mft ")


def test_names_of_files_are_utf_8_or_nothing_is_done(tmp_path):
    elsewhere = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = mft_in_a_process("init", str(tmp_path / "new"), env=elsewhere)
    assert done.returncode == 1
    assert done.stderr == (
        "Error: names of files are not UTF-8 in this locale: set LC_ALL=C.UTF-8, and not "
        "PYTHONUTF8=0\n"
    )
    assert not (tmp_path / "new").exists()
    del elsewhere["PYTHONUTF8"]  # Python takes UTF-8 in a locale without any letters
    assert mft_in_a_process("--version", env=elsewhere).returncode == 0


def test_what_the_system_refuses_is_told_with_its_path(monkeypatch, capsys):
    assert fails_with(monkeypatch, FileNotFoundError(2, "No such file", "/nope/x.tar")) == 1
    assert capsys.readouterr().err == "Error: /nope/x.tar: No such file\n"


def test_an_unknown_command_is_wrong_usage():
    done = mft_in_a_process("fly")
    assert done.returncode == 2
    assert "No such command" in done.stderr


def test_no_command_shows_help():
    assert "Commands" in CliRunner().invoke(mft, []).output


def fails_with(monkeypatch, error):
    def broken(**_):
        raise error

    monkeypatch.setattr(command_line, "mft", broken)
    with pytest.raises(SystemExit) as exit_:
        main()
    return exit_.value.code


def test_a_refusal_is_a_sentence_and_exit_code_1(monkeypatch, capsys):
    assert fails_with(monkeypatch, Refused(Reason.DENIED, "/x", "not yours")) == 1
    assert capsys.readouterr().err == "Error: /x: not yours\n"


def test_an_error_of_the_system_says_what_it_is_about(monkeypatch, capsys):
    error = FileNotFoundError(2, "No such file or directory", "/backup/mft.tar")
    assert fails_with(monkeypatch, error) == 1
    assert capsys.readouterr().err == "Error: /backup/mft.tar: No such file or directory\n"


def test_a_bug_is_a_sentence_without_a_trace(monkeypatch, capsys):
    monkeypatch.delenv("MFT_DEBUG", raising=False)
    assert fails_with(monkeypatch, ZeroDivisionError("oops")) == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err


def test_a_bug_shows_its_trace_when_asked(monkeypatch):
    monkeypatch.setenv("MFT_DEBUG", "1")
    monkeypatch.setattr(command_line, "mft", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main()


def test_a_reader_that_goes_away_is_no_trace():
    done = subprocess.run(
        f"set -o pipefail; {sys.executable} -m mft reference commands | head -c 10 >/dev/null",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
