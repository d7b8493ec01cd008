"""What every tree of a server of HTTP has in common, and what none of them can do."""

from collections.abc import Callable, Sequence
from typing import Final

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.remote.base import Identity
from mft.remote.http_download import FILE, HttpDownload, HttpReading, Version
from mft.remote.http_peer import FILES, Asked, Field, HttpPeer
from mft.remote.http_status import reason_of, refusal
from mft.remote.http_tus import Resuming
from mft.remote.http_upload import HttpUpload
from mft.vfs.base import Attributes, Download, Entry, Existing, Usage
from mft.wire.http.digests import parse_digest

SHA_256: Final = "sha256"
ONLY_NEW: Final[Field] = ("If-None-Match", "*")
_UNLIKE: Final = reason_of(412)  # of a condition that does not hold
_UNASKED: Final = frozenset((404, 405, 501))  # of a method that a server does not know there


class Put:
    """An upload by one PUT."""

    def __init__(self, tree: "HttpTree", path: VPath, *, only_new: bool) -> None:
        self.subject = str(path)
        self._tree = tree
        self._path = path
        self._only_new = only_new
        self._was_free = False  # seen before anything was sent

    async def begin(self, size: int | None) -> tuple[str, str, list[Field]]:
        """A PUT; where the name must be free, only if nothing has it."""
        self._was_free = not self._only_new and await self._tree.is_free(self._path)
        fields = [ONLY_NEW] if self._only_new else []
        return "PUT", self._tree.peer.place.target(self._path), fields

    def check(self, answered: Asked) -> None:
        """Nothing more than its status."""

    async def undo(self) -> None:
        """Remove the file; not one that may have been there before, or is another's."""
        if self._was_free:
            await self._tree.delete(self._path)


