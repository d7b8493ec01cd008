"""One connection to an FTP server as a `Remote`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from twisted.internet.defer import DeferredLock

from mft.core.failure import Malformed, Reason, Refused
from mft.core.vpath import VPath
from mft.remote.base import Identity
from mft.remote.ftp_files import DownloadLane, FtpDownload, FtpUpload, UploadLane
from mft.remote.ftp_listing import FtpListing
from mft.remote.ftp_looking import Looks
from mft.remote.ftp_refusal import UNKNOWN, says_taken
from mft.remote.ftp_transfer import Channel, Transfer
from mft.vfs.base import Attributes, Entry, Existing, Usage
from mft.wire.ftp.facts import format_time
from mft.wire.ftp.replies import Answer, hash_algorithms, parse_digest

# Seconds for a server to read a whole file: 256 GiB at 300 MiB/s.
DIGEST_TIMEOUT: Final = 900.0
MAX_NAME: Final = 255
_DIGESTS: Final = {"sha256": ("SHA-256", "XSHA256", 32), "sha512": ("SHA-512", "XSHA512", 64)}
_NOT_HERE: Final = "FTP has no such thing"


class FtpTree:
    """Everything is asked in turn; while a file moves, everything else is Refused(BUSY)."""

    files_at_a_time = 1
    places_bytes = False

    def __init__(self, channel: Channel, looks: Looks, base: VPath, identity: Identity) -> None:
        """`base` is the server's own path of the root."""
        self.identity = identity
        self._channel = channel
        self._session = channel.session
        self._looks = looks
        self._base = base
        self._lock = DeferredLock()
        self._open = False  # whether a file is

    @property
    def rounds_times(self) -> bool:
        """Whether times of files may be told in whole minutes."""
        return self._looks.rounds_times

    @property
    def connected(self) -> bool:
        """Whether the connection lives."""
        return self._session.control.alive

    def real_path(self, path: VPath) -> str:
        """The server's own path."""
        return below(str(self._base), path)

    async def enter(self) -> None:
        """See that the root is a folder; Refused(INVALID) for one that may not be entered."""
        answer = await self._session.ask(f"CWD {self._base}")
        if answer.good:
            return
        refused = self._session.refused(answer, str(self._base))
        refused = await self._looks.whole().explained(refused, self._base, folder=True)
        if refused.reason is Reason.DENIED:  # of one folder, which is no matter of the login
            refused = Refused(Reason.INVALID, refused.subject, refused.details)
        raise refused

    @asynccontextmanager
    async def turn(self, path: VPath) -> AsyncIterator[None]:
        """Have the connection for oneself."""
        self._session.control.check()
        if self._open:
            details = "a file is being moved over this connection"
            raise Refused(Reason.BUSY, str(path), details)
        await self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    # Looking.

    async def stat(self, path: VPath, *, follow: bool = True, finished: bool = False) -> Entry:
        """What is under a path; links are followed in any case."""
        async with self.turn(path):
            return await self._looks.stat(path)

    async def list(self, path: VPath) -> "_Turned":
        """Read a folder as a whole: whoever gets it knows that it did not end early."""
        async with self.turn(path):
            return _Turned(self, path, await self._looks.folder(path))

    def may_digest(self, algorithm: str) -> bool:
        """Whether FEAT names a command for it."""
        if algorithm not in _DIGESTS:
            return False
        name, verb, _ = _DIGESTS[algorithm]
        names, _ = hash_algorithms(self._session.features.get("HASH", ""))
        return name in names or self._session.has(verb)

    async def digest(self, path: VPath, algorithm: str) -> bytes | None:
        """The server's own digest, by HASH, XSHA256 or XSHA512; None where FEAT names none."""
        async with self.turn(path):
            if algorithm not in _DIGESTS:
                return None
            return await self._digest(path, *_DIGESTS[algorithm])

    async def _digest(self, path: VPath, name: str, verb: str, size: int) -> bytes | None:
        session, real = self._session, self.real_path(path)
        names, chosen = hash_algorithms(session.features.get("HASH", ""))
        if name in names and (chosen == name or await session.may(f"OPTS HASH {name}")):
            command = f"HASH {real}"
        elif session.has(verb):
            doubled = real.replace('"', '""')
            command = f'{verb} "{doubled}"' if set(' "').intersection(real) else f"{verb} {real}"
        else:
            return None
        answer = await session.ask(command, patience=DIGEST_TIMEOUT)
        if answer.code in UNKNOWN:
            return None
        if not answer.good:
            raise await self._looks.explained(session.refused(answer, str(path)), path)
        try:
            return parse_digest(answer.lines, size)
        except Malformed as error:
            raise Refused(Reason.BROKEN, str(path), f"the server has {error}") from None

    async def ping(self) -> None:
        """NOOP; a file that moves is sign enough."""
        if self._open:
            return
        async with self.turn(VPath()):
            await self._session.ask("NOOP")

    # Files.

    async def download(self, path: VPath) -> FtpDownload:
        """Look at a file, and open it; what the server sends must be as long as it has told."""
        async with self.turn(path):
            entry = await self._looks.stat(path)
            if not entry.is_file:
                reason = Reason.IS_A_DIRECTORY if entry.is_directory else Reason.DENIED
                raise Refused(reason, str(path), "not a regular file")
            self._open = True
        lane = DownloadLane(path, entry, lambda start: self._fetch(path, start))
        return FtpDownload(lane, self.real_path(path), self.closed)

    async def _fetch(self, path: VPath, start: int) -> Transfer:
        command = f"RETR {self.real_path(path)}"
        try:
            return await self._channel.transfer(command, str(path), start=start)
        except Refused as refused:
            raise await self._looks.explained(refused, path) from None

    async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> FtpUpload:
        """Begin to send a file under the very name; EXTEND goes on at the end of what is there."""
        if how is Existing.MODIFY:
            raise Refused(Reason.UNSUPPORTED, str(path), "FTP cannot write in the middle of files")
        async with self.turn(path):
            start, present = 0, False
            if how is not Existing.REPLACE:
                size = await self._size_of(path)
                present = size is not None
                if present and how is Existing.REFUSE:
                    raise Refused(Reason.EXISTS, str(path))
                start = size or 0
            transfer = await self._store(path, start)
            self._open = True
        lane = UploadLane(path, start, transfer)
        return FtpUpload(lane, self.real_path(path), self, replaced=present)

    async def _size_of(self, path: VPath) -> int | None:
        try:
            entry = await self._looks.stat(path)
        except Refused as refused:
            if refused.reason is Reason.NOT_FOUND:
                return None
            raise
        if entry.is_directory:
            raise Refused(Reason.IS_A_DIRECTORY, str(path))
        return entry.size

    async def _store(self, path: VPath, start: int) -> Transfer:
        try:
            return await self._begun(path, start)
        except Refused as refused:
            said = await self._looks.unsent(refused, path)
            if said is not refused or said.reason is not Reason.DENIED or not self.connected:
                raise said from None
        # Its folder is there, but may have been made just now, over another connection.
        return await self._begun(path, start)

    async def _begun(self, path: VPath, start: int) -> Transfer:
        """APPE adds at the end whatever happens; where it is not known, REST and STOR may do."""
        real, channel = self.real_path(path), self._channel
        if not start:
            return await channel.transfer(f"STOR {real}", str(path), sends=True)
        try:
            return await channel.transfer(f"APPE {real}", str(path), sends=True)
        except Refused as refused:
            if refused.reason is not Reason.UNSUPPORTED:
                raise
        return await channel.transfer(f"STOR {real}", str(path), sends=True, start=start)

    # The end of an upload.

    async def sent(self, path: VPath, size: int, attributes: Attributes, *, resumed: bool) -> None:
        """The server has said that it has everything; what was added to is looked at again."""
        if resumed:
            entry = await self._looks.stat(path)
            if entry.size != size:
                details = f"the file has {entry.size} bytes on the server instead of {size}"
                raise Refused(Reason.ABORTED, str(path), details)
        if attributes.modified is not None:
            await self._set_time(path, attributes.modified)

    async def discard(self, path: VPath) -> None:
        """Remove what was sent."""
        await self._session.want(f"DELE {self.real_path(path)}", str(path))

    def closed(self) -> None:
        """The file is closed: the connection is free."""
        self._open = False

    # The tree.

    async def make_directory(self, path: VPath, *, mode: int = 0o777) -> None:
        """MKD; Refused(EXISTS) where something is there."""
        async with self.turn(path):
            answer = await self._session.ask(f"MKD {self.real_path(path)}")
            if answer.good:
                return
            refused = self._session.refused(answer, str(path))
            if self.connected and await self._is_there(path):
                raise Refused(Reason.EXISTS, str(path), refused.details)
            raise await self._looks.above(refused, path)

    async def _is_there(self, path: VPath) -> bool:
        try:
            await self._looks.stat(path)
        except Refused as refused:
            if refused.reason is Reason.NOT_FOUND:
                return False
            raise
        return True

    async def remove(self, path: VPath) -> None:
        """DELE."""
        async with self.turn(path):
            answer = await self._session.ask(f"DELE {self.real_path(path)}")
            if not answer.good:
                refused = self._session.refused(answer, str(path))
                raise await self._looks.explained(refused, path)

    async def remove_directory(self, path: VPath) -> None:
        """RMD; Refused(NOT_EMPTY) where something is in it."""
        async with self.turn(path):
            answer = await self._session.ask(f"RMD {self.real_path(path)}")
            if answer.good:
                return
            refused = self._session.refused(answer, str(path))
            refused = await self._looks.explained(refused, path, folder=True)
            if refused.reason in (Reason.DENIED, Reason.BROKEN) and self.connected:
                listing = await self._looks.folder(path)
                if await listing.batch():
                    raise Refused(Reason.NOT_EMPTY, str(path), refused.details)
            raise refused

    async def rename(self, source: VPath, target: VPath, *, replace: bool) -> None:
        """RNFR and RNTO; without `replace` the name is looked at first, for FTP has no such word.

        A server that says for good that the name is taken has the file under it removed before, if
        that is allowed; after any other refusal it stays.
        """
        async with self.turn(source):
            if not replace and await self._is_there(target):
                raise Refused(Reason.EXISTS, str(target))
            answer = await self._renamed(source, target)
            if replace and says_taken(answer) and await self._is_file(target):
                await self.discard(target)
                answer = await self._renamed(source, target)
            if not answer.good:
                refused = self._session.refused(answer, str(target))
                raise await self._looks.above(refused, target)

    async def _is_file(self, path: VPath) -> bool:
        try:
            return (await self._looks.stat(path)).is_file
        except Refused as refused:
            if refused.reason is Reason.NOT_FOUND:
                return False
            raise

    async def _renamed(self, source: VPath, target: VPath) -> Answer:
        session = self._session
        answer = await session.ask(f"RNFR {self.real_path(source)}")
        if not answer.asks:
            refused = session.refused(answer, str(source))
            raise await self._looks.explained(refused, source)
        return await session.ask(f"RNTO {self.real_path(target)}")

    async def change(self, path: VPath, attributes: Attributes, *, follow: bool = True) -> None:
        """Set the time of a file, by MFMT or MDTM; Refused(UNSUPPORTED) for anything else."""
        async with self.turn(path):
            if attributes.modified is None or attributes.size is not None:
                raise Refused(Reason.UNSUPPORTED, str(path), _NOT_HERE)
            await self._set_time(path, attributes.modified)

    async def _set_time(self, path: VPath, modified: int) -> None:
        verb = "MFMT" if self._session.has("MFMT") else "MDTM"
        command = f"{verb} {format_time(modified)} {self.real_path(path)}"
        answer = await self._session.ask(command)
        if not answer.good:
            raise Refused(Reason.UNSUPPORTED, str(path), self._session.control.shown(answer))

    async def read_link(self, path: VPath) -> str:
        """Refused."""
        raise Refused(Reason.UNSUPPORTED, str(path), _NOT_HERE)

    async def make_link(self, path: VPath, target: str) -> None:
        """Refused."""
        raise Refused(Reason.UNSUPPORTED, str(path), _NOT_HERE)

    async def make_hard_link(self, source: VPath, target: VPath) -> None:
        """Refused."""
        raise Refused(Reason.UNSUPPORTED, str(target), _NOT_HERE)

    async def usage(self, path: VPath) -> Usage:
        """Nothing is known."""
        return Usage(0, 0, 0, 0, 0, 0, MAX_NAME)

    async def close(self) -> None:
        """Say goodbye."""
        self._session.control.leave()


class _Turned:
    """A `Listing` that takes the connection's turn for what it has to ask."""

    def __init__(self, tree: FtpTree, path: VPath, listing: FtpListing) -> None:
        self._tree = tree
        self._path = path
        self._listing = listing

    async def batch(self) -> list[Entry]:
        """The next entries."""
        if not self._listing.asks:
            return list(await self._listing.batch())
        async with self._tree.turn(self._path):
            return list(await self._listing.batch())

    async def close(self) -> None:
        """Forget the rest."""
        await self._listing.close()


def below(base: str, path: VPath) -> str:
    """A path of ours as the server's own, whose root is `base`."""
    return f"{base.rstrip('/')}{path}" if path.parts else base
