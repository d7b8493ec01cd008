"""What is known of accounts outlasts the process."""

from pathlib import Path
from typing import Any

from mft.auth.account import Account
from mft.auth.permissions import Rules
from mft.daemon.remembered import Remembered
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail


class Config:
    """Nobody is in it."""

    def __init__(self) -> None:
        self.accounts: dict[str, Any] = {}


def remembered(state: Path) -> Remembered:
    given: Any = Trail(), Config()
    bus, config = given
    return Remembered(state, Inline(), bus, tuple, lambda: config)


def test_what_was_learned_is_there_after_a_restart(tmp_path: Path) -> None:
    first = remembered(tmp_path)
    first.last_logins.login("ann-1")
    first.memberships.seen(Account("ldap-1", "ann", "/", Rules(()), groups=("PARTNERS",)))
    assert len(first.loops) == 2
    run(first.save())
    again = remembered(tmp_path)
    assert again.last_logins.of("ann-1") == first.last_logins.of("ann-1")
    assert again.memberships("ldap-1") == ("PARTNERS",)


def test_codes_that_an_account_has_not_given_itself_cannot_be_taken_away(tmp_path: Path) -> None:
    given: Any = Config()
    assert run(remembered(tmp_path).remove_codes(given, "ann-1")) is False
