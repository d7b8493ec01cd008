"""Which of the media types that are offered a client likes best (RFC 9110 12.5.1)."""

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

from mft.wire.http.grammar import QUOTED, TOKEN
from mft.wire.http.parameters import parse_parameters

MAX_TEXT: Final = 2 << 10  # characters: what a client says behind them is not read
MAX_ITEMS: Final = 32

_ITEM = re.compile(rf'(?:[^,"]++|{QUOTED})+')
_RANGE = re.compile(rf"{TOKEN}/{TOKEN}")
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def preferred(field: str | None, offered: Sequence[str]) -> str | None:
    """The type of the highest quality, the first of equals; None when none is acceptable.

    The most specific range decides on a type; parameters other than `q` are not looked at. No
    field, or one in which nothing can be read, accepts all.
    """
    ranges = _ranges(field or "")
    if not ranges:
        return offered[0] if offered else None
    best, most = None, 0.0
    for kind in offered:
        quality = _quality(kind.partition(";")[0].strip(" \t").lower(), ranges)
        if quality > most:
            best, most = kind, quality
    return best


def _quality(kind: str, ranges: Mapping[str, float]) -> float:
    for key in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        if key in ranges:
            return ranges[key]
    return 0.0


def _ranges(field: str) -> dict[str, float]:
    ranges: dict[str, float] = {}
    for item in islice(_ITEM.finditer(field[:MAX_TEXT]), MAX_ITEMS):
        parsed = parse_parameters(item[0])
        if parsed is None:
            continue
        kind, quality = parsed[0].lower(), parsed[1].get("q", "1")
        if _RANGE.fullmatch(kind) and _QUALITY.fullmatch(quality):
            ranges[kind] = max(float(quality), ranges.get(kind, 0.0))
    return ranges
