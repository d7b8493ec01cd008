"""Reasons as FTP tells them, and nothing of our insides."""

import pytest

from mft.core.failure import Reason, Refused
from mft.protocols.ftp.replies import CODES, COMPLETE, NO_REUSE, Told, refusal


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_code_and_a_sentence_without_details(reason: Reason) -> None:
    reply = refusal(Refused(reason, "/secret/path", "secret details"))
    assert reply.code == CODES[reason]
    assert 400 <= reply.code < 600
    assert "secret" not in reply.lines[0]
    assert reply.lines[0].endswith(".")


def test_what_may_help_later_is_4xx() -> None:
    later = {reason for reason, code in CODES.items() if code < 500}
    again = {Reason.NO_SPACE, Reason.BUSY, Reason.UNINSPECTED, Reason.ABORTED, Reason.BROKEN}
    assert later == again


def test_what_is_forbidden_and_what_is_not_there_differ() -> None:
    assert (CODES[Reason.DENIED], CODES[Reason.NOT_FOUND]) == (553, 550)


def test_an_incident_is_told_by_its_id() -> None:
    assert refusal(Refused(Reason.BROKEN), "abc").lines == ("Internal error (abc).",)


def test_a_refusal_may_have_a_reply_of_its_own() -> None:
    told = Told(NO_REUSE, "details")
    assert refusal(told) is NO_REUSE
    assert (told.reason, told.details) == (Reason.ABORTED, "details")


def test_clients_depend_on_these_words() -> None:
    assert COMPLETE.encode() == b"226 Transfer complete.\r\n"
