"""What pages are drawn with: files of this package, by their exact names."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.http.browsers import STATIC
from mft.protocols.http.exchange import Exchange

KINDS: Final[Mapping[str, str]] = {
    "mft.css": "text/css; charset=utf-8",
    "mft.js": "text/javascript; charset=utf-8",
    "logo.svg": "image/svg+xml",
}
NAMES: Final = tuple(f"static/{name}" for name in KINDS)  # below our own name
TAG: Final = 16  # hexadecimal digits of a digest: who changes the files is ours
YEAR: Final = 365 * 86400
FOREVER: Final = f"public, max-age={YEAR}, immutable"
ASK_AGAIN: Final = "public, no-cache"
# A picture could have scripts in it, which must not run where it is opened alone.
POLICY: Final = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; sandbox"


class StaticFile(NamedTuple):
    """One file: what it holds, what it is, and a tag that is another for every content."""

    content: bytes
    kind: str
    tag: str


@cache
def static_files() -> Mapping[str, StaticFile]:
    """All of them, read once."""
    folder = files("mft.protocols.http") / "static"
    found = {}
    for name, kind in KINDS.items():
        content = (folder / name).read_bytes()
        found[name] = StaticFile(content, kind, hashlib.sha256(content).hexdigest()[:TAG])
    return found


def place_of(name: str) -> str:
    """The URL of a file as it is now: browsers may keep what it gives for ever."""
    return f"{STATIC}{name}?v={static_files()[name].tag}"


async def get(exchange: Exchange) -> None:
    """GET and HEAD: one file, or 304 for who has it already."""
    file = static_files()[exchange.target.segments[-1]]
    tag = f'"{file.tag}"'
    keep = FOREVER if exchange.target.one("v") == file.tag else ASK_AGAIN
    fields = ("ETag", tag), ("Cache-Control", keep), ("Content-Security-Policy", POLICY)
    if exchange.head.fields.get("if-none-match") == tag:
        exchange.answer(304, b"", *fields)
    else:
        exchange.answer(200, file.content, ("Content-Type", file.kind), *fields)


def missing(exchange: Exchange, names: Sequence[str]) -> None:
    """Answer that there is nothing; that a file of pages is missing is an event."""
    if names[:1] == ("static",):
        exchange.client.emit(events.HTTP_STATIC_MISSING, p.UriAsked(exchange.uri))
    exchange.refuse(404, "There is nothing here.")
