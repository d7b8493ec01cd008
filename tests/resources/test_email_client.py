"""A mail server as a resource: its options, and what becomes of a mail there."""

import base64
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mft.config.kinds import Context
from mft.core.failure import Refused
from mft.core.secret import Secret
from mft.resources import smtp
from mft.resources.email_client import MAX_MAIL, EmailClientOptions, hello
from mft.resources.mail import Envelope, MailRejected, Receipt
from tests.fakes import pki
from tests.fakes.handlers import house
from tests.fakes.loop import until
from tests.fakes.odd_smtp import (
    MAIL,
    OddServer,
    Peer,
    certificate,
    client,
    odd,
    over,
    sent,
    server_tls,
)
from tests.fakes.run import run
from tests.interop.ports import free_port


def wrongs(**options: str) -> list[tuple[str, str]]:
    given = {"name": "mail", "type": "email-client", **options}
    made = EmailClientOptions.model_validate(given, context=Context(Path("/instance")))
    return [(one.option, one.sentence) for one in made.check(Context(Path("/instance")))]


def test_the_usual_mail_server_is_here_and_asks_for_nothing() -> None:
    assert wrongs() == []


@pytest.mark.parametrize(
    ("options", "option", "sentence"),
    [
        ({"username": "mft"}, "password", "is missing"),
        ({"password": "x"}, "username", "is missing"),
        (
            {"username": "mft", "password": "x", "secure_connection": "No"},
            "secure_connection",
            "in clear",
        ),
        ({"ssl_certificate_authority": "/no/such.pem"}, "ssl_certificate_authority", ""),
    ],
)
def test_what_does_not_go_together_is_told(
    options: dict[str, Any], option: str, sentence: str
) -> None:
    ((named, said),) = wrongs(**options)
    assert named == option
    assert sentence in said


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("address", "mail server"),
        ("address", ""),
        ("hello_name", "b\u00fccher"),
        ("hello_name", "a b"),
    ],
)
def test_a_host_is_a_host(option: str, text: str) -> None:
    assert [name for name, _ in wrongs(**{option: text})] == [option]


@pytest.mark.parametrize("text", ["nobody", "a@b@c", "a b@c.example", "Ann <ann>", "a@-b"])
def test_a_sender_is_an_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not an e-mail address"):
        wrongs(email_from_address=text)


def test_the_server_is_told_a_name_that_nobody_had_to_look_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "files.example.com")
    assert hello("given.example", "server") == b"given.example"
    assert hello("", "server") == b"files.example.com"
    monkeypatch.setattr("socket.gethostname", lambda: "files")
    assert hello("", "server-1") == b"server-1"
    assert hello("", "our server") == b"[127.0.0.1]"


def send(tmp_path: Path, server: OddServer, envelope: Envelope = MAIL, **given: Any) -> Any:
    return over(tmp_path, lambda around: sent(around, server.port, envelope, **given))


def test_a_mail_is_handed_over_as_it_is(tmp_path: Path) -> None:
    content = b"Subject: x\r\n\r\n.\r\n..two\r\nlast\r\n"
    with odd() as server:
        receipt = send(tmp_path, server, MAIL._replace(content=content), hello_name="us.example")
        assert receipt == Receipt(("ann@example.com",), {})
        assert server.peer.closed.wait(5)
        assert server.peer.heard == [
            "EHLO us.example",
            "MAIL FROM:<mft@example.com>",
            "RCPT TO:<ann@example.com>",
            "DATA",
            "Subject: x",
            "",
            "..",
            "...two",
            "last",
            ".",
            "QUIT",
        ]


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        (b".\r\n", b"..\r\n"),
        (b"a.\r\n.\r\n..b\r\n", b"a.\r\n..\r\n...b\r\n"),
        (b"\n.\n.", b"\n..\n.."),
        (b"\r.", b"\r."),
        (b"", b""),
    ],
)
def test_a_dot_that_begins_a_line_is_two(content: bytes, sent: bytes) -> None:
    assert smtp.doubled(content) == sent


