"""Somebody knows a password, or saw a code, and wants in without the other."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mft.auth.base import Accepted, OneTimeCode, Password, Verdict
from mft.auth.time_codes import PERIOD, TimeCodes, new_recovery_codes, recovery_digest
from mft.auth.used_codes import MAX_WRONG
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.wire.ssh.numbers import Message
from tests.fakes.accounts import (
    CHEAP_HASH,
    NOW,
    OTPAUTH,
    PEER,
    SERVICE,
    Method,
    account,
    code_at,
)
from tests.fakes.http_server import LOGIN, HttpClient, HttpServer
from tests.fakes.run import run
from tests.fakes.ssh_client import PASSWORD, SshClient, message
from tests.fakes.ssh_server import SshServer

FAILED, DONE = 20142, 20137
SUCCESS = bytes((Message.USERAUTH_SUCCESS,))
CODE_QUESTION = message(Message.USERAUTH_INFO_REQUEST, "", "", "", 1, "One-time code: ", False)
BOBS = TimeCodes.fresh()
RECOVERY = new_recovery_codes()[0]


def accounts() -> tuple[Any, ...]:
    """Ann and bob have the same password, and codes of their own."""
    digest = recovery_digest(RECOVERY)
    assert digest is not None
    return (
        account(
            "ann",
            password=CHEAP_HASH,
            multi_factor_authentication=OTPAUTH,
            recovery_codes=digest,
        ),
        account("bob", password=CHEAP_HASH, multi_factor_authentication=BOBS.uri("bob", "mft")),
    )


@pytest.fixture
def server(serve: Callable[..., SshServer]) -> SshServer:
    return serve(*accounts())


def client_of(server: SshServer) -> SshClient:
    return SshClient(server).service()


def asked(client: SshClient, name: str = "ann") -> list[bytes]:
    return client.send(
        Message.USERAUTH_REQUEST, name, "ssh-connection", "keyboard-interactive", "", ""
    )


def answered(client: SshClient, text: str) -> list[bytes]:
    return client.send(Message.USERAUTH_INFO_RESPONSE, 1, text)


def logged_in(server: SshServer, code: str) -> bool:
    client = client_of(server)
    asked(client)
    assert answered(client, PASSWORD) == [CODE_QUESTION]
    entered = answered(client, code)[0] == SUCCESS
    client.hang_up()
    return entered


def enters(server: SshServer, word: str, name: str = "ann") -> bool:
    client = client_of(server)
    entered = client.password(word, name)[0] == SUCCESS
    client.hang_up()
    return entered


@pytest.mark.parametrize("code", [code_at(), RECOVERY], ids=["a code", "a recovery code"])
def test_what_was_seen_over_a_shoulder_does_not_do_again(server: SshServer, code: str) -> None:
    assert logged_in(server, code)
    assert not logged_in(server, code)
    assert not enters(server, PASSWORD + code)


def test_a_code_that_was_not_typed_in_the_end_does_not_either(server: SshServer) -> None:
    later = code_at(NOW + PERIOD)
    assert logged_in(server, later)
    assert not logged_in(server, code_at(NOW))


def test_a_half_login_is_good_for_no_other_name(server: SshServer) -> None:
    client = client_of(server)
    asked(client, "bob")
    assert answered(client, PASSWORD) == [CODE_QUESTION]
    assert asked(client, "ann")[0] != CODE_QUESTION, "a password is asked for"
    assert answered(client, code_at())[0] != SUCCESS
    assert asked(client, "bob")[0] != CODE_QUESTION, "and what was proved before is forgotten"
    assert server.data(DONE) == []


def test_a_half_login_is_good_on_no_other_connection(server: SshServer) -> None:
    first, second = client_of(server), client_of(server)
    asked(first)
    assert answered(first, PASSWORD) == [CODE_QUESTION]
    assert asked(second)[0] != CODE_QUESTION
    assert answered(second, code_at())[0] != SUCCESS
    assert answered(first, code_at())[0] == SUCCESS


def test_the_question_cannot_be_changed_while_it_is_answered(server: SshServer) -> None:
    client = client_of(server)
    asked(client)
    assert answered(client, PASSWORD) == [CODE_QUESTION]
    client.password("wrong", name="ann")
    answers = answered(client, code_at())
    assert answers[0][0] == Message.DISCONNECT, "an answer to no question"
    assert server.data(DONE) == []


def test_the_code_of_another_account_does_nothing(server: SshServer) -> None:
    assert not logged_in(server, BOBS.code(int(NOW // PERIOD)))
    assert not enters(server, PASSWORD + code_at(), "bob")
    assert logged_in(server, code_at()), "and nobody has used ann's"


def test_a_password_is_not_tried_out_by_the_question_for_a_code(server: SshServer) -> None:
    for word in ("wrong", "wrong" + code_at(), code_at()):
        client = client_of(server)
        asked(client)
        (answer,) = answered(client, word)
        assert answer[0] == Message.USERAUTH_FAILURE


def test_codes_are_not_guessed(server: SshServer) -> None:
    near = {code_at(NOW + PERIOD * step) for step in (-1, 0, 1)}
    guesses = [one for one in map("{:06}".format, range(2 * MAX_WRONG)) if one not in near]
    for guess in guesses[:MAX_WRONG]:
        assert not enters(server, PASSWORD + guess)
    assert server.method.trail.events == [events.ONE_TIME_CODES_WRONG]
    assert not enters(server, PASSWORD + code_at()), "not even by the right one"
    assert not logged_in(server, code_at())
    assert logged_in(server, RECOVERY), "which 80 bits keep from being guessed"
    assert len(server.data(FAILED)) == MAX_WRONG + 2


def test_whoever_does_not_know_the_password_bars_nobody(server: SshServer) -> None:
    for number in range(2 * MAX_WRONG):
        assert not enters(server, f"wrong{number:06}")
    assert server.method.trail.events == []
    assert logged_in(server, code_at())


@pytest.fixture
def web(tmp_path: Path) -> Iterator[HttpServer]:
    made = HttpServer(tmp_path / "web", *accounts())
    yield made
    made.close()


def test_no_page_tells_that_a_password_was_right(web: HttpServer) -> None:
    told = set()
    for body in (
        b"username=ann&password=right&code=000",
        b"username=ann&password=wrong&code=000",
        b"username=ann&password=wrong&code=" + code_at().encode(),
        b"username=eve&password=right&code=" + code_at().encode(),
        b"username=ann&password=right",
    ):
        answer = HttpClient(web, user=None).ask(
            "POST", LOGIN, body, Content_Type="application/x-www-form-urlencoded"
        )
        fields = {name for name, _ in answer.fields}
        told.add((answer.status, answer.body, "Set-Cookie" in fields))
    assert len(told) == 1
    assert len(web.service.hub.web_sessions) == 0, "nobody is half logged in"


@pytest.mark.parametrize("order", ["password first", "code first"])
def test_a_method_gives_no_account_for_one_of_both(order: str) -> None:
    method = Method(*accounts())

    def ask(given: Password | OneTimeCode) -> Verdict:
        return run(method.authenticate(given, PEER, SERVICE))

    both = [Password("ann", Secret("right")), OneTimeCode("ann", Secret(code_at()))]
    for given in both if order == "password first" else reversed(both):
        assert not isinstance(ask(given), Accepted)
