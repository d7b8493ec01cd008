"""TlsClientOptions: what a location that is reached over TLS has beside its other options."""

import re
from collections.abc import Iterator
from typing import Annotated, Final

from cryptography import x509
from OpenSSL import SSL
from pydantic import field_validator

from mft.config.kinds import (
    CommaList,
    Context,
    FilePath,
    FilePaths,
    Kind,
    Maybe,
    SecretText,
    Text,
    Wrong,
    each_line,
)
from mft.config.section import Section, option
from mft.core.secret import Secret
from mft.trust.certificates import Identity, UnusableKey, load_authorities
from mft.trust.suites import SECURE, Version, versions
from mft.trust.tls import client_context

MAX_PINS: Final = 20  # of one location: what a server has now, and what it will have
_PIN: Final = re.compile(r"(?:SHA-?256[:= ]+)?([0-9A-Fa-f]{2}(?::?[0-9A-Fa-f]{2}){31})", re.I)


def _pin(line: str) -> str:
    found = _PIN.fullmatch(line.strip())
    if found is None:
        raise Wrong("is not the SHA-256 of a certificate: 64 hexadecimal digits", line)
    digits = found[1].replace(":", "").upper()
    return ":".join(digits[at : at + 2] for at in range(0, 64, 2))


def _pins(text: str, context: Context | None) -> tuple[str, ...]:
    pins = each_line(text, _pin)
    if len(pins) > MAX_PINS:
        raise Wrong(f"names more than {MAX_PINS} certificates")
    return pins


Pins = Annotated[tuple[str, ...], Kind("SHA-256 fingerprints", "", _pins, write="\n".join)]


class TlsClientOptions(Section):
    """Whom to believe over TLS, who this server is, and what it speaks."""

    ssl_certificate_authority: FilePaths = option(
        "The certificates that may sign that of the other server: files in PEM form. Empty: those "
        "that the system trusts. The certificate must be for `address`.",
        (),
        examples=["conf/certificates/partner-ca.pem"],
    )
    ssl_server_identity: Pins = option(
        "The SHA-256 fingerprints of certificates that the other server may show, one per line. "
        "With any, nothing else of the certificate counts: neither who signed it, nor its names, "
        "nor its dates.",
        (),
        ours=True,
    )
    ssl_certificate: Maybe[FilePath] = option(
        "The certificate that this server shows where it is asked for one, those between it and "
        "the root, and the private key, in PEM or PFX form. Empty: none.",
        None,
        examples=["conf/certificates/client.pem"],
    )
    ssl_key: Maybe[FilePath] = option(
        "The private key in PEM form, where `ssl_certificate` does not hold it. The file must not "
        "be readable by everybody.",
        None,
        examples=["conf/certificates/client.key"],
    )
    ssl_key_password: SecretText = option("The password of the private key.", Secret(""))
    ssl_cipher_list: Text = option(
        "The cipher suites, as OpenSSL names them, in order of preference; `secure` stands for "
        "ours, and may be one of several words.",
        SECURE,
        examples=["secure:ECDHE-RSA-AES256-SHA384"],
    )
    ssl_allowed_methods: CommaList = option(
        "The versions of TLS: tlsv1.0 to tlsv1.3, `secure` for 1.2 and 1.3, `all` for all.",
        (SECURE,),
        examples=["tlsv1.3"],
    )

    @field_validator("ssl_allowed_methods")
    @classmethod
    def _known_methods(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        try:
            versions(words)
        except ValueError as error:
            raise Wrong(str(error)) from None
        return words

    @property
    def methods(self) -> tuple[Version, ...]:
        """What `ssl_allowed_methods` stands for, the oldest first."""
        return versions(self.ssl_allowed_methods)

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Load who may sign; raises ValueError. It reads files, and takes a while."""
        return load_authorities(self.ssl_certificate_authority)

    def identity(self) -> Identity | None:
        """Load who this server is; raises ValueError. It reads files, and takes a while."""
        certificate = self.ssl_certificate
        if certificate is None:
            return None
        return Identity.load(certificate, self.ssl_key, self.ssl_key_password or None)

    def context(self) -> SSL.Context:
        """Load all of it, and make the context; raises ValueError."""
        return client_context(
            self.authorities(),
            ciphers=self.ssl_cipher_list or SECURE,
            methods=self.methods,
            identity=self.identity(),
        )

    def check(self, context: Context) -> Iterator[Wrong]:
        """Load every file, and see that OpenSSL takes all of it."""
        for path in self.ssl_certificate_authority:
            try:
                load_authorities([path])
            except ValueError as error:
                yield Wrong(str(error), str(path), option="ssl_certificate_authority")
        try:
            client_context(ciphers=self.ssl_cipher_list or SECURE, methods=self.methods)
        except ValueError as error:
            yield Wrong(str(error), option="ssl_cipher_list")
        yield from self._check_identity()

    def _check_identity(self) -> Iterator[Wrong]:
        for name in ("ssl_key", "ssl_key_password"):
            if getattr(self, name) and self.ssl_certificate is None:
                yield Wrong("has no ssl_certificate that it belongs to", option=name)
        try:
            identity = self.identity()
            if identity is not None:
                client_context(identity=identity)
        except UnusableKey as error:
            name = "ssl_certificate" if self.ssl_key is None else "ssl_key"
            yield Wrong(str(error), str(getattr(self, name)), option=name)
        except ValueError as error:
            yield Wrong(str(error), str(self.ssl_certificate), option="ssl_certificate")