def test_a_dot_at_the_edge_of_what_is_read_at_once_ends_nothing(tmp_path: Path) -> None:
    edge = 1 << 14  # bytes that are sent at a time
    head = b"Subject: x\r\n\r\n"
    content = head + b"x" * (edge - len(head) - 2) + b"\r\n.\r\nMAIL FROM:<evil@example.com>\r\n"
    with odd() as server:
        assert send(tmp_path, server, MAIL._replace(content=content)).taken
        assert server.peer.closed.wait(5)
        assert server.peer.heard.count("..") == 1
        assert server.peer.heard[-3:] == ["MAIL FROM:<evil@example.com>", ".", "QUIT"]


def test_a_server_may_take_it_for_some(tmp_path: Path) -> None:
    people = ("ann@example.com", "none@example.com", "busy@example.com")
    replies = [b"250 ok\r\n", b"550 5.1.1 no\r\n550 such\r\n"[:14], b"450 later\r\n"]
    with odd({"RCPT": replies}) as server:
        receipt = send(tmp_path, server, MAIL._replace(recipients=people))
    assert receipt.taken == ("ann@example.com",)
    assert {who: (said.code, said.permanent) for who, said in receipt.refused.items()} == {
        "none@example.com": (550, True),
        "busy@example.com": (450, False),
    }


def test_a_server_may_take_it_for_nobody(tmp_path: Path) -> None:
    with odd({"RCPT": b"550 no\x1b[2J\r\n"}) as server:
        receipt = send(tmp_path, server)
    assert receipt.taken == ()
    assert str(receipt.refused["ann@example.com"]) == "550 no\\x1b[2J"


# What the server answers, whether that is the fault of the mail, and what is told.
ANSWERS = [
    ({"": b"554 not you\r\n"}, False, "says 554 not you"),
    ({"": b"421 later\r\n"}, False, "says 421 later"),
    ({"": b"SSH-2.0-x\r\n"}, False, "does not speak SMTP: SSH-2.0-x"),
    ({"": b"\xff\xfe\r\n"}, False, "does not speak SMTP"),
    ({"": b"-1 hi\r\n"}, False, "does not speak SMTP"),
    ({"": b"220-more\r\n" * 500}, False, "more than 128 lines"),
    ({"": b"2" * 100_000}, False, "a line of more than 4096 bytes"),
    ({"EHLO": b"550 no\r\n", "HELO": b"550 no\r\n"}, False, "550 no"),
    ({"MAIL": b"451 disk\r\n"}, False, "says 451 disk"),
    ({"MAIL": b"553 no such sender\r\n"}, True, "says 553 no such sender"),
    ({"DATA": b"554 no\r\n"}, True, "says 554 no"),
    ({"DATA": b"450 no\r\n"}, False, "says 450 no"),
    ({".": b"452 full\r\n"}, False, "says 452 full"),
    ({".": b"554-spam\r\n554 really\r\n"}, True, "says 554 spam / really"),
    ({".": b"777 what\r\n"}, False, "says 777 what"),
    ({".": lambda peer: peer.socket.shutdown(socket.SHUT_WR)}, False, "closed the connection"),
    ({"MAIL": lambda peer: peer.socket.close()}, False, "mail server"),
    ({"EHLO": b"250-odd\r\n250 SIZE 10\r\n"}, True, "takes mail of 10 bytes at most"),
]


@pytest.mark.parametrize(("replies", "fault", "sentence"), ANSWERS)
def test_what_a_server_says_is_told(
    tmp_path: Path, replies: Any, fault: bool, sentence: str
) -> None:
    with odd(replies) as server:
        error = send(tmp_path, server)
    assert isinstance(error, MailRejected if fault else Refused)
    assert sentence in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 700


def test_odd_words_of_a_server_that_are_allowed_do_no_harm(tmp_path: Path) -> None:
    extensions = b"250-odd\r\n250-\r\n250- \r\n250-size x\r\n000 by the way\r\n250 AUTH\r\n"
    with odd({"EHLO": extensions}) as server:
        assert send(tmp_path, server).taken


