"""A server's files over SFTP as a `Remote`: requests for operations, reasons for refusals."""

from typing import Any, Final

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.remote.base import REPLY_TIMEOUT, Identity
from mft.remote.sftp_attrs import entry_of, sent_attrs
from mft.remote.sftp_files import Begun, RemoteDownload, RemoteListing, RemoteUpload
from mft.remote.sftp_open import seen_in
from mft.remote.sftp_reading import ReadLane
from mft.remote.sftp_refusal import good, is_missing, is_vague, refusal
from mft.remote.sftp_session import MAX_HANDLE, SftpSession
from mft.remote.sftp_writing import WriteLane
from mft.remote.ssh_above import shown
from mft.vfs.base import Attributes, Entry, Existing, Usage
from mft.wire.sftp import extended, packets, responses
from mft.wire.sftp.attrs import NOTHING, Attrs

FILES_AT_A_TIME: Final = 8  # each has up to 16 MiB under way
DIGEST_SPEED: Final = 20_000_000  # bytes a second that a server hashes at least
DEFAULT_MODE: Final = 0o666  # what `upload` says when it leaves the mode to the server
DEFAULT_FOLDER_MODE: Final = 0o777
_DIGESTING: Final = frozenset({b"check-file", b"check-file-name"})
DIGEST_SIZES: Final = {"sha256": 32, "sha512": 64}
_OPEN: Final = {
    Existing.REFUSE: packets.FOR_WRITING | packets.CREATE | packets.EXCLUSIVE,
    Existing.REPLACE: packets.FOR_WRITING | packets.CREATE | packets.TRUNCATE,
    Existing.EXTEND: packets.FOR_WRITING | packets.CREATE,
}
_ANEW: Final = _OPEN[Existing.REFUSE] | _OPEN[Existing.REPLACE]


