"""Kinds of option value that only accounts and groups have, each with its own error sentences."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

from mft.auth.own_passwords import CLASSES
from mft.auth.passwords import PasswordHash
from mft.auth.permissions import MAX_RULES, global_rule, path_rule
from mft.auth.places import expand, member_files, sample, virtual_path
from mft.auth.time_codes import MAX_RECOVERY_CODES, TimeCodes, is_recovery_digest
from mft.config.ini import split_commas
from mft.config.kinds import (
    Context,
    Kind,
    Moment,
    Wrong,
    Wrongs,
    comma_list,
    duration,
    each_line,
    file_path,
    kinds_of,
    size,
)
from mft.config.named_files import as_data
from mft.core.secret import Secret
from mft.trust.authorized_keys import parse_keys

PASSWORD = "password"  # noqa: S105 - the name of a kind of credential
SSH_KEY = "ssh-key"
SSL_CERTIFICATE = "ssl-certificate"
CREDENTIAL_KINDS = (PASSWORD, SSH_KEY, SSL_CERTIFICATE)
ONE_TIME_CODE = "one-time-code"  # what a second factor shows, after a password
PUBLIC = "public"  # no credential: a service shows an account's tree to everybody
DAY = 86400.0  # seconds
LEAST_BANDWIDTH = 1024  # bytes a second; with less, a client would take the wait for an end
MAX_FOLDERS = 100  # virtual folders, or folders made in a new home, of one account or group


class VirtualFolder(NamedTuple):
    """Where clients see a folder, and where it is; `${USER}` may stand in both."""

    virtual: str
    real: str


def _password(text: str, context: Context | None) -> Secret:
    try:
        PasswordHash.parse(text.strip())
    except ValueError as error:
        raise Wrong(f"{error}; `mft password` makes one") from None
    return Secret(text.strip())


def _one_time_codes(text: str, context: Context | None) -> Secret:
    try:
        TimeCodes.parse(text.strip())
    except ValueError as error:
        raise Wrong(f"{error}; `mft totp` makes one") from None
    return Secret(text.strip())


def _recovery_code(line: str) -> str:
    if not is_recovery_digest(line):
        raise Wrong("is no line of recovery codes as `mft totp` prints them")
    return line


def _recovery_codes(text: str, context: Context | None) -> tuple[str, ...]:
    found = each_line(text, _recovery_code)
    if len(found) > MAX_RECOVERY_CODES:
        raise Wrong(f"has more than {MAX_RECOVERY_CODES} codes")
    if len(set(found)) != len(found):
        raise Wrong("has a code twice")
    return found


def _permissions(text: str, context: Context | None) -> tuple[str, ...]:
    lines = [(at, line.strip()) for at, line in enumerate(text.split("\n")) if line.strip()]
    if not lines:
        raise Wrong("is empty; it needs at least a line such as allow-read, allow-list")
    if len(lines) > MAX_RULES:
        raise Wrong(f"has more than {MAX_RULES} lines", lines[0][1])
    wrongs: list[Wrong] = []
    for number, (at, line) in enumerate(lines):
        try:
            if number:
                path_rule(line, "", number, sample())
            else:
                global_rule(line)
        except ValueError as error:
            wrongs.append(Wrong(f"is no rule: {error}", line, at))
    if wrongs:
        raise Wrongs(wrongs)
    return tuple(line for _, line in lines)


def _virtual_folder(line: str) -> VirtualFolder:
    try:
        found = split_commas(line)
        if len(found) != 2:
            raise ValueError("it needs a virtual path, a comma, and a real path")
        folder = VirtualFolder(*found)
        names = sample()
        if virtual_path(expand(folder.virtual, names)).is_root:
            raise ValueError("the virtual path is the root")
        if not expand(folder.real, names).startswith("/"):
            raise ValueError("the real path is not absolute")
    except ValueError as error:
        raise Wrong(f"is no virtual folder such as /shared, /srv/shared: {error}") from None
    return folder


def _virtual_folders(text: str, context: Context | None) -> tuple[VirtualFolder, ...]:
    folders = each_line(text, _virtual_folder)
    if len(folders) > MAX_FOLDERS:
        raise Wrong(f"has more than {MAX_FOLDERS} folders", folders[0].virtual)
    seen: set[str] = set()
    for folder in folders:
        where = str(virtual_path(folder.virtual))
        if where in seen:
            raise Wrong("names a virtual path twice", folder.virtual)
        seen.add(where)
    return folders


def _structure_line(line: str) -> str:
    try:
        if virtual_path(line).is_root or ".." in line.split("/"):
            raise ValueError("it must name a folder below the home")
    except ValueError as error:
        raise Wrong(f"is no folder such as in/archive: {error}") from None
    return line


def _structure(text: str, context: Context | None) -> tuple[str, ...]:
    folders = each_line(text, _structure_line)
    if len(folders) > MAX_FOLDERS:
        raise Wrong(f"has more than {MAX_FOLDERS} folders", folders[0])
    return folders


def _keys(text: str, context: Context | None) -> str:
    found = parse_keys(text)
    lines = text.split("\n")
    wrongs = []
    for line, sentence in found.problems:
        # A private key is not shown, not even the line that it begins on.
        shown = "..." if found.private else lines[line - 1].strip()[:80]
        wrongs.append(Wrong(f"is not an authorized key: {sentence}", shown, line - 1))
    if wrongs:
        raise Wrongs(wrongs)
    return text


def _required(text: str, context: Context | None) -> frozenset[str]:
    words = {word.lower() for word in comma_list(text)}
    if words == {"any"}:
        return frozenset()
    if not words or not words <= set(CREDENTIAL_KINDS):
        raise Wrong(f"is not any, {', '.join(CREDENTIAL_KINDS)}, or password and one of the others")
    if {SSH_KEY, SSL_CERTIFICATE} <= words:
        raise Wrong("is for no client: an SSH key and a TLS certificate never come together")
    return frozenset(words)


def _classes(text: str, context: Context | None) -> frozenset[str]:
    words = {word.lower() for word in comma_list(text)} - {"disabled"}
    if not words <= set(CLASSES):
        raise Wrong(f"is not of {', '.join(CLASSES)}, or disabled")
    return frozenset(words)


def _amend(text: str, context: Context | None) -> bool:
    word = text.strip().lower()
    if word in ("", "disabled", "no"):
        return False
    if word == "uuid-prefix":
        return True
    raise Wrong("is neither uuid-prefix nor empty")


def _days(text: str, context: Context | None) -> float:
    word = text.strip().lower()
    plain = word.isascii() and word.isdigit()  # a number alone is of days
    try:
        return float(str(duration().read(f"{word}d" if plain else word, context)))
    except Wrong:
        raise Wrong("is not a number of days such as 90, or a duration such as 12w") from None


def _days_text(seconds: float) -> str:
    return f"{seconds / DAY:.15g}d" if seconds else "0"


def _instant(text: str, context: Context | None) -> object:
    word = text.strip()
    if not (word.isascii() and word.isdigit()):
        (moment,) = kinds_of((), Moment)
        return moment.read(text, context)
    try:
        return datetime.fromtimestamp(int(word), UTC)
    except (ValueError, OverflowError, OSError):
        raise Wrong("is no second of the calendar: they count from 1970") from None


def _shared_path(text: str, context: Context | None) -> str:
    path = text.strip()
    shared = path.startswith("${SHARED}")
    try:
        expanded = expand(path.removeprefix("${SHARED}"), sample())
    except ValueError as error:
        raise Wrong(f"is no path for the members of a group: {error}") from None
    absolute = file_path(expanded, context)
    if context is None and not absolute.is_absolute():
        raise Wrong("is not an absolute path such as /srv/homes/${USER}")
    inside = path.removeprefix("${SHARED}")
    base = inside if context is None else str(context.directory / Path(inside))
    return f"${{SHARED}}{base}" if shared else base


_SIZE = size()


def _bandwidth(text: str, context: Context | None) -> int:
    try:
        found = int(str(_SIZE.read(text, context)))
    except Wrong:
        raise Wrong("is not a number of bytes a second such as 10 MB or 512 KiB") from None
    if 0 < found < LEAST_BANDWIDTH:
        raise Wrong(f"is less than {LEAST_BANDWIDTH} bytes a second; 0 is no limit")
    return found


def _group_home(text: str, context: Context | None) -> str:
    return _shared_path(text, None)


PasswordText = Annotated[Secret, Kind("password hash", "", _password, secret=True)]
OneTimeCodes = Annotated[Secret, Kind("otpauth URI", "", _one_time_codes, secret=True)]
RecoveryCodes = Annotated[
    tuple[str, ...],
    Kind("lines of digests", "", _recovery_codes, secret=True, write="\n".join),
]
PermissionLines = Annotated[
    tuple[str, ...],
    Kind("lines: permissions, then PATH-EXPRESSION, permissions", "allow-read", _permissions),
]
VirtualFolders = Annotated[
    tuple[VirtualFolder, ...],
    Kind(
        "lines of a virtual path and a real one",
        "/shared, /srv/shared",
        _virtual_folders,
        files=as_data,
    ),
]
HomeStructure = Annotated[tuple[str, ...], Kind("lines of folders", "in/archive", _structure)]
AuthorizedKeys = Annotated[str, Kind("lines of OpenSSH public keys", "", _keys)]
RequiredCredentials = Annotated[
    frozenset[str], Kind("any, or kinds of credential", "password, ssh-key", _required)
]
CharacterClasses = Annotated[
    frozenset[str], Kind("kinds of character", "lowercase, digit", _classes)
]
Bandwidth = Annotated[
    int, Kind("size of what moves in a second", "0 or 10 MB", _bandwidth, write=_SIZE.write)
]
AmendWriteName = Annotated[bool, Kind("uuid-prefix or nothing", "uuid-prefix", _amend)]
Days = Annotated[float, Kind("days, or a duration", "90 or 12w", _days, write=_days_text)]
Instant = Annotated[
    datetime, Kind("seconds since 1970, or a date", "1893456000 or 2030-01-01", _instant)
]
GroupHome = Annotated[
    str, Kind("folder of homes", "/srv/homes/${USER}", _group_home, files=as_data)
]
GroupPath = Annotated[
    str, Kind("file or folder", "conf/keys/${USER}", _shared_path, files=member_files)
]
