"""Entries are read with suspicion: what is odd lets nobody in."""

from typing import Any

import pytest

from mft.auth.ldap_entry import MAX_VALUE, MAX_VALUES, Entry, Unusable


def answer(dn: bytes = b"uid=ann", **values: list[bytes] | None) -> dict[str, Any]:
    return {"raw_dn": dn, "raw_attributes": values}


def test_it_has_what_was_asked_for_and_nothing_else() -> None:
    entry = Entry.of(answer(UID=[b"ann"], userPassword=[b"x"], mail=None), ("uid", "mail"))
    assert entry == Entry("uid=ann", {"uid": (b"ann",), "mail": ()})
    assert entry.only("UID") == "ann"


def test_values_of_the_secret_attribute_are_kept_apart_and_never_print() -> None:
    given = answer(uid=[b"ann"], OATH=[b"JBSWY3DP", b"\xff"])
    entry = Entry.of(given, ("uid", "oath"), "Oath")
    assert entry.values == {"uid": (b"ann",)}
    assert [one.reveal() for one in entry.hidden] == ["JBSWY3DP", "\ufffd"]
    assert "JBSWY3DP" not in repr(entry)
    assert Entry.of(given, ("uid",), "").hidden == ()


def test_a_secret_that_is_written_in_some_language_counts_as_one() -> None:
    found = Entry.of(answer(**{"oath;lang-en": [b"a"], "oath": [b"b"]}), ["oath"], "oath")
    assert len(found.hidden) == 2
    with pytest.raises(Unusable, match="more values of oath"):
        Entry.of(answer(**{"oath;range=0-1": [b"a"]}), ["oath"], "oath")


@pytest.mark.parametrize(("values", "how_many"), [([], "no"), ([b"a", b"b"], "2")])
def test_one_value_is_neither_none_nor_several(values: list[bytes], how_many: str) -> None:
    with pytest.raises(Unusable, match=f"it has {how_many} value"):
        Entry.of(answer(home=values), ["home"]).only("home")


def test_values_that_are_no_text_are_told() -> None:
    with pytest.raises(Unusable, match="not UTF-8"):
        Entry.of(answer(mail=[b"\xff"]), ["mail"]).texts("mail")


@pytest.mark.parametrize("values", [[b"x"] * (MAX_VALUES + 1), [b"x" * (MAX_VALUE + 1)]])
def test_too_much_is_refused(values: list[bytes]) -> None:
    with pytest.raises(Unusable, match="more than"):
        Entry.of(answer(ou=values), ["ou"])


def test_a_part_of_the_values_is_not_taken_for_all_of_them() -> None:
    shown = {"raw_dn": b"x", "raw_attributes": {"memberOf;range=0-1499": [b"a"]}}
    with pytest.raises(Unusable, match="shows at once"):
        Entry.of(shown, ["memberOf"])


def test_variants_of_an_attribute_are_not_it() -> None:
    shown = {"raw_dn": b"x", "raw_attributes": {"cn;lang-fr": [b"a"], "cn": [b"b"]}}
    assert Entry.of(shown, ["cn"]).only("cn") == "b"
