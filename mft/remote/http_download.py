"""A file that is read from a server of HTTP: from one offset on, and never two versions of it."""

import hashlib
import stat
from collections.abc import Sequence
from typing import Final, Literal

from mft.core.failure import Reason, Refused
from mft.remote.http_line import PIECE, HttpLine
from mft.remote.http_peer import Asked, Field, HttpPeer
from mft.remote.http_status import refusal
from mft.vfs.base import LATER, Attributes, Buffers, Entry, Later
from mft.wire.http.answer import Answer, content_length
from mft.wire.http.date import http_date, parse_http_date
from mft.wire.http.ranges import parse_content_range

FILE: Final = stat.S_IFREG | 0o644
FOLDER: Final = stat.S_IFDIR | 0o755
NUMBER: Final = 7  # bytes of a hash: a number that every database takes


class Version:
    """What tells two contents of one file apart, as far as the server tells anything."""

    def __init__(self, size: int | None, modified: int | None, tag: str | None) -> None:
        self.size = size
        self.modified = modified
        self.tag = tag

    def is_other(self, size: int | None, answer: Answer) -> bool:
        """Whether an answer, to be of `size` bytes in all, is of another content."""
        tag, date = answer.fields.get("etag"), answer.fields.get("last-modified")
        if self.tag is not None and tag is not None:
            return self.tag.removeprefix("W/") != tag.removeprefix("W/")
        modified = None if date is None else parse_http_date(date)
        known = None not in (self.modified, modified)
        sized = None not in (self.size, size)
        return (known and modified != self.modified) or (sized and size != self.size)

    @property
    def number(self) -> int:
        """What stands for its tag, weak or not; 0 for none."""
        if self.tag is None:
            return 0
        tag = self.tag.removeprefix("W/").encode(errors="surrogateescape")
        return int.from_bytes(hashlib.sha256(tag).digest()[:NUMBER])

    @property
    def only(self) -> list[Field]:
        """What lets a request be done to this content only; nothing where the server tells none."""
        strong = self.tag is not None and not self.tag.startswith("W/")
        return [("If-Match", self.tag)] if self.tag is not None and strong else []

    @property
    def condition(self) -> list[Field]:
        """What asks for a range only of this content (RFC 9110 13.1.5)."""
        if self.tag is not None:  # a weak tag never matches: then all comes, and is looked at
            return [("If-Range", self.tag)]
        return [] if self.modified is None else [("If-Range", http_date(self.modified))]


class HttpReading:
    """The lane of a download; a read that does not go on where the last one ended asks anew."""

    def __init__(
        self, peer: HttpPeer, target: str, subject: str, version: Version, entry: Entry
    ) -> None:
        self._peer = peer
        self._target = target
        self._subject = subject
        self._version = version
        self._entry = entry
        self._asked: Asked | None = None
        self._at = 0

    def read_into(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Fill the views where all of it has come."""
        asked = self._asked
        if asked is None or offset != self._at or asked.line.held < sum(map(len, views)):
            return LATER
        count = asked.line.take_into(views)
        self._at += count
        return count

    async def read_later(self, views: Buffers, offset: int) -> int:
        """Fill the views; Refused(ABORTED) when the server breaks off, or has another content."""
        size = self._version.size
        if size is not None and offset >= size > 0:
            return 0  # there is no part of it that could be asked for
        if self._asked is None or offset != self._at:
            await self.close()
            self._asked = await self._ask(offset)
            self._at = offset
        line = self._asked.line
        wanted, done = sum(map(len, views)), 0
        while done < wanted:
            if not line.held:
                if line.over:
                    break
                await line.more()
            count = line.take_into(_rest(views, done))
            done += count
            self._at += count
        self._look(ended=done < wanted)
        return done

    def _look(self, *, ended: bool) -> None:
        size = self._version.size
        if size is not None and (self._at > size or (ended and self._at < size)):
            details = f"{self._at} bytes came, and {size} were told"
            raise Refused(Reason.ABORTED, self._subject, details)

    async def _ask(self, offset: int) -> Asked:
        fields: list[Field] = [("Accept-Encoding", "identity")]
        if offset:
            fields += [("Range", f"bytes={offset}-"), *self._version.condition]
        asked = await self._peer.ask("GET", self._target, *fields, subject=self._subject)
        try:
            await self._begin(asked, offset)
        except BaseException:
            await asked.end()
            raise
        return asked

    async def _begin(self, asked: Asked, offset: int) -> None:
        """Look at what is about to come, and pass over what is there already."""
        answer, version = asked.answer, self._version
        if answer.status == 206 and offset:
            told = parse_content_range(answer.fields.get("content-range") or "")
            if told is None or told[0].start != offset:
                raise Refused(Reason.BROKEN, self._subject, "a part that was not asked for")
            if version.is_other(told[1], answer) or told[1] != told[0].stop:
                raise self._changed()
            return
        if answer.status == 204 and version.size == 0:
            return  # as some servers answer for empty files
        if answer.status != 200:
            raise refusal(answer.status, self._subject)
        if (answer.fields.get("content-encoding") or "identity").lower() != "identity":
            raise Refused(Reason.UNSUPPORTED, self._subject, "the server sends it packed")
        if version.is_other(content_length(answer), answer):
            raise self._changed()
        await self._skip(asked.line, offset)

    async def _skip(self, line: HttpLine, count: int) -> None:
        """Pass over bytes of a server that knows no ranges."""
        room = memoryview(bytearray(min(count, PIECE)))
        while count:
            if not line.held:
                if line.over:
                    raise self._changed()
                await line.more()
            count -= line.take_into([room[:count]])

    def _changed(self) -> Refused:
        return Refused(Reason.ABORTED, self._subject, "it is no longer what it was")

    async def close(self) -> None:
        """Be done with the request that is under way."""
        asked, self._asked = self._asked, None
        if asked is not None:
            await asked.end()

    def write_from(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Refused: it was opened for reading."""
        raise _not_here(self._subject)

    async def write_later(self, views: Buffers, offset: int) -> int:
        """Refused: it was opened for reading."""
        raise _not_here(self._subject)

    def fileno(self) -> int | None:
        """None: the file is elsewhere."""
        return None

    async def stat(self) -> Entry:
        """The file as it was when it was opened; its name is empty."""
        return self._entry._replace(name="")

    async def change(self, attributes: Attributes) -> None:
        """Refused: no server of HTTP does it."""
        raise _not_here(self._subject)

    async def sync(self) -> None:
        """Nothing: it is read only."""


def _not_here(subject: str) -> Refused:
    return Refused(Reason.UNSUPPORTED, subject, "not done over HTTP")


def _rest(views: Sequence[memoryview], done: int) -> list[memoryview]:
    """The views behind so many bytes."""
    rest = []
    for view in views:
        if done < len(view):
            rest.append(view[done:])
        done = max(done - len(view), 0)
    return rest


class HttpDownload:
    """A `Download` from a server of HTTP."""

    def __init__(self, reading: HttpReading, entry: Entry, real_path: str) -> None:
        self.lane = reading
        self.entry = entry
        self.real_path = real_path

    async def close(self) -> None:
        """Be done with it."""
        await self.lane.close()
