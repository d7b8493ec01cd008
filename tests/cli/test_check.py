"""`mft check` tells every problem with its line, or what would start."""

import errno
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from mft.cli.check import check
from tests.laws.source import ROOT


def checked(file):
    return CliRunner().invoke(check, ["-c", str(file)])


@pytest.fixture
def conf(tmp_path):
    (tmp_path / "conf").mkdir()
    return tmp_path / "conf/server.ini"


def test_every_problem_is_told_at_once_with_its_line(conf):
    conf.write_text(
        "[services/ssh]\ntype = ssh\nname = ssh\nport = 99999\n\n"
        "[accounts/a]\nname = a\npasword = x\nhome_folder_path = /srv/a\n"
    )
    result = checked(conf)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "server.ini:4: [services/ssh]" in result.stderr
    assert 'server.ini:8: [accounts/a] has no option "pasword"; did you mean "password"?' in (
        result.stderr
    )


def test_a_missing_file_is_a_problem_not_a_trace(conf):
    result = checked(conf)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"server.ini: does not exist ({conf.parent})",
        "`mft init DIR` makes an instance; -c names its server.ini.",
    ]
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_file_in_a_folder_that_is_closed_to_us_is_told_once(conf, monkeypatch):
    def closed(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "is_file", closed)
    monkeypatch.setattr(Path, "exists", closed)
    result = checked(conf)
    assert result.exit_code == 1
    (told,) = result.stderr.splitlines()
    assert told.startswith("server.ini: cannot be read")


def test_a_secret_is_never_repeated(conf):
    conf.write_text("[accounts/a]\nname = a\npassword = hunter2\nhome_folder_path = /srv/a\n")
    result = checked(conf)
    assert result.exit_code == 1
    assert "hunter2" not in result.output


@pytest.mark.parametrize("name", ["server.ini", "server.full.ini"])
def test_the_examples_of_the_checkout_have_no_errors(name):
    result = checked(ROOT / "conf" / name)
    assert result.exit_code == 0, result.stderr
    assert "would start" in result.stdout
    assert "ssh" in result.stdout


def test_nothing_enabled_is_said(conf):
    conf.write_text("[server]\nname = empty\n")
    result = checked(conf)
    assert result.exit_code == 0, result.stderr
    assert "none is enabled" in result.stdout


@pytest.mark.parametrize(
    ("who", "line", "told"),
    [(0, "", True), (0, "allow_root = yes", False), (0, "account = nobody", False), (7, "", False)],
)
def test_root_is_told_that_it_would_start_nothing(conf, monkeypatch, who, line, told):
    monkeypatch.setattr(os, "geteuid", lambda: who)
    conf.write_text(f"[server]\nname = files\n{line}\n")
    result = checked(conf)
    assert result.exit_code == 0, result.stderr
    assert ("not by root" in result.stdout) is told
