"""A partner's SFTP server on a real socket: honest but where his files lie."""

import stat
from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Factory, Protocol

from mft.wire.sftp import packets, responses
from mft.wire.sftp.attrs import Attrs
from mft.wire.sftp.status import Status
from tests.fakes.partner_files import FullError, PartnerFiles
from tests.fakes.ssh_host import SshHost

HERE = "127.0.0.1"
FILE = stat.S_IFREG | 0o644
FOLDER = stat.S_IFDIR | 0o755
ROWS = 100  # names in one answer
NO_SPACE = 14


class _Session:
    """The files as one connection has them."""

    def __init__(self, files: PartnerFiles, leave: Callable[[], None]) -> None:
        self._files = files
        self._leave = leave
        self._rows: list[responses.Named] = []
        self._moved = 0

    def answer(self, request: Any) -> bytes | None:
        if isinstance(request, packets.Init):
            return None
        number = request.request_id
        try:
            return self._answer(request, number)
        except KeyError:
            return responses.status(number, Status.NO_SUCH_FILE)
        except FullError:
            return responses.status(number, NO_SPACE, "the disk is full")

    def _answer(self, request: Any, number: int) -> bytes:
        answers: dict[Any, Callable[[], bytes]] = {
            packets.RealPath: lambda: responses.name(number, [responses.Named(b"/")]),
            packets.Stat: lambda: self._told(number, request.path.decode()),
            packets.LStat: lambda: self._told(number, request.path.decode()),
            packets.FStat: lambda: self._told(number, request.handle.decode()),
            packets.OpenDir: lambda: self._list(number),
            packets.ReadDir: lambda: self._rows_of(number),
            packets.Open: lambda: self._open(number, request.path.decode(), request.flags),
            packets.Read: lambda: self._read(request),
        }
        kind = type(request)
        return answers[kind]() if kind in answers else self._change(request)

    def _change(self, request: Any) -> bytes:
        files = self._files
        if isinstance(request, packets.Write):
            data = bytes(request.data)
            files.write(request.handle.decode(), request.offset, data)
            self._count(len(data))
        elif isinstance(request, packets.FSetStat) and request.attrs.size is not None:
            files.cut(request.handle.decode(), request.attrs.size)
        elif isinstance(request, packets.Remove):
            files.remove(request.path.decode())
        elif isinstance(request, packets.Rename):
            files.rename(request.source.decode(), request.target.decode())
        return responses.status_ok(request.request_id)

    def _list(self, number: int) -> bytes:
        self._rows = [
            responses.Named(name.encode(), b"", Attrs(size, FILE, when, when))
            for name, size, when in self._files.in_listing()
        ]
        return responses.handle(number, b"folder")

    def _rows_of(self, number: int) -> bytes:
        part, self._rows = self._rows[:ROWS], self._rows[ROWS:]
        return responses.name(number, part) if part else responses.status(number, Status.EOF)

    def _read(self, request: packets.Read) -> bytes:
        data = self._files.files[request.handle.decode()]
        part = data[request.offset : request.offset + request.length]
        self._count(len(part))
        number = request.request_id
        return responses.data(number, part) if part else responses.status(number, Status.EOF)

    def _open(self, number: int, path: str, flags: int) -> bytes:
        files = self._files
        if flags & packets.FOR_WRITING:
            files.stored.append(path)
            if flags & packets.TRUNCATE or path not in files.files:
                files.files[path] = b""
        else:
            files.fetched.append(path)
            len(files.files[path])  # KeyError where there is none
        return responses.handle(number, path.encode())

    def _told(self, number: int, path: str) -> bytes:
        if path.strip("/") == "":
            return responses.attrs_full(number, FOLDER, 0, 0, 0, 0, 0)
        size, when = self._files.size(path), self._files.time(path)
        return responses.attrs_full(number, FILE, size, 0, 0, when, when)

    def _count(self, moved: int) -> None:
        self._moved += moved
        most = self._files.breaks_after
        if most is not None and self._moved >= most:
            self._leave()


class SftpTalk(Protocol):
    """One connection."""

    def __init__(self, files: PartnerFiles, key: Any) -> None:
        self._host = SshHost(key)
        self._host.sftp = _Session(files, self.leave).answer
        self._left = False

    def connectionMade(self) -> None:
        self._host.begin()
        self._flush()

    def dataReceived(self, data: bytes) -> None:
        if not self._left:
            self._host.hear(data)
            self._flush()

    def _flush(self) -> None:
        if not self._left:
            self.transport.write(bytes(self._host.out))
            self._host.out.clear()

    def leave(self) -> None:
        """Break off behind what was said."""
        if not self._left:
            self._flush()
            self._left = True
            self.transport.loseConnection()


class SftpPartner:
    """One that listens; `key` may be changed, for the connections that come."""

    def __init__(self, reactor: Any, files: PartnerFiles, key: Any) -> None:
        self.key = key
        self._files = files
        self.talks: list[SftpTalk] = []
        factory = Factory()
        factory.noisy = False
        factory.buildProtocol = self._made
        self._listening = reactor.listenTCP(0, factory, interface=HERE)
        self.port: int = self._listening.getHost().port

    def _made(self, address: Any) -> SftpTalk:
        self.talks.append(SftpTalk(self._files, self.key))
        return self.talks[-1]

    async def stop(self) -> None:
        """End everything."""
        await self._listening.stopListening()
        for talk in self.talks:
            talk.leave()
