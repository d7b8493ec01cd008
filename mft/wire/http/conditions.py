"""Conditions on a request (RFC 9110 13, RFC 4918 10.4): whether it is done, or answered by 304
or 412."""

from typing import Final

from mft.wire.http.date import parse_http_date
from mft.wire.http.dav_if import if_holds
from mft.wire.http.etag import is_readable, matches_strongly, matches_weakly
from mft.wire.http.head import Head

NOT_MODIFIED: Final = 304
FAILED: Final = 412
_READS: Final = frozenset(("GET", "HEAD"))
_OF_CHANGES: Final = ("if", "if-match", "if-unmodified-since")


def verdict(head: Head, tag: str | None, modified: int | None) -> int | None:
    """None to go on, or the status of the answer, in the order of RFC 9110 13.2.2.

    `tag` is the strong entity tag, `modified` the time of the last change in seconds since the
    epoch; both None where nothing is there. A date that is none is passed over; BadRequest(400)
    for an If of WebDAV that cannot be read. Nothing is changed under a condition on tags that
    cannot be read: what should not be replaced might be.
    """
    if _may_not_go_on(head, tag, modified):
        return FAILED
    reads = head.method in _READS
    if (known := head.fields.get("if-none-match")) is not None:
        if not matches_weakly(known, tag):
            return None if reads or is_readable(known) else FAILED
        return NOT_MODIFIED if reads else FAILED
    since = _date(head, "if-modified-since") if reads else None
    unchanged = since is not None and modified is not None and modified <= since
    return NOT_MODIFIED if unchanged else None


def _may_not_go_on(head: Head, tag: str | None, modified: int | None) -> bool:
    """Whether If, If-Match, or where that is missing If-Unmodified-Since, does not hold."""
    of_dav = head.fields.get("if")
    if of_dav is not None and not if_holds(of_dav, head.target, tag):
        return True
    wanted = head.fields.get("if-match")
    if wanted is not None:
        return not matches_strongly(wanted, tag)
    since = _date(head, "if-unmodified-since")
    return since is not None and (modified is None or modified > since)


def is_conditional(head: Head) -> bool:
    """Whether a request has a condition that `verdict` looks at, other than one of reading only."""
    fields = head.fields
    return any(name in fields for name in ("if-none-match", *_OF_CHANGES))


def must_be_new(head: Head) -> bool:
    """Whether the one condition of a request is that nothing is there yet (RFC 9110 13.1.2)."""
    fields = head.fields
    others = any(name in fields for name in _OF_CHANGES)
    return fields.get("if-none-match") == "*" and not others


def range_applies(head: Head, tag: str, modified: int) -> bool:
    """Whether Range counts (If-Range, RFC 9110 13.1.5): without it, or where it holds.

    A date holds only where it is exactly the time of the last change.
    """
    wanted = head.fields.get("if-range")
    if wanted is None:
        return True
    if wanted.startswith(('"', "W/")):
        return matches_strongly(wanted, tag)
    return parse_http_date(wanted) == modified


def _date(head: Head, name: str) -> int | None:
    value = head.fields.get(name)
    return None if value is None else parse_http_date(value)
