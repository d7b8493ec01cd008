"""What every authentication method promises the chain, whatever it asks.

A method is asked for the kinds of credential that it says it understands, and for no others.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

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
    Verdict,
    WouldTry,
)
from mft.auth.own_passwords import NotChanged
from mft.core.secret import Secret
from mft.trust.ssh_keys import HostKey
from tests.fakes.accounts import CHEAP_HASH, PEER, SERVICE, Method, account, group
from tests.fakes.auth_service import HttpMethod, Knowing, blob_text
from tests.fakes.run import run
from tests.fakes.shared_accounts import Anonymous, Shared

KEY = HostKey.generate().public
WAYS = {"ssh_authorized_keys_content": KEY.line(), "allow_certificate_authentication": "yes"}
PEM = "-----BEGIN CERTIFICATE-----"


class Known(NamedTuple):
    """A method that knows one name: by the password `right`, and by what else it understands."""

    method: Authenticator
    name: str = "ann"  # as somebody logs in
    any_password: bool = False
    keeps_passwords: bool = False  # and lets accounts change them

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


def application() -> Known:
    """The accounts of server.ini."""
    return Known(Method(account(password=CHEAP_HASH, **WAYS)), keeps_passwords=True)


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


Make = Callable[[], Known]
METHODS: tuple[Make, ...] = (application, http, local_file, anonymous)
every_method = pytest.mark.parametrize("make", METHODS)


def every_method_that_takes(kind: str) -> pytest.MarkDecorator:
    """Those that understand a kind of credential; the others are never asked about it."""
    found = [make for make in METHODS if kind in make().method.kinds]
    assert found
    return pytest.mark.parametrize("make", found)


every_method_that_judges_passwords = pytest.mark.parametrize(
    "make", [make for make in METHODS if not make().any_password]
)


@every_method
def test_it_says_what_it_is_and_what_it_understands(make: Make) -> None:
    method = make().method
    assert method.component.uuid
    assert method.kinds <= {"password", "ssh-key", "ssl-certificate", "public"}
    assert method.kinds


@every_method
def test_right_credentials_give_an_account_and_name_the_method(make: Make) -> None:
    known = make()
    assert known.right()
    for given in known.right():
        verdict = known.asked(given)
        assert isinstance(verdict, Accepted)
        assert verdict.method == known.method.component
        assert verdict.account.name == "ann"
        assert verdict.account.may_act(0, PEER) is None


@every_method_that_judges_passwords
@pytest.mark.parametrize("word", ["wrong", "Right", "right ", "x" * 150, "\u202e"])
def test_a_wrong_password_is_rejected_with_details_that_do_not_repeat_it(
    make: Make, word: str
) -> None:
    known = make()
    verdict = known.asked(Password(known.name, Secret(word)))
    assert isinstance(verdict, Rejected)
    assert verdict.details
    assert word not in verdict.details.replace("is wrong", "")


@every_method_that_takes("ssh-key")
@pytest.mark.parametrize(
    "blob",
    [b"x", HostKey.generate().public.blob, KEY.blob + b"x", b"\0" * 9],
    ids=["too short", "another key", "too long", "zeros"],
)
def test_a_wrong_key_is_rejected_and_no_bytes_break_it(make: Make, blob: bytes) -> None:
    known = make()
    assert isinstance(known.asked(PublicKey(known.name, blob, proven=True)), Rejected)


@every_method_that_takes("ssh-key")
def test_no_account_comes_of_a_question_about_a_key_that_is_not_proved(make: Make) -> None:
    """Some methods judge the key at once, which the chain keeps from being a login."""
    known = make()
    verdict = known.asked(PublicKey(known.name, KEY.blob, proven=False))
    assert isinstance(verdict, Accepted | WouldTry)


@every_method_that_takes("ssl-certificate")
@pytest.mark.parametrize("common_name", ["", "eve", "ANN", "ann\0"])
def test_a_certificate_of_somebody_else_is_rejected(make: Make, common_name: str) -> None:
    known = make()
    given = Certificate(known.name, common_name, "AA:BB", pem=PEM)
    assert isinstance(known.asked(given), Rejected)


@every_method
@pytest.mark.parametrize("name", ["eve", "ANN", "ann ", "*", "ann\u0301", "../ann", "ANONYMOUS"])
def test_an_unknown_name_is_left_to_the_next_method(make: Make, name: str) -> None:
    known = make()
    for given in (
        Password(name, Secret("right")),
        PublicKey(name, KEY.blob, proven=True),
        Certificate(name, name, "AA:BB", pem=PEM),
    ):
        if given.kind in known.method.kinds:
            assert known.asked(given) == NotMine()


@every_method_that_takes("ssl-certificate")
def test_an_unknown_name_is_not_known_by_a_certificate_of_another(make: Make) -> None:
    known = make()
    verdict = known.asked(Certificate("eve", known.name, "AA:BB", pem=PEM))
    assert isinstance(verdict, NotMine | Rejected)


@every_method
def test_an_account_that_is_none_of_its_own_is_left_to_others(make: Make) -> None:
    known = make()
    verdict = known.asked(known.right()[0])
    assert isinstance(verdict, Accepted)
    other = replace(verdict.account, uuid="of another method")
    change = PasswordChange(Secret("right"), Secret("correct horse battery staple"))
    assert run(known.method.change_password(other, change, PEER)) is False


@every_method
def test_a_password_is_changed_for_who_gives_the_old_one_and_for_nobody_else(make: Make) -> None:
    known = make()
    method = known.method

    def accepts(word: str) -> bool:
        return isinstance(known.asked(Password(known.name, Secret(word))), Accepted)

    verdict = known.asked(known.right()[0])
    assert isinstance(verdict, Accepted)
    new = "correct horse battery staple"
    change = PasswordChange(Secret("right"), Secret(new))
    if not known.keeps_passwords:
        assert run(method.change_password(verdict.account, change, PEER)) is False
        assert not verdict.account.allow_own_password_change
        return
    with pytest.raises(NotChanged):
        run(
            method.change_password(
                verdict.account, PasswordChange(Secret("wrong"), Secret(new)), PEER
            )
        )
    assert (accepts("right"), accepts(new)) == (True, False)
    assert run(method.change_password(verdict.account, change, PEER)) is True
    assert (accepts("right"), accepts(new)) == (False, True)


@every_method
def test_it_starts_and_stops_more_than_once(make: Make) -> None:
    method = make().method
    run(method.start())
    run(method.stop())
    run(method.stop())
