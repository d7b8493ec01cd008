"""TLS of locations: whom to believe, who we are, and what is told of files that cannot be used."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mft.config.kinds import Context
from mft.core.secret import Secret
from mft.remote.tls_options import MAX_PINS, TlsClientOptions
from mft.trust.suites import Version
from tests.fakes import pki

CONTEXT = Context(Path("/nowhere"))
PIN = ":".join(["AB"] * 32)


def options(**given: Any) -> TlsClientOptions:
    return TlsClientOptions.model_validate(given)


def wrong(**given: Any) -> list[str]:
    return [one.option for one in options(**given).check(CONTEXT)]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """An authority, and a certificate of ours with its key, together and apart."""
    authority = pki.Authority()
    identity = authority.issue("us")
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    identity.write(tmp_path / "both.pem")
    text = identity.pem()
    at = text.index(b"-----BEGIN PRIVATE KEY")
    (tmp_path / "certificate.pem").write_bytes(text[:at])
    key = tmp_path / "key.pem"
    key.touch(0o600)
    key.write_bytes(text[at:])
    (tmp_path / "text").write_text("nothing")
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [PIN, PIN.lower(), "ab" * 32, f"SHA256:{PIN}", f"sha-256 {'AB' * 32}", f"# now\n{PIN}\n"],
)
def test_a_pin_is_a_sha_256_however_it_is_written(text: str) -> None:
    assert options(ssl_server_identity=text).ssl_server_identity == (PIN,)


@pytest.mark.parametrize("text", ["ab", "ab" * 20, "x" * 64, f"SHA1:{PIN}", f"{PIN} and more"])
def test_anything_else_is_no_pin(text: str) -> None:
    with pytest.raises(ValidationError):
        options(ssl_server_identity=text)


def test_pins_are_few() -> None:
    with pytest.raises(ValidationError):
        options(ssl_server_identity="\n".join([PIN] * (MAX_PINS + 1)))


def test_files_are_loaded(files: Path) -> None:
    for more in (
        {"ssl_certificate": files / "both.pem"},
        {"ssl_certificate": files / "certificate.pem", "ssl_key": files / "key.pem"},
    ):
        made = options(ssl_certificate_authority=(files / "ca.pem",), **more)
        assert list(made.check(CONTEXT)) == []
        assert len(made.authorities()) == 1
        assert made.identity() is not None
        assert made.context()
    assert options().identity() is None
    assert options().context()


def test_each_file_that_cannot_be_used_is_told(files: Path) -> None:
    text, both = files / "text", files / "both.pem"
    assert (
        wrong(ssl_certificate_authority=(text, files / "no")) == ["ssl_certificate_authority"] * 2
    )
    assert wrong(ssl_certificate=text) == ["ssl_certificate"]
    assert wrong(ssl_certificate=files / "certificate.pem") == ["ssl_certificate"]
    assert wrong(ssl_certificate=both, ssl_key=text) == ["ssl_key"]
    assert wrong(ssl_key=files / "key.pem") == ["ssl_key"]
    assert wrong(ssl_key_password=Secret("x")) == ["ssl_key_password"]
    assert wrong(ssl_cipher_list="NOTHING") == ["ssl_cipher_list"]


def test_versions_are_those_that_are_named() -> None:
    assert options(ssl_allowed_methods="tlsv1.3").methods == (Version.TLS_1_3,)
    assert options().methods == (Version.TLS_1_2, Version.TLS_1_3)
    for text in ("", "sslv3", "tlsv2"):
        with pytest.raises(ValidationError):
            options(ssl_allowed_methods=text)
