"""The agent believes who it was told to believe, and takes what was agreed."""

from ipaddress import ip_address
from typing import Any

import pytest
from cryptography import x509
from twisted.internet.defer import CancelledError, Deferred
from twisted.web.http_headers import Headers

from mft.core.failure import Reason, Refused
from mft.runtime.fetch import Answer, post
from mft.runtime.web_agent import web_agent
from mft.trust.certificates import Identity
from mft.trust.tls import client_context
from tests.fakes.loop import run_loop, until
from tests.fakes.pki import SERVER, Authority
from tests.fakes.raw_http import RawServer, answer

MOST = 4000
OURS = Authority("ours")
OTHERS = Authority("others")


def identity(authority: Authority = OURS, host: str = "127.0.0.1") -> Identity:
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
    return authority.issue("server", purpose=SERVER, extensions=[names])


def posted(
    sent: Any, *, seconds: float = 10.0, method: str = "POST", **more: Any
) -> tuple[Answer, RawServer]:
    """Post to a server that answers so."""

    async def main(reactor: Any) -> tuple[Answer, RawServer]:
        server = RawServer(reactor, sent, **more)
        agent = web_agent(reactor, client_context([OURS.certificate]), MOST)
        headers = Headers({"X-Token": ["abc"]})
        try:
            given = headers, b"question", 1000, seconds, method
            got = await post(agent, reactor, server.url(), *given)
        finally:
            await server.close()
        return got, server

    return run_loop(main)


def refusal(sent: Any, **more: Any) -> Refused:
    with pytest.raises(Refused) as raised:
        posted(sent, **more)
    return raised.value


@pytest.mark.parametrize("status", [200, 204, 302, 403, 500])
def test_every_status_is_an_answer(status: int) -> None:
    body = b"" if status == 204 else b"hello"
    got, server = posted(answer(status, body, "Location: http://127.0.0.1:1/"))
    assert got == Answer(status, body)
    (question,) = server.asked
    assert question.startswith(b"POST /login HTTP/1.1\r\n")
    assert b"X-Token: abc" in question
    assert question.endswith(b"\r\n\r\nquestion")


def test_other_methods_are_sent_as_they_are_and_a_get_has_no_body() -> None:
    _, server = posted(answer(204), method="PUT")
    assert server.asked[0].startswith(b"PUT /login HTTP/1.1\r\n")
    assert server.asked[0].endswith(b"\r\n\r\nquestion")
    _, server = posted(answer(204), method="GET")
    assert server.asked[0].startswith(b"GET /login HTTP/1.1\r\n")
    assert server.asked[0].endswith(b"\r\n\r\n")
    assert b"content-length" not in server.asked[0].lower()


def test_it_is_told_when_a_server_wants_to_be_asked_again() -> None:
    got, _ = posted(answer(503, b"", "Retry-After: 30", "Retry-After: 60"))
    assert got == Answer(503, b"", "30")


def test_what_is_no_text_there_takes_nothing_from_an_answer() -> None:
    got, _ = posted(b"HTTP/1.1 200 OK\r\nRetry-After: \xff\r\nContent-Length: 5\r\n\r\nhello")
    assert got == Answer(200, b"hello", "\xff")


def test_over_tls_the_authority_that_was_named_is_believed() -> None:
    got, _ = posted(answer(200, b"hello"), identity=identity())
    assert got.body == b"hello"


@pytest.mark.parametrize(
    "shown",
    [identity(OTHERS), identity(host="127.0.0.2"), OURS.issue("127.0.0.1", purpose=SERVER)],
    ids=["another authority", "another host", "a name in the CN only"],
)
def test_who_is_not_the_host_by_its_word_hears_no_question(shown: Identity) -> None:
    heard: list[Any] = []
    refused = refusal(lambda *given: heard.append(given), identity=shown)
    assert refused.reason is Reason.BROKEN
    assert heard == []


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X-Field: aaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 1000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
        answer(200, b"x" * 1001),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1001,
    ],
    ids=["fields", "interim answers", "body", "chunks"],
)
def test_more_than_was_agreed_ends_the_connection(sent: bytes) -> None:
    assert refusal(sent, closes=False).reason in (Reason.BROKEN, Reason.QUOTA)


def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    refused = refusal(lambda *_: None, seconds=0.05)
    assert refused.reason is Reason.ABORTED
    assert "question" not in str(refused)


@pytest.mark.parametrize("connected", [True, False])
def test_who_gives_up_hears_of_no_failure_of_the_server(connected: bool) -> None:
    async def main(reactor: Any) -> None:
        server = RawServer(reactor, lambda *_: None)
        agent = web_agent(reactor, client_context(), MOST)
        url, headers = server.url(), Headers()
        going = Deferred.fromCoroutine(post(agent, reactor, url, headers, b"", 1000, 10.0))
        if connected:
            await until(reactor, lambda: server.asked)
        going.cancel()
        with pytest.raises(CancelledError):
            await going
        await server.close()

    run_loop(main)
