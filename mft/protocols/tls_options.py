"""TlsOptions: what a service that speaks TLS has, beside the options of every service."""

import os
import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar, Final
from urllib.parse import unquote, urlsplit

from cryptography import x509
from pydantic import field_validator

from mft.config.kinds import (
    CommaList,
    Context,
    Kind,
    Maybe,
    SecretText,
    Text,
    Wrong,
    comma_list,
    duration,
    file_path,
)
from mft.config.named_files import as_paths
from mft.config.section import option
from mft.core.secret import Secret
from mft.protocols.options import ServiceOptions
from mft.trust.certificates import (
    Identity,
    Source,
    UnusableKey,
    load_authorities,
    read_source,
)
from mft.trust.first_certificate import CERTIFICATE, first_certificate, write_first
from mft.trust.revocation import MAX_LIST, MAX_URL, RevocationList
from mft.trust.suites import SECURE, Version, versions
from mft.trust.tls import SESSION_SECONDS, ServerContext, policy_context, server_context

DISTRIBUTION_POINTS: Final = "crl-distribution-points"
MAX_REVOCATION_LISTS: Final = 20
SHOWN_PEM: Final = "-----BEGIN ..."  # in place of text that may hold a key
RevocationSource = Path | str  # a file, a URL, or DISTRIBUTION_POINTS

_CERTIFICATE: Final = "ssl_certificate"
_KEY: Final = "ssl_key"
_AUTHORITY: Final = "ssl_certificate_authority"
_REVOCATION: Final = "ssl_certificate_revocation_list"


def _source(text: str, context: Context | None) -> Source:
    """Read a file's path, or PEM text, which is never shown."""
    return Secret(text.strip()) if "-----BEGIN " in text else file_path(text, context)


def _authorities(text: str, context: Context | None) -> tuple[Source, ...]:
    if "-----BEGIN " in text:
        return (Secret(text.strip()),)
    if text.strip().lower() in ("", "disabled"):
        return ()
    return tuple(file_path(item, context) for item in comma_list(text))


def _revocation_lists(text: str, context: Context | None) -> tuple[RevocationSource, ...]:
    items = comma_list(text)
    if [item.lower() for item in items] == [DISTRIBUTION_POINTS]:
        return (DISTRIBUTION_POINTS,)
    if len(items) > MAX_REVOCATION_LISTS:
        raise Wrong(f"names more than {MAX_REVOCATION_LISTS} lists")
    return tuple(map(_revocation_list, items))


def _revocation_list(item: str) -> RevocationSource:
    try:
        url = urlsplit(item)
        port = url.port
    except ValueError:
        raise Wrong("is not a URL", item) from None
    if url.scheme == "file" and not url.netloc and url.path.startswith("/"):
        return Path(unquote(url.path))
    plain = item.isascii() and item.isprintable() and len(item) <= MAX_URL
    if url.scheme == "http" and url.hostname and port != 0 and plain and "@" not in url.netloc:
        return item
    raise Wrong(
        "is not file:///path, http://host/path, or alone the word " + DISTRIBUTION_POINTS, item
    )


PemSource = Annotated[
    Source, Kind("file or PEM text", "conf/certificates/server.pem", _source, files=as_paths)
]
Authorities = Annotated[
    tuple[Source, ...], Kind("files between commas, or PEM text", "", _authorities, files=as_paths)
]
RevocationLists = Annotated[
    tuple[RevocationSource, ...],
    Kind("URLs between commas", "", _revocation_lists, files=as_paths),
]


