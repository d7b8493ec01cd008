"""`mft csr` makes a request that OpenSSL reads, and a key that belongs to it."""

import subprocess

import pytest
from click.testing import CliRunner

from mft.cli.csr import csr


def make(*words):
    return CliRunner().invoke(csr, [str(word) for word in words])


def test_a_request_is_made_that_openssl_reads(tmp_path):
    file, key = tmp_path / "a.csr", tmp_path / "a.key"
    result = make("--name", "files.example.com", "--address", "192.0.2.7", file)
    assert result.exit_code == 0, result.output
    assert str(key) in result.stdout
    assert key.stat().st_mode & 0o777 == 0o600
    command = ["openssl", "req", "-in", file, "-noout", "-verify", "-text"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert shown.returncode == 0, shown.stderr
    assert "DNS:files.example.com, IP Address:192.0.2.7" in shown.stdout


@pytest.mark.parametrize("existing", ["a.csr", "a.key"])
def test_nothing_is_overwritten(existing, tmp_path):
    (tmp_path / existing).write_text("precious")
    result = make(tmp_path / "a.csr")
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [existing]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--name", "a b", "a.csr"), "is not a DNS name"),
        (("a.key",), "needs another ending"),
        (("no/a.csr",), "No such file"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_written(words, sentence, tmp_path):
    result = make(*words[:-1], tmp_path / words[-1])
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert list(tmp_path.iterdir()) == []
