"""A receiver of webhooks, or who stands in its place, that lies, floods, drips or says nothing.

Whatever is no clear success loses no event, and takes neither memory nor time without a bound.
"""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from mft.core.failure import Refused
from mft.events import catalogue
from mft.handlers.webhook import MOST_ANSWER, Webhook
from mft.trust.certificates import Identity
from tests.fakes.handlers import house
from tests.fakes.loop import run_loop
from tests.fakes.occurrences import told
from tests.fakes.pki import SERVER, Authority
from tests.fakes.raw_http import RawServer, answer
from tests.fakes.webhooks import HOOK, webhook_options

TOKEN = "hunter2-is-secret"
OURS = Authority("ours")
OTHERS = Authority("others")


def identity(authority: Authority = OURS, host: str = "127.0.0.1") -> Identity:
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
    return authority.issue("hooks", purpose=SERVER, extensions=[names])


class Lie:
    """What came of one delivery."""

    def __init__(
        self, directory: Path, sent: bytes | Callable[[Any, Any], object], **more: Any
    ) -> None:
        self.home = house(directory)
        self.authority = directory / "authority.pem"
        self.authority.write_bytes(OURS.pem)
        self.told = run_loop(lambda reactor: self._deliver(reactor, sent, **more))
        self.delivered = catalogue.HTTP_DELIVERED.number in self.home.numbers()
        self.home.journal.close()

    async def _deliver(
        self, reactor: Any, sent: Any, *, timeout: str = "10", identity: Any = None, **more: Any
    ) -> str:
        self.server = RawServer(reactor, sent, identity=identity, **more)
        options = webhook_options(
            self.authority.parent,
            url=f"{self.server.url()}?token={TOKEN}",
            timeout=timeout,
            retry_count="0",
            headers=f"X-Token: {TOKEN}",
            signature_secret=TOKEN,
            ssl_certificate_authority=self.authority.name,
        )
        hook = Webhook(HOOK, options, replace(self.home.around, clock=reactor))
        await hook.start()
        try:
            await hook.handle_many([told()])
        except Refused as refused:
            return str(refused)
        finally:
            await self.server.close()
            await hook.stop()
        return ""


def test_the_truth_is_a_success(tmp_path: Path) -> None:
    assert Lie(tmp_path, answer(204)).delivered


def test_over_tls_as_well(tmp_path: Path) -> None:
    lie = Lie(tmp_path, answer(204), identity=identity())
    assert lie.told == ""
    assert lie.delivered


@pytest.mark.parametrize(
    "shown",
    [identity(OTHERS), identity(host="127.0.0.2"), OURS.issue("127.0.0.1", purpose=SERVER)],
    ids=["another authority", "another host", "a name in the CN only"],
)
def test_who_is_not_the_host_by_its_word_hears_of_no_event(tmp_path: Path, shown: Any) -> None:
    lie = Lie(tmp_path, answer(204), identity=shown)
    assert not lie.delivered
    assert lie.server.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["file:///etc/passwd", "/hook", "//127.0.0.1:1/"])
def test_a_redirect_leads_nowhere(tmp_path: Path, status: int, target: str) -> None:
    lie = Lie(tmp_path, answer(status, b"", f"Location: {target}"))
    assert not lie.delivered
    assert str(status) in lie.told
    assert len(lie.server.asked) == 1


@pytest.mark.parametrize(
    "sent",
    [
        answer(200, b"x" * (10 << 20)),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * (1 << 20),
        b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (10 << 20),
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (1 << 20),
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * (10 << 20),
        b"HTTP/1.1 100 Continue\r\n\r\n" * (1 << 18),
        b"x" * (10 << 20),
    ],
    ids=["body", "chunks", "no length", "fields", "one field", "interim answers", "no HTTP"],
)
def test_ten_megabytes_are_cut_off(tmp_path: Path, sent: bytes) -> None:
    lie = Lie(tmp_path, sent, closes=False)
    assert not lie.delivered
    assert TOKEN not in lie.told
    assert len(lie.told) < 1000
    assert MOST_ANSWER < 1 << 20


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\0" * 100,
        b"HTTP/1.1 200\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 -1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 47\r\n\r\nwhich",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2f\r\nhalf",
        b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: \xff\xfe\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
    ],
)
def test_half_an_answer_and_rubbish_are_no_success(tmp_path: Path, sent: bytes) -> None:
    lie = Lie(tmp_path, sent)
    assert not lie.delivered
    assert lie.told
    assert TOKEN not in lie.told


def test_silence_is_given_up_in_time(tmp_path: Path) -> None:
    assert "took longer" in Lie(tmp_path, lambda *_: None, timeout="0.1").told


def test_an_answer_that_drips_is_given_up_in_time(tmp_path: Path) -> None:
    def drip(server: RawServer, transport: Any) -> None:
        sent = iter(answer(200, b"hello"))

        def one() -> None:
            transport.write(bytes([next(sent)]))
            server.timer = server.reactor.callLater(0.02, one)

        one()

    lie = Lie(tmp_path, drip, timeout="0.2")
    assert "took longer" in lie.told
    assert not lie.delivered


def test_who_closes_its_half_and_never_answers_is_no_success(tmp_path: Path) -> None:
    lie = Lie(tmp_path, lambda _, transport: transport.loseWriteConnection(), timeout="5")
    assert not lie.delivered


def test_somebody_who_hangs_up_while_it_listens_is_no_success(tmp_path: Path) -> None:
    lie = Lie(tmp_path, lambda _, transport: transport.abortConnection())
    assert not lie.delivered
