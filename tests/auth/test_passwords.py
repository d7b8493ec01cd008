"""Password hashes: every scheme both ways, bounds on their cost, and decoys."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.auth.passwords import (
    BCRYPT,
    COSTS,
    MAX_PASSWORD,
    PBKDF2_SHA256,
    SCHEMES,
    SHA512,
    Decoys,
    PasswordHash,
    check_new,
    make_hash,
)

every_scheme = pytest.mark.parametrize("scheme", SCHEMES)


def quick(scheme: str, password: str = "pässword") -> PasswordHash:
    return PasswordHash.parse(make_hash(password, scheme, COSTS[scheme].least))


@every_scheme
def test_a_hash_matches_its_password_only(scheme: str) -> None:
    found = quick(scheme)
    assert (found.scheme, found.cost) == (scheme, COSTS[scheme].least)
    assert found.matches("pässword")
    for wrong in ("", "passwort", "pässword ", "x" * 150):
        assert not found.matches(wrong)


@every_scheme
def test_two_hashes_of_one_password_differ(scheme: str) -> None:
    assert quick(scheme).text != quick(scheme).text


@pytest.mark.parametrize(
    ("password", "text"),
    [
        (
            "correct horse",
            "$5$rounds=4999$saltsalt$8w.PPZ3evXElHNt4cHcS0VOHZWc9cTXrv9sR66Oxyc8",
        ),
        # A published example of the format.
        (
            "password",
            "$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGHU3kbrU"
            "rvUEXOPimVSQDD44",
        ),
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ],
)
def test_hashes_of_other_programs_are_understood(password: str, text: str) -> None:
    found = PasswordHash.parse(text)
    assert found.matches(password)
    assert not found.matches(password + "x")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not a password hash"),
        ("secret", "not a password hash"),
        ("$1$salt$abc", "not a password hash"),
        ("$2b$12$short", "not a password hash"),
        ("$2b$16$" + "." * 53, "cost of 16"),
        ("$2b$03$" + "." * 53, "cost of 3"),
        ("$2b$12$" + "a" * 53, "not a password hash"),  # no bcrypt salt ends so
        ("$6$rounds=999$salt$" + "." * 86, "cost of 999"),
        ("$6$rounds=9999999$salt$" + "." * 86, "cost of 9999999"),
        ("$6$salt$" + "." * 43, "wrong length"),
        ("$5$salt$" + "." * 86, "wrong length"),
        ("$pbkdf2-sha256$900000000$salt$" + "." * 43, "cost of"),
        ("$pbkdf2-sha256$5000$salt$" + "." * 86, "wrong length"),
        ("$pbkdf2-sha512$5000$salts$" + "." * 86, "salt that cannot"),
    ],
)
def test_a_hash_that_is_none_or_costs_too_much_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as told:
        PasswordHash.parse(text)
    assert not text or text not in str(told.value)


def test_bcrypt_never_cuts_a_password() -> None:
    long = "a" * 72
    found = quick(BCRYPT, long)
    assert found.matches(long)
    assert not found.matches(long + "b")
    with pytest.raises(ValueError, match="73 bytes"):
        make_hash(long + "b")
    assert quick(SHA512, "a" * 150).matches("a" * 150)


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("", "empty"),
        ("a" * (MAX_PASSWORD + 1), "longer than 150"),
        ("a\0b", "control"),
        ("a\x85b", "control"),
        ("a\ud800b", "not valid text"),
    ],
)
def test_a_password_that_could_never_log_in_is_not_hashed(password: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_new(password, SHA512)


def test_schemes_and_costs_are_bounded_when_hashes_are_made() -> None:
    with pytest.raises(ValueError, match="is not one of"):
        make_hash("x", "md5")
    with pytest.raises(ValueError, match="cost of 99"):
        make_hash("x", BCRYPT, 99)


def test_a_hash_does_not_print() -> None:
    found = quick(BCRYPT)
    assert repr(found) == str(found) == f"{found}" == "PasswordHash(bcrypt, cost 4)"


@every_scheme
def test_a_decoy_costs_the_same_and_matches_nothing(scheme: str) -> None:
    found = quick(scheme)
    decoy = found.decoy()
    assert (decoy.scheme, decoy.cost) == (found.scheme, found.cost)
    assert not decoy.matches("pässword")
    assert decoy != found.decoy()


def test_a_name_always_has_the_same_decoy_and_names_share_the_costs_in_use() -> None:
    decoys = Decoys([quick(BCRYPT), quick(PBKDF2_SHA256)])
    names = [f"name{number}" for number in range(100)]
    assert [decoys.of(name) for name in names] == [decoys.of(name) for name in names]
    assert {decoys.of(name).scheme for name in names} == {BCRYPT, PBKDF2_SHA256}


@every_scheme
def test_without_any_hash_in_use_a_decoy_has_the_usual_cost(scheme: str) -> None:
    decoy = Decoys([], scheme).of("anybody")
    assert (decoy.scheme, decoy.cost) == (scheme, COSTS[scheme].usual)
    cheap = decoy._replace(cost=COSTS[scheme].least)
    assert scheme == BCRYPT or not cheap.matches("x")


@pytest.mark.fuzz
@settings(max_examples=200)
@given(
    st.text(max_size=100),
    st.sampled_from(["", "$2b$04$", "$6$", "$5$rounds=", "$pbkdf2-sha256$1000$"]),
)
def test_any_text_is_a_hash_or_a_value_error(text: str, start: str) -> None:
    try:
        PasswordHash.parse(start + text)
    except ValueError:
        return


CHEAP = PasswordHash.parse(make_hash("x", SHA512, 1000))


@pytest.mark.fuzz
@settings(max_examples=50)
@given(st.text(st.characters(), max_size=200))
def test_any_text_is_a_wrong_password(text: str) -> None:
    assert CHEAP.matches(text) == (text == "x")
