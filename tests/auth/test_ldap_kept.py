"""Connections that are kept: few, not for long, and each one login's at a time."""

from typing import Any

import pytest

from mft.auth import ldap_kept
from mft.auth.ldap_kept import MAX_IDLE, Kept


class Talk:
    """A connection that remembers its end."""

    closed = False

    def close(self) -> None:
        self.closed = True


def keep(kept: Kept, *hosts: str) -> list[Any]:
    talks: list[Any] = [Talk() for _ in hosts]
    for host, talk in zip(hosts, talks, strict=True):
        kept.give(host, talk)
    return talks


def test_the_one_that_was_used_last_is_taken_and_is_then_nobody_else_s() -> None:
    kept = Kept()
    first, second, other = keep(kept, "a", "a", "b")
    assert [kept.take("a"), kept.take("a"), kept.take("a")] == [second, first, None]
    assert kept.take("b") is other
    assert len(kept) == 0


def test_few_are_kept_and_the_others_end() -> None:
    kept = Kept()
    talks = keep(kept, *["a"] * (MAX_IDLE + 2))
    assert [one.closed for one in talks] == [False] * MAX_IDLE + [True] * 2


def test_old_ones_end_before_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    (old,) = keep(kept, "a")
    kept.close_idle(3600)
    assert not old.closed
    monkeypatch.setattr(ldap_kept, "IDLE_SECONDS", 0.0)
    assert kept.take("a") is None
    assert old.closed


def test_behind_the_end_none_is_kept() -> None:
    kept = Kept()
    (before,) = keep(kept, "a")
    kept.close()
    (after,) = keep(kept, "a")
    assert (before.closed, after.closed, len(kept)) == (True, True, 0)
