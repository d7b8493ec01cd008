"""Replies that somebody in between sends in clear before TLS begins (CVE-2011-0411)."""

from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Refused
from mft.core.secret import Secret
from tests.fakes.odd_smtp import certificate, odd, over, sent, server_tls

EHLO = b"250-odd\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"
GO = b"220 go ahead\r\n"
FORGED = b"250-odd\r\n250 AUTH LOGIN\r\n"  # an answer to the EHLO inside TLS, before it is asked


@pytest.mark.parametrize(
    "behind",
    [
        FORGED,
        FORGED + b"235 in\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n",
        b"250 odd\r\n",
        b"2",
        b"\r\n",
        b"\x00",
        b"250-odd\r\n" * 200,
    ],
)
@pytest.mark.parametrize("login", [False, True])
def test_a_reply_in_clear_behind_the_answer_to_starttls_ends_it(
    tmp_path: Path, behind: bytes, login: bool
) -> None:
    given: dict[str, Any] = {"username": "mft", "password": Secret("s3cret")} if login else {}
    with odd({"EHLO": EHLO, "STARTTLS": GO + behind}) as server:
        error = over(tmp_path, lambda around: sent(around, server.port, **given))
        assert server.peer.closed.wait(5)
        assert server.peer.verbs == ["EHLO", "STARTTLS"]
    assert isinstance(error, Refused)
    assert "somebody is in between" in str(error)


def test_a_reply_in_clear_that_comes_later_is_taken_for_tls_and_fails(tmp_path: Path) -> None:
    given = {"ssl_certificate_authority": tmp_path / "ca.pem"}
    certificate(tmp_path, "127.0.0.1")

    def speak(peer: Any) -> None:
        peer.say(GO)
        assert peer.socket.recv(1) == b"\x16"  # TLS has begun there
        peer.say(FORGED)

    with odd({"EHLO": EHLO, "STARTTLS": speak}) as server:
        error = over(tmp_path, lambda around: sent(around, server.port, **given))
        assert server.peer.closed.wait(5)
        assert "MAIL" not in server.peer.verbs
    assert isinstance(error, Refused)
    assert "TLS" in str(error)


def test_what_was_offered_in_clear_is_forgotten(tmp_path: Path) -> None:
    context = server_tls(certificate(tmp_path, "127.0.0.1"))
    given = {"ssl_certificate_authority": tmp_path / "ca.pem"}
    offers = [b"250-odd\r\n250-STARTTLS\r\n250 SIZE 5\r\n", b"250 odd\r\n"]
    with odd({"EHLO": offers}, context) as server:
        assert over(tmp_path, lambda around: sent(around, server.port, **given)).taken


@pytest.mark.parametrize(
    "given", [{"secure_connection": "StartTLS"}, {"username": "a", "password": Secret("b")}]
)
def test_starttls_that_somebody_took_away_is_missed_where_it_must_be(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    with odd({"EHLO": b"250-odd\r\n250 AUTH PLAIN\r\n"}) as server:
        error = over(tmp_path, lambda around: sent(around, server.port, **given))
        assert server.peer.closed.wait(5)
        assert server.peer.verbs == ["EHLO", "QUIT"]
    assert "offers no STARTTLS" in str(error)
