"""An upload to the disk: hidden until it is committed, kept for its owner when interrupted."""

import errno
import os
from contextlib import suppress
from typing import NamedTuple

from mft.core.failure import Reason, Refused
from mft.vfs.divert import divert, reopened
from mft.vfs.handle import Handle
from mft.vfs.lane import FileLane
from mft.vfs.refusal import refusal
from mft.vfs.resolve import DIRECTORY
from mft.vfs.temporary import OWNER_BITS, Temporaries, is_later, is_named
from mft.vfs.volume import Kind, Volume, Volumes


class Begun(NamedTuple):
    """What was opened for an upload."""

    descriptor: int
    temporary: str  # its name, or empty for a file that is changed in place
    start: int
    replaced: bool
    frees: bool  # the file that it replaces is large
    mode: int | None  # permission bits to give it at commit; None leaves what it has
    masked: bool  # `mode` only takes bits away: the process's umask has done its part
    directory: int  # the handle of its directory; the root's own when it lies there
    device: int  # st_dev, or -1 for the root's


class Place(NamedTuple):
    """Where an upload goes."""

    root: Handle
    folder: bytes  # below the root; empty for the root itself
    name: str
    subject: str  # the virtual path, for refusals
    only_new: bool  # the name must be free at commit as well


class LocalUpload:
    """An `Upload` to the disk; `committed` tells whether the file is under its name."""

    __slots__ = (
        "_begun",
        "_ended",
        "_keepable",
        "_place",
        "_temporaries",
        "_volume",
        "_volumes",
        "committed",
        "in_place",
        "lane",
        "real_path",
        "replaced",
        "start",
    )

    def __init__(
        self,
        place: Place,
        begun: Begun,
        real_path: str,
        volume: Volume,
        volumes: Volumes,
        temporaries: Temporaries,
        limit: int,
    ) -> None:
        self.in_place = not begun.temporary
        least_mode = 0 if self.in_place else OWNER_BITS
        self.lane = FileLane(begun.descriptor, volume, place.subject, limit, least_mode)
        self.start = begun.start
        self.real_path = real_path
        self.replaced = begun.replaced
        self.committed = False
        self._place = place
        self._begun = begun
        self._volume = volume
        self._volumes = volumes
        self._temporaries = temporaries
        self._ended = False
        self._keepable = True

    async def commit(self, *, durable: bool) -> None:
        """Put the file under its name, synced with its directory when `durable`.

        Refused when a write has failed before, when the storage fails now, when the name or the
        directory is not what it was, or what was changed in place has none any more; the upload
        is then aborted, and kept for its owner unless its bytes may be lost. A cancellation that
        comes too late is not raised.
        """
        if self._ended:
            raise Refused(Reason.ABORTED, self._place.subject, "the upload has ended")
        self._ended = True
        durable = durable and self._volume.kind is not Kind.MEMORY  # there is nothing to sync to
        run = self._volume.sync if durable else self._volume
        if self._begun.frees:
            run = self._volume.freeing
        try:
            self._check()
            await run(self._finish, durable)
        except Exception as error:
            if not self.committed:
                await self._volume(self._leave, self._keepable)
            if isinstance(error, OSError):
                raise refusal(error, self._place.subject) from None
            if not self.committed:
                raise
        finally:
            await self._let_go()

    async def abort(self, *, keep: bool) -> None:
        """End without committing; never refused, and nothing after the end."""
        if self._ended:
            return
        self._ended = True
        try:
            await self._volume(self._leave, keep)
        finally:
            await self._let_go()

    async def leave_hole(self) -> None:
        """Take away the name by which the owner's next upload would find it; once is enough.

        Whoever is killed leaves a file whose size tells nothing then. Raises Refused.
        """
        begun = self._begun
        if self._ended or self.in_place or is_later(begun.temporary):
            return
        later = self._temporaries.later_name_of(self._place.name)
        move, directory = self._volumes.rename_new, begun.directory
        try:
            await self._volume(move, directory, begun.temporary, directory, later)
        except OSError as error:
            raise refusal(error, self._place.subject) from None
        self._begun = begun._replace(temporary=later)

    async def divert(self, folder: str, name: str) -> None:
        """Put the file into a folder outside the tree; it is in nobody's home any more."""
        if self._ended or self.in_place:
            raise Refused(Reason.ABORTED, self._place.subject, "the upload has ended")
        self._ended = True
        begun, move = self._begun, self._volumes.rename_new
        names = begun.temporary, folder, name
        try:
            self._check()
            await self._volumes.disk(divert, begun.descriptor, begun.directory, *names, move)
        except Exception as error:
            await self._volume(self._leave, False)
            if isinstance(error, OSError):
                raise refusal(error, folder) from None
            raise
        finally:
            await self._let_go()

    def reopen(self) -> int:
        """Open the file once more, to read it."""
        begun = self._begun
        if self._ended or self.in_place:
            raise Refused(Reason.UNSUPPORTED, self._place.subject, "there is no file of its own")
        return reopened(begun.descriptor, begun.directory, begun.temporary)

    def _check(self) -> None:
        if self.lane.broken is not None:
            raise self.lane.broken
        if not self.lane.idle:
            raise Refused(Reason.ABORTED, self._place.subject, "bytes are still being written")

    def _finish(self, durable: bool) -> None:
        descriptor = self.lane.descriptor
        self._give_mode(descriptor)
        # A network file system tells of lost bytes at its close at the latest; ask before that.
        if durable or self._volume.kind is Kind.REMOTE:
            self._keepable = False
            os.fsync(descriptor)
            self._keepable = True
        if self.in_place:
            # Who has moved it to another disk meanwhile has not got what was written since.
            if not self._has_name(descriptor):
                raise OSError(errno.ENOENT, "the file was removed during the upload")
            self.committed = True
            return
        self._still_there()
        self._rename()
        self.committed = True
        if is_later(self._begun.temporary):  # another had the first name; what it left is older
            self._temporaries.discard(self._begun.directory, self._place.name)
        if durable:
            self._sync_directory()

    def _has_name(self, descriptor: int) -> bool:
        """Whether what was changed in place has any name; not all file systems count names."""
        if os.fstat(descriptor).st_nlink:
            return True
        return is_named(self._begun.directory, self._place.name, descriptor)

    def _give_mode(self, descriptor: int) -> None:
        mode = self.lane.mode
        if mode is not None:
            if mode & OWNER_BITS != OWNER_BITS and not self.in_place:
                os.fchmod(descriptor, mode)
            return
        mode = self._begun.mode
        if mode is not None:
            masked = self._begun.masked
            os.fchmod(descriptor, os.fstat(descriptor).st_mode & mode if masked else mode)

    def _still_there(self) -> None:
        place = self._place
        if not place.folder:
            return
        now = self._volumes.opener(place.root.descriptor, place.folder, DIRECTORY)
        try:
            if not os.path.samestat(os.fstat(now), os.fstat(self._begun.directory)):
                raise OSError(errno.ENOENT, "the directory was moved during the upload")
        finally:
            os.close(now)

    def _rename(self) -> None:
        place, directory, temporary = self._place, self._begun.directory, self._begun.temporary
        # What others may have put under its name since is not what was written and inspected.
        if not is_named(directory, temporary, self.lane.descriptor):
            raise OSError(errno.ENOENT, "the file was removed during the upload")
        if place.only_new:
            try:
                self._volumes.rename_new(directory, temporary, directory, place.name)
            except FileExistsError:
                self._keepable = False
                raise
        else:
            os.rename(temporary, place.name, src_dir_fd=directory, dst_dir_fd=directory)

    def _sync_directory(self) -> None:
        try:
            readable = os.open(
                ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._begun.directory
            )
        except PermissionError:
            # A directory that may be written but not read: a journal that has the file's sync
            # has the rename before it.
            os.fsync(self.lane.descriptor)
            return
        try:
            self._volumes.syncs.sync(readable)
        finally:
            os.close(readable)

    def _leave(self, keep: bool) -> None:
        if self.in_place:
            return
        begun = self._begun
        with suppress(OSError):  # what cannot be removed now, the sweeper will
            if not is_named(begun.directory, begun.temporary, begun.descriptor):
                return
            if keep and os.fstat(begun.descriptor).st_size:
                move = self._volumes.rename_new
                self._temporaries.keep(begun.directory, begun.temporary, self._place.name, move)
            else:
                os.unlink(begun.temporary, dir_fd=begun.directory)

    async def _let_go(self) -> None:
        if self._begun.directory != self._place.root.descriptor:
            os.close(self._begun.directory)
        self._place.root.release()
        await self.lane.close()
