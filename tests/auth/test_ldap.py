"""The ldap method against a real directory: who gets in, by what, and what is told of it."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar

import pytest
from twisted.internet.defer import Deferred

from mft.auth.account import Account
from mft.auth.application import ApplicationAuthenticator
from mft.auth.asking import MAX_RUNNING
from mft.auth.base import (
    Accepted,
    Anonymous,
    Certificate,
    MoreNeeded,
    Password,
    PublicKey,
    Rejected,
    Seen,
    Verdict,
)
from mft.auth.ldap import LdapAuthenticator
from mft.auth.ldap_groups import chain_base
from mft.auth.ldap_kept import IDLE_SECONDS
from mft.auth.ldap_names import escape_filter
from mft.auth.ldap_options import LdapOptions
from mft.auth.ldap_talk import Talk
from mft.core.failure import Refused
from mft.core.peer import Component
from mft.core.secret import Secret
from mft.daemon import build
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Event
from mft.trust.ssh_keys import HostKey
from tests.fakes.accounts import CHEAP_HASH, PEER, SERVICE, Around, account, group
from tests.fakes.loop import run_loop, until
from tests.fakes.run import run
from tests.fakes.slapd import GROUPS, KEY, OTHERS, PEOPLE, SEARCHER, Slapd
from tests.fakes.slapd import slapd as slapd

METHOD = Component("method-1", "ldap", "directory")
OURS = {
    "DEFAULT_GROUP": group(home_folder_path="/homes/${USER}"),
    "SALES": group("sales", home_folder_path="/sales/${USER}"),
    "KEYS": group("keys", home_folder_path="/k/${USER}", required_credentials="ssh-key"),
    "BOTH": group("both", home_folder_path="/b/${USER}", required_credentials="password, ssh-key"),
    "OFF": group("off", home_folder_path="/off", enabled="no"),
    "STATE": group("state", home_folder_path="${SHARED}/instance/state/x"),
}


class Method(LdapAuthenticator, Around):
    """A method over fakes, whose threads are this one."""

    made: ClassVar[list["Method"]] = []

    def __init__(self, options: LdapOptions) -> None:
        Around.__init__(self, groups=OURS)
        parts = self.parts._replace(directory=Path("/instance"))
        LdapAuthenticator.__init__(self, METHOD, options, parts)
        self.made.append(self)

    def told(self, event: Event[p.Directory]) -> list[p.Directory]:
        return [one.payload for one in self.trail.told if one.event is event]

    def log_in(self, name: str, password: str = "right") -> Verdict:
        return run(self.authenticate(Password(name, Secret(password)), PEER, SERVICE))

    def key(self, name: str, blob: bytes = KEY.blob) -> Verdict:
        return run(self.authenticate(PublicKey(name, blob, proven=True), PEER, SERVICE))

    def account(self, name: str, password: str = "right") -> Account:
        verdict = self.log_in(name, password)
        assert isinstance(verdict, Accepted), verdict
        return verdict.account

    def refusal(self, name: str, password: str = "right") -> str:
        verdict = self.log_in(name, password)
        assert isinstance(verdict, Rejected), verdict
        assert "right" not in verdict.details
        return verdict.details


@pytest.fixture(autouse=True)
def stopped() -> Iterator[None]:
    """Every method of a test is stopped behind it."""
    yield
    while Method.made:
        run(Method.made.pop().stop())


# Passwords, by each type of bind.


def test_a_person_gets_in_with_the_right_password_only(slapd: Slapd) -> None:
    method = Method(slapd.options())
    account = method.account("ann")
    assert (account.name, account.kind, account.home) == ("ann", "ldap", "/homes/ann")
    assert method.refusal("ann", "wrong") == method.refusal("nobody")
    assert method.refusal("u4999", "wrong")
    assert method.account("u4999")


def test_one_entry_is_one_account_however_its_name_is_written(slapd: Slapd) -> None:
    method = Method(slapd.options())
    accounts = [method.account(name) for name in ("ann", "ANN", "Ann ")]
    assert {(one.uuid, one.name, one.home) for one in accounts} == {
        (accounts[0].uuid, "ann", "/homes/ann")
    }


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("parent", "{}"),
        ("relative", "uid={}"),
        ("absolute", "uid={}," + PEOPLE),
        ("search", "{}"),
    ],
)
def test_every_type_of_bind_lets_in_who_it_finds(slapd: Slapd, kind: str, pattern: str) -> None:
    make = slapd.searching if kind == "search" else slapd.options
    method = Method(make(bind_dn_type=kind))
    assert method.account(pattern.format("ann"))
    for name, password in (("ann", "wrong"), ("nobody", "right"), ("bob,ou=others", "right")):
        assert method.refusal(pattern.format(name), password)


def test_a_direct_name_is_bound_as_it_is_and_must_be_the_entry_s(slapd: Slapd) -> None:
    """slapd binds distinguished names only; so one that an attribute holds is a direct name."""
    direct = {"bind_dn_type": "direct-username", "username_attribute": "description"}
    method = Method(slapd.options(**direct))
    assert method.account(f"uid=direct,{PEOPLE}").name == f"uid=direct,{PEOPLE}"
    # Bound as u2, whose distinguished name the entry of `thief` shows as its own.
    assert "somebody else's" in method.refusal(f"uid=u2,{PEOPLE}")
    assert "no entries" in method.refusal(f"uid=ann,{PEOPLE}")
    assert method.refusal(f"uid=direct,{PEOPLE}", "wrong")
    suffixed = Method(slapd.options(**direct, username_suffix=f",{PEOPLE}"))
    assert suffixed.account("uid=short").name == "uid=short"


def test_lines_of_bind_dn_are_tried_in_order(slapd: Slapd) -> None:
    method = Method(slapd.options(bind_dn=f"{PEOPLE}\n{OTHERS}"))
    assert method.account("carol").name == "carol"
    assert f"binds as uid=carol,{PEOPLE}" in method.steps
    assert f"binds as uid=carol,{OTHERS}" in method.steps


def test_a_name_that_two_entries_have_is_nobody_s(slapd: Slapd) -> None:
    assert Method(slapd.searching()).refusal("twin") == "the directory finds several entries"


@pytest.mark.parametrize("password", [" ", "\u3000", "\u00a0 "])
@pytest.mark.parametrize("name", ["ann", " "])
def test_blank_passwords_and_names_never_reach_the_network(name: str, password: str) -> None:
    nowhere = LdapOptions(name="x", address=("192.0.2.1",), bind_dn=("dc=x",))
    method = Method(nowhere)
    assert "blank" in method.refusal(name, password)
    assert method.outside.calls == 0


def test_what_it_does_not_know_is_refused_and_never_left_to_others(slapd: Slapd) -> None:
    method = Method(slapd.options())
    assert method.kinds == {"password"}
    for given in (
        PublicKey("ann", KEY.blob, proven=True),
        Certificate("ann", "ann", "AA:BB"),
        Anonymous("ann"),
    ):
        assert isinstance(run(method.authenticate(given, PEER, SERVICE)), Rejected)
    assert method.outside.calls == 0


# Who may, and as what.


def test_the_filter_says_who_may_transfer_files(slapd: Slapd) -> None:
    for make in (slapd.options, slapd.searching):
        method = Method(make(search_filter=f"(memberOf=cn=sales,{GROUPS})"))
        assert method.account("ann")
        assert method.refusal("u1")
    assert Method(slapd.options(search_filter="(!(ou=sales))")).refusal("ann")


def test_an_entry_that_may_not_be_read_is_refused(slapd: Slapd) -> None:
    assert "may not be read" in Method(slapd.options()).refusal("closed")


def test_groups_of_the_directory_become_ours(slapd: Slapd) -> None:
    mapping = f'memberOf, "cn=all,{GROUPS}", SALES, DEFAULT_GROUP'
    direct = Method(slapd.options(group_mapping=mapping))
    assert direct.account("ann").groups == ("DEFAULT_GROUP",)
    nested = Method(slapd.options(group_mapping=mapping, nested_groups="yes"))
    account = nested.account("ann")
    assert (account.groups, account.home) == (("SALES", "DEFAULT_GROUP"), "/sales/ann")
    told = f"line 1 of group_mapping matches memberOf cn=all,{GROUPS}: SALES, DEFAULT_GROUP"
    assert told in nested.steps
    assert nested.account("twin").groups == ("DEFAULT_GROUP",)  # which is in a circle
    assert "nested more than" in nested.refusal("u1")
    none = Method(slapd.options(base_groups="", group_mapping=mapping))
    assert "no line of group_mapping" in none.refusal("ann")


def test_a_rule_in_a_filter_is_asked_by_its_name(slapd: Slapd) -> None:
    """As Active Directory is asked for groups at any depth; slapd has other rules."""
    talk = Talk.open(slapd.host, slapd.port, None, False, monotonic() + 5)
    with closing(talk):
        assert talk.bind(SEARCHER, "s") is None
        ann = escape_filter(f"uid=ann,{PEOPLE}")
        found = talk.search(GROUPS, f"(member:distinguishedNameMatch:={ann})", (), 5)
        assert [one.dn for one in found] == [f"cn=sales,{GROUPS}"]
        assert chain_base(talk) == ""


def test_a_home_and_addresses_come_from_the_entry(slapd: Slapd) -> None:
    given = {"home_folder_attribute": "street", "email_attribute": "mail"}
    method = Method(slapd.options(**given))
    account = method.account("ann")
    assert (account.home, account.email) == ("/homes/ann", ("ann@example.org", "a@example.org"))
    assert "2 values of street" in method.refusal("bob")
    assert "no value of street" in method.refusal("u1")
    assert "has . or .." in method.refusal("climber")
    template = Method(slapd.options(home_folder_attribute="l, /srv/{l}"))
    assert "has . or .." in template.refusal("climber")
    assert "/ where one name belongs" in template.refusal("below")


def test_groups_bar_and_homes_may_not_reach_what_is_ours(slapd: Slapd) -> None:
    assert "is disabled" in Method(slapd.options(base_groups="OFF")).refusal("ann")
    assert "clients must not reach" in Method(slapd.options(base_groups="STATE")).refusal("ann")


# Keys.


def test_a_key_of_the_entry_gets_in_and_no_other(slapd: Slapd) -> None:
    method = Method(slapd.searching(ssh_public_keys_attribute="sshPublicKey"))
    assert method.kinds == {"password", "ssh-key"}
    verdict = method.key("ann")
    assert isinstance(verdict, Accepted)
    assert verdict.account.uuid == method.account("ann").uuid
    for name, blob in (("u1", KEY.blob), ("nobody", KEY.blob), ("ann", b"x")):
        assert isinstance(method.key(name, blob), Rejected)
    assert isinstance(method.key("ann", HostKey.generate().public.blob), Rejected)


def test_the_kinds_that_a_group_requires_count(slapd: Slapd) -> None:
    def made(one: str) -> Method:
        given = {"ssh_public_keys_attribute": "sshPublicKey", "base_groups": one}
        return Method(slapd.searching(**given))

    assert "ssh-key only" in made("KEYS").refusal("ann")
    assert isinstance(made("KEYS").key("ann"), Accepted)
    for verdict in (made("BOTH").key("ann"), made("BOTH").log_in("ann")):
        assert isinstance(verdict, MoreNeeded)


# TLS.


@pytest.mark.parametrize("secure", ["yes", "starttls"])
def test_tls_is_made_and_the_server_must_be_who_it_is(slapd: Slapd, secure: str) -> None:
    assert Method(slapd.options(secure_connection=secure)).account("ann")
    assert Method(slapd.options(secure_connection=secure, address="localhost")).account("ann")
    for wrong in (
        {"ssl_certificate_authority": str(slapd.folder / "other-ca.pem")},
        {"ssl_certificate_authority": ""},
        {"address": slapd.other_host},
    ):
        method = Method(slapd.options(secure_connection=secure, **wrong))
        with pytest.raises(Refused, match="the certificate is refused"):
            method.log_in("ann")
        assert not [one for one in method.steps if one.startswith("binds")]


# Servers that are down, silent, or come back.


def test_a_server_that_is_down_is_passed_over_and_each_change_is_told_once(slapd: Slapd) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as nobody:
        port = nobody.getsockname()[1]
    method = Method(slapd.options(address="127.0.0.1, localhost", port=str(port)))
    for _ in range(2):
        with pytest.raises(Refused, match="no directory answers"):
            method.log_in("ann")
    told = method.told(events.DIRECTORY_UNREACHABLE)
    assert [(one.method_name, one.server) for one in told] == [
        ("directory", "127.0.0.1"),
        ("directory", "localhost"),
    ]
    assert "Connection refused" in told[0].details
    found = Method(slapd.options(address="127.0.0.3, 127.0.0.1"))
    assert found.account("ann")
    assert [one.server for one in found.told(events.DIRECTORY_UNREACHABLE)] == ["127.0.0.3"]


def test_a_directory_that_comes_back_is_asked_at_once(slapd: Slapd) -> None:
    method = Method(slapd.searching())
    assert method.account("ann")
    slapd.stop()
    try:
        with pytest.raises(Refused):
            method.log_in("ann")
    finally:
        slapd.start()
    assert method.account("ann")
    assert [one.server for one in method.told(events.DIRECTORY_REACHABLE)] == [slapd.host]
    assert len(method.told(events.DIRECTORY_UNREACHABLE)) == 1


def test_a_directory_that_never_answers_refuses_in_time(slapd: Slapd) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = str(silent.getsockname()[1])
        method = Method(slapd.options(port=port, timeout="1"))
        with pytest.raises(Refused, match="timed out"):
            method.log_in("ann")


# What it holds.


def test_a_kept_connection_is_closed_when_nobody_uses_it(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = Method(slapd.searching())
    run(method.start())
    method.log_in("ann")
    assert len(method._directory.kept) == 1
    monkeypatch.setattr("mft.auth.ldap.IDLE_SECONDS", 0.0)
    method.reactor.advance(IDLE_SECONDS)
    assert len(method._directory.kept) == 0
    assert method.reactor.getDelayedCalls() == []


def test_after_its_end_it_holds_nothing_and_still_answers_once(slapd: Slapd) -> None:
    method = Method(slapd.searching())
    method.log_in("ann")
    run(method.stop())
    assert (len(method._directory.kept), method.reactor.getDelayedCalls()) == (0, [])
    assert method.account("ann")
    assert len(method._directory.kept) == 0


def test_the_steps_tell_what_was_asked_and_what_came_and_never_a_password(slapd: Slapd) -> None:
    tls = Method(slapd.options(secure_connection="starttls", email_attribute="mail"))
    tls.log_in("ann")
    assert tls.steps == [
        "asks 127.0.0.1",
        f"connected to 127.0.0.1:{slapd.port}, with TLS by StartTLS, and its certificate is good",
        f"binds as uid=ann,{PEOPLE}",
        f"reads uid=ann,{PEOPLE} by the filter (objectClass=*)",
        f"uid=ann,{PEOPLE} shows values of mail 2, uid 1",
        "no line of group_mapping matches: DEFAULT_GROUP",
        "password is right for ann",
    ]
    for method in (Method(slapd.options()), Method(slapd.searching()), tls):
        method.log_in("ann", "hunter2")
        assert method.steps[-1].startswith("refused: the directory refuses the bind")
        assert "hunter2" not in "".join(method.steps)


def test_a_directory_that_is_silent_keeps_no_password_from_being_checked(slapd: Slapd) -> None:
    """With all the threads that a method may have waiting, a login of another is not delayed."""

    async def main(reactor: Any) -> None:
        pools = build.Pools.of(reactor)
        pools.start()
        with closing(socket.create_server(("127.0.0.1", 0))) as silent:
            options = slapd.options(port=str(silent.getsockname()[1]), timeout="30")
            around = Around(account(password=CHEAP_HASH), groups=OURS)
            parts = around.parts._replace(
                reactor=reactor, login=pools.login, outside=pools.outside, disk=pools.disk
            )
            ldap = LdapAuthenticator(METHOD, options, parts)
            own = ApplicationAuthenticator(SERVICE, parts)
            given = Password("ann", Secret("right"))
            refused: list[Any] = []
            for _ in range(MAX_RUNNING + 4):
                going = Deferred.fromCoroutine(ldap.authenticate(given, PEER, SERVICE))
                going.addBoth(refused.append)
            lines = [silent.accept()[0] for _ in range(MAX_RUNNING)]
            assert isinstance(await own.authenticate(given, PEER, SERVICE), Accepted)
            assert refused == []
            for line in lines:
                line.close()
            await until(reactor, lambda: refused, "the first that waited is refused")
            silent.close()
            await until(reactor, lambda: len(refused) == MAX_RUNNING + 4, "all are refused")
        assert all(one.check(Refused) for one in refused)
        pools.stop()

    run_loop(main)


# People who were seen at another node.


def seen(method: Method, name: str = "ann", *kinds: str) -> Seen:
    account = method.account(name)
    trace = method.trace(account)
    assert trace is not None
    return Seen(METHOD.uuid, account.uuid, name, frozenset(kinds or ("password",)), trace)


def test_who_may_be_searched_is_looked_up_again_and_may_be_gone(slapd: Slapd) -> None:
    method = Method(slapd.searching())
    proof = seen(method)
    assert isinstance(run(method.find(proof, PEER)), Accepted)
    gone = Method(slapd.searching(search_filter="(uid=nobody)"))
    verdict = run(gone.find(proof, PEER))
    assert isinstance(verdict, Rejected)
    assert "no entries" in verdict.details


def test_who_has_codes_by_now_has_to_show_one(slapd: Slapd) -> None:
    plain = Method(slapd.searching())
    codes = {"one_time_codes_attribute": "description"}
    coding = Method(slapd.searching(**codes))
    verdict = run(coding.find(seen(plain, "coded"), PEER))
    assert isinstance(verdict, MoreNeeded)
    assert verdict.kinds == {"one-time-code"}
    assert isinstance(run(coding.find(seen(plain, "ann"), PEER)), Rejected)
    lenient = Method(slapd.searching(**codes, one_time_codes_required="No"))
    assert isinstance(run(lenient.find(seen(plain, "ann"), PEER)), Accepted)


def test_where_nobody_searches_what_it_said_at_the_login_counts(slapd: Slapd) -> None:
    proof = seen(Method(slapd.options(bind_dn_type="parent")))
    away = Method(slapd.options(bind_dn_type="parent", port="1"))
    verdict = run(away.find(proof, PEER))
    assert isinstance(verdict, Accepted)
    assert verdict.account.home == "/homes/ann"


def test_its_groups_and_folders_are_judged_as_at_a_login(slapd: Slapd) -> None:
    for group_of_all in ("OFF", "STATE"):
        method = Method(slapd.options(bind_dn_type="parent"))
        proof = seen(method)
        told = json.dumps({**json.loads(proof.trace), "group": group_of_all})
        assert isinstance(run(method.find(proof._replace(trace=told), PEER)), Rejected)


def test_a_directory_that_is_away_finds_nobody(slapd: Slapd) -> None:
    proof = seen(Method(slapd.searching()))
    with pytest.raises(Refused):
        run(Method(slapd.searching(port="1")).find(proof, PEER))
