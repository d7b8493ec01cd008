"""Whom a location of HTTPS believes: authorities and the host, or certificates that were named."""

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from OpenSSL import SSL
from twisted.internet.defer import maybeDeferred
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory

from mft.core.failure import Reason, Refused
from mft.remote.http_tls import FIRST
from mft.trust.certificates import fingerprint as shown
from mft.trust.suites import Version
from mft.trust.tls import server_context
from tests.fakes.http_location import PARTNER, Seen, connector
from tests.fakes.loop import run_loop, until
from tests.fakes.pki import SERVER, Authority
from tests.runtime.test_one_way import Connections

OURS, OTHERS = Authority("ours"), Authority("others")


def identity(authority: Authority, host: str = "127.0.0.1") -> Any:
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
    return authority.issue("server", purpose=SERVER, extensions=[names])


class Silent(Protocol):
    """A server that hears what it is told, and answers nothing."""

    def __init__(self, heard: bytearray) -> None:
        self.heard = heard

    def dataReceived(self, data: bytes) -> None:
        self.heard += data


def meeting(
    shows: Any,
    main: Callable[[Any, str], Awaitable[None]],
    heard: bytearray | None = None,
    own: list[Any] | None = None,
    **more: Any,
) -> bytes:
    """Run `main(reactor, url)` with a server that shows a certificate; what it was sent.

    `own` gets what it was shown itself.
    """
    heard = bytearray() if heard is None else heard
    context = server_context(shows, **more)
    if own is not None:
        context.set_verify(SSL.VERIFY_PEER, lambda *shown: own.append(shown) is None)

    async def whole(reactor: Any) -> None:
        factory = Factory()
        factory.buildProtocol = lambda _: Silent(heard)
        secured = TLSMemoryBIOFactory(Connections(context), False, factory)
        port = reactor.listenTCP(0, secured, interface="127.0.0.1")
        try:
            await main(reactor, f"https://127.0.0.1:{port.getHost().port}/file")
        finally:
            await maybeDeferred(port.stopListening)

    run_loop(whole)
    return bytes(heard)


def pull(reactor: Any, directory: Path, url: str, seen: Seen | None = None, **trust: str) -> Any:
    (directory / "ca.pem").write_bytes(OURS.pem)
    login = {"username": "me", "password": "secret"}
    made = connector(reactor, directory, "http-pull", seen, url=url, **login, **trust)
    return made.connect("")


async def refused(work: Awaitable[Any]) -> Reason:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.reason


OLD = Version.TLS_1_2  # the server sees our certificate before hands are shaken
BELIEVED = {"ssl_certificate_authority": "ca.pem"}


def test_a_certificate_of_an_authority_for_the_host_is_believed(tmp_path: Path) -> None:
    shows = identity(OURS)

    async def main(reactor: Any, url: str) -> None:
        tree = await pull(reactor, tmp_path, url, **BELIEVED)
        kind, fingerprint, details = tree.identity
        assert (kind, fingerprint) == ("certificate", shown(shows.certificate))
        assert details.startswith("TLSv1.3 ")
        await tree.close()

    assert meeting(shows, main) == b""


@pytest.mark.parametrize(
    ("shows", "trust"),
    [
        (identity(OTHERS), BELIEVED),
        (identity(OURS, "192.0.2.1"), BELIEVED),
        (identity(OURS), {}),
        (identity(OURS), {"ssl_server_identity": "00" * 32}),
        (identity(OURS), {**BELIEVED, "ssl_server_identity": "00" * 32}),
        (identity(OURS), {"ssl_server_identity": f"{'00' * 32}\n{FIRST}"}),
    ],
)
def test_anybody_else_is_refused_before_anything_is_said(
    tmp_path: Path, shows: Any, trust: dict[str, str]
) -> None:
    async def main(reactor: Any, url: str) -> None:
        assert await refused(pull(reactor, tmp_path, url, **trust)) is Reason.DENIED

    assert meeting(shows, main) == b""


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"])
def test_a_certificate_that_is_named_needs_neither_authority_nor_host(
    tmp_path: Path, host: str
) -> None:
    shows = identity(OTHERS, host)

    async def main(reactor: Any, url: str) -> None:
        named = f"{'00' * 32}\n{shown(shows.certificate)}"
        tree = await pull(reactor, tmp_path, url, ssl_server_identity=named)
        await tree.close()

    meeting(shows, main)


def test_the_certificate_that_was_seen_first_is_the_only_one(tmp_path: Path) -> None:
    shows, seen = identity(OTHERS), Seen()

    async def main(reactor: Any, url: str) -> None:
        for _ in range(2):
            await (await pull(reactor, tmp_path, url, seen, ssl_server_identity=FIRST)).close()
        assert seen.kept == {PARTNER: shown(shows.certificate)}

    meeting(shows, main)

    async def another(reactor: Any, url: str) -> None:
        connecting = pull(reactor, tmp_path, url, seen, ssl_server_identity=FIRST)
        assert await refused(connecting) is Reason.DENIED
        assert seen.kept == {PARTNER: shown(shows.certificate)}

    assert meeting(identity(OTHERS), another) == b""


@pytest.mark.parametrize("shown_there", [True, False])
def test_a_server_that_asks_for_a_certificate_is_shown_ours(
    tmp_path: Path, shown_there: bool
) -> None:
    OURS.issue("mft").write(tmp_path / "own.pem")
    own = {"ssl_certificate": "own.pem"} if shown_there else {}

    async def main(reactor: Any, url: str) -> None:
        tree = await pull(reactor, tmp_path, url, **BELIEVED, **own)
        line = await tree.peer.line()
        line.begin("GET", b"hello")
        if shown_there:
            await until(reactor, lambda: heard)
        else:
            assert await refused(line.answer()) is Reason.DENIED
        await tree.close()

    heard = bytearray()
    meeting(identity(OURS), main, heard, authorities=[OURS.certificate], require_client=True)
    assert bytes(heard) == (b"hello" if shown_there else b"")


@pytest.mark.parametrize("known", ["named", "kept"])
def test_nobody_but_the_server_that_is_known_is_shown_our_certificate(
    tmp_path: Path, known: str
) -> None:
    OURS.issue("mft").write(tmp_path / "own.pem")
    other = ":".join(["00"] * 32)
    seen, own = Seen(), list[Any]()
    seen.kept[PARTNER] = other

    async def main(reactor: Any, url: str) -> None:
        trust = other if known == "named" else FIRST
        given = {"ssl_certificate": "own.pem", "ssl_server_identity": trust}
        with pytest.raises(Refused) as caught:
            await pull(reactor, tmp_path, url, seen, **given)
        assert caught.value.reason is Reason.DENIED
        assert shown(shows.certificate) in caught.value.details

    shows = identity(OURS)
    assert meeting(shows, main, own=own, authorities=[OURS.certificate], methods=[OLD]) == b""
    assert own == []
