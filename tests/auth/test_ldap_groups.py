"""Groups of a directory, nested ones too, and what they mean here."""

from collections.abc import Iterator
from typing import Any

import pytest

from mft.auth.ldap_entry import Entry, Unusable
from mft.auth.ldap_groups import (
    ACTIVE_DIRECTORY,
    IN_CHAIN,
    MAX_DEPTH,
    MAX_GROUPS,
    all_groups,
    chain_base,
    mapped,
)
from mft.auth.ldap_kinds import GroupMapping
from mft.core.matching import Expression

MANY = {f"cn=g{number}": [f"cn=g{number}-{one}" for one in range(30)] for number in range(20)}


class Tree:
    """A directory in memory, as a connection shows it."""

    def __init__(self, groups: dict[str, list[str]], chain: list[str] | None = None) -> None:
        self.groups = groups
        self.chain = chain
        self.reads = 0
        self.rules: list[str] = []

    def read(self, dn: str, rule: str, attributes: Any) -> Entry | None:
        if dn == "":
            known = () if self.chain is None else (ACTIVE_DIRECTORY.encode(),)
            base = (b"dc=example",)
            return Entry("", {"supportedcapabilities": known, "defaultnamingcontext": base})
        self.reads += 1
        if dn not in self.groups:
            return None
        return Entry(dn, {"memberof": tuple(one.encode() for one in self.groups[dn])})

    def search(self, base: str, rule: str, attributes: Any, limit: int) -> tuple[Entry, ...]:
        self.rules.append(rule)
        return tuple(Entry(one, {}) for one in self.chain or ())


def nested(tree: Tree, *member_of: str) -> tuple[str, ...]:
    entry = Entry("cn=a(b),dc=x", {"memberof": tuple(one.encode() for one in member_of)})
    return all_groups(tree, entry, lambda sentence: None)  # type: ignore[arg-type]  # the fake


def test_groups_of_groups_count() -> None:
    tree = Tree({"cn=sales": ["cn=staff"], "cn=staff": ["cn=all", "cn=gone"]})
    assert nested(tree, "cn=sales") == ("cn=sales", "cn=staff", "cn=all", "cn=gone")


def test_a_circle_is_gone_round_once_however_it_is_written() -> None:
    tree = Tree({"cn=a": ["cn=b"], "cn=b": ["CN=A", "cn=b"]})
    assert nested(tree, "cn=a") == ("cn=a", "cn=b")
    assert tree.reads == 2


def test_too_many_and_too_deep_are_refused() -> None:
    deep = {f"cn=g{one}": [f"cn=g{one + 1}"] for one in range(MAX_DEPTH + 1)}
    with pytest.raises(Unusable, match=f"more than {MAX_DEPTH} deep"):
        nested(Tree(deep), "cn=g0")
    with pytest.raises(Unusable, match=f"more than {MAX_GROUPS} groups"):
        nested(Tree(MANY), *MANY)


def test_active_directory_is_asked_for_the_whole_chain_at_once() -> None:
    tree = Tree({}, chain=["cn=staff", "cn=all"])
    assert nested(tree, "cn=staff") == ("cn=staff", "cn=all")
    assert tree.rules == [f"(member:{IN_CHAIN}:=cn\\3da\\28b\\29\\2cdc\\3dx)"]
    assert tree.reads == 0
    assert chain_base(tree) == "dc=example"  # type: ignore[arg-type]  # the fake


def lines(*given: tuple[str, str, str]) -> Iterator[GroupMapping]:
    for number, (attribute, expression, group) in enumerate(given):
        yield GroupMapping(attribute, Expression.parse(expression), (group,), number)


def ours(
    *given: tuple[str, str, str], base: tuple[str, ...] = ("BASE",), **values: list[str]
) -> tuple[str, ...]:
    entry = Entry(
        "uid=ann", {name: tuple(one.encode() for one in each) for name, each in values.items()}
    )
    member_of = tuple(values.get("memberof", ()))
    return mapped(entry, member_of, tuple(lines(*given)), base, lambda sentence: None)


def test_the_first_line_that_matches_decides_alone() -> None:
    given = (("memberOf", "cn=sales,*", "A"), ("ou", "sales", "B"), ("ou", "*", "C"))
    assert ours(*given, memberof=["cn=x", "CN=Sales,dc=x"], ou=["sales"]) == ("A",)
    assert ours(*given, memberof=["cn=x"], ou=["Sales"]) == ("B",)
    assert ours(*given, ou=["other"]) == ("C",)
    assert ours(*given) == ("BASE",)


def test_without_a_match_and_without_base_groups_nobody_gets_in() -> None:
    with pytest.raises(Unusable, match="no line of group_mapping"):
        ours(("ou", "sales", "A"), base=(), ou=["other"])


@pytest.mark.parametrize("expression", ["!guests", "e/^guests$/"])
def test_a_line_that_excludes_must_hold_for_every_value(expression: str) -> None:
    given = ("ou", expression, "A")
    assert ours(given, ou=["sales"]) == ("A",)
    assert ours(given, ou=["sales", "guests"]) == ("BASE",)
    assert ours(given) == ("BASE",)


def test_a_value_that_is_too_long_to_compare_is_refused() -> None:
    with pytest.raises(Unusable, match="too long to compare"):
        ours(("ou", "m/^guests/", "A"), ou=["x" * 1025])
