"""Every reason has its status, and what a client is told shows nothing of our insides."""

import pytest

from mft.core.failure import Reason
from mft.protocols.http.status import STATUS, phrase


def test_every_reason_has_a_status() -> None:
    assert set(STATUS) == set(Reason)


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.NOT_FOUND, 404),
        (Reason.DENIED, 403),
        (Reason.EXISTS, 409),
        (Reason.NO_SPACE, 507),
        (Reason.QUOTA, 413),
        (Reason.BUSY, 503),
        (Reason.INVALID, 400),
        (Reason.REJECTED, 422),
        (Reason.BROKEN, 500),
    ],
)
def test_clients_meet_the_status_that_they_act_on(reason: Reason, status: int) -> None:
    assert STATUS[reason] == status


def test_no_refusal_looks_like_success_or_asks_for_another_login() -> None:
    assert all(status >= 400 for status in STATUS.values())
    assert not {401, 407} & set(STATUS.values())


def test_what_may_help_later_says_so() -> None:
    later = {reason for reason, status in STATUS.items() if status == 503}
    assert later == {Reason.BUSY, Reason.UNINSPECTED, Reason.ABORTED}


@pytest.mark.parametrize("status", [200, 304, 404, 413, 422, 460, 507])
def test_every_status_has_its_words(status: int) -> None:
    assert phrase(status)
    assert phrase(status).isascii()
