"""The options of `type = syslog`."""

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from cryptography import x509

from mft.config.kinds import (
    Context,
    Count,
    FilePath,
    Kind,
    Maybe,
    Text,
    Wrong,
    comma_list,
    duration,
    size,
)
from mft.config.section import option
from mft.handlers.base import LONGEST_DELAY, HandlerOptions
from mft.handlers.log_file import EntryContent
from mft.trust.certificates import load_authorities
from mft.wire.syslog import MAX_ID, MAX_SIZE, MIN_SIZE

LINE: Final = "{id} {account.name} {account.peer.address}:{account.peer.port} {message}"
PORTS: Final = {"udp": 514, "tcp": 601, "tls": 6514}  # RFC 5426, 3195 and 5425
STREAM_SIZE: Final = 8 << 10  # bytes; what the usual receivers take
DATAGRAM_SIZE: Final = 2 << 10  # bytes; what every receiver of RFC 5424 should take
LONGEST: Final = 600.0  # seconds

_HOST: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}", re.ASCII)
_ELEMENT: Final = re.compile(r'[^\s="\]@]+@[0-9]+(\.[0-9]+)*', re.ASCII)

Facility = Literal[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
]  # fmt: skip  # as in the table of mft/wire/syslog.py
Severity = Literal["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]


class Url(NamedTuple):
    """Where the receiver is: a socket file, or a host and a port."""

    scheme: str  # file, udp, tcp or tls
    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.scheme == "file":
            return f"file://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def _url(text: str, context: Context | None) -> Url:
    """Read a URL; old configurations had the port in an option of its own, which comes as well."""
    parts = comma_list(text)
    ports = [part for part in parts if part.isascii() and part.isdigit()]
    urls = [part for part in parts if part not in ports]
    if len(urls) != 1 or len(ports) > 1:
        raise Wrong("is not one URL such as file:///dev/log, udp://host, tcp://host or tls://host")
    found = _parsed(urls[0], context)
    if not ports or found.scheme == "file":
        return found
    return found._replace(port=_port(int(ports[0])))


def _parsed(text: str, context: Context | None) -> Url:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Wrong("is not a URL such as tcp://logs.example.com:601", text) from None
    if not text.isprintable() or parts.query or parts.fragment or "@" in parts.netloc:
        raise Wrong("is not a URL such as tcp://logs.example.com:601", text)
    if parts.scheme == "file":
        if parts.netloc or not Path(parts.path).is_absolute():
            raise Wrong("is not the URL of a socket file such as file:///dev/log", text)
        return Url("file", path=parts.path)
    if parts.scheme not in PORTS:
        raise Wrong("begins with none of file://, udp://, tcp:// and tls://", text)
    if parts.path not in ("", "/") or not (_HOST.fullmatch(host) or _is_address(host)):
        raise Wrong(f"is not a URL such as {parts.scheme}://logs.example.com", text)
    return Url(parts.scheme, host, PORTS[parts.scheme] if port is None else _port(port))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _port(number: int) -> int:
    if not 1 <= number <= 65535:
        raise Wrong("is not a port from 1 to 65535", str(number))
    return number


def _element(text: str, context: Context | None) -> str:
    name = text.strip()
    if len(name) > MAX_ID or _ELEMENT.fullmatch(name) is None:
        raise Wrong(
            f"is not a name, @ and a private enterprise number, {MAX_ID} characters at most"
        )
    return name


def _message_size(text: str, context: Context | None) -> object:
    found = size(maximum=MAX_SIZE).read(text, context)
    if isinstance(found, int) and 0 < found < MIN_SIZE:
        raise Wrong(f"is less than {MIN_SIZE} bytes; 0 is the usual size")
    return found


def _scheme(scheme: str) -> Callable[[str], str | None]:
    """How the value of an old option becomes a URL; an empty one was not in use."""
    return lambda text: f"{scheme}{text.strip()}" if text.strip() else None


ElementId = Annotated[str, Kind("ID of structured data", "event@32473", _element)]


class SyslogOptions(HandlerOptions):
    """Send events to a syslog server, one message each."""

    longest_delay: ClassVar[float] = LONGEST_DELAY

    converted: ClassVar[Mapping[str, Callable[[str], str | None]]] = {
        "address": _scheme("udp://"),
        "port": _scheme(""),
        "path": _scheme("file://"),
    }

    url: Annotated[Url, Kind("URL", "tcp://logs.example.com", _url, write=str)] = option(
        "Where the syslog server is: `file:///dev/log` for the one of this machine, "
        "`udp://host[:514]`, `tcp://host[:601]`, or `tls://host[:6514]`, whose certificate must be "
        "for that host.",
        Url("file", path="/dev/log"),
        examples=["tls://logs.example.com"],
        old_names=["address", "port", "path"],
        joined=True,
    )
    format: Literal["rfc3164", "rfc5424"] = option(
        "`rfc3164`: the old line, with `entry_content` alone. `rfc5424`: a line with milliseconds "
        "and zone, and everything about the event as structured data before `entry_content`.",
        "rfc3164",
        ours=True,
    )
    entry_content: EntryContent = option(
        "The template of the text of a message.", LINE, examples=["{id} {message}"], ours=True
    )
    facility: Facility = option("The facility of every message.", "daemon", ours=True)
    severity: Severity = option("The severity of messages.", "info", ours=True)
    severity_of_failures: Severity = option(
        "The severity of messages about events of the group `failure`.", "info", ours=True
    )
    host_name: Text = option(
        "The name of this machine in messages. Empty: the one that it has; to `file://` none is "
        "sent, as every program of this machine does it.",
        "",
        examples=["files.example.com"],
        ours=True,
    )
    structured_data_id: ElementId = option(
        "The name of the structured data of `rfc5424`: a word, @, and the private enterprise "
        "number of your organization.",
        "event@32473",
        ours=True,
    )
    maximum_size: Annotated[int, Kind("size", "0 or 8 KiB", _message_size)] = option(
        "How long a message may be; what is longer is cut. 0: 8 KiB, and 2 KiB over UDP. RFC 3164 "
        "had 1 KiB.",
        0,
        examples=["1 KiB"],
        ours=True,
    )
    framing: Literal["octet-counting", "newline"] = option(
        "How messages are told apart over TCP and TLS: by their length in front (RFC 6587 3.4.1), "
        "or by a line feed behind (3.4.2).",
        "octet-counting",
        ours=True,
    )
    connection: Literal["in-turn", "kept"] = option(
        "How events go over TCP and TLS. `in-turn`: a batch has a connection of its own, and is "
        "done with once the receiver has read that to its end; a restart of the receiver loses "
        "nothing. `kept`: one connection for all, for receivers that never close their side; a "
        "batch is done with once the receiver's system has it, and what its program has not read "
        "when it ends is lost.",
        "in-turn",
        ours=True,
    )
    ssl_certificate_authority: Maybe[FilePath] = option(
        "The certificates that may sign that of a server with `tls://`, in PEM form. Empty: those "
        "that the system trusts.",
        None,
        examples=["conf/certificates/logs-ca.pem"],
    )
    timeout: Annotated[float, duration(1, LONGEST)] = option(
        "How long the receiver may take nothing, or not answer.", 30.0, ours=True
    )
    fail_after_errors: Count = option(
        "After how many failures in a row the handler stops itself. 0: never.",
        0,
        safer="A receiver that was down for a while does not end the log.",
    )

    @property
    def size(self) -> int:
        """How long a message may be, in bytes."""
        usual = DATAGRAM_SIZE if self.url.scheme == "udp" else STREAM_SIZE
        return self.maximum_size or usual

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Load who may sign the server's certificate; raises ValueError."""
        path = self.ssl_certificate_authority
        return () if path is None else load_authorities([path])

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of authorities that cannot be read, or that nobody is judged by."""
        try:
            self.authorities()
        except ValueError as error:
            shown = str(self.ssl_certificate_authority)
            yield Wrong(str(error), shown, option="ssl_certificate_authority")
        if self.ssl_certificate_authority is not None and self.url.scheme != "tls":
            sentence = "counts with tls:// only: what goes to this url is not encrypted"
            yield Wrong(sentence, str(self.url), option="ssl_certificate_authority")
