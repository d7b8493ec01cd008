"""Session: a logged-in peer, and the one door to files.

Every operation of every protocol passes here: the permission is checked, the work is done by the
account's file system, and one event tells the outcome. There is no second way to a file. What a
protocol calls an operation (`what`) is told with it where the protocol's events have a key for it.
"""

import uuid
from collections.abc import Awaitable, Callable
from typing import Final

from mft.auth.permissions import Operation
from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.session.files import MODES, ReceivedFile, SentFile
from mft.session.latest import OTHERS
from mft.session.looking import Looking
from mft.session.numbers import NO_METADATA, Metadata
from mft.session.whole_files import copied
from mft.session.whole_folders import check_within
from mft.vfs.base import Attributes, Entry, Existing, Upload

Clear = Callable[[], Awaitable[None]]  # removes what is in the way
_IN_THE_WAY: Final = frozenset((Reason.EXISTS, Reason.IS_A_DIRECTORY, Reason.NOT_EMPTY))


class Session(Looking):
    """One logged-in peer. Paths are virtual; every refusal is Refused, and has been told."""

    # Changing.

    async def make_directory(self, path: VPath, *, mode: int = 0o777) -> None:
        """Make a folder."""
        self._recordable()
        await self._guarded(
            self.numbers.make_directory,
            Operation.CREATE_FOLDER,
            path,
            self._files.make_directory(path, mode=mode),
        )

    async def remove(self, path: VPath) -> None:
        """Remove a file or a link."""
        self._recordable()
        await self._guarded(
            self.numbers.remove, Operation.DELETE_FILE, path, self._files.remove(path)
        )

    async def remove_directory(self, path: VPath) -> None:
        """Remove an empty folder; never the root."""
        self._recordable()
        if path.is_root:
            self.emit(events.ROOT_PROTECTED, p.Nothing())
        await self._guarded(
            self.numbers.remove_directory,
            Operation.DELETE_FOLDER,
            path,
            self._files.remove_directory(path),
        )

    async def change(
        self, path: VPath, attributes: Attributes, *, follow: bool = True, what: str = ""
    ) -> None:
        """Set attributes by name; a new size needs the right to write as well."""
        self._recordable()
        if attributes.size is not None and self.account.demands.inspections:
            refused = _whole_only(path)
            self._failed(self.numbers.set_attributes, path, what, refused)
            raise refused
        needed = Operation.SET_ATTRIBUTES
        if attributes.size is not None and not self.account.rules.allow(Operation.WRITE, path):
            needed = Operation.WRITE
        await self._guarded(
            self.numbers.set_attributes,
            needed,
            path,
            self._files.change(path, attributes, follow=follow),
            what,
        )

    async def change_open(self, file: ReceivedFile, attributes: Attributes) -> None:
        """Set attributes of a file that is open for writing: they are part of the upload.

        Those of a finished file that is changed in place are not, save its size: they take the
        same right as by name.
        """
        if file.in_place and attributes._replace(size=None) != Attributes():
            operation, path, work = Operation.SET_ATTRIBUTES, file.path, file.change(attributes)
            await self._guarded(self.numbers.set_attributes, operation, path, work)
        else:
            await self._simple(self.numbers.set_attributes, file.path, file.change(attributes))

    async def make_link(self, path: VPath, target: str) -> None:
        """Make a symbolic link whose target stays inside the account's tree.

        Refused(DENIED) where path rules tell paths apart: what is reached through a link is
        judged by the link's path, so it would lead around them. So would one to a signature.
        """
        self._recordable()
        try:
            if self.account.rules.by_path:
                details = "links could lead around the path rules"
                raise Refused(Reason.DENIED, str(path), details)
            self._keeps_ending(path, target, path.name)
        except Refused as refused:
            self._failed(self.numbers.make_link, path, "", refused)
            raise
        await self._guarded(
            self.numbers.make_link, Operation.MAKE_LINK, path, self._files.make_link(path, target)
        )

    async def make_hard_link(self, source: VPath, target: VPath, *, allowed: bool) -> None:
        """Make a second name for a file, where the service allows it at all."""
        self._recordable()
        try:
            if not allowed:
                raise Refused(Reason.UNSUPPORTED, str(target), "hard links are switched off")
            # Whatever is done under the new name is done to the file of the old one.
            self._permit(Operation.READ, source)
            self._permit(Operation.WRITE, source)
            self._permit(Operation.MAKE_LINK, target)
            self._keeps_ending(target, source.name, target.name)
        except Refused as refused:
            self._failed(self.numbers.make_link, target, "", refused)
            raise
        work = self._files.make_hard_link(source, target)
        await self._simple(self.numbers.make_link, target, work)

    async def renamable(self, source: VPath) -> None:
        """See that something is there and may be renamed; refused as the rename would be."""
        try:
            self._permit(Operation.RENAME, source)
            await self._files.stat(source, follow=False)
        except Refused as refused:
            real = self._files.real_path(source)
            told = p.RenameFailed(str(source), real, str(source), "", refused.details)
            self.emit(self.numbers.rename.failed, told)
            raise

    async def rename(
        self, source: VPath, target: VPath, *, replace: bool, clear: Clear | None = None
    ) -> None:
        """Rename; needs the permission on both paths, and on those of all that is in a folder.

        Where it is refused for what is at the target, and for nothing else, `clear` is awaited, and
        it is tried once more.
        """
        outcome = self.numbers.rename
        real = self._files.real_path(target)
        try:
            self._recordable()
            self._permit(Operation.RENAME, source)
            self._permit(Operation.RENAME, target)
            self._keeps_ending(target, source.name, target.name)
            if self.account.rules.by_path:
                rules = self.account.rules
                await check_within(self._files, rules, self.pool, source, target)
            if self.tells_requests and outcome.asked:
                self.emit(outcome.asked, p.Renamed(str(target), real, str(source), str(target)))
            try:
                await self._files.rename(source, target, replace=replace)
            except Refused as refused:
                if clear is None or refused.reason not in _IN_THE_WAY:
                    raise
                await clear()
                await self._files.rename(source, target, replace=replace)
        except Refused as refused:
            self.emit(
                outcome.failed,
                p.RenameFailed(str(target), real, str(source), str(target), refused.details),
            )
            raise
        self.latest.has_bytes((self.account.uuid, target), OTHERS)
        self.emit(outcome.done, p.Renamed(str(target), real, str(source), str(target)))

    # Files.

    async def upload(
        self,
        path: VPath,
        how: Existing,
        *,
        start: int | None = None,
        mode: int = 0o666,
        reading: bool = False,
        create: bool = True,
        metadata: Metadata = NO_METADATA,
        begun: int = OTHERS,
    ) -> ReceivedFile:
        """Begin to receive a file; it is under its name only once the returned file is closed.

        The caller writes from the `start` of what is returned. Without `start` that is the end of
        what is there: of the account's interrupted upload of the path or, `in_place`, of the
        finished file (EXTEND and MODIFY only), else 0. A given `start` (EXTEND and MODIFY only)
        must lie within the same bytes, else Refused(INVALID), and they stay as they are. What an
        interrupted upload has behind it is cut off; in a finished file it stays until written over.
        `begun` tells which upload with a URL it is a part of. Without `create`, Refused(NOT_FOUND)
        where nothing is there.
        """
        requested, what = path, MODES[how] + (" and reading" if reading else "")
        numbers = self.numbers.appending if how is Existing.EXTEND else self.numbers.writing
        try:
            self._recordable()
            self._permit(Operation.WRITE, path)
            if reading:
                self._permit(Operation.READ, path)
            self._may_open()
            if not create and await self.entry_at(path, follow=True) is None:
                raise Refused(Reason.NOT_FOUND, str(path))
            if self.account.amend_write_name and not path.is_root:
                path, how = path.parent.child(f"{uuid.uuid4()}-{path.name}"), Existing.REFUSE
            upload = await self._begin(self._upload(path, how, mode, start))
        except Refused as refused:
            self._open_failed(numbers, path, requested, what, start or 0, refused, metadata)
            raise
        received = ReceivedFile(
            self, path, requested, what, upload, start, reading=reading, begun=begun
        )
        received.metadata = metadata
        self.opened.add(received)
        self.emit(numbers.done, numbers.of(received))
        if received.start and not received.in_place:
            self.emit(
                events.INTERRUPTED_UPLOAD_CONTINUED,
                p.Continued(str(path), received.real_path, received.start),
            )
        return received

    async def _upload(self, path: VPath, how: Existing, mode: int, start: int | None) -> Upload:
        upload = await self._files.upload(path, how, mode=mode)
        try:
            if upload.in_place and self.account.demands.inspections:
                raise _whole_only(path)
            if start is not None and start != upload.start:
                await _cut(upload, path, start)
            self.check_present(path)
        except Refused:
            await upload.abort(keep=upload.start > 0)
            raise
        return upload

    async def begun(self, path: VPath, size: int = 0) -> Entry | None:
        """What an upload to this path goes on with or replaces; None where there is nothing.

        It takes the right to write, and no other. Refused also for a `size` over the account's
        limit and where there is no folder for it. An event tells refusals only.
        """
        try:
            return await self._begun(path, size)
        except Refused as refused:
            what = MODES[Existing.EXTEND]
            self._open_failed(self.numbers.appending, path, path, what, 0, refused)
            raise

    async def unique_upload(
        self, folder: VPath, stem: str = "", *, mode: int = 0o666
    ) -> ReceivedFile:
        """Begin to receive a file under a name that no other has: a UUID, and `stem` after it."""
        name = f"{uuid.uuid4()}-{stem}" if stem else str(uuid.uuid4())
        return await self.upload(folder.child(name), Existing.REFUSE, mode=mode)

    async def download(self, path: VPath, *, start: int = 0, or_folder: bool = False) -> SentFile:
        """Begin to send a file from `start`; Refused(INVALID) when that is behind its end.

        With `or_folder`, Refused(IS_A_DIRECTORY) is no failure, and is not told.
        """
        numbers = self.numbers.reading
        try:
            self._permit(Operation.READ, path)
            self._may_open()
            download = await self._begin(self._files.download(path))
            if not self._present or start > download.entry.size:
                await download.close()
                raise _behind(path, start) if self._present else self._gone(path)
        except Refused as refused:
            if not (or_folder and refused.reason is Reason.IS_A_DIRECTORY):
                self._open_failed(numbers, path, path, "reading", start, refused)
            raise
        sent = SentFile(self, path, "reading", download, start)
        self.opened.add(sent)
        self.emit(numbers.done, numbers.of(sent))
        return sent

    async def copy(
        self,
        source: VPath,
        target: VPath,
        how: Existing = Existing.REPLACE,
        clear: Clear | None = None,
    ) -> int:
        """Copy a file as it is now, and give its size in bytes; `how` as for an upload.

        It needs the right to read the one and to write the other. The copy is an upload: under
        its name when it is whole, and not at all before. `clear` is awaited when the source is
        open, and not over the limit of the account.
        """
        outcome = self.numbers.copy
        try:
            if source == target:
                raise Refused(Reason.INVALID, str(target), "a file copied onto itself")
            async with await self.download(source) as sent:
                if clear is not None:
                    self._fits(target, sent.entry.size)
                    await clear()
                async with await self.upload(target, how) as received:
                    count = await copied(sent, received, length=sent.entry.size)
        except Refused as refused:
            real = self._files.real_path(target)
            self.emit(outcome.failed, p.CopyFailed(str(target), real, str(source), refused.details))
            raise
        path, real = str(received.path), received.real_path
        self.emit(outcome.done, p.Copied(path, real, str(source), count))
        return count


def _behind(path: VPath, start: int) -> Refused:
    return Refused(Reason.INVALID, str(path), f"offset {start} is behind the end of the file")


def _whole_only(path: VPath) -> Refused:
    """What is changed in place is there before it can be inspected, and cannot be taken back."""
    details = "uploads of this account are inspected: a finished file is only replaced as a whole"
    return Refused(Reason.DENIED, str(path), details)


async def _cut(upload: Upload, path: VPath, start: int) -> None:
    if start > upload.start:
        raise _behind(path, start)
    if not upload.in_place:
        await upload.lane.change(Attributes(size=start))
