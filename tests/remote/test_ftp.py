"""Connections to FTP servers: who is who, the login, and where paths begin."""

from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogPublisher, globalLogPublisher

from mft.core.failure import Reason, Refused
from mft.core.secret import MASK, Secret
from mft.core.vpath import ROOT, VPath
from mft.remote.base import OtherIdentityError, Remote
from tests.fakes.odd_ftp import HOST, OddFtp, Peer, odd
from tests.fakes.odd_smtp import certificate, server_tls
from tests.fakes.remotes import fetch, listed, send, using

PASSWORD = "a long password"


def options(server: OddFtp, **more: Any) -> dict[str, Any]:
    given = {"address": HOST, "port": str(server.port), "username": "mft"}
    return {**given, "password": Secret(PASSWORD), **more}


async def nothing(remote: Remote) -> None:
    assert remote.connected


def refused(server: OddFtp, kind: str = "ftp", **more: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        using(kind, options(server, **more), nothing)
    assert PASSWORD not in str(caught.value)
    return caught.value


@pytest.fixture
def tls(tmp_path: Path) -> Any:
    """TLS of a server, and the authority that a client must believe."""
    shown = certificate(tmp_path, HOST)
    return server_tls(shown), (tmp_path / "ca.pem",)


def test_a_server_is_logged_in_to_and_learnt_about() -> None:
    with odd() as server:
        using("ftp", options(server), nothing)
        said = server.peer.heard
        assert said[:3] == ["USER mft", f"PASS {PASSWORD}", "FEAT"]
        assert "TYPE I" in said
        assert "OPTS UTF8 ON" in said
        assert "OPTS MLST type;size;modify;" in said
        assert "AUTH TLS" not in said


@pytest.mark.parametrize(
    ("replies", "said"),
    [
        ({"USER": b"230 At once.\r\n"}, ["USER mft", "FEAT"]),
        ({"": b"120 Soon.\r\n220 Now.\r\n"}, ["USER mft"]),
        ({"": b"220-One\r\n220-Two\r\n220 Three\r\n"}, ["USER mft"]),
        ({"PASS": b"230-Welcome.\r\n  230 no end\r\n230 Done.\r\n"}, ["USER mft"]),
        ({"PASS": b"332 Account?\r\n", "ACCT": b"230 OK.\r\n"}, ["ACCT for us"]),
        ({"USER": b"332 Account?\r\n", "ACCT": b"230 OK.\r\n"}, ["ACCT for us"]),
        ({"FEAT": b"502 What?\r\n", "SYST": b"502 What?\r\n", "PWD": b"502 What?\r\n"}, ["PWD"]),
    ],
)
def test_servers_greet_in_many_ways(replies: Any, said: list[str]) -> None:
    with odd(replies) as server:
        using("ftp", options(server, acct=Secret("for us")), nothing)
        assert set(said) <= set(server.peer.heard)


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ({"PASS": b"530 No.\r\n"}, Reason.DENIED),
        ({"USER": b"530 No.\r\n"}, Reason.DENIED),
        ({"PASS": b"430 No.\r\n"}, Reason.DENIED),
        ({"PASS": b"332 Account?\r\n"}, Reason.DENIED),
        ({"PASS": b"421 Too many.\r\n"}, Reason.ABORTED),
        ({"PASS": b"450 Later.\r\n"}, Reason.BUSY),
        ({"": b"421 Too many.\r\n"}, Reason.ABORTED),
        ({"": b"530 Closed.\r\n"}, Reason.BUSY),
        ({"": b"SSH-2.0-x\r\n"}, Reason.ABORTED),
        ({"": lambda peer: peer.close()}, Reason.ABORTED),
        ({"TYPE": b"504 No.\r\n"}, Reason.UNSUPPORTED),
        ({"PWD": b"550 No.\r\n"}, Reason.BROKEN),
        ({"PWD": b"257 nowhere\r\n"}, Reason.BROKEN),
        ({"PASS": f"530 {PASSWORD} is wrong.\r\n".encode()}, Reason.DENIED),
    ],
)
def test_who_is_not_let_in_hears_why(replies: Any, reason: Reason) -> None:
    with odd(replies) as server:
        assert refused(server).reason is reason


def test_nobody_at_the_address_is_not_for_good() -> None:
    with odd() as server:
        given = options(server)
    with pytest.raises(Refused) as caught:
        using("ftp", given, nothing)
    assert caught.value.reason is Reason.BUSY
    with pytest.raises(Refused) as caught:
        using("ftp", {**given, "address": "no-such-host.invalid"}, nothing)
    assert caught.value.reason is Reason.BUSY


