"""What statuses of web servers mean."""

from http import HTTPStatus

import pytest

from mft.core.failure import Reason
from mft.remote.http_status import GOOD, reason_of, refusal


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (300, Reason.UNSUPPORTED),
        (304, Reason.UNSUPPORTED),
        (401, Reason.DENIED),
        (404, Reason.NOT_FOUND),
        (409, Reason.NOT_FOUND),
        (412, Reason.EXISTS),
        (413, Reason.QUOTA),
        (423, Reason.BUSY),
        (429, Reason.BUSY),
        (460, Reason.INVALID),
        (507, Reason.NO_SPACE),
        (599, Reason.BROKEN),
    ],
)
def test_a_status_that_refuses_has_a_reason(status: int, reason: Reason) -> None:
    assert reason_of(status) is reason
    refused = refusal(status, "/file")
    assert (refused.reason, refused.subject) == (reason, "/file")
    assert str(status) in refused.details


def test_a_login_is_refused_by_nothing_but_a_login() -> None:
    denied = {one.value for one in HTTPStatus if reason_of(one.value) is Reason.DENIED}
    assert denied - set(GOOD) == {401, 403, 407, 451, 511}
