"""What every authentication method promises the chain, whatever it asks."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mft.auth.base import (
    Accepted,
    Authenticator,
    Certificate,
    NotMine,
    Password,
    PasswordChange,
    PublicKey,
    Rejected,
)
from mft.auth.guard import Guard
from mft.auth.own_passwords import NotChanged
from mft.auth.policy_options import DenyUsernameOptions, IpTimeBanOptions
from mft.auth.registry import AUTHENTICATORS
from mft.core.secret import Secret
from mft.trust.ssh_keys import HostKey
from tests.fakes.accounts import CHEAP_HASH, PEER, SERVICE, Around, Method, account
from tests.fakes.run import run

KEY = HostKey.generate().public


def application() -> Method:
    """A method that knows `ann`: by the password `right`, by one key, and by certificate."""
    ways = {"ssh_authorized_keys_content": KEY.line(), "allow_certificate_authentication": "yes"}
    return Method(account(password=CHEAP_HASH, **ways))


def ip_time_ban() -> Authenticator:
    """A method that only watches."""
    options = IpTimeBanOptions.model_validate({"name": "bans"})
    return AUTHENTICATORS["ip-time-ban"].build("m1", options, Around().parts)


def deny_username() -> Authenticator:
    """Another."""
    options = DenyUsernameOptions.model_validate({"name": "denied names"})
    return AUTHENTICATORS["deny-username"].build("m1", options, Around().parts)


every_method = pytest.mark.parametrize("make", [application, ip_time_ban, deny_username])
# Those that know accounts; the others have no kinds, so that the chain never asks them.
knowing = pytest.mark.parametrize("make", [application])
Make = Callable[[], Authenticator]


@every_method
def test_it_says_what_it_is_and_what_it_understands(make: Make) -> None:
    method = make()
    assert method.component.uuid
    assert method.kinds <= {"password", "ssh-key", "ssl-certificate", "public"}
    assert method.kinds or isinstance(method, Guard)


@knowing
def test_right_credentials_give_an_account_and_name_the_method(make: Make) -> None:
    method = make()
    for given in (
        Password("ann", Secret("right")),
        PublicKey("ann", KEY.blob, proven=True),
        Certificate("ann", "ann", "AA:BB"),
    ):
        verdict = run(method.authenticate(given, PEER, SERVICE))
        assert isinstance(verdict, Accepted)
        assert verdict.method == method.component
        assert verdict.account.name == "ann"
        assert verdict.account.may_act(0, PEER) is None


@knowing
@pytest.mark.parametrize("word", ["wrong", "Right", "right ", "x" * 150, "\u202e"])
def test_a_wrong_password_is_rejected_with_details_that_do_not_repeat_it(
    make: Make, word: str
) -> None:
    verdict = run(make().authenticate(Password("ann", Secret(word)), PEER, SERVICE))
    assert isinstance(verdict, Rejected)
    assert verdict.details
    assert word not in verdict.details.replace("is wrong", "")


@knowing
@pytest.mark.parametrize(
    "blob",
    [b"x", HostKey.generate().public.blob, KEY.blob + b"x", b"\0" * 9],
    ids=["too short", "another key", "too long", "zeros"],
)
def test_a_wrong_key_is_rejected_and_no_bytes_break_it(make: Make, blob: bytes) -> None:
    verdict = run(make().authenticate(PublicKey("ann", blob, proven=True), PEER, SERVICE))
    assert isinstance(verdict, Rejected)


@knowing
@pytest.mark.parametrize("common_name", ["", "eve", "ANN", "ann\0"])
def test_a_certificate_of_somebody_else_is_rejected(make: Make, common_name: str) -> None:
    given = Certificate("ann", common_name, "AA:BB")
    assert isinstance(run(make().authenticate(given, PEER, SERVICE)), Rejected)


@every_method
@pytest.mark.parametrize("name", ["eve", "ANN", "ann ", "*", "ann\u0301", "../ann"])
def test_an_unknown_name_is_left_to_the_next_method(make: Make, name: str) -> None:
    for given in (
        Password(name, Secret("right")),
        PublicKey(name, KEY.blob, proven=True),
        Certificate(name, name, "AA:BB"),
        Certificate(name, "ann", "AA:BB"),
    ):
        assert run(make().authenticate(given, PEER, SERVICE)) == NotMine()


@every_method
def test_it_starts_and_stops(make: Make) -> None:
    method = make()
    run(method.start())
    run(method.stop())


@knowing
def test_an_account_that_is_none_of_its_own_is_left_to_others(make: Make) -> None:
    method = make()
    verdict = run(method.authenticate(Password("ann", Secret("right")), PEER, SERVICE))
    assert isinstance(verdict, Accepted)
    other = replace(verdict.account, uuid="of another method")
    change = PasswordChange(Secret("right"), Secret("correct horse battery staple"))
    assert run(method.change_password(other, change, PEER)) is False


@knowing
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
