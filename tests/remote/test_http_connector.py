"""How a location of HTTP connects: straight or through a proxy, and to which folder."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT
from mft.remote.webdav import WebdavTree
from mft.trust.tls import server_context
from tests.fakes.http_location import HERE, Seen, connector, listed
from tests.fakes.odd_http import Asked, OddServer, Talk, answering, multi, reply, told
from tests.remote.test_http_tls import OURS, identity
from tests.runtime.test_one_way import Connections


class Pipe(Protocol):
    """One side of a connection that is carried on."""

    def __init__(self, other: Any) -> None:
        self.other = other

    def dataReceived(self, data: bytes) -> None:
        self.other.transport.write(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.other.transport.loseConnection()


class Proxying(Talk):
    """A proxy of HTTP that knows one host, wherever it is said to be."""

    carried: Any = None

    def dataReceived(self, data: bytes) -> None:
        if self.carried is not None:
            self.carried.transport.write(data)
            return
        self.heard += data
        found = re.match(rb"CONNECT ([^ ]+) HTTP/1\.1\r\n(?s:.*)\r\n\r\n", bytes(self.heard))
        if found is None:
            return
        self.server.asked.append(Asked("CONNECT", found[1].decode(), "", b""))
        if b"partner.example.com" not in found[1]:
            self.write(b"HTTP/1.1 502 No way\r\n\r\n")
            return
        there = TCP4ClientEndpoint(self.server.reactor, HERE, self.server.behind)
        connectProtocol(there, Pipe(self)).addCallback(self._carry)

    def _carry(self, pipe: Pipe) -> None:
        self.carried = pipe
        self.write(b"HTTP/1.1 200 Connected\r\n\r\n")

    def connectionLost(self, reason: Any = None) -> None:
        super().connectionLost(reason)
        if self.carried is not None:
            self.carried.transport.loseConnection()


def proxied(main: Callable[[Any, int, OddServer], Awaitable[None]], context: Any) -> list[Asked]:
    """Run `main(reactor, proxy's port, server)`; what the proxy was asked."""

    def answer(asked: Asked, talk: Talk) -> None:
        talk.write(multi(told("/dav/", folder=True)) if asked.method == "PROPFIND" else reply(404))

    heard: list[Asked] = []

    async def whole(reactor: Any, server: OddServer) -> None:
        proxy = OddServer(reactor, answer, kind=Proxying)
        proxy.reactor, proxy.behind, proxy.asked = reactor, server.port, heard
        try:
            await main(reactor, proxy.port, server)
        finally:
            await proxy.stop(reactor)

    answering(answer, whole, lambda inner, clock: TLSMemoryBIOFactory(context, False, inner, clock))
    return heard


@pytest.fixture
def shows() -> Any:
    return Connections(server_context(identity(OURS, "192.0.2.1")))


def test_a_proxy_looks_up_the_name_and_the_certificate_must_be_for_it(
    tmp_path: Path, shows: Any
) -> None:
    (tmp_path / "ca.pem").write_bytes(OURS.pem)

    async def main(reactor: Any, port: int, server: OddServer) -> None:
        for trust, reason in (
            ({"ssl_certificate_authority": "ca.pem"}, Reason.DENIED),
            ({"ssl_server_identity": "set-on-first-connection"}, None),
        ):
            given = {
                "url": "https://partner.example.com/dav",
                "proxy": f"http://127.0.0.1:{port}",
                **trust,
            }
            made = connector(reactor, tmp_path, "webdavs", Seen(), **given)
            if reason is None:
                tree = await made.connect("")
                assert await listed(tree, ROOT) == {}
                await tree.close()
            else:
                with pytest.raises(Refused) as caught:
                    await made.connect("")
                assert caught.value.reason is reason

    asked = proxied(main, shows)
    assert {one.target for one in asked} == {"partner.example.com:443"}


def test_a_proxy_that_knows_no_way_is_told(tmp_path: Path, shows: Any) -> None:
    async def main(reactor: Any, port: int, server: OddServer) -> None:
        given = {"url": "https://elsewhere.example.com/dav", "proxy": f"http://127.0.0.1:{port}"}
        with pytest.raises(Refused) as caught:
            await connector(reactor, tmp_path, "webdavs", **given).connect("")
        assert caught.value.reason is Reason.BUSY
        assert server.talks == []

    proxied(main, shows)


@pytest.mark.parametrize(
    ("folder", "base"),
    [
        ("", "/a%20b/"),
        ("/", "/a%20b/"),
        ("in", "/a%20b/in/"),
        ("/in/deep/", "/a%20b/in/deep/"),
        ("../../etc", "/a%20b/etc/"),
    ],
)
def test_a_folder_is_below_the_url_and_never_above(tmp_path: Path, folder: str, base: str) -> None:
    async def main(reactor: Any, server: OddServer) -> None:
        made = connector(reactor, tmp_path, "webdavs", url="https://host/a%20b/")
        made._reach._url = made._reach._url._replace(
            site=made._reach._url.site._replace(scheme="http", host=HERE, port=server.port)
        )
        tree: WebdavTree = await made.connect(folder)
        assert tree.peer.place.target(ROOT) == base
        await tree.close()

    def answer(asked: Asked, talk: Talk) -> None:
        talk.write(multi(told(asked.target, folder=True)))

    assert [one.target for one in answering(answer, main).asked] == [base]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reply(401), Reason.DENIED),
        (reply(407), Reason.DENIED),
        (reply(403), Reason.INVALID),  # one folder, which is no matter of the login
        (reply(404), Reason.NOT_FOUND),
        (multi(told("/dav/", size=1)), Reason.NOT_A_DIRECTORY),
    ],
)
def test_a_folder_that_cannot_be_looked_at_is_no_connection(
    tmp_path: Path, answer: bytes, reason: Reason
) -> None:
    async def main(reactor: Any, server: OddServer) -> None:
        made = connector(reactor, tmp_path, "webdavs", url="https://host/dav/")
        made._reach._url = made._reach._url._replace(
            site=made._reach._url.site._replace(scheme="http", host=HERE, port=server.port)
        )
        with pytest.raises(Refused) as caught:
            await made.connect("")
        assert caught.value.reason is reason

    answering(lambda asked, talk: talk.write(answer), main)
