"""Filters: which occurrences a reader wants. All options must match; inside one, any of its items.

A list of items is either what is wanted or, with `!` before every item, what is not.
"""

from collections.abc import Callable, Collection
from ipaddress import ip_address
from typing import Annotated, Final, NamedTuple

from mft.config.kinds import Context, Kind, Wrong, comma_list, each_line
from mft.config.section import suggestion
from mft.core.matching import Expression
from mft.core.peer import Network, parse_network
from mft.events.catalogue import RETIRED
from mft.events.facts import as_text, datum
from mft.events.model import Group, Occurrence

MAX_ITEMS = 1000  # in one option
MAX_NUMBER = 99999
ALL: Final = "all"  # the word for every server

Test = Callable[[Occurrence], bool]
GroupsOf = Callable[[str], Collection[str]]  # the IDs of the groups of an account, by its ID


def of_nobody(account: str) -> Collection[str]:
    """What knows of no account in which groups it is."""
    return ()


class Items(NamedTuple):
    """The items of one option; empty means everything."""

    items: frozenset[str] = frozenset()
    excluded: bool = False


class Sources(NamedTuple):
    """Networks that peers are in, or are not in; empty means everything."""

    networks: tuple[Network, ...] = ()
    excluded: bool = False


class Member(NamedTuple):
    """One line of `data_filter`: a key, and the expression that its value must match."""

    key: str
    expression: Expression


EVERYTHING: Final = Items()
EVERYWHERE: Final = Sources()


def _items(text: str, check: Callable[[str], str]) -> tuple[frozenset[str], bool]:
    found = [item.strip() for item in comma_list(text) if item.strip()]
    if len(found) > MAX_ITEMS:
        raise Wrong(f"has more than {MAX_ITEMS} items")
    excluded = [item for item in found if item.startswith("!")]
    if excluded and len(excluded) != len(found):
        raise Wrong("mixes items with and without !; every item has it, or none")
    return frozenset(check(item.lstrip("!").strip()) for item in found), bool(excluded)


def _kind(name: str, examples: str, check: Callable[[str], str]) -> Kind:
    def read(text: str, context: Context | None) -> Items:
        return Items(*_items(text, check))

    return Kind(name, examples, read)


def _number(item: str) -> str:
    if not item.isascii() or not item.isdigit() or not 0 < int(item[:9]) <= MAX_NUMBER:
        raise Wrong("is not a list of event numbers such as 20137, 30068", item)
    if int(item) in RETIRED:
        raise Wrong("names an event that does not happen any more", item)
    return str(int(item))


_GROUPS: Final = {group.value for group in Group}


def _group(item: str) -> str:
    if item.lower() not in _GROUPS:
        raise Wrong(f"is not an event group{suggestion(item.lower(), _GROUPS)}", item)
    return item.lower()


def _servers(text: str, context: Context | None) -> Items:
    items, excluded = _items(text, _some)
    if not any(item.lower() == ALL for item in items):
        return Items(items, excluded)
    if excluded:
        raise Wrong("means no server at all", f"!{ALL}")
    return EVERYTHING


def _some(item: str) -> str:
    if not item:
        raise Wrong("has an item without text")
    return item


def _sources(text: str, context: Context | None) -> Sources:
    items, excluded = _items(text, _some)
    networks: list[Network] = []
    for item in sorted(items):
        try:
            networks.append(parse_network(item))
        except ValueError:
            raise Wrong("is not an address or network such as 192.0.2.7", item) from None
    return Sources(tuple(networks), excluded)


def _member(line: str) -> Member:
    key, comma, expression = line.partition(",")
    if not comma or not key.strip():
        raise Wrong("is not a data key, a comma and an expression such as path, *.csv")
    try:
        return Member(key.strip().lower(), Expression.parse(expression.strip()))
    except ValueError as error:
        raise Wrong(f"cannot be matched: {error}") from None


