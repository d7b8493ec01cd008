"""A location over SFTP in `server.ini`."""

from pathlib import Path
from typing import Any

import pytest

from mft.config.ini import parse
from mft.config.kinds import Context
from mft.config.section import check_section, read_section
from mft.remote.registry import LOCATIONS
from mft.remote.sftp_options import SftpOptions
from mft.runtime.proxied import Proxy
from mft.trust.ssh_keys import HostKey
from mft.wire.ssh.names import SECURE

KEY = HostKey.generate()
GIVEN = {
    "type": "sftp",
    "name": "partner",
    "address": "sftp.example.com",
    "username": "ann",
    "password": "secret word",
    "ssh_server_identity": KEY.public.fingerprint,
}


def reading(folder: Path, **more: str | None) -> tuple[Any, list[str]]:
    problems: list[Any] = []
    given = {name: text for name, text in {**GIVEN, **more}.items() if text is not None}
    lines = "".join(f"{name} = {text}\n" for name, text in given.items())
    text = f"[locations/a]\n{lines}".encode()
    raw = parse(text, "server.ini", problems)["locations/a"]
    options = read_section(SftpOptions, raw, Context(folder), problems)
    if options is not None:
        check_section(options, raw, Context(folder), problems)
    return options, [str(problem).partition("] ")[2] for problem in problems]


def location(folder: Path, **more: str | None) -> SftpOptions:
    options, problems = reading(folder, **more)
    assert not problems
    assert isinstance(options, SftpOptions)
    return options


def test_little_must_be_said(tmp_path: Path) -> None:
    options = location(tmp_path)
    assert (options.port, options.ssh_payload_length, options.proxy) == (22, 32768, None)
    assert options.algorithms == SECURE
    assert [one.text for one in options.known] == [KEY.public.fingerprint]
    assert not options.trusts_the_first
    assert LOCATIONS["sftp"].options is SftpOptions


@pytest.mark.parametrize("name", ["address", "username", "ssh_server_identity"])
def test_what_must_be_said_is_missed(tmp_path: Path, name: str) -> None:
    _, problems = reading(tmp_path, **{name: None})
    assert len(problems) == 1
    assert f'needs "{name}"' in problems[0]


def test_something_must_log_in(tmp_path: Path) -> None:
    _, problems = reading(tmp_path, password=None)
    assert problems == ["password is needed, or ssh_client_key"]


@pytest.mark.parametrize("old", ["ssh_client_key", "rsa_private_key", "dsa_private_key"])
def test_a_key_is_read_at_the_start(tmp_path: Path, old: str) -> None:
    KEY.write(tmp_path / "key")
    options, problems = reading(tmp_path, password=None, **{old: "key"})
    assert options.ssh_client_key == tmp_path / "key"
    assert [one for one in problems if "is an old name" not in one] == []
    _, problems = reading(tmp_path, ssh_client_key="none")
    assert "cannot be used: No such file" in problems[0]
    (tmp_path / "key").chmod(0o644)
    _, problems = reading(tmp_path, ssh_client_key="key")
    assert "can be read by others" in problems[0]


def test_a_passphrase_opens_a_key_and_is_never_shown(tmp_path: Path) -> None:
    KEY.write(tmp_path / "key")
    _, problems = reading(tmp_path, ssh_client_key="key", ssh_client_key_passphrase="hush hush")
    assert "is not encrypted, but has a password" in problems[0]
    assert "hush" not in problems[0]


def test_several_lines_say_who_the_server_is(tmp_path: Path) -> None:
    lines = [KEY.public.line(), KEY.public.fingerprint, "Set-On-First-Connection"]
    options = location(tmp_path, ssh_server_identity="\n  ".join(["", *lines]))
    assert len(options.known) == 2
    assert options.trusts_the_first


def test_a_line_that_says_nothing_is_told(tmp_path: Path) -> None:
    _, problems = reading(tmp_path, ssh_server_identity="\n  SHA256:short\n  any")
    assert len(problems) == 2
    assert all("is not a fingerprint" in one for one in problems)
    _, problems = reading(tmp_path, ssh_server_identity="")
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("socks5://proxy:1080", Proxy("socks5", "proxy", 1080)),
        ("SOCKS5://192.0.2.1", Proxy("socks5", "192.0.2.1", 1080)),
        ("http://[2001:db8::1]:8080/", Proxy("http", "2001:db8::1", 8080)),
        ("http://proxy", Proxy("http", "proxy", 3128)),
        ("", None),
    ],
)
def test_a_proxy_is_a_url(tmp_path: Path, text: str, proxy: Proxy | None) -> None:
    assert location(tmp_path, proxy=text).proxy == proxy


@pytest.mark.parametrize(
    "text", ["proxy:1080", "socks4://a", "https://a", "http://", "http://a/b", "http://a:x", "a"]
)
def test_what_is_no_proxy_is_told(tmp_path: Path, text: str) -> None:
    _, problems = reading(tmp_path, proxy=text)
    assert "is not a proxy such as" in problems[0]


def test_a_password_of_a_proxy_is_not_shown(tmp_path: Path) -> None:
    _, problems = reading(tmp_path, proxy="http://ann:secret@proxy:3128")
    assert "are not logged in to" in problems[0]
    assert "secret" not in problems[0]


@pytest.mark.parametrize("text", ["a b", "ann@host", "host/x", "", "b\u00fccher.example"])
def test_what_is_no_host_is_told(tmp_path: Path, text: str) -> None:
    _, problems = reading(tmp_path, address=text)
    assert "is not the name or the address of a host" in problems[0]


def test_algorithms_are_those_that_the_server_knows(tmp_path: Path) -> None:
    options = location(tmp_path, ssh_cipher_list="secure, curve25519-sha256")
    assert options.algorithms.kex == (*SECURE.kex, "curve25519-sha256")
    _, problems = reading(tmp_path, ssh_cipher_list="rot13")
    assert problems == ['ssh_cipher_list = "rot13" does not know "rot13"']


@pytest.mark.parametrize("text", ["1023", "256 KiB", "x"])
def test_the_length_of_a_request_has_bounds(tmp_path: Path, text: str) -> None:
    _, problems = reading(tmp_path, ssh_payload_length=text)
    assert len(problems) == 1