class HttpTree:
    """A `Remote` over HTTP, of which a server may know only a part."""

    files_at_a_time = FILES
    rounds_times = False
    places_bytes = False

    def __init__(self, peer: HttpPeer) -> None:
        self.peer = peer
        self._digests = True  # until the server has told none
        self._resuming = Resuming(peer)

    @property
    def identity(self) -> Identity:
        """Who is at the other end."""
        return self.peer.identity

    @property
    def connected(self) -> bool:
        """Whether the server could be reached the last time."""
        return self.peer.connected

    # What kinds of server do in their own ways.

    async def known(self, path: VPath) -> tuple[Entry, Version]:
        """What is under a path."""
        raise self.unsupported(path)

    async def stat(self, path: VPath, *, follow: bool = True, finished: bool = False) -> Entry:
        """What is under a path."""
        return (await self.known(path))[0]

    # Files.

    async def download(self, path: VPath) -> Download:
        """Open a file."""
        entry, version = await self.known(path)
        if not entry.is_file:
            raise Refused(Reason.IS_A_DIRECTORY, str(path))
        target = self.peer.place.target(path)
        reading = HttpReading(self.peer, target, str(path), version, entry)
        return HttpDownload(reading, entry, self.real_path(path))

    async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> HttpUpload:
        """Begin to send a file, from its beginning, unless the server speaks tus as ours does.

        Where the name must be free, that is looked at first, since not every server does.
        """
        if how is Existing.MODIFY or path.is_root or not self.connected:
            raise self.unsupported(path)
        if how is Existing.EXTEND and (begun := await self._resuming.begun(path)) is not None:
            return HttpUpload(self.peer, begun, begun.start, self.real_path(path), replaced=False)
        only_new = how is Existing.REFUSE
        if only_new and await self.exists(path):
            raise Refused(Reason.EXISTS, str(path))
        put = Put(self, path, only_new=only_new)
        return HttpUpload(self.peer, put, 0, self.real_path(path), replaced=False)

    async def exists(self, path: VPath) -> bool:
        """Whether anything is under a path; any doubt is Refused."""
        try:
            await self.known(path)
        except Refused as refused:
            if refused.reason is not Reason.NOT_FOUND:
                raise
            return False
        return True

    async def is_free(self, path: VPath) -> bool:
        """Whether a name was seen to be free; servers that only take files may tell nothing."""
        try:
            return not await self.exists(path)
        except Refused as refused:
            if refused.reason is Reason.ABORTED:
                raise
            return False

    def may_digest(self, algorithm: str) -> bool:
        """Whether the server has not shown yet that it tells none."""
        return algorithm == SHA_256 and self._digests

    async def digest(self, path: VPath, algorithm: str) -> bytes | None:
        """The SHA-256 that the server tells of a file (RFC 9530); None where it tells none."""
        if not self.connected:
            raise self.peer.gone()
        if algorithm != SHA_256 or not self._digests:
            return None
        wanted = [("Want-Repr-Digest", "sha-256=10"), ("Range", "bytes=0-0")]
        target, subject = self.peer.place.target(path), str(path)
        asked = await self.peer.ask("GET", target, *wanted, subject=subject)
        answer = asked.answer
        await asked.end()
        if answer.status not in (200, 206, 416):
            raise refusal(answer.status, subject)
        found = parse_digest(answer.fields.get("repr-digest") or "")
        self._digests = found is not None or answer.status == 416
        return found

    async def remove(self, path: VPath) -> None:
        """Remove a file; that it is no folder is looked at first, which would go with all in it."""
        entry, _ = await self.known(path)
        if entry.is_directory:
            raise Refused(Reason.IS_A_DIRECTORY, str(path))
        await self.delete(path)

    async def remove_same(self, path: VPath, same: Callable[[Entry], bool]) -> bool:
        """Remove a file only if it is what it should be, right before; whether it was.

        A server that has told a strong tag is asked to see to it as well, which not every one does.
        """
        entry, version = await self.known(path)
        if not (entry.is_file and same(entry)):
            return False
        try:
            await self.delete(path, fields=version.only)
        except Refused as refused:
            if not version.only or refused.reason is not _UNLIKE:
                raise
            if not same((await self.known(path))[0]):
                return False
            await self.delete(path)  # its server takes no tag for what it has told itself
        return True

    async def delete(
        self, path: VPath, *, folder: bool = False, fields: Sequence[Field] = ()
    ) -> None:
        """DELETE what is under a path, whatever it is."""
        target, subject = self.peer.place.target(path, folder=folder), str(path)
        async with self.peer.asking("DELETE", target, *fields, subject=subject) as asked:
            if not asked.good:
                raise refusal(asked.answer.status, subject)
            await self.look_into(asked, subject)

    async def look_into(self, asked: Asked, subject: str) -> None:
        """Raise what the body of an answer refuses."""

    async def close(self) -> None:
        """Let go of the server."""
        await self.peer.close()

    def real_path(self, path: VPath) -> str:
        """The URL."""
        place = self.peer.place
        return f"{place.site}{place.target(path)}"

    # What cannot be done.

    def unsupported(self, path: VPath) -> Refused:
        """What is raised for what no server of this kind does, or once it is lost."""
        if not self.connected:
            return self.peer.gone()
        return Refused(Reason.UNSUPPORTED, str(path), "not done over HTTP")

    async def change(self, path: VPath, attributes: Attributes, *, follow: bool = True) -> None:
        """Refused: servers set times and modes themselves."""
        raise self.unsupported(path)

    async def read_link(self, path: VPath) -> str:
        """Refused: there are no links."""
        raise self.unsupported(path)

    async def make_link(self, path: VPath, target: str) -> None:
        """Refused: there are no links."""
        raise self.unsupported(path)

    async def make_hard_link(self, source: VPath, target: VPath) -> None:
        """Refused: there are no links."""
        raise self.unsupported(target)

    async def usage(self, path: VPath) -> Usage:
        """Refused: it is not told in the terms of a volume."""
        raise self.unsupported(path)


def file_entry(name: str, version: Version) -> Entry:
    """A file as far as the server tells of it."""
    modified = version.modified or 0
    return Entry(name, FILE, version.size or 0, modified, modified, unique=version.number)
