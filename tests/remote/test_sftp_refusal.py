"""Every STATUS that is not OK has a reason; the server's words are shown, and cannot do harm."""

import pytest

from mft.core.failure import Reason
from mft.remote.sftp_refusal import REASONS, is_vague, refusal
from mft.wire.sftp.responses import StatusReply
from mft.wire.sftp.status import Status


def told(code: int, words: bytes = b"") -> tuple[Reason, str]:
    refused = refusal(StatusReply(1, code, words, b"en"), "/a")
    assert refused.subject == "/a"
    return refused.reason, refused.details


def test_every_code_of_version_3_has_a_reason() -> None:
    assert set(Status) - {Status.OK} <= set(REASONS)


def test_what_version_3_can_say_is_understood() -> None:
    assert told(2) == (Reason.NOT_FOUND, "the server says: No such file or directory.")
    assert told(3)[0] is Reason.DENIED
    assert told(8)[0] is Reason.UNSUPPORTED
    assert told(4, b"Disk is full") == (Reason.BROKEN, "the server says: Disk is full")


@pytest.mark.parametrize(
    ("code", "reason"), [(11, Reason.EXISTS), (14, Reason.NO_SPACE), (18, Reason.NOT_EMPTY)]
)
def test_codes_of_later_drafts_are_understood_as_well(code: int, reason: Reason) -> None:
    assert told(code) == (reason, f"the server says: code {code}")


def test_codes_that_nobody_knows_are_failures() -> None:
    assert told(4711) == (Reason.BROKEN, "the server says: code 4711")


def test_the_servers_words_are_short_and_printable() -> None:
    _, details = told(4, b"\x1b[2J\r\n\xff" + b"x" * 1000)
    assert details.isprintable()
    assert len(details) < 250


def test_only_a_plain_failure_is_vague() -> None:
    assert is_vague(refusal(StatusReply(1, 4, b"", b""), ""))
    assert not is_vague(refusal(StatusReply(1, 3, b"", b""), ""))
