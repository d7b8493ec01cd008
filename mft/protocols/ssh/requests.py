"""What each SFTP request means: one function a request, over one session."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.ssh.status import refusal
from mft.protocols.ssh.whole_files import check_file, copy_data
from mft.session.files import ReceivedFile, SentFile
from mft.session.listing import GuardedListing
from mft.vfs.base import Attributes, Entry, Existing, Usage
from mft.wire.sftp import extended, packets, responses
from mft.wire.sftp.attrs import Attrs
from mft.wire.sftp.longname import pack_entries
from mft.wire.sftp.status import Status

if TYPE_CHECKING:
    from mft.protocols.ssh.sftp import SftpServer

LISTING_BYTES: Final = 64 << 10  # of one NAME packet; some clients take no more than 256 KiB


class OpenListing:
    """A listing and the entries of its last batch that did not fit into an answer."""

    def __init__(self, listing: GuardedListing) -> None:
        self.listing = listing
        self.entries: Sequence[Entry] = ()
        self.at = 0


Readable = SentFile | ReceivedFile
Opened = Readable | OpenListing
Answer = Callable[["SftpServer", Any], Awaitable[bytes]]


def request_id(request: packets.Request) -> int:
    """The id under which a request is answered; INIT has none."""
    return 0 if isinstance(request, packets.Init) else request.request_id


async def answer_to(server: "SftpServer", request: packets.Request) -> bytes:
    """Do what is asked, and give the whole reply; refusals are replies as well."""
    if not server.greeted and not isinstance(request, packets.Init):
        return responses.status(request_id(request), Status.BAD_MESSAGE)
    try:
        return await ANSWERS[type(request)](server, request)
    except Refused as refused:
        return refusal(request_id(request), refused)


async def _init(server: "SftpServer", request: packets.Init) -> bytes:
    server.greeted = True
    return responses.version(extended.advertised())


# Opening and closing.


async def _open(server: "SftpServer", request: packets.Open) -> bytes:
    flags = request.flags
    if not flags & packets.FOR_WRITING:
        sent = await server.session.download(VPath.parse(request.path))
        return responses.handle(request.request_id, server.new_handle(sent))
    mode = 0o666
    if request.attrs.mode is not None and not server.peer.hub.options.ignore_create_permissions:
        mode = request.attrs.mode & 0o777
    received = await server.session.upload(
        VPath.parse_file(request.path),
        _existing(flags),
        mode=mode,
        reading=bool(flags & packets.FOR_READING),
        create=bool(flags & packets.CREATE),
    )
    return responses.handle(request.request_id, server.new_handle(received))


def _existing(flags: int) -> Existing:
    if flags & packets.CREATE and flags & packets.EXCLUSIVE:
        return Existing.REFUSE
    if flags & packets.TRUNCATE:
        return Existing.REPLACE
    if flags & packets.APPEND:
        return Existing.EXTEND
    return Existing.MODIFY


async def _close(server: "SftpServer", request: packets.Close) -> bytes:
    opened = server.handles.pop(request.handle, None)
    if opened is None:
        raise _NO_HANDLE
    await (opened.listing if isinstance(opened, OpenListing) else opened).close()
    return responses.status_ok(request.request_id)


def _file(server: "SftpServer", handle: bytes) -> Readable:
    opened = server.handles.get(handle)
    if opened is None or isinstance(opened, OpenListing):
        raise _NO_HANDLE
    return opened


def _received(server: "SftpServer", handle: bytes) -> ReceivedFile:
    opened = server.handles.get(handle)
    if not isinstance(opened, ReceivedFile):
        raise _NO_HANDLE
    return opened


def _readable(server: "SftpServer", handle: bytes) -> Readable:
    file = _file(server, handle)
    if not file.reading:
        raise Refused(Reason.DENIED, str(file.path), "the handle is not open for reading")
    return file


# Attributes.


def _attrs(request: int, entry: Entry) -> bytes:
    return responses.attrs_full(
        request, entry.mode, entry.size, entry.uid, entry.gid, entry.accessed, entry.modified
    )


async def _stat(server: "SftpServer", request: packets.Stat) -> bytes:
    return _attrs(request.request_id, await server.session.stat(VPath.parse(request.path)))


async def _lstat(server: "SftpServer", request: packets.LStat) -> bytes:
    entry = await server.session.stat(VPath.parse(request.path), follow=False)
    return _attrs(request.request_id, entry)


async def _fstat(server: "SftpServer", request: packets.FStat) -> bytes:
    file = _file(server, request.handle)
    try:
        entry = await file.lane.stat()
    except Refused as refused:
        server.session.emit(
            events.SSH_FSTAT_FAILED,
            p.HandleFailed(str(file.path), file.real_path, str(file.requested), refused.details),
        )
        raise
    server.session.emit(events.SSH_FSTAT_DONE, p.PathOf(str(file.path), file.real_path))
    return _attrs(request.request_id, entry)


def _attributes(attrs: Attrs) -> Attributes:
    return Attributes(
        size=attrs.size,
        mode=None if attrs.mode is None else attrs.mode & 0o777,
        accessed=attrs.accessed,
        modified=attrs.modified,
        uid=attrs.uid,
        gid=attrs.gid,
    )


def _setting(*, follow: bool) -> Answer:
    async def change(server: "SftpServer", request: packets.SetStat | extended.LSetStat) -> bytes:
        path, attributes = VPath.parse(request.path), _attributes(request.attrs)
        await server.session.change(path, attributes, follow=follow)
        return responses.status_ok(request.request_id)

    return change


async def _fsetstat(server: "SftpServer", request: packets.FSetStat) -> bytes:
    file = _file(server, request.handle)
    if not isinstance(file, ReceivedFile):
        told = p.PathOf(str(file.path), file.real_path)
        server.session.emit(events.SSH_FSETSTAT_UNSUPPORTED, told)
        raise Refused(Reason.UNSUPPORTED, str(file.path), "the file is open for reading only")
    attributes = _attributes(request.attrs)
    if server.peer.hub.options.ignore_create_permissions and attributes.mode is not None:
        server.session.emit(
            events.SSH_FSETSTAT_IGNORED,
            p.HandleFailed(str(file.path), file.real_path, str(file.requested), "permissions"),
        )
        attributes = attributes._replace(mode=None)
    await server.session.change_open(file, attributes)
    return responses.status_ok(request.request_id)


# Folders.


async def _open_dir(server: "SftpServer", request: packets.OpenDir) -> bytes:
    listing = await server.session.list(VPath.parse(request.path))
    return responses.handle(request.request_id, server.new_handle(OpenListing(listing)))


async def _read_dir(server: "SftpServer", request: packets.ReadDir) -> bytes:
    opened = server.handles.get(request.handle)
    if not isinstance(opened, OpenListing):
        raise _NO_HANDLE
    if opened.at >= len(opened.entries):
        opened.entries, opened.at = await opened.listing.batch(), 0
        if not opened.entries:
            return responses.status(request.request_id, Status.EOF)
    packed, count = pack_entries(opened.entries, int(time.time()), LISTING_BYTES, opened.at)
    opened.at += count
    return responses.name_packed(request.request_id, count, packed)


async def _make_dir(server: "SftpServer", request: packets.MkDir) -> bytes:
    mode = 0o777
    if request.attrs.mode is not None and not server.peer.hub.options.ignore_create_permissions:
        mode = request.attrs.mode & 0o777
    await server.session.make_directory(VPath.parse(request.path), mode=mode)
    return responses.status_ok(request.request_id)


async def _remove_dir(server: "SftpServer", request: packets.RmDir) -> bytes:
    await server.session.remove_directory(VPath.parse(request.path))
    return responses.status_ok(request.request_id)


async def _remove(server: "SftpServer", request: packets.Remove) -> bytes:
    await server.session.remove(VPath.parse(request.path))
    return responses.status_ok(request.request_id)


def _renaming(*, replace: bool) -> Answer:
    async def rename(server: "SftpServer", request: packets.Rename | extended.PosixRename) -> bytes:
        source = VPath.parse(request.source)
        folder = await server.session.is_folder(source, follow=False)
        target = (VPath.parse if folder else VPath.parse_file)(request.target)
        await server.session.rename(source, target, replace=replace)
        return responses.status_ok(request.request_id)

    return rename


# Names and links.


def _named(request: int, text: str) -> bytes:
    name = text.encode()
    return responses.name(request, [responses.Named(name, name)])


async def _real_path(server: "SftpServer", request: packets.RealPath) -> bytes:
    path = VPath.parse(request.path)
    server.session.asked(events.SSH_REAL_PATH_ASKED, path)
    return _named(request.request_id, str(path))


async def _expand_path(server: "SftpServer", request: extended.ExpandPath) -> bytes:
    path = request.path
    if path.startswith(b"~"):
        name, _, rest = path[1:].partition(b"/")
        _own_home(server, name)
        path = rest
    return _named(request.request_id, str(VPath.parse(path)))


async def _home_directory(server: "SftpServer", request: extended.HomeDirectory) -> bytes:
    _own_home(server, request.username)
    return _named(request.request_id, str(ROOT))


def _own_home(server: "SftpServer", name: bytes) -> None:
    if name and name != server.session.account.name.encode():
        raise Refused(Reason.NOT_FOUND, "", "the home of another user")


async def _users_groups(server: "SftpServer", request: extended.UsersGroupsById) -> bytes:
    return responses.users_groups(
        request.request_id, [b""] * len(request.users), [b""] * len(request.groups)
    )


async def _read_link(server: "SftpServer", request: packets.ReadLink) -> bytes:
    return _named(request.request_id, await server.session.read_link(VPath.parse(request.path)))


async def _make_link(server: "SftpServer", request: packets.SymLink) -> bytes:
    try:
        target = request.target.decode()
    except UnicodeDecodeError:
        raise Refused(Reason.INVALID, "", "link target is not UTF-8") from None
    await server.session.make_link(VPath.parse(request.path), target)
    return responses.status_ok(request.request_id)


async def _hard_link(server: "SftpServer", request: extended.HardLink) -> bytes:
    source, target = VPath.parse(request.source), VPath.parse(request.target)
    await server.session.make_hard_link(source, target, allowed=server.peer.hub.options.hardlinks)
    return responses.status_ok(request.request_id)


# Volumes and limits.


def _volume(request: int, usage: Usage) -> bytes:
    return responses.statvfs(
        request,
        responses.Volume(
            usage.block_size,
            usage.block_size,
            usage.blocks,
            usage.free_blocks,
            usage.available_blocks,
            usage.files,
            usage.free_files,
            usage.free_files,
            max_name=usage.max_name,
        ),
    )


async def _statvfs(server: "SftpServer", request: extended.StatVFS) -> bytes:
    return _volume(request.request_id, await server.session.usage(VPath.parse(request.path)))


async def _fstatvfs(server: "SftpServer", request: extended.FStatVFS) -> bytes:
    opened = server.handles.get(request.handle)
    if opened is None:
        raise _NO_HANDLE
    path = opened.listing.path if isinstance(opened, OpenListing) else opened.path.parent
    return _volume(request.request_id, await server.session.usage(path))


async def _fsync(server: "SftpServer", request: extended.FSync) -> bytes:
    await _received(server, request.handle).lane.sync()
    return responses.status_ok(request.request_id)


async def _limits(server: "SftpServer", request: extended.Limits) -> bytes:
    return responses.limits(request.request_id, server.peer.hub.options.maximum_open_files)


async def _copy_data(server: "SftpServer", request: extended.CopyData) -> bytes:
    source = _readable(server, request.source)
    target = _received(server, request.target)
    if await copy_data(server.session, source, target, request) < request.length:
        return responses.status(request.request_id, Status.EOF)  # fewer bytes than were asked for
    return responses.status_ok(request.request_id)


async def _check_handle(server: "SftpServer", request: extended.CheckFileHandle) -> bytes:
    return await check_file(server.session, _readable(server, request.handle), request)


async def _check_name(server: "SftpServer", request: extended.CheckFileName) -> bytes:
    async with await server.session.download(VPath.parse(request.path)) as file:
        return await check_file(server.session, file, request)


async def _unsupported(server: "SftpServer", request: packets.Unsupported) -> bytes:
    if request.kind == packets.EXTENDED:
        shown = request.name[:64].decode("ascii", "replace")
        server.session.emit(events.SFTP_EXTENSION_UNSUPPORTED, p.Request(shown))
    else:
        told = p.Details(f"request type {request.kind}")
        server.session.emit(events.SFTP_REQUEST_UNSUPPORTED, told)
    return responses.status(request.request_id, Status.OP_UNSUPPORTED)


_NO_HANDLE: Final = Refused(Reason.INVALID, "", "no such handle")

ANSWERS: Final[Mapping[Any, Answer]] = {
    packets.Init: _init,
    packets.Open: _open,
    packets.Close: _close,
    packets.Stat: _stat,
    packets.LStat: _lstat,
    packets.FStat: _fstat,
    packets.SetStat: _setting(follow=True),
    packets.FSetStat: _fsetstat,
    packets.OpenDir: _open_dir,
    packets.ReadDir: _read_dir,
    packets.MkDir: _make_dir,
    packets.RmDir: _remove_dir,
    packets.Remove: _remove,
    packets.Rename: _renaming(replace=False),
    packets.RealPath: _real_path,
    packets.ReadLink: _read_link,
    packets.SymLink: _make_link,
    packets.Unsupported: _unsupported,
    extended.PosixRename: _renaming(replace=True),
    extended.StatVFS: _statvfs,
    extended.FStatVFS: _fstatvfs,
    extended.FSync: _fsync,
    extended.HardLink: _hard_link,
    extended.LSetStat: _setting(follow=False),
    extended.Limits: _limits,
    extended.CopyData: _copy_data,
    extended.ExpandPath: _expand_path,
    extended.HomeDirectory: _home_directory,
    extended.UsersGroupsById: _users_groups,
    extended.CheckFileHandle: _check_handle,
    extended.CheckFileName: _check_name,
}
