"""A partner's FTP server: honest about everything but what his files lie about."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from tests.fakes.odd_ftp import OddFtp, Peer, odd
from tests.fakes.partner_files import FullError, PartnerFiles

GONE = b"550 No such file.\r\n"
_PIECE = 4096


@cache  # a long folder has one and the same very often
def _facts(size: int, modified: int) -> str:
    return f"type=file;size={size};modify={time.strftime('%Y%m%d%H%M%S', time.gmtime(modified))};"


class _Answers:
    def __init__(self, files: PartnerFiles) -> None:
        self.files = files
        self.renamed = ""

    def where(self, peer: Peer) -> str:
        return "/" + peer.argument.lstrip("/")

    def mlst(self, peer: Peer) -> None:
        path = self.where(peer)
        if path in self.files.files:
            facts = _facts(self.files.size(path), self.files.time(path))
        elif path == "/":
            facts = "type=dir;"
        else:
            peer.say(GONE)
            return
        peer.say(f"250-\r\n {facts} {path}\r\n250 End\r\n".encode())

    def mlsd(self, peer: Peer) -> None:
        rows = self.files.in_listing()
        lines = "".join(f"{_facts(size, when)} {name}\r\n" for name, size, when in rows)
        peer.send_file(lines.encode())

    def size(self, peer: Peer) -> None:
        path = self.where(peer)
        known = path in self.files.files
        peer.say(f"213 {self.files.size(path)}\r\n".encode() if known else GONE)

    def retr(self, peer: Peer) -> None:
        path, start, peer.start = self.where(peer), peer.start, 0
        self.files.fetched.append(path)
        if path not in self.files.files:
            peer.say(GONE)
            return
        data, most = self.files.files[path][start:], self.files.breaks_after
        if most is None or len(data) <= most:
            peer.send_file(data)
            return
        peer.say(b"150 Here it comes.\r\n")
        connection = peer.accept()
        connection.sendall(data[:most])
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)  # until the client has all of it
        raise OSError("it breaks off")

    def stor(self, peer: Peer) -> None:
        path = self.where(peer)
        self.files.files.pop(path, None)
        self._take(peer, path)

    def appe(self, peer: Peer) -> None:
        self._take(peer, self.where(peer))

    def _take(self, peer: Peer, path: str) -> None:
        files = self.files
        files.stored.append(path)
        peer.say(b"150 Send it.\r\n")
        connection, at = peer.accept(), len(files.files.get(path, b""))
        files.write(path, at, b"")
        left = files.breaks_after
        while data := connection.recv(_PIECE if left is None else min(_PIECE, left)):
            try:
                files.write(path, at, data)
            except FullError:
                peer.end(connection)
                peer.say(b"452 The disk is full.\r\n")
                return
            at += len(data)
            left = None if left is None else left - len(data)
            if left == 0:
                raise OSError("it breaks off")
        peer.end(connection)
        peer.say(b"226 Done.\r\n")

    def tried(self, peer: Peer, work: Callable[[str], None]) -> None:
        try:
            work(self.where(peer))
        except KeyError:
            peer.say(GONE)
        else:
            peer.say(b"250 Done.\r\n")

    def rnfr(self, peer: Peer) -> None:
        self.renamed = self.where(peer)
        peer.say(b"350 And?\r\n" if self.renamed in self.files.files else GONE)


@contextmanager
def serving(files: PartnerFiles, tls: Any = None, **more: Any) -> Iterator[OddFtp]:
    """Run it; `more` are answers that it gives instead."""
    a = _Answers(files)
    replies = {
        "MLST": a.mlst,
        "MLSD": a.mlsd,
        "SIZE": a.size,
        "RETR": a.retr,
        "STOR": a.stor,
        "APPE": a.appe,
        "DELE": lambda peer: a.tried(peer, files.remove),
        "RNFR": a.rnfr,
        "RNTO": lambda peer: a.tried(peer, lambda path: files.rename(a.renamed, path)),
        "CWD": lambda peer: peer.say(b"250 OK.\r\n" if re.fullmatch("/*", peer.argument) else GONE),
        **more,
    }
    with odd(replies, tls) as server:
        yield server