class TlsOptions(ServiceOptions):
    """A service over TLS: who it is, whom it believes, and what it speaks."""

    ignored: ClassVar[Mapping[str, str]] = {
        **ServiceOptions.ignored,
        "ssl_domains": "certificates are not ordered from here; name files in ssl_certificate",
    }
    # What clients that tell it may want to speak (ALPN); empty: whatever they want.
    spoken: ClassVar[tuple[bytes, ...]] = ()

    ssl_certificate: Maybe[PemSource] = option(
        "The certificate, those between it and the root, and the private key: a file in PEM or "
        "PFX form, or PEM text. Empty: `conf/certificates/server.pem`, which `mft init` makes, or "
        "else the first start.",
        None,
        examples=["conf/certificates/server.pem"],
        old_names=["tls_private_certificate"],
    )
    ssl_key: Maybe[PemSource] = option(
        "The private key, where `ssl_certificate` does not hold it: a file in PEM form, or PEM "
        "text. The file must not be readable by everybody.",
        None,
        examples=["conf/certificates/server.key"],
    )
    ssl_key_password: SecretText = option("The password of the private key.", Secret(""))
    ssl_certificate_authority: Authorities = option(
        "The certificates that may sign those of clients: files in PEM form, or PEM text. When "
        "given, every client must have a certificate. Empty, or Disabled: none needs one.",
        (),
        examples=["conf/certificates/partners.pem"],
        old_names=["tls_mutual_certification_authorities"],
    )
    ssl_certificate_revocation_list: RevocationLists = option(
        "Where the lists of revoked client certificates are: URLs file:///path and http://host/"
        "path, or the word crl-distribution-points, for the places that each certificate names. "
        "Counts only with `ssl_certificate_authority`, whose certificates must have signed them.",
        (),
        examples=["file:///srv/pki/partners.crl, http://pki.example.com/partners.crl"],
    )
    ssl_certificate_revocation_list_refresh: Annotated[float, duration(0, 366 * 86400)] = option(
        "How often the lists are loaded again. 0: when the next one is due (Next Update).", 0.0
    )
    ssl_cipher_list: Text = option(
        "The cipher suites, as OpenSSL names them, in order of preference; `secure` stands for "
        "ours, and may be one of several words.",
        SECURE,
        examples=["secure:ECDHE-RSA-AES256-SHA384"],
        safer="`secure` has no finite-field Diffie-Hellman.",
    )
    ssl_allowed_methods: CommaList = option(
        "The versions of TLS: tlsv1.0 to tlsv1.3, `secure` for 1.2 and 1.3, `all` for all.",
        (SECURE,),
        examples=["tlsv1.3"],
    )
    tls_active_session_limit: Annotated[float, duration(10, 604800)] = option(
        "How long a TLS session can be resumed, from 10 seconds to a week.", float(SESSION_SECONDS)
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
    def uses_tls(self) -> bool:
        """Whether it needs a certificate at all."""
        return True

    @property
    def methods(self) -> tuple[Version, ...]:
        """What `ssl_allowed_methods` stands for, the oldest first."""
        return versions(self.ssl_allowed_methods)

    def makes_certificate(self, directory: Path) -> bool:
        """Whether the first start makes the certificate: none is named, and there is none."""
        named = self.ssl_certificate or self.ssl_key
        return self.uses_tls and not named and not os.path.lexists(directory / CERTIFICATE)

    def make_certificate(self, directory: Path) -> None:
        """Make it, unless another service just has; raises OSError."""
        write_first(directory, first_certificate(socket.gethostname(), self.address))

    def unnamed_files(self, directory: Path) -> Iterator[Path]:
        """Give the certificate that there is where none is named."""
        if self.uses_tls and not (self.ssl_certificate or self.ssl_key):
            yield directory / CERTIFICATE

    def identity(self, directory: Path) -> Identity:
        """Load the certificate and its key, of an instance; raises ValueError as Identity.load."""
        return Identity.load(
            self._certificate(directory), self.ssl_key, self.ssl_key_password or None
        )

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Load who may sign client certificates; raises ValueError, naming the file."""
        found: list[x509.Certificate] = []
        for source in self.ssl_certificate_authority:
            try:
                found += load_authorities([source])
            except ValueError as error:
                raise ValueError(f"{_shown(source)} {error}") from None
        return tuple(found)

    def context(self, directory: Path) -> ServerContext:
        """Load all of it, and make the context; raises ValueError, naming the file."""
        authorities = self.authorities()
        certificate = self._certificate(directory)
        try:
            return server_context(
                self.identity(directory),
                ciphers=self.ssl_cipher_list,
                methods=self.methods,
                authorities=authorities,
                require_client=bool(authorities),
                session_seconds=int(self.tls_active_session_limit),
                protocols=self.spoken,
            )
        except ValueError as error:
            key = self.ssl_key if isinstance(error, UnusableKey) else None
            raise ValueError(f"{_shown(key or certificate)} {error}") from None

    def check(self, context: Context) -> Iterator[Wrong]:
        """Load every file, and see that OpenSSL takes all of it."""
        yield from super().check(context)
        if self.uses_tls:
            yield from self._check_policy()
            if not self.makes_certificate(context.directory):
                yield from self._check_identity(context.directory)
            yield from self._check_clients()

    def _certificate(self, directory: Path) -> Source:
        return self.ssl_certificate or directory / CERTIFICATE

    def _check_policy(self) -> Iterator[Wrong]:
        try:
            policy_context(self.ssl_cipher_list, self.methods)
        except ValueError as error:
            yield Wrong(str(error), option="ssl_cipher_list")

    def _check_identity(self, directory: Path) -> Iterator[Wrong]:
        given = self.ssl_certificate
        shown = str(CERTIFICATE) if given is None else _shown(given)
        try:
            server_context(self.identity(directory))
        except UnusableKey as error:
            if self.ssl_key is None:
                yield Wrong(str(error), shown, option=_CERTIFICATE)
            else:
                yield Wrong(str(error), _shown(self.ssl_key), option=_KEY)
        except ValueError as error:
            hint = "; `mft certificate` makes one" if given is None else ""
            yield Wrong(f"{error}{hint}", shown, option=_CERTIFICATE)

    def _check_clients(self) -> Iterator[Wrong]:
        for source in self.ssl_certificate_authority:
            try:
                load_authorities([source])
            except ValueError as error:
                yield Wrong(str(error), _shown(source), option=_AUTHORITY)
                return
        if not self.ssl_certificate_authority:
            if self.ssl_certificate_revocation_list:
                sentence = f"counts only together with {_AUTHORITY}"
                yield Wrong(sentence, option=_REVOCATION, mild=True)
            return
        for listed in self.ssl_certificate_revocation_list:
            if isinstance(listed, Path):
                yield from self._check_list(listed)

    def _check_list(self, path: Path) -> Iterator[Wrong]:
        try:
            found = RevocationList.load(read_source(path, MAX_LIST), self.authorities())
            refusal = found.refusal(datetime.now(UTC))
        except ValueError as error:
            refusal = str(error)
        if refusal:
            yield Wrong(refusal, str(path), option=_REVOCATION)


def _shown(source: Source) -> str:
    return str(source) if isinstance(source, Path) else SHOWN_PEM
