"""Reasons as HTTP tells them (RFC 9110 15, RFC 4918 11): a status for each."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from mft.core.failure import Reason

STATUS: Final[Mapping[Reason, int]] = MappingProxyType(
    {
        Reason.NOT_FOUND: 404,
        Reason.DENIED: 403,
        Reason.EXISTS: 409,
        Reason.NOT_A_DIRECTORY: 409,
        Reason.IS_A_DIRECTORY: 409,
        Reason.NOT_EMPTY: 409,
        Reason.NO_SPACE: 507,
        Reason.QUOTA: 413,
        Reason.BUSY: 503,
        Reason.UNSUPPORTED: 501,
        Reason.INVALID: 400,
        Reason.REJECTED: 422,
        Reason.UNINSPECTED: 503,
        Reason.ABORTED: 503,
        Reason.BROKEN: 500,
    }
)
RETRY_AFTER: Final = 10  # seconds after which a client that came too often may try again


_PHRASES: Final[Mapping[int, str]] = {
    **{status.value: status.phrase for status in HTTPStatus},
    460: "Checksum Mismatch",  # of tus: the one status that is in no RFC
}


def phrase(status: int) -> str:
    """The words beside a status."""
    return _PHRASES[status]
