"""Replies as refusals: every reason of our own server comes back as what it was, or as no less."""

import pytest

from mft.core.failure import Reason, Refused
from mft.protocols.ftp.replies import CODES
from mft.protocols.ftp.replies import refusal as told
from mft.remote.ftp_refusal import REASONS, refusal, says_absent, says_forbidden
from mft.wire.ftp.replies import Answer, Answers

# What FTP has one code for: the tree looks again to tell them apart.
ALIKE = {
    Reason.EXISTS: Reason.DENIED,
    Reason.INVALID: Reason.DENIED,
    Reason.REJECTED: Reason.DENIED,
    Reason.UNINSPECTED: Reason.BUSY,
    Reason.NOT_A_DIRECTORY: Reason.DENIED,
    Reason.IS_A_DIRECTORY: Reason.DENIED,
    Reason.NOT_EMPTY: Reason.DENIED,
}


@pytest.mark.parametrize("reason", list(Reason))
def test_what_our_server_refuses_is_understood(reason: Reason) -> None:
    (answer,) = Answers().feed(told(Refused(reason, "/x")).encode())
    found = refusal(answer, "/x", str(answer))
    assert found.reason is ALIKE.get(reason, reason)
    assert CODES[reason] in REASONS


@pytest.mark.parametrize(
    "text",
    [
        "/x: No such file or directory",
        "The system cannot find the file specified.",
        "File not found",
        "Sorry, but that file doesn't exist",
        "File does not exist.",
    ],
)
def test_plain_words_say_that_nothing_is_there(text: str) -> None:
    assert says_absent(Answer(550, (text,)))
    assert refusal(Answer(550, (text,)), "/x", text).reason is Reason.NOT_FOUND


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (550, "Could not get file size."),
        (550, "Failed to open file."),
        (550, "Permission denied or no such file."),
        (553, "No such file or directory"),
        (425, "not found"),
        (530, "User not found"),
    ],
)
def test_doubtful_words_do_not(code: int, text: str) -> None:
    assert not says_absent(Answer(code, (text,)))
    assert refusal(Answer(code, (text,)), "/x", text).reason is not Reason.NOT_FOUND


def test_want_of_permission_is_said_as_plainly() -> None:
    assert says_forbidden(Answer(550, ("Permission denied",)))
    assert says_forbidden(Answer(530, ("Please log in",)))
    assert not says_forbidden(Answer(550, ("Failed",)))


@pytest.mark.parametrize(("code", "reason"), [(499, Reason.BUSY), (599, Reason.BROKEN)])
def test_a_code_that_nobody_knows_is_judged_by_its_first_digit(code: int, reason: Reason) -> None:
    assert refusal(Answer(code, ("x",)), "/x", "x").reason is reason