class SftpTree:
    """One connection's tree."""

    rounds_times = False
    places_bytes = True  # each WRITE has its offset

    def __init__(self, session: SftpSession, base: bytes, identity: Identity) -> None:
        self.identity = identity
        self._session = session
        self._base = base
        handles = session.served.handles
        self.files_at_a_time = min(FILES_AT_A_TIME, handles) if handles else FILES_AT_A_TIME

    @classmethod
    async def rooted(cls, session: SftpSession, folder: str, identity: Identity) -> "SftpTree":
        """The tree below a folder; one that does not begin with `/` is below where we logged in.

        Raises Refused: NOT_FOUND, NOT_A_DIRECTORY or INVALID where it cannot be had.
        """
        base = folder.encode().rstrip(b"/")
        if not folder.startswith("/"):
            reply = await session.ask(packets.RealPath, b".", subject=".")
            if not isinstance(reply, responses.NameReply) or len(reply.entries) != 1:
                raise session.broken("an answer to REALPATH that is none")
            home = reply.entries[0].name.rstrip(b"/")
            base = home + b"/" + base if base else home
        tree = cls(session, base, identity)
        if folder:
            try:
                reply = await session.ask(packets.Stat, base or b"/", subject=folder)
            except Refused as refused:
                if refused.reason is not Reason.DENIED:
                    raise
                # of one folder, which is no matter of the login
                raise Refused(Reason.INVALID, folder, refused.details) from None
            if not tree.entry(ROOT, reply).is_directory:
                raise Refused(Reason.NOT_A_DIRECTORY, folder)
        return tree

    @property
    def connected(self) -> bool:
        """Whether the connection lives."""
        return self._session.alive

    # Looking.

    async def stat(self, path: VPath, *, follow: bool = True, finished: bool = False) -> Entry:
        """What is under a path."""
        make = packets.Stat if follow else packets.LStat
        return self.entry(path, await self._ask(make, self._bytes(path), path=path))

    async def stat_each(self, *paths: VPath) -> list[Entry | Refused]:
        """What has each of these names, or why that is not told; all are asked for at once."""
        looks = [(packets.Stat, self._bytes(path)) for path in paths]
        answers = await self._session.ask_together(*looks)
        return [self._looked(path, answer) for path, answer in zip(paths, answers, strict=True)]

    def _looked(self, path: VPath, answer: responses.Reply | Refused) -> Entry | Refused:
        if isinstance(answer, responses.StatusReply):
            return refusal(answer, str(path))
        try:
            return self.entry(path, good(answer, str(path)))
        except Refused as refused:
            return refused

    def entry(self, path: VPath, reply: responses.Reply) -> Entry:
        """What an answer to STAT tells."""
        if not isinstance(reply, responses.AttrsReply):
            raise self._session.broken("an answer to STAT that is none")
        return entry_of(path.name, reply.attrs)

    async def list(self, path: VPath) -> RemoteListing:
        """Begin to read a folder."""
        try:
            handle = await self._open(packets.OpenDir, self._bytes(path), path=path)
        except Refused as refused:
            raise await self._clearer(refused, path, Reason.NOT_A_DIRECTORY) from None
        return RemoteListing(self._session, handle, self.real_path(path))

    async def usage(self, path: VPath) -> Usage:
        """The room on the volume; Refused(UNSUPPORTED) where the server does not tell."""
        self._need(b"statvfs@openssh.com", path)
        reply = await self._ask(extended.StatVFS, self._bytes(path), path=path)
        if not isinstance(reply, responses.ExtendedReply):
            raise self._session.broken("an answer to statvfs that is none")
        volume: responses.Volume = self._session.parsed(lambda: responses.read_statvfs(reply.body))
        return Usage(
            volume.fragment_size,
            volume.blocks,
            volume.free_blocks,
            volume.available_blocks,
            volume.files,
            volume.free_files,
            volume.max_name,
        )

    async def read_link(self, path: VPath) -> str:
        """The target of a link, as the server says it."""
        reply = await self._ask(packets.ReadLink, self._bytes(path), path=path)
        if not isinstance(reply, responses.NameReply) or len(reply.entries) != 1:
            raise self._session.broken("an answer to READLINK that is none")
        return shown(reply.entries[0].name)

    def may_digest(self, algorithm: str) -> bool:
        """Whether the server offers any."""
        return bool(_DIGESTING & self._session.served.extensions.keys())

    async def digest(self, path: VPath, algorithm: str) -> bytes | None:
        """The server's own digest of a file; None where it makes none."""
        self._session.check()
        if not self.may_digest(algorithm):
            return None
        size = (await self.stat(path)).size
        patience = REPLY_TIMEOUT + size / DIGEST_SPEED
        fields = self._bytes(path), algorithm.encode("ascii"), 0, 0, 0
        try:
            reply = await self._ask(extended.CheckFileName, *fields, path=path, patience=patience)
        except Refused as refused:
            if refused.reason in (Reason.UNSUPPORTED, Reason.BROKEN, Reason.INVALID):
                return None
            raise
        if not isinstance(reply, responses.ExtendedReply):
            raise self._session.broken("an answer to check-file-name that is none")
        named, digest = self._session.parsed(lambda: responses.read_check_file(reply.body))
        right = named == fields[1] and len(digest) == DIGEST_SIZES.get(algorithm)
        return digest if right else None

    async def ping(self) -> None:
        """Ask where the root is."""
        await self._session.ask(packets.RealPath, self._base or b"/")

    def real_path(self, path: VPath) -> str:
        """Where the path is on the server, for the audit trail."""
        return shown(self._bytes(path))

    # Files.

    async def download(self, path: VPath) -> RemoteDownload:
        """Open a file for reading; only a regular one, for others may have no end."""
        entry = await self.stat(path)
        if entry.is_directory:
            raise Refused(Reason.IS_A_DIRECTORY, str(path))
        if not entry.is_file:
            raise Refused(Reason.DENIED, str(path), "not a regular file")
        handle = await self._open(
            packets.Open, self._bytes(path), packets.FOR_READING, NOTHING, path=path
        )
        lane = ReadLane(self._session, handle, entry.size, str(path))
        return RemoteDownload(lane, entry, self.real_path(path))

    async def upload(self, path: VPath, how: Existing, *, mode: int = DEFAULT_MODE) -> RemoteUpload:
        """Begin to send a file; MODIFY is Refused(UNSUPPORTED)."""
        flags = _OPEN.get(how)
        if flags is None:
            raise Refused(Reason.UNSUPPORTED, str(path), "a remote file is not changed in place")
        attrs = NOTHING if mode == DEFAULT_MODE else Attrs(mode=mode)
        if how is Existing.REPLACE:
            made = await self._made(path, attrs)
            present = None if made else await self._present(path)
        else:
            present, made = await self._present_or_made(path, attrs)
        if present is not None:
            _check_taken(path, present, how)
        handle = made or await self._open_as(path, how, flags, attrs)
        lane = WriteLane(self._session, handle, str(path))
        going_on = how is Existing.EXTEND and present is not None
        start = (await lane.stat()).size if going_on else 0
        real_path = self.real_path(path)
        begun = Begun(self._bytes(path), real_path, start, going_on, present is not None)
        return RemoteUpload(self._session, lane, begun)

    async def _present_or_made(
        self, path: VPath, attrs: Attrs
    ) -> tuple[Entry | None, bytes | None]:
        """What has a name; if nothing, the handle of a new file.

        Both are asked for at once: each way to the server and back takes its time.
        """
        session, name = self._session, self._bytes(path)
        looking = session.start(packets.LStat, name)
        making = session.start(packets.Open, name, _OPEN[Existing.REFUSE], attrs)
        wanted = False
        try:
            present = self._found(path, await looking)
            wanted = present is None
        finally:
            if not wanted:  # whatever that server takes for a new file is closed again
                making.addCallbacks(self._forget, lambda _: None)
                making.cancel()
        if present is not None:
            return present, None
        try:
            return None, self._handle(good(await making, str(path)))
        except Refused:
            session.check()
            return None, None

    def _forget(self, reply: responses.Reply) -> None:
        if isinstance(reply, responses.HandleReply):
            self._session.forget(reply.handle)

    async def _made(self, path: VPath, attrs: Attrs) -> bytes | None:
        """The handle of a new file; None where it cannot be one, as something is there.

        One question is all that a new name costs. A server that opens what is there all the same
        truncates it, as it is to be.
        """
        try:
            return await self._open(packets.Open, self._bytes(path), _ANEW, attrs, path=path)
        except Refused:
            self._session.check()
            return None

    async def _open_as(self, path: VPath, how: Existing, flags: int, attrs: Attrs) -> bytes:
        try:
            return await self._open(packets.Open, self._bytes(path), flags, attrs, path=path)
        except Refused as refused:
            taken = Reason.EXISTS if how is Existing.REFUSE else refused.reason
            raise await self._clearer(refused, path, taken) from None

    # Changing.

    async def make_directory(self, path: VPath, *, mode: int = DEFAULT_FOLDER_MODE) -> None:
        """Make a folder."""
        attrs = NOTHING if mode == DEFAULT_FOLDER_MODE else Attrs(mode=mode)
        try:
            await self._ask(packets.MkDir, self._bytes(path), attrs, path=path)
        except Refused as refused:
            raise await self._clearer(refused, path, Reason.EXISTS) from None

    async def remove(self, path: VPath) -> None:
        """Remove a file or a link, never a folder."""
        try:
            await self._ask(packets.Remove, self._bytes(path), path=path)
        except Refused as refused:
            raise await self._clearer(refused, path, refused.reason) from None

    async def remove_directory(self, path: VPath) -> None:
        """Remove an empty folder."""
        try:
            await self._ask(packets.RmDir, self._bytes(path), path=path)
        except Refused as refused:
            if is_vague(refused) and await self._is_filled(path):
                raise Refused(Reason.NOT_EMPTY, str(path), refused.details) from None
            raise

    async def rename(self, source: VPath, target: VPath, *, replace: bool) -> None:
        """Rename. Where the server cannot replace, what is under the new name is removed first."""
        names = self._bytes(source), self._bytes(target)
        make = await self._renaming(target, replace=replace)
        await self._ask(make, *names, path=source)

    async def rename_seen(self, source: VPath, target: VPath, *, replace: bool) -> Entry | None:
        """Rename, and tell what has the new name then; both are asked for at once."""
        names = self._bytes(source), self._bytes(target)
        make = await self._renaming(target, replace=replace)
        look = packets.Stat, names[1]
        renamed, found = await self._session.ask_together((make, *names), look)
        good(renamed, str(source))
        return seen_in(found)

    async def _renaming(self, target: VPath, *, replace: bool) -> Any:
        """The request that renames, once nothing is in its way."""
        if replace and b"posix-rename@openssh.com" in self._session.served.extensions:
            return extended.PosixRename
        present = await self._present(target)
        if present is not None and not replace:
            raise Refused(Reason.EXISTS, str(target))
        if present is not None:
            await self.remove(target)
        return packets.Rename

    async def change(self, path: VPath, attributes: Attributes, *, follow: bool = True) -> None:
        """Set attributes."""
        if path.is_root:
            raise Refused(Reason.DENIED, str(path))
        attrs = sent_attrs(attributes)
        if follow:
            await self._ask(packets.SetStat, self._bytes(path), attrs, path=path)
            return
        self._need(b"lsetstat@openssh.com", path)
        await self._ask(extended.LSetStat, self._bytes(path), attrs, path=path)

    async def make_link(self, path: VPath, target: str) -> None:
        """Make a link with the target's text; one that leads out is Refused(DENIED)."""
        VPath.parse(target, path.parent)
        if target.startswith("/") or ".." in target.split("/"):
            raise Refused(Reason.DENIED, str(path), "a link that may lead out of the folder")
        await self._ask(packets.SymLink, target.encode(), self._bytes(path), path=path)

    async def make_hard_link(self, source: VPath, target: VPath) -> None:
        """Give a file a second name, where the server can."""
        self._need(b"hardlink@openssh.com", source)
        names = self._bytes(source), self._bytes(target)
        await self._ask(extended.HardLink, *names, path=source)

    async def close(self) -> None:
        """Close the connection."""
        await self._session.connection.close()

    # How.

    def _bytes(self, path: VPath) -> bytes:
        below = "/".join(path.parts).encode()
        return self._base + b"/" + below if below else self._base or b"/"

    async def _ask(
        self, make: Any, *fields: Any, path: VPath, patience: float = REPLY_TIMEOUT
    ) -> responses.Reply:
        return await self._session.ask(make, *fields, subject=str(path), patience=patience)

    async def _open(self, make: Any, *fields: Any, path: VPath) -> bytes:
        return self._handle(await self._ask(make, *fields, path=path))

    def _handle(self, reply: responses.Reply) -> bytes:
        if not isinstance(reply, responses.HandleReply):
            raise self._session.broken("an answer to OPEN that is none")
        if not 0 < len(reply.handle) <= MAX_HANDLE:
            raise self._session.broken(f"a handle of {len(reply.handle)} bytes")
        return reply.handle

    def _need(self, extension: bytes, path: VPath) -> None:
        self._session.check()
        if extension not in self._session.served.extensions:
            raise Refused(Reason.UNSUPPORTED, str(path), "the server does not offer it")

    async def _present(self, path: VPath) -> Entry | None:
        (answer,) = await self._session.ask_together((packets.LStat, self._bytes(path)))
        return self._found(path, answer)

    def _found(self, path: VPath, answer: responses.Reply | Refused) -> Entry | None:
        """What a look tells; None where nothing is there."""
        return None if is_missing(answer) else self.entry(path, good(answer, str(path)))

    async def _clearer(self, refused: Refused, path: VPath, otherwise: Reason) -> Refused:
        """What a vague refusal means, by looking at what is there."""
        if not is_vague(refused) or not self.connected:
            return refused
        present = await self._present(path)
        if present is None:
            return refused
        wanted_folder = otherwise is Reason.NOT_A_DIRECTORY
        if present.is_directory and otherwise is not Reason.EXISTS:
            return (
                refused
                if wanted_folder
                else Refused(Reason.IS_A_DIRECTORY, str(path), refused.details)
            )
        return Refused(otherwise, str(path), refused.details)

    async def _is_filled(self, path: VPath) -> bool:
        listing = await self.list(path)
        try:
            return bool(await listing.batch())
        finally:
            await listing.close()


def _check_taken(path: VPath, present: Entry, how: Existing) -> None:
    """Raise Refused where nothing can be sent to a name because of what has it."""
    if present.is_directory:
        raise Refused(Reason.IS_A_DIRECTORY, str(path))
    if how is Existing.REFUSE:
        raise Refused(Reason.EXISTS, str(path))
    if not present.is_file:
        raise Refused(Reason.DENIED, str(path), "not a regular file")
