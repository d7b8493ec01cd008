"""Ranges of bytes: what a request asks for, and what an answer says (RFC 9110 14)."""

import re
from typing import Final

MAX_RANGES: Final = 16

_BYTES = re.compile(r"bytes=(.+)", re.IGNORECASE)
_CONTENT = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})", re.IGNORECASE)
_SPEC = re.compile(r"[ \t]*+(?:([0-9]{1,19})-([0-9]{0,19})|-([0-9]{1,19}))[ \t]*+")


def parse_ranges(field: str, size: int) -> tuple[range, ...] | None:
    """The parts of `size` bytes that are asked for, in that order; empty when there is none (416).

    None where the field is to be ignored and all is to be sent: for another unit, a malformed
    field, more than MAX_RANGES, and ranges that add up to more than all (RFC 9110 14.2, 17.15).
    """
    found = _BYTES.fullmatch(field)
    if found is None or found[1].count(",") >= MAX_RANGES:
        return None
    parts = []
    for text in found[1].split(","):
        spec = _SPEC.fullmatch(text)
        part = None if spec is None else _part(spec, size)
        if part is None:
            return None
        parts.append(part)
    kept = tuple(part for part in parts if part)
    return kept if sum(part.stop - part.start for part in kept) <= size else None


def _part(spec: re.Match[str], size: int) -> range | None:
    """One range, cut to what there is; None for one that is never valid, or that is nothing."""
    first, last, suffix = spec.groups()
    if suffix is not None:
        length = int(suffix)
        if length and not size:
            return None  # all of an empty file: it can be satisfied, and cannot be told as a range
        return range(max(size - length, 0), size)
    start = int(first)
    if not last:
        return range(start, size)
    end = int(last)
    return range(start, min(end + 1, size)) if end >= start else None


def content_range(part: range, size: int) -> str:
    """The value of Content-Range for a part that is not empty, of `size` bytes in all."""
    return f"bytes {part.start}-{part.stop - 1}/{size}"


def unsatisfied_range(size: int) -> str:
    """The value of Content-Range in an answer 416."""
    return f"bytes */{size}"


def parse_content_range(field: str) -> tuple[range, int] | None:
    """The part that an answer 206 holds, and the bytes of the whole; None where it tells none.

    None also without the size of the whole, and for a part that does not lie in it.
    """
    found = _CONTENT.fullmatch(field.strip(" \t"))
    if found is None:
        return None
    first, last, size = map(int, found.groups())
    return (range(first, last + 1), size) if first <= last < size else None
