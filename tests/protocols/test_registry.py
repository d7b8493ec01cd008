"""The types of service."""

from mft.protocols.registry import ALIASES, PROTOCOLS


def test_an_alias_is_another_word_for_a_type():
    assert set(ALIASES.values()) <= set(PROTOCOLS)
    assert set(ALIASES).isdisjoint(PROTOCOLS)
