"""The If field of WebDAV: what a client knows of what it changes (RFC 4918 10.4).

Nothing is ever locked here, so that no state token matches.
"""

import re
from typing import Final

from mft.wire.http.head import BadRequest
from mft.wire.http.target import parse_target

_NOT: Final = r"[Nn][Oo][Tt]"
_CONDITION: Final = rf'(?:{_NOT}[ \t]*+)?(?:<[^<>\s]++>|\[(?:W/)?"[!#-~\x80-\xff]*+"\])'
_LIST: Final = rf"\([ \t]*+(?:{_CONDITION}[ \t]*+)++\)[ \t]*+"
_GROUP: Final = rf"(?:<[^<>\s]++>)?[ \t]*+(?:{_LIST})++"
_ALL = re.compile(rf"[ \t]*+(?:{_GROUP})++")
_GROUPS = re.compile(rf"(<[^<>\s]++>)?[ \t]*+((?:{_LIST})++)")
_LISTS = re.compile(_LIST)
_CONDITIONS = re.compile(rf"({_NOT})?[ \t]*+([<\[])([^<>\[\]\s]++)[>\]]")


def if_holds(field: str, target: str, tag: str | None) -> bool:
    """Whether one of its lists holds for the target of the request; BadRequest(400) if malformed.

    `tag` is the entity tag of what is there, None where nothing is. A list about another resource
    never holds: nobody looks what is there.
    """
    if not _ALL.fullmatch(field):
        raise BadRequest(400, "an If that cannot be read")
    groups = _GROUPS.findall(field)
    # Once: a field may have thousands of groups, and a target may be long.
    asked = parse_target(target).segments if any(resource for resource, _ in groups) else ()
    return any(
        _list_holds(one, tag)
        for resource, lists in groups
        if not resource or parse_target(resource[1:-1]).segments == asked
        for one in _LISTS.findall(lists)
    )


def _list_holds(text: str, tag: str | None) -> bool:
    return all(
        bool(negated) is not (kind == "[" and value == tag)
        for negated, kind, value in _CONDITIONS.findall(text)
    )
