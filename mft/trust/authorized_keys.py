"""Files of authorized public keys: OpenSSH's lines, and the options that mean something here.

`from=` and `expiry-time=` restrict a key. Options that forbid what this server never does
(`no-pty`, `restrict`, ...) are taken and have nothing to do. A key whose options ask for something
that we would have to do and do not (`command=`, `cert-authority`, ...) is refused: without its
option it would open more than its owner meant.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import translate
from typing import NamedTuple

from mft.core.failure import Malformed
from mft.core.peer import Address, parse_ip, parse_network
from mft.trust.ssh_keys import KEY_TYPES, MAX_BLOB, MAX_KEY_FILE, PublicKey

MAX_KEYS = 1000  # of one account; each login compares at most these: 1000 comparisons, 0.1 ms
MAX_PATTERNS = 100  # in one from=
MAX_SENTENCES = 20  # problems told of one text

_HARMLESS = frozenset(
    (
        "restrict",
        "no-pty",
        "no-agent-forwarding",
        "no-port-forwarding",
        "no-x11-forwarding",
        "no-user-rc",
        "pty",
        "agent-forwarding",
        "port-forwarding",
        "x11-forwarding",
        "user-rc",
        "no-touch-required",  # a touch is always required here
    )
)
# An option name, or a name with a quoted value; `\"` is a quote inside it.
_OPTION = re.compile(r'([A-Za-z0-9-]{1,40})(?:="((?:[^"\\]|\\.){0,4096})")?(,|(?=[ \t]))')
_EXPIRY = re.compile(r"(\d{8})(\d{4})?(\d\d)?(Z)?", re.ASCII)
_PRIVATE = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|PuTTY-User-Key-File")


class SourcePattern(NamedTuple):
    """One pattern of a `from=`: an address, network or glob over the address; `!` refuses."""

    negated: bool
    matches: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class AuthorizedKey:
    """One key that may log in, and when."""

    key: PublicKey
    comment: str = ""
    sources: tuple[SourcePattern, ...] = ()  # empty: from everywhere
    expires: float | None = None  # seconds since the epoch

    def refusal(self, now: float, peer: Address) -> str | None:
        """None when the key may be used now from there; otherwise why not."""
        if self.expires is not None and now >= self.expires:
            return "the key has expired"
        if self.sources and not in_sources(self.sources, peer):
            return f"the key is not allowed from {peer.host}"
        return None


class Keys(NamedTuple):
    """What a text of authorized keys holds, and what is wrong with it."""

    keys: tuple[AuthorizedKey, ...]
    problems: tuple[tuple[int, str], ...]  # (line counted from 1, sentence)
    private: bool = False  # it holds a private key, which does not belong there


def parse_keys(text: str) -> Keys:
    """Read a text of at most 100 kB, a key a line; bad lines are told and left out."""
    if len(text) > MAX_KEY_FILE:
        return Keys((), ((1, f"is longer than {MAX_KEY_FILE} bytes"),))
    if _PRIVATE.search(text):
        return Keys((), ((1, "holds a private key; only public keys belong here"),), private=True)
    keys: list[AuthorizedKey] = []
    problems: list[tuple[int, str]] = []
    for number, line in _lines(text):
        if len(keys) >= MAX_KEYS:
            problems.append((number, f"has more than {MAX_KEYS} keys"))
            break
        try:
            keys.append(parse_line(line))
        except ValueError as error:
            problems.append((number, str(error)))
    return Keys(tuple(keys), tuple(problems[:MAX_SENTENCES]))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


def parse_line(line: str) -> AuthorizedKey:
    """Read one line; raises ValueError with a sentence."""
    sources: tuple[SourcePattern, ...] = ()
    ends: list[float] = []
    options, line = _options(line)
    for name, value in options:
        if name == "from":
            # Two of them would mean both; OpenSSH refuses that as well.
            if sources:
                raise ValueError("from= is given twice")
            sources = source_list(value or "")
        elif name == "expiry-time":
            ends.append(_expiry(value or ""))
        elif name not in _HARMLESS:
            raise ValueError(f"the option {name!r} is not supported, so its key is not used")
    words = line.split(None, 2)
    if len(words) < 2:
        raise ValueError("is not a public key such as ssh-ed25519 AAAA... comment")
    key = _key(words[0], words[1])
    return AuthorizedKey(key, words[2] if len(words) > 2 else "", sources, min(ends, default=None))


def _key(key_type: str, encoded: str) -> PublicKey:
    if key_type not in KEY_TYPES:
        raise ValueError(f"{key_type[:50]!r} is not a supported type of key")
    if len(encoded) > MAX_BLOB * 4 // 3 + 4:
        raise ValueError("a public key is too long")
    try:
        key = PublicKey.parse(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError) as error:
        told = str(error) if isinstance(error, Malformed) else "the key is not valid Base64"
        raise ValueError(told) from None
    if key.type != key_type:
        raise ValueError(f"the key is of type {key.type}, but the line says {key_type}")
    return key


def _options(line: str) -> tuple[list[tuple[str, str | None]], str]:
    """Split the options off the front of a line; raises ValueError when they have no end."""
    options: list[tuple[str, str | None]] = []
    if line.partition(" ")[0].partition("\t")[0] in KEY_TYPES:
        return options, line
    at = 0
    while match := _OPTION.match(line, at):
        name, value, end = match.groups()
        options.append((name.lower(), None if value is None else value.replace('\\"', '"')))
        at = match.end()
        if not end:
            return options, line[at:].lstrip()
    raise ValueError("is neither a supported public key nor options before one")


def source_list(value: str) -> tuple[SourcePattern, ...]:
    """Read addresses, networks and globs between commas; raises ValueError."""
    patterns = [part.strip() for part in value.split(",") if part.strip()]
    if not patterns or len(patterns) > MAX_PATTERNS:
        raise ValueError(f"a list of sources needs 1 to {MAX_PATTERNS} addresses")
    return tuple(_source(pattern) for pattern in patterns)


def _source(pattern: str) -> SourcePattern:
    negated = pattern.startswith("!")
    text = pattern[negated:]
    if "*" in text or "?" in text:
        if len(text) > 50 or text.count("*") > 4:
            raise ValueError(f"{pattern[:60]!r} is too long a pattern for an address")
        # Brackets mean nothing in these patterns.
        compiled = re.compile(translate(text.replace("[", "[[]")), re.IGNORECASE)
        return SourcePattern(negated, lambda host: compiled.match(host) is not None)
    try:
        network = parse_network(text)
    except ValueError:
        raise ValueError(
            f"{pattern[:60]!r} is not an address or network; host names are not looked up"
        ) from None
    return SourcePattern(negated, lambda host: parse_ip(host) in network)


def in_sources(sources: tuple[SourcePattern, ...], peer: Address) -> bool:
    """Whether a peer is in the list: some pattern matches, and no negated one does."""
    found = False
    for pattern in sources:
        try:
            matched = pattern.matches(peer.host)
        except ValueError:
            return False  # the host is no address
        if matched and pattern.negated:
            return False
        found = found or matched
    return found


def _expiry(value: str) -> float:
    """`YYYYMMDD[HHMM[SS]][Z]` as seconds since the epoch; the local zone without Z."""
    match = _EXPIRY.fullmatch(value)
    if match is None:
        raise ValueError(f"expiry-time={value[:30]!r} is not YYYYMMDD[HHMM[SS]][Z]")
    day, minutes, seconds, zulu = match.groups()
    try:
        moment = datetime.strptime(f"{day}{minutes or '0000'}{seconds or '00'}", "%Y%m%d%H%M%S")
        return moment.replace(tzinfo=UTC).timestamp() if zulu else moment.timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"expiry-time={value[:30]!r} is not a date") from None
