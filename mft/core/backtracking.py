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
    """Whether a repeat of one set of characters is followed by a literal outside that set."""
    if len(body) != 1 or not after or _name(after[0]) != "LITERAL":
        return False
    follower = chr(after[0][1])
    # Both cases, whether or not the pattern looks at case: that errs on the safe side.
    return all(_outside(body[0], one) for one in {follower, follower.lower(), follower.upper()})


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
