"""Names and passwords made to become something else on their way to a directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mft.auth.base import Accepted, Password
from mft.auth.chain import Chain, Judged, Outcome
from mft.auth.ldap import LdapAuthenticator
from mft.auth.ldap_options import LdapOptions
from mft.core.peer import Component
from mft.core.secret import Secret
from tests.fakes.accounts import PEER, SERVICE, Around, group
from tests.fakes.run import run
from tests.fakes.slapd import HOSTILE, PEOPLE, SEARCHER, Slapd
from tests.fakes.slapd import slapd as slapd

METHOD = Component("method-1", "ldap", "directory")
GROUPS = {"DEFAULT_GROUP": group(home_folder_path="/homes/${USER}")}
# Names of nobody, each of which would be somebody's were it put in as it is.
INJECTED = (
    "ann)(objectClass=*",
    "*)(uid=ann",
    "ann)(&",
    "ann))(|(uid=*",
    "nobody)(|(uid=ann)",
    "\\61nn",
    "a\\6en",
    "ann\\",
    "ann,ou=people,dc=example,dc=org",
    f"ann,{PEOPLE}\\",
    "ann+cn=ann",
    "ann#",
    "an*",
    "?nn",
    "ann\u200b",
    "ann;uid=bob",
    '"ann"',
    "uid=ann",
)
WAYS = ("parent", "relative", "absolute", "search")


class Method(LdapAuthenticator, Around):
    """A method over fakes."""

    def __init__(self, options: LdapOptions) -> None:
        Around.__init__(self, groups=GROUPS)
        parts = self.parts._replace(directory=Path("/instance"))
        LdapAuthenticator.__init__(self, METHOD, options, parts)

    def judge(self, name: str, password: str) -> Judged:
        """As a service asks: by the chain."""
        given = Password(name, Secret(password))
        return run(Chain([self]).judge(given, PEER, SERVICE))


@pytest.fixture(params=WAYS)
def method(slapd: Slapd, request: pytest.FixtureRequest) -> Iterator[Method]:
    """A method of each type of bind."""
    make = slapd.searching if request.param == "search" else slapd.options
    made = Method(make(bind_dn_type=request.param))
    yield made
    run(made.stop())


@pytest.mark.parametrize("name", INJECTED)
def test_no_name_becomes_another_one(method: Method, name: str) -> None:
    judged = method.judge(name, "right")
    if name == "uid=ann" and method._options.bind_dn_type == "relative":
        assert judged.outcome is Outcome.ACCEPTED  # which is how that type writes ann
        return
    assert judged.account is None
    assert judged.outcome in (Outcome.WRONG, Outcome.INVALID)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_its_own_entry_or_nobody(slapd: Slapd, name: str) -> None:
    for make in (slapd.options, slapd.searching):
        method = Method(make())
        verdict = run(method.authenticate(Password(name, Secret("right")), PEER, SERVICE))
        if isinstance(verdict, Accepted):
            assert verdict.account.name == name.strip()
        else:
            # The directory knew the name; it cannot stand in a path, so that it has no home.
            assert "in it" in verdict.details or "stand in a path" in verdict.details
        assert run(method.authenticate(Password(name, Secret("no")), PEER, SERVICE)) != verdict
        run(method.stop())


@pytest.mark.parametrize("password", ["", " ", "\t", "\u3000 ", "\0", "right\0", "right\n"])
def test_no_password_is_a_bind_as_nobody(method: Method, password: str) -> None:
    for name in ("ann", f"uid=ann,{PEOPLE}", SEARCHER, ""):
        judged = method.judge(name, password)
        assert judged.account is None
        binds = [one for one in method.steps if one.startswith("binds as")]
        # The chain asks about a name of nobody instead, so that it takes as long.
        assert not name or not [one for one in binds if one.endswith(name) or f"={name}," in one]


def test_the_account_that_searches_is_no_user(slapd: Slapd) -> None:
    method = Method(slapd.searching())
    for name in ("mft", SEARCHER, f"cn=root,{SEARCHER}"):
        assert method.judge(name, "s").account is None
    run(method.stop())
