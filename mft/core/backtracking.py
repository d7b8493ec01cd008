"""How long a regular expression could take on a hostile text, judged before it is ever used.

`re` backtracks: `(a+)+$` takes longer than anybody lives on forty well-chosen letters, and a peer
chooses the letters. The judgement counts, from the parsed pattern, the ways in which the parts can
share a text of the longest allowed length. It may overrate a pattern, it does not underrate one
by more than the length of its literal parts.
"""

import re
import re._parser as parser  # type: ignore[import-not-found]  # no stubs; the tests pin its shapes
from collections.abc import Callable
from typing import Any, NamedTuple

MAX_STEPS = 1 << 24  # about 0.2 s of one core, reached only by a bad pattern and a hostile text
_ENDLESS = 1 << 200  # counts are cut off here, so that nested repeats stay ordinary numbers
_SINGLE = frozenset(("LITERAL", "NOT_LITERAL", "ANY", "IN", "CATEGORY", "AT"))


class Cost(NamedTuple):
    """What one part costs: how many ways it can match at one place, and steps to try them all."""

    ways: int = 1
    steps: int = 0


def steps(pattern: str, flags: int, length: int) -> int:
    """The steps that a search of `length` characters may take; raises re.error for bad syntax."""
    nodes = list(parser.parse(pattern, flags))
    anchored = bool(nodes) and _name(nodes[0]) == "AT" and str(nodes[0][1]) in _BEGINNINGS
    inside = _sequence(nodes, (), length)
    return min(max(inside.steps, 1) * (1 if anchored else length), _ENDLESS)


_BEGINNINGS = ("AT_BEGINNING", "AT_BEGINNING_STRING")


def _name(node: Any) -> str:
    return str(node[0])


def _sequence(nodes: Any, after: Any, length: int) -> Cost:
    """Each part is tried once for every way in which the parts before it can match.

    `after` is the part that follows the whole sequence, in a list; empty when it is not known.
    """
    ways, total, literal_before = 1, 0, False
    items = list(nodes)
    for index, node in enumerate(items):
        literal = _name(node) == "LITERAL"
        cost = _cost(node, items[index + 1 : index + 2] or after, length)
        # Of a run of literals only the first is charged: the next is reached only after it.
        if not (literal and literal_before):
            total += ways * cost.steps
        ways *= cost.ways
        literal_before = literal
    return Cost(min(ways, _ENDLESS), min(total, _ENDLESS))


def _cost(node: Any, after: Any, length: int) -> Cost:
    name = _name(node)
    if name in _SINGLE:
        return Cost(1, 1)
    judge = _PARTS.get(name)
    if judge is None:
        return Cost(_ENDLESS, _ENDLESS)  # a construct of a later Python: not judged, so refused
    return judge(node[1], after, length)


def _repeat(argument: Any, after: Any, length: int) -> Cost:
    least, most, body = int(argument[0]), min(int(argument[1]), length), list(argument[2])
    once = _sequence(body, (), length)
    ways = max(most - least, 0) + 1
    if ways > 1 and _decided(body, after):
        ways = 1  # where it ends is given by the character after it
    inside = min(once.ways ** min(most, 200), _ENDLESS)
    total = max(most, 1) * max(once.steps, 1) * inside
    return Cost(min(ways * inside, _ENDLESS), min(total, _ENDLESS))


def _possessive(argument: Any, after: Any, length: int) -> Cost:
    return Cost(1, _repeat(argument, after, length).steps)


def _group(argument: Any, after: Any, length: int) -> Cost:
    return _sequence(argument[3], after, length)


def _atomic(argument: Any, after: Any, length: int) -> Cost:
    return Cost(1, _sequence(argument, (), length).steps)


def _around(argument: Any, after: Any, length: int) -> Cost:
    return Cost(1, _sequence(argument[1], (), length).steps)


