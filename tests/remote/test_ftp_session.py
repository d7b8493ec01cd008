"""A session: what it learns of a server, and agrees on with it."""

from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.secret import Secret
from mft.remote.ftp_session import MAX_WAITS, Session
from mft.wire.ftp.replies import Answer
from tests.fakes.run import run

EMPTY = Secret("")


class Line:
    """A control connection that answers by the first word."""

    def __init__(self, *greetings: Answer, **answers: Answer) -> None:
        self.said: list[str] = []
        self._greetings = list(greetings)
        self._answers = answers

    async def reply(self, patience: float = 0) -> Answer:
        return self._greetings.pop(0)

    async def ask(self, command: str, secret: Secret | None = None, patience: float = 0) -> Answer:
        self.said.append(command)
        return self._answers.get(command.partition(" ")[0], Answer(200, ("OK",)))

    def shown(self, answer: Answer) -> str:
        return str(answer)


def session(line: Line) -> Session:
    made: Any = line
    return Session(made)


def answer(code: int, *lines: str) -> Answer:
    return Answer(code, lines or ("x",))


def refused(asked: Any) -> Reason:
    with pytest.raises(Refused) as caught:
        run(asked)
    return caught.value.reason


def test_a_greeting_may_ask_for_patience_a_few_times() -> None:
    line = Line(*[answer(120)] * MAX_WAITS, answer(220, "at last"))
    made = session(line)
    run(made.greet())
    assert made.software == "at last"
    assert refused(session(Line(*[answer(120)] * (MAX_WAITS + 1))).greet()) is Reason.BUSY


def test_clnt_and_utf8_are_told_where_they_are_known() -> None:
    features = answer(211, "F:", " CLNT", " UTF8", "End")
    line = Line(FEAT=features, PWD=answer(257, '"/home"'), SYST=answer(215, "UNIX Type: L8"))
    made = session(line)
    run(made.set_up())
    assert line.said == ["FEAT", "CLNT mft", "OPTS UTF8 ON", "SYST", "TYPE I", "PWD"]
    assert (made.folder, made.system) == ("/home", "UNIX Type: L8")
    assert made.has("UTF8")
    assert not made.has("MLST")


def test_only_facts_that_there_are_are_asked_for() -> None:
    features = answer(211, "F:", " MLST Size*;modify;perm*;Unix.Mode;", "End")
    line = Line(FEAT=features, PWD=answer(257, '"/"'))
    run(session(line).set_up())
    assert "OPTS MLST size;modify;UNIX.mode;" in line.said


def test_a_server_that_knows_nothing_of_this_can_be_used() -> None:
    unknown = answer(500)
    made = session(Line(FEAT=unknown, SYST=unknown, PWD=unknown))
    run(made.set_up())
    assert (made.features, made.system, made.folder) == ({}, "", "/")


@pytest.mark.parametrize(("code", "reason"), [(530, Reason.DENIED), (450, Reason.BUSY)])
def test_only_what_is_refused_for_good_is_not_tried_again(code: int, reason: Reason) -> None:
    assert refused(session(Line(USER=answer(code))).log_in("mft", EMPTY, EMPTY)) is reason


def test_an_account_is_told_only_where_there_is_one() -> None:
    asks = Line(USER=answer(331), PASS=answer(332), ACCT=answer(230))
    run(session(asks).log_in("mft", EMPTY, Secret("books")))
    assert asks.said == ["USER mft", "PASS", "ACCT"]
    assert refused(session(asks).log_in("mft", EMPTY, EMPTY)) is Reason.DENIED


def test_data_in_clear_is_put_up_with_nowhere_it_was_asked_for_by_auth() -> None:
    line = Line(PROT=answer(534))
    assert refused(session(line).protect(must=True)) is Reason.UNSUPPORTED
    run(session(line).protect(must=False))


def test_what_must_succeed_is_refused_with_the_words_of_the_server() -> None:
    line = Line(DELE=answer(552, "Over quota"))
    with pytest.raises(Refused) as caught:
        run(session(line).want("DELE /x", "/x"))
    assert caught.value.reason is Reason.QUOTA
    assert "552 Over quota" in str(caught.value)
    assert not run(session(line).may("DELE /x"))
