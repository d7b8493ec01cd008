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


def application() -> Method:
    """A method that knows `ann`: by the password `right`, by one key, and by certificate."""
    ways = {"ssh_authorized_keys_content": KEY.line(), "allow_certificate_authentication": "yes"}
    return Method(account(password=CHEAP_HASH, **ways))


def ldap() -> LdapAuthenticator:
    """A method whose directory has `ann`, with the password `right` and one key."""
    around = Around(groups={"DEFAULT_GROUP": group(home_folder_path="/homes/${USER}")})
    options = DIRECTORY[0].searching(ssh_public_keys_attribute="sshPublicKey")
    method = LdapAuthenticator(Component("method-2", "ldap", "directory"), options, around.parts)
    MADE.append(method)
    return method


METHODS = (application, ldap)
DIRECTORY: list[Slapd] = []  # the one that `ldap` asks
MADE: list[LdapAuthenticator] = []  # which hold connections until they are stopped
Make = Callable[[], Authenticator]
every_method = pytest.mark.parametrize("make", METHODS)
# Those that take this kind of credential, and those that let accounts change their password.
with_keys = pytest.mark.parametrize("make", [application, ldap])
with_certificates = pytest.mark.parametrize("make", [application])
with_changes = pytest.mark.parametrize("make", [application])
without_changes = pytest.mark.parametrize("make", [ldap])
# Those behind which no other is asked, and to which a name is the same in another case.
LAST = {"ldap"}
FOLDED = {"ldap": {"ANN", "ann "}}


@pytest.fixture(scope="module", autouse=True)
def _directory(slapd: Slapd) -> None:
    DIRECTORY[:] = [slapd]


@pytest.fixture(autouse=True)
def _stopped() -> Iterator[None]:
    yield
    while MADE:
        run(MADE.pop().stop())


def understood(method: Authenticator, *credentials: Credentials) -> list[Credentials]:
    """Those that a chain would show to the method."""
    found = [one for one in credentials if one.kind in method.kinds]
    assert found
    return found


def test_every_method_is_asked_about_all_that_it_understands() -> None:
    for kind, marked in (("ssh-key", with_keys), ("ssl-certificate", with_certificates)):
        assert [one for one in METHODS if kind in one().kinds] == marked.args[1]
    assert all("password" in one().kinds for one in METHODS)
    assert [*with_changes.args[1], *without_changes.args[1]] == list(METHODS)


@every_method
def test_it_says_what_it_is_and_what_it_understands(make: Make) -> None:
    method = make()
    assert method.component.uuid
    assert method.kinds <= {"password", "ssh-key", "ssl-certificate", "public"}
    assert method.kinds


@every_method
def test_right_credentials_give_an_account_and_name_the_method(make: Make) -> None:
    method = make()
    for given in understood(
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


@with_keys
@pytest.mark.parametrize(
    "blob",
    [b"x", HostKey.generate().public.blob, KEY.blob + b"x", b"\0" * 9],
    ids=["too short", "another key", "too long", "zeros"],
)
def test_a_wrong_key_is_rejected_and_no_bytes_break_it(make: Make, blob: bytes) -> None:
    verdict = run(make().authenticate(PublicKey("ann", blob, proven=True), PEER, SERVICE))
    assert isinstance(verdict, Rejected)


@with_certificates
@pytest.mark.parametrize("common_name", ["", "eve", "ANN", "ann\0"])
def test_a_certificate_of_somebody_else_is_rejected(make: Make, common_name: str) -> None:
    given = Certificate("ann", common_name, "AA:BB")
    assert isinstance(run(make().authenticate(given, PEER, SERVICE)), Rejected)


@every_method
@pytest.mark.parametrize("name", ["eve", "ANN", "ann ", "*", "ann\u0301", "../ann"])
def test_an_unknown_name_is_left_to_the_next_method(make: Make, name: str) -> None:
    method = make()
    if name in FOLDED.get(method.component.kind, ()):
        return
    for given in understood(
        method,
        Password(name, Secret("right")),
        PublicKey(name, KEY.blob, proven=True),
        Certificate(name, name, "AA:BB"),
        Certificate(name, "ann", "AA:BB"),
    ):
        verdict = run(method.authenticate(given, PEER, SERVICE))
        if method.component.kind in LAST:
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


@with_changes
def test_a_password_is_changed_for_who_gives_the_old_one_and_for_nobody_else(make: Make) -> None:
    method = make()

    def accepts(word: str) -> bool:
        verdict = run(method.authenticate(Password("ann", Secret(word)), PEER, SERVICE))
        return isinstance(verdict, Accepted)

    verdict = run(method.authenticate(Password("ann", Secret("right")), PEER, SERVICE))
    assert isinstance(verdict, Accepted)
    new = "correct horse battery staple"
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


@without_changes
def test_where_passwords_are_not_changed_the_account_says_so_and_nothing_happens(
    make: Make,
) -> None:
    method = make()
    verdict = run(method.authenticate(Password("ann", Secret("right")), PEER, SERVICE))
    assert isinstance(verdict, Accepted)
    assert not verdict.account.allow_own_password_change
    change = PasswordChange(Secret("right"), Secret("correct horse battery staple"))
    assert run(method.change_password(verdict.account, change, PEER)) is False