@pytest.mark.parametrize(
    ("told", "folder", "base"),
    [
        (b'257 "/" x', "", "/"),
        (b'257 "/home/mft" x', "", "/home/mft"),
        (b'257 "/home/mft" x', "in/here", "/home/mft/in/here"),
        (b'257 "/home/mft" x', "/in", "/in"),
        (b'257 "/home/mft/" x', "../there", "/home/there"),
        (b'257 "/say ""hi""" x', "", '/say "hi"'),
        (b"502 x", "in", "/in"),
    ],
)
def test_paths_begin_where_the_login_or_the_folder_says(
    told: bytes, folder: str, base: str
) -> None:
    async def work(remote: Remote) -> None:
        assert remote.real_path(ROOT) == base
        await remote.remove(VPath(("x",)))

    with odd({"PWD": told + b"\r\n", "DELE": b"250 OK.\r\n"}) as server:
        using("ftp", options(server), work, folder)
        assert server.peer.heard[-2] == f"DELE {base.rstrip('/')}/x"


@pytest.mark.parametrize("kind", ["ftpse", "ftpsi"])
def test_over_tls_everything_but_the_request_for_it_is_private(kind: str, tls: Any) -> None:
    async def work(remote: Remote) -> None:
        assert remote.identity.kind == "certificate"
        assert len(remote.identity.fingerprint) == 95
        await send(remote, VPath(("x",)), b"abc")
        assert await fetch(remote, VPath(("x",))) == b"abc"
        assert (await listed(remote)).keys() == {"x"}

    context, authority = tls
    with odd(tls=context, at_once=kind == "ftpsi") as server:
        using(kind, options(server, ssl_certificate_authority=authority), work)
        said = server.peer.heard
        assert said[0] == ("AUTH TLS" if kind == "ftpse" else "USER mft")
        assert said.index("PBSZ 0") == said.index("PROT P") - 1


def test_a_server_without_tls_gets_no_password(tls: Any) -> None:
    for reply in (b"502 No.\r\n", b"534 No.\r\n"):
        with odd({"AUTH": reply}) as server:
            assert refused(server, "ftpse").reason is Reason.UNSUPPORTED
            assert server.peer.verbs == ["AUTH"]


def test_data_in_clear_is_not_put_up_with(tls: Any) -> None:
    context, authority = tls
    with odd({"PROT": b"536 No.\r\n"}, context) as server:
        refusal = refused(server, "ftpse", ssl_certificate_authority=authority)
        assert refusal.reason is Reason.UNSUPPORTED


def test_a_certificate_that_nobody_believes_is_refused_for_good(tls: Any) -> None:
    context, _ = tls
    with odd(tls=context) as server:
        refusal = refused(server, "ftpse")
        assert isinstance(refusal, OtherIdentityError)
        assert refusal.reason is Reason.DENIED
        assert "SHA-256" in refusal.details
        assert server.peer.verbs == ["AUTH"]


def test_a_pinned_certificate_is_believed_whoever_signed_it(tls: Any) -> None:
    context, _ = tls
    with odd(tls=context) as server:
        pin = refused(server, "ftpse").details.split("SHA-256 ")[1].split(" ")[0]
        using("ftpse", options(server, ssl_server_identity=(pin,)), nothing)
        other = pin[:-1] + ("0" if pin[-1] != "0" else "1")
        refusal = refused(server, "ftpse", ssl_server_identity=(other,))
        assert refusal.reason is Reason.DENIED
        assert pin in refusal.details


def test_files_that_cannot_be_read_are_refused_for_good() -> None:
    with odd() as server:
        refusal = refused(server, "ftpse", ssl_certificate_authority=(Path("/nowhere"),))
        assert refusal.reason is Reason.DENIED


def test_debug_writes_every_line_and_no_secret(tls: Any) -> None:
    told: list[str] = []

    def observe(event: dict[str, Any]) -> None:
        told.append(str(event.get("line", "")))

    publisher: LogPublisher = globalLogPublisher
    publisher.addObserver(observe)
    try:
        with odd({"PASS": f"230 {PASSWORD} it is.\r\n".encode()}) as server:
            using("ftp", options(server, debug=True), nothing)
    finally:
        publisher.removeObserver(observe)
    assert "< 220 odd" in told
    assert f"> PASS {MASK}" in told
    assert f"< 230 {MASK} it is." in told
    assert "> QUIT" in told
    assert PASSWORD not in "".join(told)


def test_a_server_that_says_nothing_is_left() -> None:
    with odd({"": lambda peer: peer.until_the_end()}) as server, pytest.raises(Refused) as caught:
        using("ftp", options(server), nothing, hurry=True)
    assert caught.value.reason is Reason.ABORTED
    assert "60 seconds" in caught.value.details


def test_a_server_that_does_not_shake_hands_is_left() -> None:
    def silent(peer: Peer) -> None:
        peer.say(b"234 Go.\r\n")
        peer.until_the_end()

    with odd({"AUTH": silent}) as server, pytest.raises(Refused) as caught:
        using("ftpse", options(server), nothing, hurry=True)
    assert caught.value.reason is Reason.ABORTED
