"""One file from step to step. Each looks first at what is there, so that any may be begun again.

A file is sent under a temporary name, compared, and only then given its own; `sent` is on the disk
before the temporary name is given up. Nothing of the source is touched before `verified` is.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from twisted.internet.defer import CancelledError

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.remote.base import announce, rename_seen, seen
from mft.transfers.around import shown
from mft.transfers.choosing import STAMP_OLD, choose, give_way, keeps_name, move_aside
from mft.transfers.comparing import (
    DIGEST,
    check_digest,
    check_size,
    compare,
    digest_of_source,
)
from mft.transfers.copying import Converter, Copying, Digest
from mft.transfers.finishing import at_destination, make_folders
from mft.transfers.hold import check_now
from mft.transfers.names import Conversion, conversion_of
from mft.transfers.one_file import ChangedError, OneFile, VanishedError, is_same
from mft.transfers.open_source import check_source, close_source, end_source, open_source
from mft.transfers.programs import run_for
from mft.transfers.rows import SENDING, SENT, SKIPPED, STABLE, VERIFIED, Row
from mft.transfers.tally import Progress
from mft.vfs.base import Download, Entry, Existing, Upload

_ENDS: Final[Mapping[type[BaseException], str]] = {
    ChangedError: "its source was changed meanwhile",
    VanishedError: "its source has gone meanwhile",
    CancelledError: "the transfer was stopped",
}
_CUT: Final = frozenset({Reason.ABORTED, Reason.BUSY, Reason.NO_SPACE, Reason.QUOTA})


class Delivery:
    """Brings one file to its destination, and shows how far it is."""

    def __init__(self, file: OneFile, progress: Progress) -> None:
        self._file = file
        self._around = file.around
        self._options = file.around.options
        self._progress = progress
        self._began = file.around.clock.seconds()
        self._begun = False  # whether its beginning was told, and its end was not
        self._fresh = False  # whether this has just seen all of it arrive
        self._seen: Entry | None = None  # what the destination told of it along with its end
        self._gave_way = False  # to who had its name meanwhile
        self._digest: bytes | None = None  # of what arrived, where the destination makes any
        self.start = 0  # bytes that were there already

    async def run(self) -> None:
        """Go on until the row is verified, or skipped.

        Raises Refused where a try fails; ChangedError and VanishedError, of which nothing is left
        under a temporary name as far as that can be helped.
        """
        row = self._file.row
        while row.state in (STABLE, SENDING, SENT):
            self._progress.step = row.state
            try:
                await self._one_step(row)
            except BaseException as error:
                self._tell_broken(error)
                if isinstance(error, ChangedError | VanishedError):
                    await self._file.discard()
                raise

    async def _one_step(self, row: Row) -> None:
        if row.state == STABLE:
            await self._prepare()
        elif row.state == SENDING:
            await self._send()
        else:
            await self._publish()

    async def _prepare(self) -> None:
        file, before = self._file, self._options.execute_before
        if file.row.batch:
            before = ()  # it was run for all of them
        target = shown(file.folder, file.named.path)
        if before:
            await run_for(self._around, "execute_before", before, file.path, target)
        commands = self._options.execute_on_destination_before
        if before or commands:  # else it is opened soon
            entry = await file.look()
            if before:
                file.row.size, file.row.modified = entry.size, entry.modified  # as it left it
            file.check(entry)
        await at_destination(file, "before", commands)
        await choose(file)

    # The bytes.

    async def _send(self) -> None:
        file = self._file
        if not keeps_name(file, goes_on=self._may_go_on):
            await file.discard()
            file.row.begin_anew()
            await file.save()
            return
        written, digest = await self._read_and_write()
        file.row.written = written
        try:
            self._digest = await compare(file, file.names[0], digest, self._seen)
        except Refused as refused:
            if refused.reason is Reason.BROKEN:  # it is not gone on with
                await file.discard()
            raise
        file.row.state = SENT
        await file.save()
        self._fresh = True

    async def _read_and_write(self) -> tuple[int, bytes | None]:
        """Send what is not there yet: how much there is then, and its digest where it is known."""
        try:
            download = await open_source(self._file)
            try:
                self._file.check(download.entry)
                self._file.note(download.entry)
                done = await self._copy(download, await self._open_destination())
            except BaseException:
                await close_source(self._file, download)
                raise
        except Refused as refused:
            if refused.reason is Reason.ABORTED and self._file.source.connected:
                await check_source(self._file)  # which would be why
            raise
        await end_source(self._file, download)
        return done

    async def _open_destination(self) -> Upload:
        try:
            return await self._begin()
        except Refused as refused:
            told = p.JobPathFailed(self._file.target, refused.details)
            self._around.tell(events.TRANSFER_DESTINATION_UNOPENED, told)
            raise

    async def _begin(self) -> Upload:
        temporary, final = self._file.names
        row = self._file.row
        anew = temporary == final or not self._may_go_on  # it may be somebody else's
        upload = await self._upload(temporary, Existing.REPLACE if anew else Existing.EXTEND)
        if upload.start > (0 if anew else row.size):
            await upload.abort(keep=False)
            upload = await self._upload(temporary, Existing.REPLACE)
        self.start = upload.start
        if self._conversion is None:
            announce(upload, row.size)
        await self._note(upload)
        return upload

    @property
    def _may_go_on(self) -> bool:
        """Whether what is there is the beginning of this file, as it is sent.

        Text has another length there. Without a time nothing tells whether the source is still what
        the beginning was sent of.
        """
        row = self._file.row
        return row.begun and row.modified != 0 and self._conversion is None

    async def _note(self, upload: Upload) -> None:
        """Before its first byte: from now on what has the temporary name is a part of this file.

        Should a power cut take that, it is sent from its beginning.
        """
        row = self._file.row
        if row.begun or row.size <= self._options.transfer_chunk_size:
            return  # and so was what is known of its source; one of one piece is sent anew
        row.begun = True
        try:
            await self._file.save(durable=False)
        except BaseException:
            row.begun = False
            await upload.abort(keep=not self._around.hold.held)
            raise

    async def _upload(self, path: VPath, how: Existing) -> Upload:
        tree = self._file.destination
        check_now(self._around.hold, self._file.path)
        try:
            return await tree.upload(path, how)
        except Refused as refused:
            if refused.reason is not Reason.NOT_FOUND or len(path.parts) < 2:
                raise
        await make_folders(tree, path.parent)
        return await tree.upload(path, how)

    @property
    def _conversion(self) -> Conversion | None:
        return conversion_of(self._options.destination_content_actions, self._file.row.path)

    async def _copy(self, download: Download, upload: Upload) -> tuple[int, bytes | None]:
        file, action = self._file, self._conversion
        told = p.FileStarts(self._type, file.path, file.row.size, action.text if action else "")
        self._around.tell(events.TRANSFER_FILE_STARTS, told)
        self._begun = True
        # Of no use where the destination tells none, and dear: half as fast as all the rest.
        digest = None
        if not self.start and file.destination.may_digest(DIGEST):
            digest = hashlib.sha256()
        progress = self._progress
        progress.done = self.start

        def count(written: int) -> None:
            progress.done = written
            check_now(self._around.hold, file.path)

        copying = self._copying(download.lane, upload.lane, digest, count)
        try:
            written = await copying.copy(self.start, file.row.size)
            check_now(self._around.hold, file.path)
            await upload.commit(durable=True)
            self._seen = seen(upload)
        except BaseException as error:
            await self._abort(upload, error)
            raise
        return written, None if digest is None else digest.digest()

    async def _abort(self, upload: Upload, error: BaseException) -> None:
        """What was written is gone on with, unless there is no hope for it.

        Nothing is cut off or taken away where another node may go on with it by now.
        """
        held = self._around.hold.held
        if not held and isinstance(error, Refused) and error.reason is not Reason.ABORTED:
            return  # its server has refused bytes; the connection ends without a word
        keep = not held or not isinstance(error, Refused) or error.reason in _CUT
        with suppress(Refused):
            await upload.abort(keep=keep)

    def _copying(
        self, source: Any, target: Any, digest: Digest | None, count: Callable[[int], None]
    ) -> Copying:
        action = self._conversion
        return Copying(
            source,
            target,
            self._around.buffers,
            self._around.clock,
            subject=self._file.path,
            told=count,
            digest=digest,
            converter=None if action is None else Converter(action),
        )

    # Its own name.

    async def _publish(self) -> None:
        file, row = self._file, self._file.row
        temporary, final = file.names
        if temporary != final and (self._fresh or not await self._is_published()):
            if row.state != SENT:
                return
            if self._options.overwrite_rule == STAMP_OLD:
                await move_aside(file, final)
            await self._around.hold.check()
            try:
                renamed = rename_seen(file.destination, temporary, final, replace=row.replaces)
                await self._see(temporary, final, await renamed)
            except Refused as refused:
                if refused.reason is Reason.EXISTS and await self._gives_way(refused):
                    return
                raise
        # Whoever goes on with it finds it under its name, and tells of it.
        check_now(self._around.hold, file.path)
        self._told_done()
        row.state = VERIFIED
        if not self._options.ends_verified:  # its end is written right now
            await file.save()

    async def _gives_way(self, refused: Refused) -> bool:
        """Whether it goes on though somebody has its name by now: once, then it is another try."""
        if self._gave_way:
            return False
        self._gave_way = True
        goes_on = await give_way(self._file)
        if self._file.row.state == SKIPPED:
            self._tell_broken(refused)
        return goes_on

    async def _is_published(self) -> bool:
        """Whether it has its own name already: a kill or a cut may have come after that.

        Where neither name has what was sent, the row is sent again.
        """
        file, row = self._file, self._file.row
        temporary, final = file.names
        there = await file.find(temporary)
        if there is not None and there.size == row.written:
            return False
        if there is None and await self._has(final):
            return True
        await file.discard()
        row.begin_anew()
        await file.save()
        return False

    async def _has(self, final: VPath) -> bool:
        """Whether what has the final name is what was sent; what cannot be known, is not.

        A file that was to be replaced may have the same size: it is only told by its digest.
        """
        file, row = self._file, self._file.row
        found = await file.find(final)
        if found is None or found.size != row.written:
            return False
        theirs = None
        if self._conversion is None:  # else the source has another one
            theirs = await file.destination.digest(final, DIGEST)
        if theirs is None or not await self._can_compare():
            return not row.replaces
        try:
            return theirs == await digest_of_source(file)
        except Refused as refused:
            if refused.reason is Reason.NOT_FOUND:
                raise VanishedError from None
            raise

    async def _can_compare(self) -> bool:
        """Whether the source still is what was sent; VanishedError where nothing else tells."""
        file = self._file
        try:
            return is_same(file.row, await file.look(), file.source)
        except VanishedError:
            if file.row.replaces:
                raise
            return False

    async def _see(self, temporary: VPath, final: VPath, found: Entry | None) -> None:
        """It was renamed: what is there then is what was sent, or was taken away already.

        A server that says so, and still has the temporary name, has not done it: Refused(BROKEN).
        """
        file = self._file
        if found is None or found.size != file.row.written:  # it may have been told too early
            found = await file.find(final)
        if found is None:
            if await file.find(temporary) is not None:
                details = "its server says that it has renamed it, and has not"
                raise Refused(Reason.BROKEN, file.target, details)
            return
        try:
            check_size(file, found.size)
            if self._digest is not None:
                await check_digest(file, final, self._digest)
        except Refused as refused:
            if refused.reason is Reason.NOT_FOUND:
                return
            if refused.reason is Reason.BROKEN:
                file.row.begin_anew()
                await file.save()
            raise

    # What is told.

    @property
    def _type(self) -> str:
        return "move" if self._options.delete_source_on_success else "copy"

    def _measured(self, written: int) -> tuple[int, float, int]:
        """Bytes that this has sent, in how many seconds, and how many a second."""
        sent = max(0, written - self.start)
        seconds = round(self._around.clock.seconds() - self._began, 3)
        return sent, seconds, int(sent / seconds) if seconds > 0 else 0

    def _tell_broken(self, error: BaseException) -> None:
        """What was told to begin has an end."""
        if not self._begun:
            return
        self._begun = False
        file, details = self._file, _ENDS.get(type(error)) or str(error) or repr(error)
        measured = self._measured(self._progress.done)
        told = p.FileBroke(self._type, file.path, file.row.size, *measured, details)
        self._around.tell(events.TRANSFER_FILE_BROKE, told)

    def _told_done(self) -> None:
        file, written = self._file, self._file.row.written
        measured = self._measured(written if self._fresh else self.start)
        told = p.FileTransferred(self._type, file.path, file.target, written, *measured, file.path)
        self._around.tell(events.TRANSFER_FILE_DONE, told)
        self._begun = False
