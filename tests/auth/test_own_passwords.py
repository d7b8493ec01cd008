"""Passwords that accounts give themselves: what they must be like."""

import pytest

from mft.auth.own_passwords import (
    ALWAYS_JUDGED,
    CLASSES,
    LEAST_BY_STRENGTH,
    MAX_JUDGED,
    MAX_STAND_INS,
    STAND_INS,
    Fault,
    NotChanged,
    OwnPassword,
    Policy,
    classes_of,
    judged,
    mark_of,
    strength_of,
)
from mft.auth.passwords import PasswordHash, make_hash

ANYTHING = Policy(strength=0, length=0)


def fault(policy: Policy, password: str, *about: str) -> NotChanged | None:
    try:
        policy.check(password, about)
    except NotChanged as why:
        return why
    return None


def test_a_policy_that_asks_for_nothing_takes_anything() -> None:
    assert fault(ANYTHING, "") is None


@pytest.mark.parametrize("length", [1, 8, 20])
def test_a_password_has_its_length(length: int) -> None:
    policy = ANYTHING._replace(length=length)
    assert fault(policy, "x" * length) is None
    why = fault(policy, "x" * (length - 1))
    assert why is not None
    assert (why.fault, why.least) == (Fault.SHORT, length)


@pytest.mark.parametrize("strength", range(5))
def test_a_strength_needs_a_length_anyway(strength: int) -> None:
    least = LEAST_BY_STRENGTH[strength]
    why = fault(ANYTHING._replace(strength=strength), "k" * (least - 1))
    assert (why is None) == (not least)
    assert why is None or (why.fault, why.least) == (Fault.SHORT, least)


@pytest.mark.parametrize(
    ("password", "classes"),
    [
        ("abc", {"lowercase"}),
        ("ABC", {"uppercase"}),
        ("123", {"digit"}),
        (" -_", {"symbol"}),
        ("\u00e4\u00c4\u0663\u4e2d", {"lowercase", "uppercase", "digit", "symbol"}),
    ],
)
def test_characters_have_kinds(password: str, classes: set[str]) -> None:
    assert classes_of(password) == classes
    assert classes <= set(CLASSES)


def test_a_kind_that_is_asked_for_and_missing_is_named() -> None:
    why = fault(ANYTHING._replace(classes=frozenset(CLASSES)), "abc1")
    assert why is not None
    assert (why.fault, why.kinds) == (Fault.PLAIN, ("symbol", "uppercase"))
    assert fault(ANYTHING._replace(classes=frozenset(CLASSES)), "abC1 ") is None


@pytest.mark.parametrize(
    "password", ["password1234", "aaaaaaaaaaaaaaaa", "qwertyuiop12", "partner2024!", "12345678901"]
)
def test_what_is_easy_to_guess_is_refused(password: str) -> None:
    why = fault(Policy(), password, "partner")
    assert why is not None
    assert why.fault is Fault.WEAK


@pytest.mark.parametrize("password", ["correct horse battery staple", "vK7#pQ2!mZ9w", "x" * 8])
def test_what_is_not_is_taken(password: str) -> None:
    assert fault(Policy(strength=0 if password == "x" * 8 else 4), password) is None


def test_words_about_the_account_make_a_password_weaker() -> None:
    assert strength_of("zorblaxian9", ["zorblaxian"]) < strength_of("zorblaxian9", [])


def test_of_a_password_that_takes_long_to_judge_a_part_is() -> None:
    """Each different stand-in that is there multiplies the readings to be tried."""
    hostile = "".join(sorted(STAND_INS)) * 7
    assert len(judged(hostile)) == ALWAYS_JUDGED
    assert len(judged("plain words and more of them, " * 5)) == MAX_JUDGED
    few = "".join(sorted(STAND_INS)[:MAX_STAND_INS])
    assert judged(few * 2 + "x" + "".join(sorted(STAND_INS))) == few * 2 + "x" + few
    assert strength_of(hostile, []) == strength_of(judged(hostile), [])


def test_nothing_of_a_hash_is_shown() -> None:
    found = PasswordHash.parse(make_hash("secret", "crypt-sha512", 1000))
    own = OwnPassword(mark_of(found), found, 0, (found,))
    assert found.digest not in repr(own)
    assert found.text not in repr(own)
    assert mark_of(found) != mark_of(PasswordHash.parse(make_hash("secret", "crypt-sha512", 1000)))


def test_why_a_password_stays_says_so_and_why() -> None:
    assert str(NotChanged(Fault.WRONG)) == "the password is wrong"
    assert str(NotChanged(Fault.SHORT, "3 of 8")) == "the new password is too short: 3 of 8"