def _members(text: str, context: Context | None) -> tuple[Member, ...]:
    return each_line(text, _member)


EventNumbers = Annotated[Items, _kind("event numbers", "20137, 30068 or !30014", _number)]
EventGroups = Annotated[Items, _kind("event groups", "failure, file-operation or !ssh", _group)]
UserGroups = Annotated[Items, _kind("IDs of groups", "ID-1, ID-2 or !ID-3", _some)]
Usernames = Annotated[Items, _kind("account names", "alice, bob or !backup", _some)]
ServerIds = Annotated[Items, Kind("IDs of servers", "all, ID-1, ID-2 or !ID-3", _servers)]
ComponentIds = Annotated[Items, _kind("IDs of components", "ID-1, ID-2 or !ID-3", _some)]
SourceAddresses = Annotated[
    Sources, Kind("addresses or networks", "192.0.2.7, 198.51.100.0/24 or !192.0.2.7", _sources)
]
DataFilter = Annotated[
    tuple[Member, ...], Kind("lines of a data key, a comma and an expression", "", _members)
]


class Filter:
    """What one reader wants."""

    __slots__ = ("_tests",)

    def __init__(
        self,
        target: Items = EVERYTHING,
        groups: Items = EVERYTHING,
        usernames: Items = EVERYTHING,
        user_groups: Items = EVERYTHING,
        components: Items = EVERYTHING,
        source_addresses: Sources = EVERYWHERE,
        data_filter: tuple[Member, ...] = (),
        servers: Items = EVERYTHING,
        groups_of: GroupsOf = of_nobody,
        server: str = "",
    ) -> None:
        """`server` is the ID of the one whose events these are."""
        tests: list[Test] = []
        if target.items:
            tests.append(_target_test(target))
        if groups.items:
            tests.append(_group_test(groups))
        if usernames.items:
            tests.append(_name_test(usernames))
        if user_groups.items:
            tests.append(_member_of_test(user_groups, groups_of))
        if components.items:
            tests.append(_component_test(components))
        if source_addresses.networks:
            tests.append(_source_test(source_addresses))
        tests += [_member_test(member) for member in data_filter]
        if servers.items and (server in servers.items) is servers.excluded:
            tests.append(lambda told: False)
        self._tests = tuple(tests)

    def wants(self, occurrence: Occurrence) -> bool:
        """Whether every option matches."""
        return all(test(occurrence) for test in self._tests) if self._tests else True


def _target_test(target: Items) -> Test:
    numbers = frozenset(int(item) for item in target.items)
    excluded = target.excluded
    return lambda told: (told.event.number in numbers) is not excluded


def _group_test(wanted: Items) -> Test:
    groups = frozenset(Group(item) for item in wanted.items)
    excluded = wanted.excluded
    return lambda told: groups.isdisjoint(told.event.groups) is excluded


def _name_test(wanted: Items) -> Test:
    names, excluded = wanted
    return lambda told: (told.origin.actor.name in names) is not excluded


def _member_of_test(wanted: Items, groups_of: GroupsOf) -> Test:
    """An event without an account is in no group."""
    identifiers, excluded = wanted
    return lambda told: identifiers.isdisjoint(groups_of(told.origin.actor.uuid)) is excluded


def _component_test(wanted: Items) -> Test:
    uuids, excluded = wanted
    return lambda told: (told.origin.component.uuid in uuids) is not excluded


def _source_test(wanted: Sources) -> Test:
    networks, excluded = wanted

    def test(told: Occurrence) -> bool:
        try:
            address = ip_address(told.origin.peer.host)
        except ValueError:  # a record from elsewhere: in no network
            return excluded
        return any(address in network for network in networks) is not excluded

    return test


def _member_test(member: Member) -> Test:
    key, expression = member

    def test(told: Occurrence) -> bool:
        value = datum(told.data, key)
        return value is not None and expression.matches(as_text(value))

    return test
