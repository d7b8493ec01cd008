"""What every authentication method promises the chain, whatever it asks."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from mft.auth.base import (
    Accepted,
    Authenticator,
    Certificate,
    Credentials,
    NotMine,
    Password,
    PasswordChange,
    PublicKey,
    Rejected,
)
from mft.auth.ldap import LdapAuthenticator
from mft.auth.own_passwords import NotChanged
from mft.core.peer import Component
from mft.core.secret import Secret
from mft.trust.ssh_keys import HostKey
from tests.fakes.accounts import CHEAP_HASH, PEER, SERVICE, Around, Method, account, group
from tests.fakes.run import run
from tests.fakes.slapd import KEY, Slapd
from tests.fakes.slapd import slapd as slapd

# Methods behind which no other is asked: they reject a name that they do not know.
LAST = {"ldap"}
# Methods to which these are names of `ann` as well.
FOLDING = {"ldap": {"ANN", "ann "}}
# Methods whose accounts have no password here to change.
KEEPING_NO_PASSWORDS = {"ldap"}

_directories: list[Slapd] = []
_made: list[Authenticator] = []


@pytest.fixture(scope="module", autouse=True)
def directory(slapd: Slapd) -> None:
    """What `ldap` asks."""
    _directories.append(slapd)


@pytest.fixture(autouse=True)
def stopped() -> Iterator[None]:
    """What a test made is stopped behind it."""
    yield
    while _made:
        run(_made.pop().stop())


def application() -> Method:
    """A method that knows `ann`: by the password `right`, by one key, and by certificate."""
    ways = {"ssh_authorized_keys_content": KEY.line(), "allow_certificate_authentication": "yes"}
    return Method(account(password=CHEAP_HASH, **ways))


def ldap() -> LdapAuthenticator:
    """A method whose directory has `ann`, with the password `right` and one key."""
    around = Around(groups={"DEFAULT_GROUP": group(home_folder_path="/homes/${USER}")})
    options = _directories[-1].searching(ssh_public_keys_attribute="sshPublicKey")
    method = LdapAuthenticator(Component("method-2", "ldap", "directory"), options, around.parts)
    _made.append(method)
    return method


def taken(method: Authenticator, *given: Credentials) -> list[Credentials]:
    """Those credentials of a kind that a method understands: the chain gives it no others."""
    return [one for one in given if one.kind in method.kinds]


every_method = pytest.mark.parametrize("make", [application, ldap])
Make = Callable[[], Authenticator]


@every_method
def test_it_says_what_it_is_and_what_it_understands(make: Make) -> None:
    method = make()
    assert method.component.uuid
    assert method.kinds <= {"password", "ssh-key", "ssl-certificate", "public"}
    assert method.kinds


@every_method
def test_right_credentials_give_an_account_and_name_the_method(make: Make) -> None:
    method = make()
    for given in taken(
        method,
        Password("ann", Secret("right")),
        PublicKey("ann", KEY.blob, proven=True),
        Certificate("ann", "ann", "AA:BB"),
    ):
        verdict = run(method.authenticate(given, PEER, SERVICE))
        assert isinstance(verdict, Accepted)
        assert verdict.method == method.component
        assert verdict.account.name == "ann"
        assert verdict.account.may_act(0, PEER) is None


@every_method
@pytest.mark.parametrize("word", ["wrong", "Right", "right ", "x" * 150, "\u202e"])
def test_a_wrong_password_is_rejected_with_details_that_do_not_repeat_it(
    make: Make, word: str
) -> None:
    verdict = run(make().authenticate(Password("ann", Secret(word)), PEER, SERVICE))
    assert isinstance(verdict, Rejected)
    assert verdict.details
    assert word not in verdict.details.replace("is wrong", "")


@every_method
@pytest.mark.parametrize(
    "blob",
    [b"x", HostKey.generate().public.blob, KEY.blob + b"x", b"\0" * 9],
    ids=["too short", "another key", "too long", "zeros"],
)
def test_a_wrong_key_is_rejected_and_no_bytes_break_it(make: Make, blob: bytes) -> None:
    method = make()
    for given in taken(method, PublicKey("ann", blob, proven=True)):
        assert isinstance(run(method.authenticate(given, PEER, SERVICE)), Rejected)


@every_method
@pytest.mark.parametrize("common_name", ["", "eve", "ANN", "ann\0"])
def test_a_certificate_of_somebody_else_is_rejected(make: Make, common_name: str) -> None:
    method = make()
    for given in taken(method, Certificate("ann", common_name, "AA:BB")):
        assert isinstance(run(method.authenticate(given, PEER, SERVICE)), Rejected)


@every_method
@pytest.mark.parametrize("name", ["eve", "ANN", "ann ", "*", "ann\u0301", "../ann"])
def test_an_unknown_name_is_left_to_the_next_method(make: Make, name: str) -> None:
    method = make()
    kind = method.component.kind
    if name in FOLDING.get(kind, ()):
        return
    for given in taken(
        method,
        Password(name, Secret("right")),
        PublicKey(name, KEY.blob, proven=True),
        Certificate(name, name, "AA:BB"),
        Certificate(name, "ann", "AA:BB"),
    ):
        verdict = run(method.authenticate(given, PEER, SERVICE))
        if kind in LAST:
            assert isinstance(verdict, Rejected)
        else:
            assert verdict == NotMine()


@every_method
def test_an_account_that_is_none_of_its_own_is_left_to_others(make: Make) -> None:
    method = make()
    verdict = run(method.authenticate(Password("ann", Secret("right")), PEER, SERVICE))
    assert isinstance(verdict, Accepted)
    other = replace(verdict.account, uuid="of another method")
    change = PasswordChange(Secret("right"), Secret("correct horse battery staple"))
    assert run(method.change_password(other, change, PEER)) is False


@every_method
def test_a_password_is_changed_for_who_gives_the_old_one_and_for_nobody_else(make: Make) -> None:
    method = make()

    def accepts(word: str) -> bool:
        verdict = run(method.authenticate(Password("ann", Secret(word)), PEER, SERVICE))
        return isinstance(verdict, Accepted)

    verdict = run(method.authenticate(Password("ann", Secret("right")), PEER, SERVICE))
    assert isinstance(verdict, Accepted)
    new = "correct horse battery staple"
    if method.component.kind in KEEPING_NO_PASSWORDS:
        change = PasswordChange(Secret("right"), Secret(new))
        assert run(method.change_password(verdict.account, change, PEER)) is False
        assert not verdict.account.allow_own_password_change
        assert (accepts("right"), accepts(new)) == (True, False)
        return
    with pytest.raises(NotChanged):
        run(
            method.change_password(
                verdict.account, PasswordChange(Secret("wrong"), Secret(new)), PEER
            )
        )
    assert (accepts("right"), accepts(new)) == (True, False)
    change = PasswordChange(Secret("right"), Secret(new))
    assert run(method.change_password(verdict.account, change, PEER)) is True
    assert (accepts("right"), accepts(new)) == (False, True)
