"""Somebody wants in by a directory without the code, or has written something into it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from time import monotonic

import pytest

from mft.auth.base import OneTimeCode, Password
from mft.auth.chain import Chain, Judged, Outcome
from mft.auth.ldap import LdapAuthenticator
from mft.auth.ldap_options import LdapOptions
from mft.auth.ldap_talk import Talk
from mft.auth.second_factor import USED
from mft.auth.time_codes import PERIOD
from mft.core.peer import Component
from mft.core.secret import Secret
from tests.fakes.accounts import CODES, NOW, PEER, SERVICE, Around, code_at, group
from tests.fakes.lying import ANN, SEARCHER, Lying
from tests.fakes.run import run
from tests.fakes.slapd import PEOPLE, Slapd
from tests.fakes.slapd import SEARCHER as SEARCHES
from tests.fakes.slapd import slapd as slapd

METHOD = Component("method-1", "ldap", "directory")
GROUPS = {"DEFAULT_GROUP": group(home_folder_path="/homes/${USER}")}
ACCEPTED, MORE, WRONG = Outcome.ACCEPTED, Outcome.MORE_NEEDED, Outcome.WRONG
BARE = CODES.secret.reveal()


class Method(LdapAuthenticator, Around):
    """A method over fakes, asked by a chain as services ask."""

    def __init__(self, options: LdapOptions) -> None:
        Around.__init__(self, groups=GROUPS)
        LdapAuthenticator.__init__(self, METHOD, options, self.parts)
        self.chain = Chain([self])

    def log_in(self, text: str, name: str = "coded", code: str = "") -> Judged:
        """Give a password, and a code afterwards where there is one."""
        judged = run(self.chain.judge(Password(name, Secret(text)), PEER, SERVICE))
        if code:
            given = OneTimeCode(name, Secret(code))
            judged = run(self.chain.judge(given, PEER, SERVICE, judged.proven))
        return judged


Make = Callable[[LdapOptions], Method]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Method] = []

    def method(options: LdapOptions) -> Method:
        made.append(Method(options))
        return made[-1]

    yield method
    for one in made:
        run(one.stop())


@pytest.fixture
def lying() -> Iterator[Lying]:
    made = Lying()
    yield made
    made.server.close()


@pytest.fixture(params=["search", "parent"])
def method(slapd: Slapd, make: Make, request: pytest.FixtureRequest) -> Method:
    """A method on a real directory, of a type that knows the entry before the bind, or after."""
    if request.param == "search":
        return make(slapd.searching(one_time_codes_attribute="totpSecret"))
    return make(slapd.options(one_time_codes_attribute="description"))


def test_what_was_seen_over_a_shoulder_does_not_do_again(method: Method) -> None:
    assert method.log_in("right" + code_at()).outcome is ACCEPTED
    for again in (
        method.log_in("right" + code_at()),
        method.log_in("right" + code_at(NOW - PERIOD)),
        method.log_in("right" + code_at(), "CODED "),
        method.log_in("right", code=code_at()),
        method.log_in("right", "CODED", code=code_at()),
    ):
        assert (again.outcome, again.details) == (WRONG, USED)
    later = code_at(NOW + PERIOD)
    assert method.log_in("right", code=later).outcome is ACCEPTED
    assert method.log_in("right" + later).outcome is WRONG


def test_a_password_alone_is_no_login_and_a_code_alone_neither(method: Method) -> None:
    assert method.log_in("right").outcome is MORE
    assert method.log_in("wrong", code=code_at()).outcome is Outcome.INVALID
    assert method.log_in("wrong" + code_at()).outcome is WRONG
    assert method.log_in("right" + code_at()).outcome is ACCEPTED, "and nobody has used it"


def test_whoever_does_not_know_the_password_bars_nobody(method: Method) -> None:
    for number in range(12):
        assert method.log_in(f"wrong{number:06}").outcome is WRONG
    assert method.trail.events == []
    assert method.log_in("right" + code_at()).outcome is ACCEPTED


@pytest.mark.parametrize("before", ["", " ", "\u3000\u00a0"])
def test_a_code_alone_is_no_bind_as_nobody(method: Method, before: str) -> None:
    """A real directory lets a blank password in as nobody, and calls that a success."""
    assert method.log_in(before + code_at()).outcome is WRONG
    assert not [one for one in method.steps if "without what may be a code" in one]


@pytest.mark.parametrize("kind", ["search", "parent"])
@pytest.mark.parametrize("before", ["", "  ", "\u3000"])
@pytest.mark.parametrize("digits", ["6", "8"])
def test_no_blank_password_reaches_a_directory_that_would_take_it(
    lying: Lying, make: Make, kind: str, before: str, digits: str
) -> None:
    uri = f"otpauth://totp/x?secret={BARE}&digits={digits}"
    lying.found = [(ANN.encode(), {"uid": [b"ann"], "oath": [uri.encode()]})]
    lying.passwords[ANN] = before  # what is blank is right
    made = make(lying.options(bind_dn_type=kind, one_time_codes_attribute="oath"))
    for text in (before + code_at(), f"{before}00{code_at()}", before or " "):
        assert made.log_in(text, "ann").account is None
    given = [one for who, one in zip(lying.binds, lying.given, strict=True) if who != SEARCHER]
    assert given
    assert all(one.strip() for one in given)


HOSTILE = {
    "an injected parameter": f"{BARE}&digits=8".encode(),
    "two secrets": f"otpauth://totp/x?secret={BARE}&secret={BARE}".encode(),
    "counters": f"otpauth://hotp/x?secret={BARE}&counter=0".encode(),
    "a secret that anybody can guess": b"AAAA",
    "an empty secret": b"otpauth://totp/x?secret=",
    "nothing": b"",
    "blank": b"  ",
    "no text": b"\xff\xfe\x00",
    "control characters": b"JBSWY3DP\r\nEHPK3PXP\0",
    "very long": b"A" * 16384,
    "too long to be read": b"A" * 16385,
    "many fields": b"otpauth://totp/x?" + b"a=b&" * 4000,
    "a format": b"{0.__class__}%s%n",
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("kind", ["search", "parent"])
@pytest.mark.parametrize("required", ["Yes", "No"])
def test_a_hostile_value_lets_nobody_in_and_is_shown_nowhere(
    lying: Lying, make: Make, value: bytes, kind: str, required: str
) -> None:
    lying.found = [(ANN.encode(), {"uid": [b"ann"], "oath": [value]})]
    given = {"one_time_codes_attribute": "oath", "one_time_codes_required": required}
    made = make(lying.options(bind_dn_type=kind, **given))
    for judged in (
        made.log_in("right", "ann"),
        made.log_in("right" + code_at(), "ann"),
        made.log_in("right", "ann", code_at()),
    ):
        assert judged.account is None
        assert judged.outcome in (WRONG, Outcome.INVALID)
        assert not value.strip() or value.decode(errors="replace") not in judged.details
    told = "".join(made.steps)
    assert BARE not in told
    assert "AAAA" not in told
    assert "__class__" not in told


def test_a_second_value_that_somebody_could_add_takes_the_place_of_none(
    slapd: Slapd, make: Make
) -> None:
    made = make(slapd.searching(one_time_codes_attribute="totpSecret"))
    add, remove = ("MODIFY_ADD", ["JBSWY3DPEHPK3PXP"]), ("MODIFY_DELETE", ["JBSWY3DPEHPK3PXP"])
    with slapd.as_root() as root:
        root.modify(f"uid=coded,{PEOPLE}", {"totpSecret": [add]})
        try:
            judged = made.log_in("right" + code_at())
        finally:
            root.modify(f"uid=coded,{PEOPLE}", {"totpSecret": [remove]})
    assert judged.outcome is WRONG
    assert judged.details == "it has 2 values of totpSecret"
    assert made.log_in("right" + code_at()).outcome is ACCEPTED


def test_a_secret_that_access_rules_hide_is_no_login_by_password_alone(
    slapd: Slapd, make: Make
) -> None:
    """Who reads does not see it: nobody gets in, rather than everybody without a code."""
    for options in (
        slapd.searching(one_time_codes_attribute="hiddenSecret"),
        slapd.options(one_time_codes_attribute="totpSecret"),  # which users do not see themselves
    ):
        made = make(options)
        for judged in (made.log_in("right"), made.log_in("right" + code_at())):
            assert judged.outcome is WRONG
            assert "shows no value of" in judged.details


def test_who_is_let_in_without_a_code_has_none(slapd: Slapd, make: Make) -> None:
    given = {"one_time_codes_attribute": "totpSecret", "one_time_codes_required": "No"}
    made = make(slapd.searching(**given))
    assert made.log_in("right", "ann").outcome is ACCEPTED
    assert made.log_in("right" + code_at(), "ann").outcome is WRONG
    assert made.log_in("right").outcome is MORE


def test_users_cannot_read_their_secret_by_their_password(slapd: Slapd) -> None:
    """The rule of the guide: only the account that searches sees it."""
    coded = f"uid=coded,{PEOPLE}"
    for name, password, seen in ((coded, "right", 0), (SEARCHES, "s", 1)):
        with closing(Talk.open(slapd.host, slapd.port, None, False, monotonic() + 5)) as talk:
            assert talk.bind(name, password) is None
            entry = talk.read(coded, "", ["uid", "totpSecret"], "totpSecret")
            assert entry is not None
            assert len(entry.hidden) == seen
