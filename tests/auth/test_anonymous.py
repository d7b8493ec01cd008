"""Whoever says `anonymous` is one account, and can do no more than it may."""

import pytest

from mft.auth.anonymous import AnonymousAuthenticator, AnonymousOptions
from mft.auth.base import Accepted, NotMine, Password, PublicKey, Rejected, Verdict
from mft.core.secret import Secret
from tests.fakes.accounts import CHEAP_HASH, PEER, SERVICE, Around, account
from tests.fakes.run import run
from tests.fakes.shared_accounts import ANONYMOUS, Anonymous


def asked(method: Anonymous, name: str = "anonymous", word: str = "ann@example.com") -> Verdict:
    return run(method.authenticate(Password(name, Secret(word)), PEER, SERVICE))


def test_any_password_does_and_costs_no_hash() -> None:
    method = Anonymous(account("guest", permissions="allow-read", password=CHEAP_HASH))
    for word in ("ann@example.com", "x", "\u202e"):
        verdict = asked(method, word=word)
        assert isinstance(verdict, Accepted)
        assert (verdict.account.name, verdict.account.uuid) == ("guest", "id-guest")
        assert [rule.text for rule in verdict.account.rules.rules] == ["allow-read"]
        assert verdict.method == ANONYMOUS
    assert method.hashes.calls == 0
    assert method.steps[-1] == "anonymous stands for the account guest"


@pytest.mark.parametrize("name", ["guest", "Anonymous", "anonymous ", "ftp", ""])
def test_no_other_name_does(name: str) -> None:
    assert asked(Anonymous(account("guest")), name) == NotMine()


def test_no_other_credential_does() -> None:
    method = Anonymous(account("guest"))
    given = PublicKey("anonymous", b"x", proven=True)
    assert run(method.authenticate(given, PEER, SERVICE)) == NotMine()


@pytest.mark.parametrize(
    "options",
    [
        {"enabled": "no"},
        {"expire_datetime": "2001-01-01"},
        {"source_ip_filter": "allow 198.51.100.0/24"},
        {"required_credentials": "ssh-key"},
        {"required_credentials": "password, ssh-key"},
    ],
)
def test_what_bars_the_account_bars_everybody(options: dict[str, str]) -> None:
    verdict = asked(Anonymous(account("guest", **options)))
    assert isinstance(verdict, Rejected)
    assert verdict.forbidden


def test_nobody_who_came_so_may_try_the_password_of_the_account() -> None:
    verdict = asked(Anonymous(account("guest", password=CHEAP_HASH)))
    assert isinstance(verdict, Accepted)
    assert not verdict.account.allow_own_password_change
    assert not verdict.account.allow_own_one_time_codes


def test_an_account_that_is_not_there_is_refused_when_it_is_made() -> None:
    options = AnonymousOptions.model_validate({"name": "a", "anonymous_account_uuid": "id-eve"})
    with pytest.raises(ValueError, match="id-eve"):
        AnonymousAuthenticator(ANONYMOUS, options, Around().parts)
