"""FtpOptions: a service for FTP and FTPS (`type = ftp` explicit, `type = ftpsi` implicit)."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address
from typing import Annotated, ClassVar, Final, NamedTuple

from pydantic import field_validator

from mft.config.kinds import (
    MAX_SECONDS,
    Context,
    Kind,
    PortOrAny,
    Text,
    Wrong,
    YesNo,
    duration,
    each_line,
    whole,
)
from mft.config.section import option
from mft.core.peer import Network, parse_ip, parse_network
from mft.protocols.options import MAX_IDLE_TIMEOUT, listening_port
from mft.protocols.tls_options import TlsOptions

IDLE_DATA_TIMEOUT: Final = 30.0  # seconds
_PASSWORDS: Final = "enable_password_authentication"
_HOST_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.(?!-)[A-Za-z0-9-]{1,63})*", re.ASCII)


def _port_range(text: str, context: Context | None) -> range:
    low, dash, high = (part.strip() for part in text.partition("-"))
    if not dash or not (low.isascii() and low.isdigit() and high.isascii() and high.isdigit()):
        raise Wrong("is not a range of ports such as 10900 - 10999, or 0 - 0 for any")
    first, last = int(low), int(high)
    if (first, last) == (0, 0):
        return range(1)
    if not 1024 <= first <= last <= 65535:
        raise Wrong("is not a range of ports from 1024 to 65535, the lower one first")
    return range(first, last + 1)


def _range_text(ports: range) -> str:
    return f"{ports.start} - {ports.stop - 1}"


class PassiveAddress(NamedTuple):
    """The address that clients of one network are told: an IPv4 address, or a name in DNS."""

    network: Network | None  # None: everybody
    address: str

    @property
    def is_name(self) -> bool:
        """Whether it has to be looked up."""
        try:
            ip_address(self.address)
        except ValueError:
            return True
        return False

    def meets(self, host: str) -> bool:
        """Whether it is told to a client of this address."""
        return self.network is None or parse_ip(host) in self.network


def _passive_address(line: str) -> PassiveAddress:
    words = line.split()
    if len(words) > 2:
        raise Wrong("is not a line of a network (or nothing) and an address")
    try:
        network = parse_network(words[0]) if len(words) == 2 else None
    except ValueError:
        raise Wrong("does not begin with an IP network such as 10.0.0.0/8") from None
    address = words[-1]
    try:
        return PassiveAddress(network, str(IPv4Address(address)))
    except ValueError:
        looks_numeric = ":" in address or address.replace(".", "").isdigit()
        if looks_numeric or not _HOST_NAME.fullmatch(address):
            raise Wrong("is neither an IPv4 address nor a name in DNS") from None
        return PassiveAddress(network, address)


def _passive_addresses(text: str, context: Context | None) -> tuple[PassiveAddress, ...]:
    return each_line(text, _passive_address)


def _addresses_text(addresses: tuple[PassiveAddress, ...]) -> str:
    return "\n".join(
        one.address if one.network is None else f"{one.network} {one.address}" for one in addresses
    )


PortRange = Annotated[
    range, Kind("range of ports", "10900 - 10999", _port_range, write=_range_text)
]
PassiveAddresses = Annotated[
    tuple[PassiveAddress, ...],
    Kind(
        "lines of a network (or nothing) and an IPv4 address or name",
        "203.0.113.5",
        _passive_addresses,
        write=_addresses_text,
    ),
]


class FtpOptions(TlsOptions):
    """FTP, which clients secure by AUTH TLS (explicit FTPS)."""

    spoken: ClassVar[tuple[bytes, ...]] = (b"ftp", b"ftp-data")

    port: PortOrAny = listening_port("10021")
    banner: Text = option(
        "The welcome text, sent after the product's name and version. A text that begins with `>` "
        "is sent alone.",
        "",
        examples=["> Authorised use only."],
    )
    passive_port_range: PortRange = option(
        "The ports of passive data connections, both ends included; they are used in random "
        "order, and many sessions share one. 0 - 0: any free port.",
        range(1),
        examples=["10900 - 10999"],
    )
    passive_address: PassiveAddresses = option(
        "The IPv4 address that PASV tells, where a router stands between: an address, or a name "
        "that is looked up again every few minutes. With several lines, each begins with the "
        "network of the clients that it is for, and the first that fits is told. Empty: the "
        "address that the client has connected to. EPSV tells no address.",
        (),
        examples=["203.0.113.5", "10.0.0.0/8 10.0.0.5"],
    )
    passive_address_refresh: Annotated[float, duration(10, 86400)] = option(
        "After how long a name in `passive_address` is looked up again.",
        300.0,
        examples=["5m"],
        ours=True,
    )
    passive_wait_connection: YesNo = option(
        "Whether the server takes no further command until the client has connected to its passive "
        "port. No is for clients that ask for the transfer first.",
        True,
    )
    active_mode: YesNo = option(
        "Whether clients may ask the server to connect to them (PORT, EPRT). It connects to the "
        "client's own address and to ports from 1024 only.",
        True,
        ours=True,
    )
    active_source_port: PortOrAny = option(
        "The source port of such connections. 0: any; a port below 1024 needs a privilege that "
        "the server gives up at its start.",
        0,
    )
    idle_data_connection_timeout: Annotated[float, duration(-MAX_SECONDS, MAX_IDLE_TIMEOUT)] = (
        option(
            "After how long without any traffic, or waiting for its client, a data connection is "
            "closed; the session goes on. Zero and less mean the default.",
            IDLE_DATA_TIMEOUT,
        )
    )
    ftps_explicit_enabled: YesNo = option(
        "Whether clients may ask for TLS (AUTH TLS).", True, safer="Older servers had it off."
    )
    ftps_force_secured_command_channel: YesNo = option(
        "Whether commands are refused until the control connection is secured, which also forbids "
        "to leave TLS again (CCC). It means nothing where explicit FTPS is off.",
        True,
        safer="Older servers took passwords in clear.",
    )
    ftps_force_secured_authentication: YesNo = option(
        "Whether USER and PASS are refused until the control connection is secured.", True
    )
    ftps_force_secured_data_channel: YesNo = option(
        "Whether transfers and listings are refused unless data connections are secured (PROT P).",
        True,
    )
    ftps_require_session_reuse: YesNo = option(
        "Whether the TLS session of a data connection must be that of its control connection, so "
        "that nobody else can take the transfer over. No is for clients that cannot.",
        True,
    )
    enable_password_authentication: YesNo = option("Whether clients log in by password.", True)
    enable_ssl_certificate_authentication: YesNo = option(
        "Whether clients log in by USER and their certificate, where the account says so by "
        "`allow_certificate_authentication`. They have one with `ssl_certificate_authority` only.",
        True,
    )
    ignore_ascii_data_type: YesNo = option(
        "Whether files are moved as they are although a client asks for text (TYPE A).", False
    )
    ascii_data_type_as_default: YesNo = option(
        "Whether files are text until a client says otherwise, as RFC 959 has it.", False
    )
    maximum_open_files: Annotated[int, whole(1, 100)] = option(
        "How many files and folders one session may have open.", 10, ours=True
    )

    @field_validator("idle_data_connection_timeout")
    @classmethod
    def _data_never_off(cls, seconds: float) -> float:
        return seconds if seconds > 0 else IDLE_DATA_TIMEOUT

    def check(self, context: Context) -> Iterator[Wrong]:
        """See that somebody can log in, and that the certificate can be used."""
        yield from super().check(context)
        if self.enable_password_authentication:
            return
        if not self.enable_ssl_certificate_authentication:
            yield Wrong("leaves no way to log in", "No", None, _PASSWORDS)
        elif not (self.uses_tls and self.ssl_certificate_authority):
            sentence = "leaves certificates, for which there is no ssl_certificate_authority"
            yield Wrong(sentence, "No", None, _PASSWORDS)

    @property
    def uses_tls(self) -> bool:
        """Whether it needs a certificate."""
        return self.implicit or self.ftps_explicit_enabled

    @property
    def implicit(self) -> bool:
        """Whether TLS begins with the first byte."""
        return self.type.lower() == "ftpsi"

    @property
    def explicit(self) -> bool:
        """Whether AUTH TLS is there."""
        return self.ftps_explicit_enabled and not self.implicit

    @property
    def clear_commands(self) -> bool:
        """Whether commands may come in clear."""
        return not self.implicit and not (
            self.ftps_explicit_enabled and self.ftps_force_secured_command_channel
        )

    @property
    def clear_login(self) -> bool:
        """Whether somebody may log in in clear."""
        return self.clear_commands and not (
            self.ftps_explicit_enabled and self.ftps_force_secured_authentication
        )

    @property
    def clear_data(self) -> bool:
        """Whether data may go in clear."""
        return not self.implicit and not (
            self.ftps_explicit_enabled and self.ftps_force_secured_data_channel
        )

    @property
    def leaves_tls(self) -> bool:
        """Whether CCC is done: where commands may come in clear and logins may not."""
        return self.explicit and not self.ftps_force_secured_command_channel


class ImplicitFtpOptions(FtpOptions):
    """FTP over TLS from the first byte (implicit FTPS); what is said of AUTH TLS means nothing."""

    port: PortOrAny = listening_port("10990")