def test_a_server_without_ehlo_is_greeted_the_old_way(tmp_path: Path) -> None:
    with odd({"EHLO": b"502 what?\r\n"}) as server:
        assert send(tmp_path, server).taken
        assert "HELO" in server.peer.verbs


def test_a_server_that_takes_the_mail_before_it_came_has_not_taken_it(tmp_path: Path) -> None:
    content = b"Subject: x\r\n\r\n" + b"x\r\n" * 3_000_000
    early = {"DATA": b"354 go\r\n250 taken\r\n"}
    with odd(early) as server:
        error = send(tmp_path, server, MAIL._replace(content=content))
        assert "says 250 taken" in str(error)
        assert server.peer.closed.wait(5)
        assert "." not in server.peer.heard


def test_a_mail_that_is_too_large_is_not_even_begun(tmp_path: Path) -> None:
    with odd() as server:
        error = send(tmp_path, server, MAIL._replace(content=bytes(MAX_MAIL + 1)))
        assert isinstance(error, MailRejected)
        assert server.peers == []


@pytest.mark.parametrize("verb", ["", "EHLO", "RCPT", ".", "QUIT"])
def test_a_server_that_says_nothing_is_left(
    tmp_path: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mft.resources.smtp.LINGER", 0.05)
    with odd({verb: Peer.until_the_end}) as server:
        said = send(tmp_path, server, timeout=1.0 if verb == "QUIT" else 0.05)
        assert server.peer.closed.wait(5)
    if verb == "QUIT":  # all was said
        assert said.taken
    else:
        assert "has been silent for 0.05 seconds" in str(said)
    if not verb:
        assert "said nothing at all; see whether `port` is the one for" in str(said)


def test_a_server_that_always_says_something_is_left_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mft.resources.email_client.WHOLE", 0.1)

    def drip(peer: Peer) -> None:
        while not peer.closed.wait(0.01):
            peer.say(b"000 wait\r\n")

    with odd({"MAIL": drip}) as server:
        assert "not taken the mail within 0.1 seconds" in str(send(tmp_path, server))


def test_nobody_there_is_told(tmp_path: Path) -> None:
    error = over(tmp_path, lambda around: sent(around, free_port()))
    assert isinstance(error, Refused)
    assert "refused" in str(error)


def test_who_stops_waits_for_no_server(tmp_path: Path) -> None:
    async def cancelled(around: Any) -> str:
        sending = Deferred.fromCoroutine(sent(around, server.port))
        await until(around.clock, lambda: server.peers and "MAIL" in server.peer.verbs)
        sending.cancel()
        try:
            await sending
        except CancelledError:
            return "cancelled"
        return "sent"

    with odd({"MAIL": Peer.until_the_end}) as server:
        assert over(tmp_path, cancelled) == "cancelled"
        assert server.peer.closed.wait(5)


@contextmanager
def unanswering() -> Iterator[int]:
    """The port of a machine that does not even answer that somebody wants to connect."""
    with ExitStack() as kept:
        listener = kept.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port: int = listener.getsockname()[1]
        for _ in range(4):  # more than wait to be accepted there
            one = kept.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        yield port


@pytest.mark.parametrize("secure_connection", ["No", "Yes"])
def test_who_stops_waits_for_no_server_that_cannot_be_reached(
    tmp_path: Path, secure_connection: str
) -> None:
    async def cancelled(around: Any) -> str:
        given = {"secure_connection": secure_connection}
        sending = Deferred.fromCoroutine(sent(around, port, **given))
        await until(around.clock, around.clock.getWriters, "it connects")
        sending.cancel()
        with pytest.raises(CancelledError):
            await sending
        return "cancelled"

    with unanswering() as port:
        assert over(tmp_path, cancelled) == "cancelled"


def test_a_server_that_cannot_be_reached_has_its_time_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mft.resources.email_client.WHOLE", 0.1)
    with unanswering() as port:
        error = over(tmp_path, lambda around: sent(around, port))
    assert "not taken the mail within 0.1 seconds" in str(error)


# TLS and logins.

OFFERED = b"250-odd\r\n250-starttls\r\n250 AUTH PLAIN\r\n"
LOGIN = {"username": "mft", "password": Secret("s3cret")}


def secured(folder: Path, *names: str, **given: Any) -> tuple[ssl.SSLContext, dict[str, Any]]:
    """TLS of a server for these hosts, and the options of a client that believes its authority."""
    context = server_tls(certificate(folder, *names))
    return context, {"ssl_certificate_authority": folder / "ca.pem", **given}


@pytest.mark.parametrize("secure", ["Offered", "StartTLS"])
def test_tls_is_used_where_it_is_offered(tmp_path: Path, secure: str) -> None:
    context, given = secured(tmp_path, "127.0.0.1", secure_connection=secure)
    with odd({"EHLO": OFFERED}, context) as server:
        assert send(tmp_path, server, **given).taken
        assert server.peer.closed.wait(5)
        assert server.peer.verbs[:4] == ["EHLO", "STARTTLS", "EHLO", "MAIL"]
        assert isinstance(server.peer.socket, ssl.SSLSocket)


def test_tls_may_be_there_from_the_first_byte(tmp_path: Path) -> None:
    context, given = secured(tmp_path, "127.0.0.1", secure_connection="Yes", **LOGIN)
    replies = {"EHLO": OFFERED, "AUTH": b"235 ok\r\n"}
    with odd(replies, context, at_once=True) as server:
        assert send(tmp_path, server, **given).taken
        assert server.peer.verbs[:3] == ["EHLO", "AUTH", "MAIL"]


@pytest.mark.parametrize("secure", ["Offered", "StartTLS", "Yes"])
@pytest.mark.parametrize("wrong", ["another host", "another authority"])
def test_a_wrong_certificate_gets_nothing(tmp_path: Path, secure: str, wrong: str) -> None:
    name = "192.0.2.1" if wrong == "another host" else "127.0.0.1"
    context, given = secured(tmp_path, name, secure_connection=secure)
    if wrong == "another authority":
        (tmp_path / "ca.pem").write_bytes(pki.Authority("another").pem)
    with odd({"EHLO": OFFERED}, context, at_once=secure == "Yes") as server:
        error = send(tmp_path, server, **given)
        assert server.peer.closed.wait(5)
        assert set(server.peer.verbs) <= {"EHLO", "STARTTLS"}
    assert isinstance(error, Refused)
    why = {"another host": "is not for 127.0.0.1", "another authority": "is refused: "}[wrong]
    assert f"certificate verify failed: it {why}" in str(error)
    assert "ssl_certificate_authority" in str(error)


def test_a_port_without_tls_is_told_as_such(tmp_path: Path) -> None:
    _, given = secured(tmp_path, "127.0.0.1", secure_connection="Yes")
    with odd({"EHLO": OFFERED}) as server:
        error = send(tmp_path, server, **given)
    assert "`port` is the one for this `secure_connection`" in str(error)
    assert "ssl_certificate_authority" not in str(error)


@pytest.mark.parametrize(
    ("replies", "given"),
    [
        ({}, {"secure_connection": "StartTLS"}),
        ({}, LOGIN),
        ({"EHLO": b"250-odd\r\n250 AUTH PLAIN LOGIN\r\n"}, LOGIN),
        ({"EHLO": b"502 no\r\n"}, {"secure_connection": "StartTLS"}),
        ({"EHLO": b"502 no\r\n"}, LOGIN),
        ({"EHLO": OFFERED, "STARTTLS": b"454 no\r\n"}, {}),
        ({"EHLO": OFFERED, "STARTTLS": b"454 no\r\n"}, LOGIN),
    ],
)
def test_where_tls_must_be_and_is_not_nothing_is_sent(
    tmp_path: Path, replies: Any, given: Any
) -> None:
    with odd(replies) as server:
        assert isinstance(send(tmp_path, server, **given), Refused)
        assert server.peer.closed.wait(5)
        assert set(server.peer.verbs) <= {"EHLO", "STARTTLS", "QUIT"}


def test_no_means_no_tls(tmp_path: Path) -> None:
    with odd({"EHLO": OFFERED}) as server:
        assert send(tmp_path, server, secure_connection="No").taken
        assert "STARTTLS" not in server.peer.verbs


@pytest.mark.parametrize("kind", ["PLAIN", "LOGIN"])
def test_a_login_goes_over_tls(tmp_path: Path, kind: str) -> None:
    context, given = secured(tmp_path, "127.0.0.1", **LOGIN)
    ehlo = b"250-odd\r\n250-STARTTLS\r\n250 AUTH %b\r\n" % kind.encode()
    asked = b"334 VXNlcm5hbWU6\r\n" if kind == "LOGIN" else b"235 in\r\n"
    replies = {"EHLO": ehlo, "AUTH": asked, "BWZ0": b"", "BWZ0CG==": b""}
    replies |= {"BWZ0": b"334 UGFzc3dvcmQ6\r\n", "CZNJCMV0": b"235 in\r\n"}
    with odd(replies, context) as server:
        assert send(tmp_path, server, **given).taken
        told = server.peer.heard
    if kind == "PLAIN":
        (word,) = [line.split()[2] for line in told if line.startswith("AUTH PLAIN")]
        assert base64.b64decode(word) == b"\0mft\0s3cret"
    else:
        at = told.index("AUTH LOGIN")
        assert [base64.b64decode(word) for word in told[at + 1 : at + 3]] == [b"mft", b"s3cret"]


def test_a_wrong_password_is_tried_once_and_never_told(tmp_path: Path) -> None:
    context, given = secured(tmp_path, "127.0.0.1", **LOGIN)
    plain = base64.b64encode(b"\0mft\0s3cret")
    replies = {"EHLO": OFFERED, "AUTH": b"535 no: %b is mft, s3cret\r\n" % plain}
    with odd(replies, context) as server:
        error = send(tmp_path, server, **given)
        assert server.peer.closed.wait(5)
        assert server.peer.verbs.count("AUTH") == 1
        assert "MAIL" not in server.peer.verbs
    assert isinstance(error, Refused)
    assert "refuses the login: 535 no: *** is mft, ***" in str(error)


@pytest.mark.parametrize(
    ("offer", "reply", "sentence"),
    [
        (b"AUTH GSSAPI", b"", "offers no login by PLAIN or LOGIN"),
        (b"8BITMIME", b"", "offers no login by PLAIN or LOGIN"),
        (b"AUTH LOGIN", b"504 no\r\n", "refuses the login: 504 no"),
        (b"AUTH LOGIN", b"334 x\r\n", "makes no sense"),
        (b"AUTH LOGIN", b"250 ok\r\n", "refuses the login: 250 ok"),
    ],
)
def test_who_cannot_log_in_sends_nothing(
    tmp_path: Path, offer: bytes, reply: bytes, sentence: str
) -> None:
    context, given = secured(tmp_path, "127.0.0.1", **LOGIN)
    replies = {"EHLO": b"250-odd\r\n250-STARTTLS\r\n250 %b\r\n" % offer, "AUTH": reply}
    with odd(replies, context) as server:
        error = send(tmp_path, server, **given)
        assert server.peer.closed.wait(5)
        assert "MAIL" not in server.peer.verbs
    assert sentence in str(error)


def test_twisted_is_loaded_in_a_thread(tmp_path: Path) -> None:
    home = house(tmp_path)
    pool: Any = home.around.outside
    run(client(home.around, 25).start())
    assert pool.calls == 1
    assert "mft.resources.smtp" not in imports_of("mft.daemon.service")
    home.journal.close()


def test_certificates_are_read_in_a_thread(tmp_path: Path) -> None:
    async def elsewhere(call: Any, *arguments: object) -> None:
        """A thread that has not begun yet."""

    home = house(tmp_path)
    given = {"secure_connection": "Yes", "ssl_certificate_authority": str(tmp_path / "none.pem")}
    run(client(replace(home.around, outside=elsewhere), 25, **given).start())
    with pytest.raises(ValueError, match="cannot be read"):
        run(client(home.around, 25, **given).start())
    home.journal.close()


def imports_of(module: str) -> str:
    """What a fresh Python has loaded once it has loaded a module."""
    words = [sys.executable, "-c", f"import {module}, sys; print(*sys.modules)"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
