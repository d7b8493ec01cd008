"""Groups: those of the directory that an entry is in, and those of ours that this means."""

from collections.abc import Callable, Sequence
from typing import Final

from mft.auth.ldap_entry import Entry, Unusable
from mft.auth.ldap_kinds import GroupMapping
from mft.auth.ldap_names import DistinguishedName, escape_filter
from mft.auth.ldap_talk import Talk

MEMBER_OF: Final = "memberOf"
IN_CHAIN: Final = "1.2.840.113556.1.4.1941"  # Active Directory: member, at any depth
ACTIVE_DIRECTORY: Final = "1.2.840.113556.1.4.800"  # a capability that its servers tell
MAX_GROUPS: Final = 500  # of one entry, direct and nested; each is one question to most servers
MAX_DEPTH: Final = 20

Step = Callable[[str], None]


def all_groups(talk: Talk, entry: Entry, step: Step) -> tuple[str, ...]:
    """The names of the groups of an entry and of their groups, each once; raises Unusable.

    Unusable also where a limit is reached: a group that is missed could be the one that bars.
    """
    base = chain_base(talk)
    if base:
        rule = f"(member:{IN_CHAIN}:={escape_filter(entry.dn)})"
        step(f"asks for groups at any depth below {base}: {rule}")
        found = [one.dn for one in talk.search(base, rule, (), MAX_GROUPS)]
        return tuple(dict.fromkeys([*entry.texts(MEMBER_OF), *found]))
    return _climbed(talk, entry, step)


def chain_base(talk: Talk) -> str:
    """Below what a server of Active Directory has its groups; empty for any other server."""
    attributes = ("supportedCapabilities", "defaultNamingContext")
    root = talk.read("", "", attributes)
    if root is None or ACTIVE_DIRECTORY not in root.texts("supportedCapabilities"):
        return ""
    return root.only("defaultNamingContext")


def _climbed(talk: Talk, entry: Entry, step: Step) -> tuple[str, ...]:
    """Go up from group to group, breadth first; a group that was seen is not gone to again."""
    names: dict[object, str] = {}
    layer = entry.texts(MEMBER_OF)
    for _ in range(MAX_DEPTH):
        new = {_key(name): name for name in layer if _key(name) not in names}
        if not new:
            return tuple(names.values())
        names.update(new)
        if len(names) > MAX_GROUPS:
            raise Unusable(f"it is in more than {MAX_GROUPS} groups")
        above: list[str] = []
        for name in new.values():
            step(f"reads the groups of {name}")
            group = talk.read(name, "", (MEMBER_OF,))
            above += group.texts(MEMBER_OF) if group is not None else ()
        layer = tuple(above)
    raise Unusable(f"its groups are nested more than {MAX_DEPTH} deep")


def _key(name: str) -> object:
    try:
        return DistinguishedName.parse(name).key
    except ValueError:
        return name


def mapped(
    entry: Entry,
    member_of: Sequence[str],
    mappings: Sequence[GroupMapping],
    base_groups: Sequence[str],
    step: Step,
) -> tuple[str, ...]:
    """Our groups (IDs) of an entry: those of the first line that matches; raises Unusable."""
    for number, mapping in enumerate(mappings, 1):
        is_groups = mapping.attribute.lower() == MEMBER_OF.lower()
        values = tuple(member_of) if is_groups else entry.texts(mapping.attribute)
        value = _matching(mapping, values)
        if value is not None:
            ours = ", ".join(mapping.identifiers)
            step(f"line {number} of group_mapping matches {mapping.attribute} {value}: {ours}")
            return mapping.identifiers
    if not base_groups:
        raise Unusable("no line of group_mapping matches it, and there are no base_groups")
    step(f"no line of group_mapping matches: {', '.join(base_groups)}")
    return tuple(base_groups)


def _matching(mapping: GroupMapping, values: Sequence[str]) -> str | None:
    """The value by which a line counts; a line that excludes must hold for every value."""
    expression = mapping.expression
    if any(len(one) > expression.limit for one in values):
        raise Unusable(f"a value of {mapping.attribute} is too long to compare")
    if expression.negated:
        right = bool(values) and all(expression.matches(one) for one in values)
        return values[0] if right else None
    return next((one for one in values if expression.matches(one)), None)
