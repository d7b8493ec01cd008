"""errno becomes Reason in one place."""

import errno
import os

import pytest

from mft.core.failure import Reason
from mft.vfs.refusal import REASONS, refusal


@pytest.mark.parametrize("code", sorted(REASONS))
def test_the_system_s_words_are_details_for_the_audit_log(code: int) -> None:
    refused = refusal(OSError(code, "words of the system", "/real/path"), "/virtual")
    assert refused.reason is REASONS[code]
    assert refused.subject == "/virtual"
    assert "/real" not in str(refused)


def test_an_error_without_a_row_is_broken() -> None:
    assert refusal(OSError(errno.EIO, os.strerror(errno.EIO)), "").reason is Reason.BROKEN
    assert refusal(OSError("no number"), "").reason is Reason.BROKEN


def test_a_number_that_no_call_can_take_is_invalid() -> None:
    assert refusal(OverflowError(), "/a").reason is Reason.INVALID


def test_a_full_disk_and_a_full_quota_are_no_space() -> None:
    for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        assert refusal(OSError(code, ""), "").reason is Reason.NO_SPACE