def _branch(argument: Any, after: Any, length: int) -> Cost:
    each = [_sequence(alternative, after, length) for alternative in argument[1]]
    return Cost(sum(cost.ways for cost in each), sum(cost.steps for cost in each) + 1)


def _either(argument: Any, after: Any, length: int) -> Cost:
    return _branch((None, [part for part in argument[1:] if part is not None]), after, length)


def _back_reference(argument: Any, after: Any, length: int) -> Cost:
    return Cost(1, length)


_PARTS: dict[str, Callable[[Any, Any, int], Cost]] = {
    "MAX_REPEAT": _repeat,
    "MIN_REPEAT": _repeat,
    "POSSESSIVE_REPEAT": _possessive,
    "SUBPATTERN": _group,
    "ATOMIC_GROUP": _atomic,
    "ASSERT": _around,
    "ASSERT_NOT": _around,
    "BRANCH": _branch,
    "GROUPREF": _back_reference,
    "GROUPREF_EXISTS": _either,
}


def _decided(body: Any, after: Any) -> bool:
    """Whether a repeat of one set of characters is followed by a character outside that set."""
    if len(body) != 1 or not after:
        return False
    follower = _first(after[0])
    if _category(body[0]) and frozenset((_category(body[0]), _category(follower))) in _APART:
        return True
    characters = _characters(follower)
    # Both cases, whether or not the pattern looks at case: that errs on the safe side.
    each = {case for one in characters for case in (one, one.lower(), one.upper())}
    return bool(each) and all(_outside(body[0], one) for one in each)


def _first(node: Any) -> Any:
    """The part that a part begins with, as far as that is always the same."""
    while _name(node) in _REPEATS and node[1][0] >= 1 and node[1][2]:
        node = next(iter(node[1][2]))
    return node


def _characters(node: Any) -> list[str]:
    """What a one-character part can match; nothing where that is not known, or too much."""
    if _name(node) == "LITERAL":
        return [chr(node[1])]
    if _name(node) != "IN":
        return []
    found: list[int] = []
    for kind, value in ((_name(member), member[1]) for member in node[1]):
        if kind not in ("LITERAL", "RANGE"):
            return []
        found += (value,) if kind == "LITERAL" else range(value[0], value[1] + 1)[: _FEW + 1]
        if len(found) > _FEW:
            return []
    return [chr(code) for code in found]


def _category(node: Any) -> str:
    """The category that is all of a one-character part, such as CATEGORY_DIGIT."""
    members: Any = node[1] if _name(node) == "IN" else ()
    return str(members[0][1]) if len(members) == 1 and _name(members[0]) == "CATEGORY" else ""


_REPEATS = frozenset(("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"))
_FEW = 256  # characters of a set that are looked at one by one
_APART = frozenset(  # what no character is both of
    frozenset((f"CATEGORY_{one}", f"CATEGORY_{other}"))
    for one, other in (
        ("SPACE", "DIGIT"),
        ("SPACE", "WORD"),
        ("SPACE", "NOT_SPACE"),
        ("DIGIT", "NOT_DIGIT"),
        ("DIGIT", "NOT_WORD"),
        ("WORD", "NOT_WORD"),
    )
)


def _outside(node: Any, character: str) -> bool:
    """Whether a one-character part certainly does not match this character."""
    name = _name(node)
    if name == "LITERAL":
        return bool(node[1] != ord(character))
    if name == "NOT_LITERAL":
        return bool(node[1] == ord(character))
    return name == "IN" and not _in_set(node[1], character)


def _in_set(members: Any, character: str) -> bool:
    negated = bool(members) and _name(members[0]) == "NEGATE"
    found = any(_member(member, character) for member in members[negated:])
    return found != negated


_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}


def _member(member: Any, character: str) -> bool:
    name, code = _name(member), ord(character)
    if name == "LITERAL":
        return bool(member[1] == code)
    if name == "RANGE":
        return bool(member[1][0] <= code <= member[1][1])
    return re.match(_CATEGORIES.get(str(member[1]), "."), character) is not None
