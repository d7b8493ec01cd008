"""Kinds of option value that only the `ldap` method has, each with its own error sentences."""

import re
from ipaddress import ip_address
from typing import Annotated, Final, NamedTuple

from mft.auth.ldap_names import DistinguishedName
from mft.config.ini import split_commas
from mft.config.kinds import Context, Kind, Wrong, Wrongs, comma_list, each_line
from mft.core.matching import Expression

MAX_SERVERS: Final = 8  # of one method: a login asks them one after the other
MAX_BASES: Final = 16  # lines of bind_dn
MAX_MAPPINGS: Final = 200
MAX_FILTER: Final = 2048  # characters

_ATTRIBUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,126}|[0-9]+(?:\.[0-9]+)+", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}", re.ASCII)


class GroupMapping(NamedTuple):
    """One line of group_mapping: who has such a value is in these groups."""

    attribute: str
    expression: Expression
    identifiers: tuple[str, ...]  # of groups
    line: int  # of the option, from 0


class HomeAttribute(NamedTuple):
    """Which attribute holds the home, and what its value is put into; an empty one takes it all."""

    attribute: str
    template: str = ""

    @property
    def place(self) -> str:
        """What stands for the value in the template: a dash of the attribute is written _."""
        return "{" + self.attribute.replace("-", "_") + "}"


def _hosts(text: str, context: Context | None) -> tuple[str, ...]:
    hosts = comma_list(text)
    if not hosts:
        raise Wrong("is empty; it needs at least one server, such as ldap.example.com")
    if len(hosts) > MAX_SERVERS:
        raise Wrong(f"has more than {MAX_SERVERS} servers")
    for host in hosts:
        if _HOST.fullmatch(host) is None and not _is_address(host):
            raise Wrong("is not the name or IP address of a server; the port has an option", host)
    return hosts


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _dn(text: str) -> str:
    try:
        DistinguishedName.parse(text)
    except ValueError as error:
        sentence = "is not a distinguished name such as ou=people,dc=example,dc=com"
        raise Wrong(f"{sentence}: {error}") from None
    return text


def _base(text: str, context: Context | None) -> str:
    return _dn(text.strip()) if text.strip() else ""


def _bases(text: str, context: Context | None) -> tuple[str, ...]:
    found = each_line(text, _dn)
    if not found:
        raise Wrong("is empty; it needs a name such as ou=people,dc=example,dc=com")
    if len(found) > MAX_BASES:
        raise Wrong(f"has more than {MAX_BASES} lines", found[0])
    return found


def _attribute(text: str, context: Context | None) -> str:
    name = text.strip()
    if name and _ATTRIBUTE.fullmatch(name) is None:
        raise Wrong("is not the name of an attribute, such as cn")
    return name


def _filter(text: str, context: Context | None) -> str:
    found = text.strip()
    if len(found) > MAX_FILTER:
        raise Wrong(f"is longer than {MAX_FILTER} characters")
    if found:
        # Both are of a library that most servers do not need.
        from ldap3.core.exceptions import LDAPExceptionError
        from ldap3.operation.search import parse_filter

        try:
            parse_filter(found, None, False, False, None, False)
        except (LDAPExceptionError, ValueError, RecursionError, AttributeError):
            raise Wrong("is not a filter such as (memberOf=cn=mft,dc=example,dc=com)") from None
    return found


def _mapping(text: str, line: int) -> GroupMapping:
    try:
        items = split_commas(text)
    except ValueError as error:
        raise Wrong(f"cannot be taken apart: {error}", text, line) from None
    if len(items) < 3:
        sentence = 'needs an attribute, an expression and a group, such as ou, sales, "GROUP-ID"'
        raise Wrong(f"{sentence}; quotes go around an expression with commas", text, line)
    attribute, expression, *groups = items
    if _ATTRIBUTE.fullmatch(attribute) is None:
        raise Wrong(f"does not begin with an attribute: {attribute[:40]!r}", text, line)
    try:
        return GroupMapping(attribute, Expression.parse(expression), tuple(groups), line)
    except ValueError as error:
        raise Wrong(f"has an expression that cannot be used: {error}", text, line) from None


def _mappings(text: str, context: Context | None) -> tuple[GroupMapping, ...]:
    found: list[GroupMapping] = []
    wrongs: list[Wrong] = []
    for number, line in enumerate(text.split("\n")):
        if not line.strip() or line.lstrip()[0] in ";#":
            continue
        try:
            found.append(_mapping(line.strip(), number))
        except Wrong as wrong:
            wrongs.append(wrong)
    if wrongs:
        raise Wrongs(wrongs)
    if len(found) > MAX_MAPPINGS:
        raise Wrong(f"has more than {MAX_MAPPINGS} lines", "", found[MAX_MAPPINGS].line)
    return tuple(found)


def _home(text: str, context: Context | None) -> HomeAttribute | None:
    name, comma, template = (piece.strip() for piece in text.partition(","))
    if not name and not comma:
        return None
    if _ATTRIBUTE.fullmatch(name) is None:
        raise Wrong("does not begin with the name of an attribute, such as homeDirectory")
    home = HomeAttribute(name, template)
    if comma and not (template.startswith("/") and template.count(home.place) == 1):
        raise Wrong(f"needs an absolute path with {home.place} once behind its comma")
    return home


Hosts = Annotated[tuple[str, ...], Kind("servers between commas", "ldap.example.com", _hosts)]
BaseDn = Annotated[str, Kind("distinguished name", "ou=people,dc=example,dc=com", _base)]
BaseDns = Annotated[
    tuple[str, ...],
    Kind("lines of distinguished names", "ou=people,dc=example,dc=com", _bases, write="\n".join),
]
AttributeName = Annotated[str, Kind("attribute", "cn", _attribute)]
FilterText = Annotated[str, Kind("filter", "(objectClass=person)", _filter)]
GroupMappings = Annotated[
    tuple[GroupMapping, ...],
    Kind(
        "lines of an attribute, an expression and IDs of groups",
        "ou, sales, GROUP-ID",
        _mappings,
        family="groups",
    ),
]
HomeFrom = Annotated[
    HomeAttribute | None,
    Kind("attribute, and a path with it", "uid, /srv/homes/{uid}", _home),
]
