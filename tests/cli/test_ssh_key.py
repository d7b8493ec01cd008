"""`mft ssh-key` makes key pairs that OpenSSH reads, and overwrites nothing."""

import subprocess

import pytest
from click.testing import CliRunner

from mft.cli.ssh_key import KINDS, ssh_key
from mft.trust.ssh_keys import HostKey


def make(*words):
    return CliRunner().invoke(ssh_key, [str(word) for word in words])


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_is_made_that_openssh_reads(kind, tmp_path):
    file = tmp_path / "key"
    result = make("--type", kind, "--file", file, "--comment", "me@here")
    assert result.exit_code == 0, result.output
    line = (tmp_path / "key.pub").read_text().strip()
    assert line == result.stdout.strip()
    assert line.endswith(" me@here")
    assert file.stat().st_mode & 0o777 == 0o600
    shown = subprocess.run(
        ["ssh-keygen", "-y", "-f", file], capture_output=True, text=True, timeout=30
    )
    assert shown.stdout.split()[:2] == line.split()[:2]
    assert HostKey.load(file).public.fingerprint == result.stderr.strip()


@pytest.mark.parametrize("existing", ["key", "key.pub"])
def test_nothing_is_overwritten(existing, tmp_path):
    (tmp_path / existing).write_text("precious")
    result = make("--file", tmp_path / "key")
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [existing]
    assert (tmp_path / existing).read_text() == "precious"


def test_a_comment_is_one_line(tmp_path):
    result = make("--file", tmp_path / "key", "--comment", "a\nssh-rsa AAAA")
    assert result.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_told_plainly(tmp_path):
    result = make("--file", tmp_path / "no" / "key")
    assert result.exit_code == 1
    assert "No such file" in result.stderr


def test_the_file_must_be_named():
    assert make().exit_code == 2
