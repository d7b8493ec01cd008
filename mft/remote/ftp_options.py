"""The options of locations that are FTP servers: in clear, and over TLS."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import ClassVar, Final, Literal

from mft.config.kinds import Context, Maybe, Port, SecretText, Text, Wrong, YesNo
from mft.config.section import option
from mft.core.secret import Secret
from mft.remote.base import LocationOptions
from mft.remote.tls_options import TlsClientOptions

FTP_PORT: Final = 21
FTPS_PORT: Final = 990  # of implicit TLS
_HOST: Final = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")


class FtpServerOptions(LocationOptions):
    """What every FTP server has."""

    address: Text = option("The host of the server.", examples=["ftp.example.com"])
    port: Maybe[Port] = option("Its port. Empty: 21, or 990 for `type = ftpsi`.", None)
    username: Text = option("The name to log in with.", examples=["mft"])
    password: SecretText = option("The password that goes with `username`.", Secret(""))
    acct: SecretText = option("What the server is told when it asks for an account.", Secret(""))
    prefer_machine_listing: YesNo = option(
        "Whether folders are listed by MLSD where the server has it. Else, and with `No`, by LIST, "
        "and a server that has MDTM is asked for the time of each file that is new.",
        True,
        safer="LIST tells neither seconds nor time zones, and no time of day after half a year.",
    )
    ignore_passive_address: YesNo = option(
        "Whether data connections go to the address of the control connection, whatever address "
        "the server names for them.",
        True,
    )
    debug: YesNo = option(
        "Whether each line of the control connection is written to the log, without secrets.",
        False,
    )

    @property
    def effective_port(self) -> int:
        """The port of the control connection."""
        return self.port or FTP_PORT

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell what cannot be said to a server."""
        if not _is_host(self.address):
            yield Wrong("is not a host name or an IP address", self.address, option="address")
        for name in ("username", "password", "acct"):
            given = getattr(self, name)
            text = given.reveal() if isinstance(given, Secret) else given
            if not text.isprintable():
                yield Wrong("has control characters or more than one line", option=name)
        if not self.username:
            yield Wrong("is empty; it needs a name", option="username")


class FtpOptions(FtpServerOptions):
    """An FTP server, in clear: whoever is in between reads and changes everything."""

    shown: ClassVar[Mapping[str, str]] = {"address": "localhost"}  # anything else is warned of

    type: Literal["ftp"] = option("What the location is.", "ftp")

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell as well of passwords that go over the network."""
        yield from super().check(context)
        if not _loopback(self.address):
            yield Wrong(
                "sends the password and all files in clear over the network; write ftpse or ftpsi",
                "ftp",
                option="type",
                mild=True,
            )


class FtpsServerOptions(TlsClientOptions, FtpServerOptions):
    """What every FTP server over TLS has."""

    ftps_reuse_session: YesNo = option(
        "Whether data connections take up the TLS session of the control connection, which many "
        "servers demand.",
        True,
    )

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell as well of files that cannot be used."""
        yield from FtpServerOptions.check(self, context)
        yield from TlsClientOptions.check(self, context)


class FtpseOptions(FtpsServerOptions):
    """An FTP server over TLS that is asked for by AUTH TLS (RFC 4217)."""

    type: Literal["ftpse"] = option("What the location is.", "ftpse")


class FtpsiOptions(FtpsServerOptions):
    """An FTP server over TLS from the first byte."""

    type: Literal["ftpsi"] = option("What the location is.", "ftpsi")

    @property
    def effective_port(self) -> int:
        """The port of the control connection."""
        return self.port or FTPS_PORT


def _is_host(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return _HOST.fullmatch(name) is not None and len(name) <= 253
    return True


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
