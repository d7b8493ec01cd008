"""Kinds of value: annotated types that read an option's text, each with its own error sentence.

The names of `mft.config.kind` are here as well: a component needs this import only.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

from pydantic import WrapValidator

from mft.config.ini import split_commas
from mft.config.kind import Context as Context
from mft.config.kind import Kind as Kind
from mft.config.kind import Wrong as Wrong
from mft.config.kind import Wrongs as Wrongs
from mft.config.kind import each_line as each_line
from mft.config.kind import kinds_of as kinds_of
from mft.config.kind import plain as plain
from mft.config.named_files import as_data, as_paths
from mft.core.peer import Network, parse_network
from mft.core.secret import Secret

T = TypeVar("T")

MAX_DIGITS = 15  # of any number; keeps arithmetic exact in a float
MAX_WHOLE = 10**MAX_DIGITS - 1
MAX_SECONDS = 100 * 366 * 86400.0  # a hundred years; more is a slip of the keyboard
MAX_SIZE = 1 << 50  # 1 PiB
MAX_NAME = 150  # characters of a name (what a login accepts)

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SCALES = {"k": 1, "m": 2, "g": 3, "t": 4}
_DURATION = re.compile(r"(-?)([0-9]{1,15}(?:\.[0-9]{1,3})?) ?([smhdw]?)", re.ASCII)
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?) ?(?:([kmgt])(i?b)?|b)?", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?)? ?(Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)


def _yes_no(text: str, context: Context | None = None) -> bool:
    word = text.strip().lower()
    if word in ("yes", "true"):
        return True
    if word in ("no", "false"):
        return False
    raise Wrong("is not Yes or No")


def duration(minimum: float = 0, maximum: float = MAX_SECONDS) -> Kind:
    """Make the kind of a duration in seconds, between two bounds."""

    def read(text: str, context: Context | None) -> float:
        match = _DURATION.fullmatch(text.strip().lower())
        if match is None:
            raise Wrong("is not a duration such as 30 or 5m")
        sign, number, unit = match.groups()
        seconds = float(number) * _UNITS[unit] * (-1 if sign else 1)
        if seconds < minimum:
            raise Wrong(f"is shorter than {minimum:.15g} seconds")
        if seconds > maximum:
            raise Wrong(f"is longer than {maximum:.15g} seconds")
        return seconds

    return Kind("duration", "30 or 5m", read, write=_duration_text)


def _duration_text(seconds: float) -> str:
    for unit in ("w", "d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:.0f}{unit}"
    return f"{seconds:.15g}"


def size(minimum: int = 0, maximum: int = MAX_SIZE) -> Kind:
    """Make the kind of a number of bytes, between two bounds.

    KB, MB, GB, TB are powers of 1000; KiB, MiB, GiB, TiB and the single letters powers of 1024.
    """

    def read(text: str, context: Context | None) -> int:
        match = _SIZE.fullmatch(text.strip().lower())
        if match is None:
            raise Wrong("is not a size such as 512 or 64 MiB")
        number, letter, tail = match.groups()
        step = 1000 if tail == "b" else 1024
        found = int(float(number) * step ** (_SCALES[letter] if letter else 0))
        if found < minimum:
            raise Wrong(f"is less than {minimum} bytes")
        if found > maximum:
            raise Wrong(f"is more than {maximum} bytes")
        return found

    return Kind("size", "512 or 64 MiB", read, write=_size_text)


def _size_text(count: int) -> str:
    for power, letter in ((4, "T"), (3, "G"), (2, "M"), (1, "K")):
        if count and count % 1024**power == 0:
            return f"{count // 1024**power} {letter}iB"
    return str(count)


def whole(minimum: int = 0, maximum: int = MAX_WHOLE, name: str = "whole number") -> Kind:
    """Make the kind of a whole number, between two bounds."""
    top = "" if maximum == MAX_WHOLE else f" to {maximum}"

    def read(text: str, context: Context | None) -> int:
        digits = text.strip()
        if _WHOLE.fullmatch(digits) is None or not minimum <= int(digits) <= maximum:
            raise Wrong(f"is not a {name} from {minimum}{top}")
        return int(digits)

    return Kind(name, f"{minimum}{top}" if top else f"{max(minimum, 1) * 10}", read)


def _umask(text: str, context: Context | None) -> int:
    digits = text.strip()
    if re.fullmatch("[0-7]{1,4}", digits) is None or int(digits, 8) > 0o777:
        raise Wrong("is not a file mode mask in octal such as 022")
    return int(digits, 8)


def _listen_address(text: str, context: Context | None) -> str:
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        raise Wrong("is not an IP address such as 127.0.0.1, 0.0.0.0 or ::") from None


def _text(text: str, context: Context | None) -> str:
    return text.strip()


def _name(text: str, context: Context | None) -> str:
    name = text.strip()
    if not name:
        raise Wrong("is empty; it needs a name")
    if len(name) > MAX_NAME:
        raise Wrong(f"is longer than {MAX_NAME} characters")
    if not name.isprintable():
        raise Wrong("has control characters or more than one line")
    return name


def file_path(text: str, context: Context | None) -> Path:
    """Read a path of this machine; a relative one begins in the instance folder."""
    path = text.strip()
    if not path:
        raise Wrong("is empty; it needs a path")
    _refuse_pem(path)
    if not path.isprintable():
        raise Wrong("is not a path: it has control characters or more than one line")
    if str(Path(path)) != str(Path(path)).rstrip():
        raise Wrong("has a name that ends in a blank, which nobody would see")
    return Path(path) if context is None else context.directory / path


def _absolute_path(text: str, context: Context | None) -> Path:
    path = file_path(text, None)
    if not path.is_absolute():
        raise Wrong(f"is not an absolute path such as /srv/{path.name or 'data'}")
    return path


def comma_list(text: str, context: Context | None = None) -> tuple[str, ...]:
    """Read items between commas (or on lines of their own); a quoted item may hold commas."""
    try:
        return split_commas(text)
    except ValueError as error:
        raise Wrong(f"is not a list of items between commas: {error}") from None


def _refuse_pem(text: str) -> None:
    if "-----BEGIN" in text:  # never shown, and never taken for names of files
        message = "has a key where a path belongs; put the key into a file of its own"
        raise Wrong(message, part="-----BEGIN ...")


def _file_paths(text: str, context: Context | None) -> tuple[Path, ...]:
    _refuse_pem(text)
    return tuple(file_path(item, context) for item in comma_list(text))


def _lines(text: str, context: Context | None) -> tuple[str, ...]:
    return each_line(text, str)


def _moment(text: str, context: Context | None) -> datetime:
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        raise Wrong("is not a date such as 2030-12-31 or 2030-12-31 18:00:00+01:00")
    date, time, seconds, zone = match.groups()
    try:
        found = datetime.fromisoformat(f"{date}T{time or '00:00'}{seconds or ':00'}{zone or ''}")
        # A date without a zone is in the zone of this machine.
        return found if found.tzinfo else found.astimezone()
    except (ValueError, OverflowError, OSError):
        raise Wrong("is not a date of the calendar") from None


def _secret(text: str, context: Context | None) -> Secret:
    return Secret(text.strip())


class NetworkRule(NamedTuple):
    """One line of a source filter: `allow` or `deny`, and the addresses that it is about."""

    allow: bool
    network: Network


def _network_rule(line: str) -> NetworkRule:
    verb, _, network = line.partition(" ")
    if verb.lower() not in ("allow", "deny") or not network.strip():
        raise Wrong("is not a rule such as allow 192.0.2.0/24 or deny 2001:db8::/32")
    try:
        return NetworkRule(verb.lower() == "allow", parse_network(network.strip()))
    except ValueError:
        raise Wrong("does not name an IP address or network such as 192.0.2.0/24") from None


def _network_rules(text: str, context: Context | None) -> tuple[NetworkRule, ...]:
    return each_line(text, _network_rule)


def _rules_text(rules: tuple[NetworkRule, ...]) -> str:
    return "\n".join(f"{'allow' if rule.allow else 'deny'} {rule.network}" for rule in rules)


def reference(family: str, *types: str) -> Kind:
    """Make the kind of the ID of one section of a family: `Annotated[str, reference("groups")]`.

    With `types`, it must be of one of them. That the section exists is checked once all sections
    are read.
    """
    what = f"ID of one of the {family}" + (f" of type {' or '.join(types)}" if types else "")
    return Kind(what, "an ID", _name, family=family, types=types)


def references(family: str, *types: str) -> Kind:
    """Make the kind of IDs between commas: `Annotated[tuple[str, ...], references("groups")]`.

    With `types`, each must be of one of them.
    """
    what = f"IDs of {family}" + (f" of type {' or '.join(types)}" if types else "")
    name = f"{what} between commas"
    return Kind(name, "ID-1, ID-2", comma_list, family=family, types=types)


YesNo = Annotated[bool, Kind("Yes or No", "Yes", _yes_no)]
Seconds = Annotated[float, duration()]
PositiveSeconds = Annotated[float, duration(minimum=0.001)]
Size = Annotated[int, size()]
Count = Annotated[int, whole()]
PositiveCount = Annotated[int, whole(minimum=1)]
Port = Annotated[int, whole(1, 65535, "port")]
PortOrAny = Annotated[int, whole(0, 65535, "port")]  # 0: any free port
Umask = Annotated[int, Kind("octal mask", "022", _umask, write="{:03o}".format)]
ListenAddress = Annotated[str, Kind("IP address", "127.0.0.1, 0.0.0.0 or ::", _listen_address)]
Text = Annotated[str, Kind("text", "", _text)]
Name = Annotated[str, Kind("name", "", _name)]
_FILE = Kind("file", "conf/keys/name or /etc/name", file_path, files=as_paths)
_ABSOLUTE = Kind("absolute path", "/srv/data", _absolute_path, files=as_data)
# Files that the server reads: they go to other nodes together with server.ini.
FilePath = Annotated[Path, _FILE]
FilePaths = Annotated[
    tuple[Path, ...], Kind("files between commas", "", _file_paths, files=as_paths)
]
ProgramPath = Annotated[Path, replace(_ABSOLUTE, files=as_paths)]
# Files and folders of data, which do not.
DataPath = Annotated[Path, replace(_FILE, files=as_data)]
DirectoryPath = Annotated[Path, Kind("folder", "data or /srv/data", file_path, files=as_data)]
AbsolutePath = Annotated[Path, _ABSOLUTE]
CommaList = Annotated[tuple[str, ...], Kind("list between commas", "one, two", comma_list)]
Lines = Annotated[tuple[str, ...], Kind("lines", "", _lines, write="\n".join)]
Moment = Annotated[datetime, Kind("date", "2030-12-31 or 2030-12-31 18:00:00+01:00", _moment)]
SecretText = Annotated[Secret, Kind("secret", "", _secret, secret=True)]
NetworkRules = Annotated[
    tuple[NetworkRule, ...],
    Kind(
        "lines of allow or deny and a network",
        "allow 192.0.2.0/24",
        _network_rules,
        write=_rules_text,
    ),
]
GroupRefs = Annotated[tuple[str, ...], references("groups")]
PolicyRef = Annotated[str, reference("security-policies")]
AuthenticationRef = Annotated[str, reference("authentications")]
AuthenticationRefs = Annotated[tuple[str, ...], references("authentications")]


class Inherit(Enum):
    """The value of an option that is left to the group."""

    INHERIT = "Inherit"


INHERIT = Inherit.INHERIT


def _or_inherit(value: object, inner: Callable[[object], object]) -> object:
    if value is INHERIT or (isinstance(value, str) and value.strip().lower() == "inherit"):
        return INHERIT
    return inner(value)


def _or_none(value: object, inner: Callable[[object], object]) -> object:
    if value is None or (isinstance(value, str) and value.strip().lower() in ("", "disabled")):
        return None
    return inner(value)


# `Inheritable[Size]`: the text `Inherit` means the group's value.
Inheritable = Annotated[T | Inherit, WrapValidator(_or_inherit)]
# `Maybe[FilePath]`: empty text (or its old spelling, `Disabled`) means None.
Maybe = Annotated[T | None, WrapValidator(_or_none)]
