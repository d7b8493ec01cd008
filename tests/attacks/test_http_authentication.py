"""An authentication server, or who stands in its place, that lies, floods, drips or says nothing.

Whatever it does that is no clear answer lets nobody in, and takes neither memory nor time without
a bound.
"""

from collections.abc import Callable
from typing import Any

import pytest

from mft.auth.base import Accepted, Password, Rejected
from mft.auth.http import HttpAuthenticator
from mft.auth.http_servers import MAX_ANSWER
from mft.core.failure import Refused
from mft.core.secret import Secret
from tests.fakes.accounts import PEER, SERVICE, Around
from tests.fakes.auth_service import HTTP, http_options
from tests.fakes.loop import run_loop
from tests.fakes.raw_http import RawServer, answer

PASSWORD = "hunter2-is-secret"
GOOD = b'{"account": {"home_folder_path": "/homes/ann"}}'


class Lie:
    """What came of one login, in the audit trail's words."""

    def __init__(self, sent: bytes | Callable[[Any, Any], object], **more: Any) -> None:
        self.accepted = False
        self.around = Around()
        self.told = run_loop(lambda reactor: self._login(reactor, sent, **more))

    async def _login(
        self, reactor: Any, sent: Any, *, closes: bool = False, timeout: str = "10"
    ) -> str:
        self.server = RawServer(reactor, sent, closes=closes)
        options = http_options(url=self.server.url(), timeout=timeout, test_at_start="no")
        method = HttpAuthenticator(HTTP, options, self.around.parts._replace(reactor=reactor))
        await method.start()
        try:
            given = Password("ann", Secret(PASSWORD))
            verdict = await method.authenticate(given, PEER, SERVICE)
        except Refused as refused:
            return str(refused)
        finally:
            await self.server.close()
            await method.stop()
        self.accepted = isinstance(verdict, Accepted)
        return verdict.details if isinstance(verdict, Rejected) else ""


def test_the_truth_lets_in() -> None:
    assert Lie(answer(200, GOOD)).accepted


def test_one_question_is_asked_whatever_the_answer() -> None:
    assert len(Lie(answer(500)).server.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["file:///etc/passwd", "/login", "//127.0.0.1:1/"])
def test_a_redirect_leads_nowhere(status: int, target: str) -> None:
    lie = Lie(answer(status, GOOD, f"Location: {target}"))
    assert not lie.accepted
    assert str(status) in lie.told
    assert len(lie.server.asked) == 1


@pytest.mark.parametrize(
    "sent",
    [
        answer(200, b"x" * (10 << 20)),
        answer(200, GOOD[:-1] + b" " * (10 << 20) + b"}"),
        answer(403, b"x" * (10 << 20)),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * (1 << 20),
        b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (10 << 20),
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (1 << 20),
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * (10 << 20),
        b"HTTP/1.1 100 Continue\r\n\r\n" * (1 << 18),
        b"x" * (10 << 20),
    ],
    ids=[
        "garbage",
        "spaces",
        "a refusal",
        "chunks",
        "no length",
        "fields",
        "one field",
        "interim answers",
        "no HTTP",
    ],
)
def test_ten_megabytes_are_cut_off_and_refuse(sent: bytes) -> None:
    lie = Lie(sent)
    assert not lie.accepted
    assert PASSWORD not in lie.told
    assert len(lie.told) < 1000
    assert MAX_ANSWER < 1 << 20


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\0" * 100,
        b"HTTP/1.1 200\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 -1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + GOOD,
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + GOOD,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 47\r\n\r\n" + GOOD,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + GOOD,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2f\r\n" + GOOD + b"\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + GOOD[:-2],
        answer(200, GOOD, "Content-Encoding: gzip")[:-1],
        answer(200, b"\x1f\x8b\x08\x00" + GOOD, "Content-Encoding: gzip"),
        answer(200),
        answer(206, GOOD),
        answer(200, GOOD + GOOD),
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
    ],
)
def test_half_an_answer_and_rubbish_let_nobody_in(sent: bytes) -> None:
    lie = Lie(sent, closes=True)
    assert not lie.accepted
    assert lie.told
    assert PASSWORD not in lie.told


def test_silence_is_given_up_in_time() -> None:
    assert "took longer" in Lie(lambda *_: None, timeout="0.1").told


def test_an_answer_that_drips_is_given_up_in_time() -> None:
    whole = answer(200, GOOD)

    def drip(server: RawServer, transport: Any) -> None:
        sent = iter(whole)

        def one() -> None:
            transport.write(bytes([next(sent)]))
            server.timer = server.reactor.callLater(0.02, one)

        one()

    lie = Lie(drip, timeout="0.2")
    assert "took longer" in lie.told
    assert not lie.accepted
