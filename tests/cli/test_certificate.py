"""`mft certificate` makes what a service loads and OpenSSL believes, and overwrites nothing."""

import socket
import subprocess

import pytest
from click.testing import CliRunner

from mft.cli.certificate import certificate
from mft.trust.certificates import Identity, load_authorities
from mft.trust.tls import subject


def make(*words):
    return CliRunner().invoke(certificate, [str(word) for word in words])


def test_a_certificate_is_made_that_openssl_verifies(tmp_path):
    file, public = tmp_path / "server.pem", tmp_path / "server.crt"
    result = make("--name", "localhost", "--address", "127.0.0.1", "--days", "30", file)
    assert result.exit_code == 0, result.output
    made = Identity.load(file)
    assert made.fingerprint == result.stdout.strip()
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_authorities([public]) == (made.certificate,)
    assert b"PRIVATE" not in public.read_bytes()
    command = ["openssl", "verify", "-CAfile", public, "-purpose", "sslserver"]
    for more in (["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"]):
        done = subprocess.run([*command, *more, public], capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr


def test_it_is_named_after_this_machine_when_nothing_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "files")
    assert make(tmp_path / "a.pem").exit_code == 0
    assert subject(Identity.load(tmp_path / "a.pem").certificate) == "CN=files"
    assert make("--address", "::1", tmp_path / "b.pem").exit_code == 0
    assert subject(Identity.load(tmp_path / "b.pem").certificate) == "CN=::1"


@pytest.mark.parametrize("existing", ["server.pem", "server.crt"])
def test_nothing_is_overwritten(existing, tmp_path):
    (tmp_path / existing).write_text("precious")
    result = make(tmp_path / "server.pem")
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [existing]
    assert (tmp_path / existing).read_text() == "precious"


def test_the_certificate_alone_needs_another_name(tmp_path):
    result = make(tmp_path / "server.crt")
    assert result.exit_code == 1
    assert "needs another ending" in result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--name", "a b"), "is not a DNS name"),
        (("--address", "localhost"), "does not appear to be an IPv4 or IPv6 address"),
    ],
)
def test_wrong_names_are_told_and_nothing_is_written(words, sentence, tmp_path):
    result = make(*words, tmp_path / "server.pem")
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_told_plainly(tmp_path):
    result = make(tmp_path / "no" / "server.pem")
    assert result.exit_code == 1
    assert "No such file" in result.stderr


def test_wrong_usage_is_exit_code_2(tmp_path):
    assert make().exit_code == 2
    assert make("--days", "0", tmp_path / "a.pem").exit_code == 2
