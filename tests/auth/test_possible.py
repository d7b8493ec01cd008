"""What nobody can have as a name, password, code or key."""

import pytest

from mft.auth.base import Anonymous, Certificate, Credentials, OneTimeCode, Password, PublicKey
from mft.auth.possible import impossible, unheard_of
from mft.core.secret import Secret

GIVEN: tuple[Credentials, ...] = (
    Password("ann", Secret("right")),
    PublicKey("ann", b"blob", proven=True),
    Certificate("ann", "ann", "AA:BB"),
    Anonymous("id-ann"),
    OneTimeCode("ann", Secret("123456")),
)


@pytest.mark.parametrize("given", GIVEN)
def test_what_somebody_may_have_is_possible(given: Credentials) -> None:
    assert impossible(given) is None
    assert impossible(given._replace(username="x" * 150)) is None


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("name", ["", "x" * 151, "a\0", "a\x7f", "a\x85", "a\ud800"])
def test_a_name_that_nobody_can_have_is_not(given: Credentials, name: str) -> None:
    assert impossible(given._replace(username=name))


@pytest.mark.parametrize("word", ["", "x" * 151, "a\n"])
def test_neither_is_such_a_word_and_it_is_not_told(word: str) -> None:
    for given in (Password("ann", Secret(word)), OneTimeCode("ann", Secret(word))):
        told = impossible(given)
        assert told
        assert not word or word not in told


def test_a_key_must_be_there_and_not_be_revoked() -> None:
    assert impossible(PublicKey("ann", b"", proven=True)) == "the key is empty"
    revoked = PublicKey("ann", b"blob", proven=True, revoked="it is in the list")
    assert impossible(revoked) == "it is in the list"


@pytest.mark.parametrize("given", GIVEN)
def test_in_its_place_a_method_is_asked_about_what_nobody_has(given: Credentials) -> None:
    asked = unheard_of(given)
    assert asked.kind == given.kind
    assert impossible(asked) is None
    assert asked.username not in (given.username, unheard_of(given).username)
