"""What every authentication method promises the chain, whatever it asks.

A method is asked for the kinds of credential that it says it understands, and for no others.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, replace
from typing import NamedTuple

import pytest

from mft.auth.account import Account
from mft.auth.base import (
    Accepted,
    Authenticator,
    Certificate,
    Credentials,
    Finds,
    NotMine,
    Password,
    PasswordChange,
    PublicKey,
    Rejected,
    Seen,
    Verdict,
    WouldTry,
)
from mft.auth.finding import found_again
from mft.auth.guard import Guard
from mft.auth.ldap import LdapAuthenticator
from mft.auth.own_passwords import NotChanged
from mft.auth.policy_options import DenyUsernameOptions, IpTimeBanOptions
from mft.auth.registry import AUTHENTICATORS
from mft.core.failure import Refused
from mft.core.peer import Component
from mft.core.secret import Secret
from mft.trust.ssh_keys import HostKey
from tests.fakes.accounts import CHEAP_HASH, PEER, SERVICE, Around, Method, account, group
from tests.fakes.auth_service import HttpMethod, Knowing, blob_text
from tests.fakes.pam import asks, stack
from tests.fakes.run import run
from tests.fakes.shared_accounts import Anonymous, Shared
from tests.fakes.slapd import KEY, Slapd
from tests.fakes.slapd import slapd as slapd
from tests.fakes.system import SystemMethod

WAYS = {"ssh_authorized_keys_content": KEY.line(), "allow_certificate_authentication": "yes"}
PEM = "-----BEGIN CERTIFICATE-----"
STACK: list[str] = []  # the one that says what PAM does
DIRECTORY: list[Slapd] = []  # what `ldap` asks


class Known(NamedTuple):
    """A method that knows one name: by the password `right`, and by what else it understands."""

    method: Authenticator
    name: str = "ann"  # as somebody logs in
    any_password: bool = False
    keeps_passwords: bool = False  # and lets accounts change them
    last: bool = False  # no other is asked behind it: it rejects names that it does not know
    folded: frozenset[str] = frozenset()  # other spellings that are the name as well

    def right(self) -> list[Credentials]:
        """What it accepts, of each kind that it understands."""
        given: list[Credentials] = [
            Password(self.name, Secret("right")),
            PublicKey(self.name, KEY.blob, proven=True),
            Certificate(self.name, self.name, "AA:BB", pem=PEM),
        ]
        return [one for one in given if one.kind in self.method.kinds]

    def asked(self, given: Credentials) -> Verdict:
        """What it says."""
        return run(self.method.authenticate(given, PEER, SERVICE))

    @property
    def of_strangers(self) -> type[NotMine | Rejected]:
        """What it says of a name that it does not know."""
        return Rejected if self.last else NotMine


def application() -> Known:
    """The accounts of server.ini."""
    return Known(Method(account(password=CHEAP_HASH, **WAYS)), keeps_passwords=True)


def system() -> Known:
    """The accounts of the operating system, by PAM."""
    return Known(SystemMethod(STACK[0]))


def ldap() -> Known:
    """A directory that has `ann`, with the password `right` and one key."""
    around = Around(groups={"DEFAULT_GROUP": group(home_folder_path="/homes/${USER}")})
    options = DIRECTORY[0].searching(ssh_public_keys_attribute="sshPublicKey")
    method = LdapAuthenticator(Component("method-2", "ldap", "directory"), options, around.parts)
    return Known(method, last=True, folded=frozenset(("ANN", "ann ")))


def ldap_without_searcher() -> Known:
    """The same directory, where nobody but people themselves may look at their entries."""
    around = Around(groups={"DEFAULT_GROUP": group(home_folder_path="/homes/${USER}")})
    options = DIRECTORY[0].options(bind_dn_type="parent")
    method = LdapAuthenticator(Component("method-2", "ldap", "directory"), options, around.parts)
    return Known(method, last=True)


def http() -> Known:
    """A server that is asked."""
    knows = Knowing(password="right", ssh_key=blob_text(KEY.blob), ssl_certificate=PEM)
    groups = {"DEFAULT_GROUP": group(allow_certificate_authentication="yes")}
    return Known(HttpMethod(knows, groups=groups))


def local_file() -> Known:
    """The accounts of another file."""
    return Known(Shared(account(password=CHEAP_HASH, **WAYS)))


def anonymous() -> Known:
    """An account that stands for whoever comes."""
    return Known(Anonymous(account()), name="anonymous", any_password=True)


def ip_time_ban() -> Known:
    """A method that only watches: it has no kinds, so that the chain never asks it."""
    options = IpTimeBanOptions.model_validate({"name": "bans"})
    return Known(AUTHENTICATORS["ip-time-ban"].build("m1", options, Around().parts))


def deny_username() -> Known:
    """Another."""
    options = DenyUsernameOptions.model_validate({"name": "denied names"})
    return Known(AUTHENTICATORS["deny-username"].build("m1", options, Around().parts))


Make = Callable[[], Known]
METHODS: tuple[Make, ...] = (application, system, ldap, http, local_file, anonymous)
WITH_KEYS = (application, ldap, http, local_file)
WITH_CERTIFICATES = (application, http, local_file)
JUDGING = (application, system, ldap, http, local_file)
WATCHING = (ip_time_ban, deny_username)
every_method = pytest.mark.parametrize("make", METHODS)
whatever_it_is = pytest.mark.parametrize("make", [*METHODS, *WATCHING])
with_keys = pytest.mark.parametrize("make", WITH_KEYS)
with_certificates = pytest.mark.parametrize("make", WITH_CERTIFICATES)
judging_passwords = pytest.mark.parametrize("make", JUDGING)


@pytest.fixture(scope="module", autouse=True)
def _outside(slapd: Slapd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    DIRECTORY[:] = [slapd]
    with stack(*asks(tmp_path_factory.mktemp("pam") / "check")) as name:
        STACK[:] = [name]
        yield


@pytest.fixture
def known(make: Make) -> Iterator[Known]:
    made = make()
    yield made
    run(made.method.stop())


def test_each_is_asked_about_all_that_it_understands() -> None:
    made = {make: make() for make in METHODS}
    for kind, marked in (("ssh-key", WITH_KEYS), ("ssl-certificate", WITH_CERTIFICATES)):
        assert [make for make, one in made.items() if kind in one.method.kinds] == list(marked)
    assert [make for make, one in made.items() if not one.any_password] == list(JUDGING)
    assert all("password" in one.method.kinds for one in made.values())
    for one in made.values():
        run(one.method.stop())


@whatever_it_is
def test_it_says_what_it_is_and_what_it_understands(known: Known) -> None:
    assert known.method.component.uuid
    assert bool(known.method.kinds) is not isinstance(known.method, Guard)
    assert known.method.kinds <= {"password", "ssh-key", "ssl-certificate", "public"}


@every_method
def test_right_credentials_give_an_account_and_name_the_method(known: Known) -> None:
    for given in known.right():
        verdict = known.asked(given)
        assert isinstance(verdict, Accepted)
        assert verdict.method == known.method.component
        assert verdict.account.name == "ann"
        assert verdict.account.may_act(0, PEER) is None


@judging_passwords
@pytest.mark.parametrize("word", ["wrong", "Right", "right ", "x" * 150, "\u202e"])
def test_a_wrong_password_is_rejected_with_details_that_do_not_repeat_it(
    known: Known, word: str
) -> None:
    verdict = known.asked(Password(known.name, Secret(word)))
    assert isinstance(verdict, Rejected)
    assert verdict.details
    assert word not in verdict.details.replace("is wrong", "")


@with_keys
@pytest.mark.parametrize(
    "blob",
    [b"x", HostKey.generate().public.blob, KEY.blob + b"x", b"\0" * 9],
    ids=["too short", "another key", "too long", "zeros"],
)
def test_a_wrong_key_is_rejected_and_no_bytes_break_it(known: Known, blob: bytes) -> None:
    assert isinstance(known.asked(PublicKey(known.name, blob, proven=True)), Rejected)


@with_keys
def test_no_account_comes_of_a_question_about_a_key_that_is_not_proved(known: Known) -> None:
    """Some methods judge the key at once, which the chain keeps from being a login."""
    verdict = known.asked(PublicKey(known.name, KEY.blob, proven=False))
    assert isinstance(verdict, Accepted | WouldTry)


@with_certificates
@pytest.mark.parametrize("common_name", ["", "eve", "ANN", "ann\0"])
def test_a_certificate_of_somebody_else_is_rejected(known: Known, common_name: str) -> None:
    assert isinstance(known.asked(Certificate(known.name, common_name, "AA:BB", pem=PEM)), Rejected)


@every_method
@pytest.mark.parametrize("name", ["eve", "ANN", "ann ", "*", "ann\u0301", "../ann", "ANONYMOUS"])
def test_an_unknown_name_is_left_to_the_next_method(known: Known, name: str) -> None:
    for given in (
        Password(name, Secret("right")),
        PublicKey(name, KEY.blob, proven=True),
        Certificate(name, name, "AA:BB", pem=PEM),
    ):
        if given.kind in known.method.kinds and name not in known.folded:
            assert isinstance(known.asked(given), known.of_strangers)


@with_certificates
def test_an_unknown_name_is_not_known_by_a_certificate_of_another(known: Known) -> None:
    assert isinstance(
        known.asked(Certificate("eve", known.name, "AA:BB", pem=PEM)), NotMine | Rejected
    )


@every_method
def test_an_account_that_is_none_of_its_own_is_left_to_others(known: Known) -> None:
    verdict = known.asked(known.right()[0])
    assert isinstance(verdict, Accepted)
    other = replace(verdict.account, uuid="of another method")
    change = PasswordChange(Secret("right"), Secret("correct horse battery staple"))
    assert run(known.method.change_credentials(other, change, PEER)) is False


@every_method
def test_a_password_is_changed_for_who_gives_the_old_one_and_for_nobody_else(known: Known) -> None:
    method = known.method

    def accepts(word: str) -> bool:
        return isinstance(known.asked(Password(known.name, Secret(word))), Accepted)

    verdict = known.asked(known.right()[0])
    assert isinstance(verdict, Accepted)
    new = "correct horse battery staple"
    change = PasswordChange(Secret("right"), Secret(new))
    if not known.keeps_passwords:
        assert run(method.change_credentials(verdict.account, change, PEER)) is False
        assert not verdict.account.allow_own_password_change
        assert accepts("right")
        return
    with pytest.raises(NotChanged):
        run(
            method.change_credentials(
                verdict.account, PasswordChange(Secret("wrong"), Secret(new)), PEER
            )
        )
    assert (accepts("right"), accepts(new)) == (True, False)
    assert run(method.change_credentials(verdict.account, change, PEER)) is True
    assert (accepts("right"), accepts(new)) == (False, True)


# Accounts that are found again without their credentials.


@pytest.mark.parametrize("make", [*METHODS, ldap_without_searcher])
def test_an_account_that_was_seen_elsewhere_is_found_as_it_would_log_in(known: Known) -> None:
    for given in known.right():
        verdict, seen = _seen(known, given)
        found = run(_finder(known).find(seen, PEER))
        assert isinstance(found, Accepted)
        assert found.method == verdict.method
        assert _told(found.account) == _told(verdict.account)


@pytest.mark.parametrize("make", [application, system, ldap, local_file, anonymous])
def test_another_account_than_was_seen_is_not_found(known: Known) -> None:
    _, seen = _seen(known, known.right()[0])
    other = seen._replace(account="id-of-another", username="eve")
    found = run(found_again([known.method], other, PEER, ()))
    assert isinstance(found, Rejected)
    assert found.details


@whatever_it_is
def test_what_is_none_of_its_accounts_has_no_trace(known: Known) -> None:
    assert isinstance(known.method, Finds) is not isinstance(known.method, Guard)


@pytest.mark.parametrize("make", [application, local_file, http, ldap_without_searcher])
@pytest.mark.parametrize("trace", ["", "{}", "[]", "null", '{"group": 1}', "[" * 100_000])
def test_a_trace_that_is_none_breaks_nothing(known: Known, trace: str) -> None:
    _, seen = _seen(known, known.right()[0])
    with suppress(Refused):
        found = run(found_again([known.method], seen._replace(trace=trace), PEER, ()))
        assert isinstance(found, Rejected)


def _told(account: Account) -> dict[str, object]:
    """All that an account has, in a form that can be compared."""
    whole = {one.name: getattr(account, one.name) for one in fields(account)}
    return {**whole, "rules": [one.text for one in account.rules.rules]}


def _finder(known: Known) -> Finds:
    assert isinstance(known.method, Finds)
    return known.method


def _seen(known: Known, given: Credentials) -> tuple[Accepted, Seen]:
    """A login, and what another node is told of it."""
    verdict = known.asked(given)
    assert isinstance(verdict, Accepted)
    trace = _finder(known).trace(verdict.account)
    assert trace is not None
    method, account = verdict.method.uuid, verdict.account.uuid
    return verdict, Seen(method, account, given.username, frozenset((given.kind,)), trace)


@whatever_it_is
def test_it_starts_and_stops_more_than_once(known: Known) -> None:
    run(known.method.start())
    run(known.method.stop())
    run(known.method.stop())
