"""One connection to a server that lies, is silent or speaks rubbish: nobody gets in by it."""

from collections.abc import Callable, Iterable, Iterator
from ssl import create_default_context
from time import monotonic
from typing import Any

import pytest

from mft.auth.ldap_entry import Unusable
from mft.auth.ldap_talk import Talk, Unreachable
from mft.core.failure import Refused
from tests.fakes.ldap_server import (
    Answer,
    LdapServer,
    Request,
    bound,
    done,
    referred,
    result,
    shown,
)

PATIENCE = 3.0
Open = Callable[..., Talk]


@pytest.fixture
def talk_to() -> Iterator[Open]:
    """A connection to a server that answers each request as the test says."""
    made: list[Any] = []

    def make(script: Any, seconds: float = PATIENCE, **tls: Any) -> Talk:
        server = LdapServer(script)
        made.append(server)
        context, plain = tls.get("context"), tls.get("plain", False)
        talk = Talk.open(server.host, server.port, context, plain, monotonic() + seconds)
        made.append(talk)
        return talk

    yield make
    for one in reversed(made):
        one.close()


def always(*answers: Callable[[int], Answer]) -> Any:
    def script(number: int, request: Request) -> Iterable[Answer]:
        return [answer(number) for answer in answers]

    return script


def test_a_right_password_and_a_wrong_one(talk_to: Open) -> None:
    def script(number: int, request: Request) -> Iterable[Answer]:
        right = request.password == "pässword".encode()
        return [bound(number, 0 if right else 49, b"" if right else b"data 52e")]

    talk = talk_to(script)
    assert talk.bind("uid=ann", "pässword") is None
    assert talk.bind("uid=ann", "password") == "invalidCredentials (data 52e)"


@pytest.mark.parametrize(("name", "password"), [("", "x"), ("uid=ann", ""), ("uid=ann", " \u3000")])
def test_a_bind_as_nobody_is_never_sent(talk_to: Open, name: str, password: str) -> None:
    asked: list[str] = []
    talk = talk_to(lambda number, request: asked.append(request.operation) or [bound(number)])
    with pytest.raises(Refused):
        talk.bind(name, password)
    assert asked == []


def test_what_a_server_repeats_of_a_password_is_not_told(talk_to: Open) -> None:
    talk = talk_to(always(lambda number: bound(number, 49, b"hunter2 is wrong")))
    assert talk.bind("uid=ann", "Hunter2") == "invalidCredentials"


@pytest.mark.parametrize(
    "answer",
    [
        lambda number: None,
        lambda number: b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10,
        lambda number: b"\x30\x80\0\0",
        lambda number: b"\x30\x03\x02\x01",
        lambda number: b"\xff" * 300,
        None,
        lambda number: bound(number + 1),
        lambda number: bound(0),
        lambda number: done(number),
        lambda number: result(number, 0x78),
        lambda number: bound(number, 51),
        lambda number: bound(number)[:-3] + b"\x00" * 3,
        lambda number: b"\x30\x84\x7f\xff\xff\xff" + b"x" * 100,
    ],
    ids=[
        "closes",
        "http",
        "no end",
        "cut",
        "rubbish",
        "half and then the end",
        "another request",
        "unasked",
        "a search",
        "an extended operation",
        "busy",
        "odd",
        "huge",
    ],
)
def test_an_odd_answer_to_a_bind_is_no_login(talk_to: Open, answer: Any) -> None:
    half = [lambda number: bound(number)[:7], lambda number: None]
    talk = talk_to(always(answer) if answer else always(*half), seconds=0.25)
    with pytest.raises(Unreachable):
        talk.bind("uid=ann", "right")


def test_silence_ends_with_the_time(talk_to: Open) -> None:
    talk = talk_to(always(), seconds=0.2)
    with pytest.raises(Unreachable, match="timed out"):
        talk.bind("uid=ann", "right")


def test_after_a_failure_the_library_opens_no_connection_of_its_own(talk_to: Open) -> None:
    talk = talk_to(always(lambda number: None))
    for _ in range(2):
        with pytest.raises(Unreachable):
            talk.bind("uid=ann", "right")
    with pytest.raises(Unreachable):
        talk.read("uid=ann", "", ["uid"])


def test_a_directory_that_wants_tls_is_told_apart(talk_to: Open) -> None:
    with pytest.raises(Refused, match="confidentialityRequired"):
        talk_to(always(lambda number: bound(number, 13))).bind("uid=ann", "right")


def test_entries_are_read_and_references_are_not_followed(talk_to: Open) -> None:
    talk = talk_to(
        always(
            lambda number: shown(number, b"uid=ann", uid=[b"ann"], secret=[b"x"]),
            lambda number: referred(number, b"ldap://elsewhere.example/"),
            done,
        )
    )
    entry = talk.read("uid=ann", "", ["uid"])
    assert entry is not None
    assert (entry.dn, entry.values) == ("uid=ann", {"uid": (b"ann",)})


def test_several_entries_of_one_name_are_none(talk_to: Open) -> None:
    twice = [lambda number: shown(number, b"uid=ann", uid=[b"ann"])] * 2
    with pytest.raises(Unusable, match="several entries"):
        talk_to(always(*twice, done)).read("uid=ann", "", ["uid"])
    with pytest.raises(Unusable, match="more than 1"):
        talk_to(always(*twice, done)).search("dc=x", "(uid=ann)", ["uid"], 1)


@pytest.mark.parametrize("code", [10, 32, 50])
def test_an_entry_that_is_not_there_is_nothing(talk_to: Open, code: int) -> None:
    assert talk_to(always(lambda number: done(number, code))).read("x=y", "", ["uid"]) is None


@pytest.mark.parametrize(
    ("code", "error"), [(4, Unusable), (51, Unreachable), (52, Unreachable), (11, Refused)]
)
def test_a_search_that_fails_says_how(talk_to: Open, code: int, error: Any) -> None:
    with pytest.raises(error):
        talk_to(always(lambda number: done(number, code))).search("x=y", "(a=b)", ["uid"], 5)


def test_names_and_values_that_are_no_text_are_refused(talk_to: Open) -> None:
    talk = talk_to(always(lambda number: shown(number, b"\xff", uid=[b"ann"]), done))
    with pytest.raises(Unreachable):
        talk.read("uid=ann", "", ["uid"])


def test_a_server_that_does_not_begin_tls_hears_nothing_else(talk_to: Open) -> None:
    asked: list[str] = []

    def script(number: int, request: Request) -> Iterable[Answer]:
        asked.append(request.operation)
        return [result(number, 0x78, 2)]

    with pytest.raises(Unreachable, match="does not begin TLS"):
        talk_to(script, context=create_default_context(), plain=True)
    assert asked == ["extended"]


def test_what_comes_in_clear_before_tls_is_no_answer_behind_it(talk_to: Open) -> None:
    script = always(lambda number: result(number, 0x78) + bound(number + 1))
    with pytest.raises(Unreachable):
        talk_to(script, context=create_default_context(), plain=True)
