"""The accounts of server.ini: what logs in, what does not, and what each attempt costs."""

import base64
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mft.auth.account import DAY
from mft.auth.base import (
    Accepted,
    Anonymous,
    Certificate,
    Credentials,
    MoreNeeded,
    NotMine,
    Password,
    PublicKey,
    Rejected,
    Seen,
    Verdict,
)
from mft.auth.members import MAX_WAITING
from mft.auth.options import GroupOptions
from mft.auth.own_passwords import OwnPassword, mark_of
from mft.auth.passwords import PasswordHash, make_hash
from mft.auth.registry import AUTHENTICATORS
from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component
from mft.core.secret import Secret
from mft.trust.ssh_keys import HostKey
from tests.fakes.accounts import (
    CHEAP_HASH,
    METHOD,
    NOW,
    OTPAUTH,
    PEER,
    SERVICE,
    Method,
    account,
    group,
)
from tests.fakes.run import run

KEY, OTHER = HostKey.generate().public, HostKey.generate().public


def password(word: str = "right", name: str = "ann") -> Password:
    return Password(name, Secret(word))


def key(blob: bytes = KEY.blob, name: str = "ann") -> PublicKey:
    return PublicKey(name, blob, proven=True)


def shown(common_name: str = "ann", name: str = "ann") -> Certificate:
    return Certificate(name, common_name, "AA:BB")


def ask(method: Method, given: Credentials, peer: Address = PEER) -> Verdict:
    return run(method.authenticate(given, peer, SERVICE))


def with_password(**options: str) -> Method:
    return Method(account(password=CHEAP_HASH, **options))


def with_both(**options: str) -> Method:
    return with_password(ssh_authorized_keys_content=KEY.line(), **options)


def test_the_right_password_logs_in() -> None:
    verdict = ask(with_password(), password())
    assert isinstance(verdict, Accepted)
    assert verdict.method == METHOD
    assert (verdict.account.name, verdict.account.uuid) == ("ann", "id-ann")
    assert verdict.account.home == "/homes/ann"


def test_a_group_that_only_some_addresses_have_counts_for_them_alone() -> None:
    groups = {
        "main": group("main"),
        "inside": group("inside", source_ip_filter="allow 198.51.100.0/24"),
    }
    method = Method(account(password=CHEAP_HASH, group="main, inside"), groups=groups)
    inside, elsewhere = Address("198.51.100.9", 50000), PEER
    for peer, expected in ((inside, ("main", "inside")), (elsewhere, ("main",))) * 2:
        verdict = ask(method, password(), peer)
        assert isinstance(verdict, Accepted)
        assert verdict.account.groups == expected


def test_a_wrong_password_is_rejected() -> None:
    verdict = ask(with_password(), password("wrong"))
    assert verdict == Rejected(METHOD, "the password is wrong")


@pytest.mark.parametrize("options", [{}, {"multi_factor_authentication": OTPAUTH}])
def test_a_password_whose_source_is_banned_meanwhile_is_not_looked_at(
    options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    method, looked = with_password(**options), []
    monkeypatch.setattr(PasswordHash, "matches", lambda *given: looked.append(given))
    given = password()._replace(banned=lambda: True)
    told = "its source was banned before the password was looked at"
    assert ask(method, given) == Rejected(METHOD, told)
    assert ask(method, given._replace(username="eve")) == NotMine()
    assert looked == []


def test_an_unknown_name_is_left_to_the_next_method() -> None:
    assert ask(with_password(), password(name="eve")) == NotMine()
    assert ask(with_password(), key(name="eve")) == NotMine()
    assert ask(with_password(), password(name="ANN")) == NotMine()
    assert ask(with_password(), shown("eve", "eve")) == NotMine()


@pytest.mark.parametrize("word", ["right", "wrong"])
@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"password": CHEAP_HASH}, "ann"),
        ({"password": CHEAP_HASH}, "eve"),
        ({"password": CHEAP_HASH, "enabled": "no"}, "ann"),
        ({"password": CHEAP_HASH, "expire_datetime": "2020-01-01"}, "ann"),
        ({"password": CHEAP_HASH, "source_ip_filter": "deny 0.0.0.0/0"}, "ann"),
        ({"password": CHEAP_HASH, "required_credentials": "ssh-key"}, "ann"),
        ({"ssh_authorized_keys_content": KEY.line()}, "ann"),
    ],
)
def test_every_password_costs_one_hash_of_the_cost_in_use(
    options: dict[str, str], name: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: list[tuple[str, int]] = []
    matches = PasswordHash.matches

    def counted(self: PasswordHash, given: str) -> bool:
        costs.append((self.scheme, self.cost))
        return matches(self, given)

    monkeypatch.setattr(PasswordHash, "matches", counted)
    other = account("bob", password=CHEAP_HASH)
    method = Method(account(**options), other)
    ask(method, password(word, name))
    assert costs == [("crypt-sha512", 1000)]
    assert method.hashes.calls == 1


BARRED: list[tuple[dict[str, str], GroupOptions]] = [
    ({"enabled": "no"}, group()),
    ({"expire_datetime": "2020-01-01"}, group()),
    ({"source_ip_filter": "allow 198.51.100.0/24"}, group()),
    ({}, group(enabled="no")),
    ({}, group(source_ip_filter="deny 192.0.2.7")),
    ({"home_folder_path": "inherit"}, group()),
]


@pytest.mark.parametrize(
    "given", [password(), key(), PublicKey("ann", KEY.blob, proven=False), shown()]
)
@pytest.mark.parametrize(("options", "default"), BARRED)
def test_a_barred_account_is_refused_in_every_way_of_logging_in(
    options: dict[str, str], default: GroupOptions, given: Credentials
) -> None:
    ways = {
        "password": CHEAP_HASH,
        "ssh_authorized_keys_content": KEY.line(),
        "allow_certificate_authentication": "yes",
    }
    method = Method(account(**ways, **options), groups={"DEFAULT_GROUP": default})
    verdict = ask(method, given)
    assert isinstance(verdict, Rejected)
    assert verdict.forbidden
    # The peer sees the type of a verdict at most: the same as for a wrong password.
    assert isinstance(ask(method, password("wrong")), Rejected)


def test_an_account_without_a_password_has_none_that_is_right() -> None:
    method = Method(account(ssh_authorized_keys_content=KEY.line()))
    for word in ("", "right", "x"):
        verdict = ask(method, password(word))
        assert verdict == Rejected(METHOD, "the account has no password")


def test_a_key_of_the_account_logs_in_and_no_other() -> None:
    method = with_both()
    assert isinstance(ask(method, key()), Accepted)
    assert isinstance(ask(method, key(OTHER.blob)), Rejected)
    assert isinstance(ask(method, key(b"rubbish")), Rejected)
    assert method.hashes.calls == 0


def test_a_key_is_looked_for_in_files_at_each_login(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(OTHER.line())
    method = Method(account(ssh_authorized_keys_path=str(path)))
    assert isinstance(ask(method, key()), Rejected)
    path.write_text(KEY.line())
    assert isinstance(ask(method, key()), Accepted)
    assert method.disk.calls == 2
    path.write_text(HostKey.generate().pem().decode() + KEY.line())
    assert isinstance(ask(method, key()), Rejected)
    assert [path for path, _ in method.troubles] == [str(path)]


def test_a_name_that_cannot_stand_in_a_path_has_no_file_of_keys(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(KEY.line())
    groups = {"DEFAULT_GROUP": group(ssh_authorized_keys_path=str(tmp_path / "x"))}
    method = Method(account("..", home_folder_path="/h"), groups=groups)
    assert isinstance(ask(method, key(name="..")), Rejected)
    assert method.disk.calls == 0


@pytest.mark.parametrize(
    ("line", "accepted"),
    [
        (f'from="192.0.2.0/24" {KEY.line()}', True),
        (f'from="198.51.100.1" {KEY.line()}', False),
        (f'expiry-time="20200101Z" {KEY.line()}', False),
        (f'from="198.51.100.1" {KEY.line()}\n    {KEY.line()}', True),
    ],
    ids=["from here", "from elsewhere", "expired", "another line fits"],
)
def test_options_of_a_key_are_kept(line: str, accepted: bool) -> None:
    method = Method(account(ssh_authorized_keys_content=line.replace("    ", "")))
    assert isinstance(ask(method, key()), Accepted) is accepted


REQUIRED: list[tuple[str, str, type]] = [
    ("any", "password", Accepted),
    ("any", "ssh-key", Accepted),
    ("password", "password", Accepted),
    ("password", "ssh-key", Rejected),
    ("ssh-key", "password", Rejected),
    ("ssh-key", "ssh-key", Accepted),
    ("password, ssh-key", "password", MoreNeeded),
    ("password, ssh-key", "ssh-key", MoreNeeded),
    ("any", "ssl-certificate", Accepted),
    ("password", "ssl-certificate", Rejected),
    ("ssl-certificate", "ssl-certificate", Accepted),
    ("ssl-certificate", "password", Rejected),
    ("password, ssl-certificate", "ssl-certificate", MoreNeeded),
    ("password, ssl-certificate", "password", MoreNeeded),
]
GIVEN: dict[str, tuple[Credentials, Credentials]] = {  # a right one and a wrong one
    "password": (password(), password("wrong")),
    "ssh-key": (key(), key(OTHER.blob)),
    "ssl-certificate": (shown(), shown("eve")),
}


@pytest.mark.parametrize(("required", "kind", "expected"), REQUIRED)
def test_the_credentials_that_an_account_requires(required: str, kind: str, expected: type) -> None:
    method = with_both(required_credentials=required, allow_certificate_authentication="yes")
    right, wrong = GIVEN[kind]
    verdict = ask(method, right)
    refused = ask(method, wrong)
    assert type(verdict) is expected
    assert isinstance(refused, Rejected)
    assert not refused.required
    if isinstance(verdict, MoreNeeded):
        assert verdict.kinds == set(required.split(", ")) - {kind}
    if isinstance(verdict, Rejected):
        assert (verdict.forbidden, verdict.required) == (True, {required})


@pytest.mark.parametrize("common_name", ["", "eve", "ANN", "ann ", "ann\0", "*", "ann@example.com"])
def test_a_certificate_logs_in_to_the_account_that_it_names(common_name: str) -> None:
    method = Method(account(allow_certificate_authentication="yes"))
    assert isinstance(ask(method, shown()), Accepted)
    verdict = ask(method, shown(common_name))
    assert verdict == Rejected(METHOD, "the certificate AA:BB does not name the account")
    assert method.hashes.calls == 0


def test_without_permission_no_certificate_logs_in() -> None:
    for given in (shown(), shown("eve")):
        verdict = ask(with_password(), given)
        assert verdict == Rejected(METHOD, "the account does not log in by TLS certificate")


def certificate(folder: Path, *options: str) -> bytes:
    HostKey.generate().write(folder / "user")
    (folder / "user.pub").write_text(HostKey.load(folder / "user").public.line())
    command = ["ssh-keygen", "-q", "-s", str(folder / "ca"), "-I", "id", *options]
    subprocess.run([*command, str(folder / "user")], check=True)
    return base64.b64decode((folder / "user-cert.pub").read_text().split()[1])


def test_a_certificate_of_a_trusted_authority_logs_in(tmp_path: Path) -> None:
    authority = HostKey.generate()
    authority.write(tmp_path / "ca")
    blob = certificate(tmp_path, "-n", "ann", "-V", "20200101:20400101")
    method = Method(account(), account("bob"), authorities=(authority.public,))
    assert isinstance(ask(method, key(blob)), Accepted)
    assert isinstance(ask(method, key(blob, "bob")), Rejected)
    assert isinstance(ask(method, key(blob[:-1])), Rejected)
    assert isinstance(ask(Method(account()), key(blob)), Rejected)
    elsewhere = Component("service-2", "ssh", "other")
    assert isinstance(run(method.authenticate(key(blob), PEER, elsewhere)), Rejected)
    listed = Method(account(required_credentials="password"), authorities=(authority.public,))
    assert isinstance(ask(listed, key(blob)), Rejected)


def test_logins_that_wait_for_their_hash_are_bounded() -> None:
    method = with_password()
    method._computed.waiting = MAX_WAITING
    with pytest.raises(Refused) as refused:
        ask(method, password())
    assert refused.value.reason is Reason.BUSY
    method._computed.waiting = MAX_WAITING - 1
    assert isinstance(ask(method, password()), Accepted)
    assert method._computed.waiting == MAX_WAITING - 1


def test_two_accounts_of_one_name_are_refused() -> None:
    one, two = account(), account()
    groups = {"DEFAULT_GROUP": group()}
    parts = Method()._parts._replace(accounts={"1": one, "2": two}, groups=groups)
    with pytest.raises(ValueError, match="two accounts have the name ann"):
        AUTHENTICATORS["application"].build("m", group("x"), parts)


def test_the_registry_builds_a_method_of_its_options() -> None:
    kind = AUTHENTICATORS["application"]
    options = kind.options.model_validate({"name": "mine"})
    built = kind.build("m", options, with_password()._parts)
    assert built.component == Component("m", "application", "mine")
    assert built.kinds == {"password", "ssh-key", "ssl-certificate", "public"}


# Areas that a service shows to everybody.


def test_the_account_of_a_public_area_needs_no_secret() -> None:
    method = Method(account("ann", password=CHEAP_HASH, required_credentials="ssh-key"))
    verdict = ask(method, Anonymous("id-ann"))
    assert isinstance(verdict, Accepted)
    assert verdict.account.name == "ann"
    assert method.hashes.calls == 0


def test_nobody_who_came_so_may_change_what_it_logs_in_with() -> None:
    verdict = ask(Method(account("ann", password=CHEAP_HASH)), Anonymous("id-ann"))
    assert isinstance(verdict, Accepted)
    assert not verdict.account.allow_own_password_change
    assert not verdict.account.allow_own_one_time_codes


def test_it_is_known_by_its_id_and_not_by_its_name() -> None:
    assert ask(Method(account("ann")), Anonymous("ann")) == NotMine()


def test_an_account_that_is_disabled_shows_nothing_to_anybody() -> None:
    verdict = ask(Method(account("ann", enabled="No")), Anonymous("id-ann"))
    assert isinstance(verdict, Rejected)
    assert verdict.forbidden


def test_nor_does_one_that_cannot_be_used() -> None:
    groups = {"DEFAULT_GROUP": group(home_folder_path="")}
    verdict = ask(
        Method(account("ann", home_folder_path="Inherit"), groups=groups), Anonymous("id-ann")
    )
    assert isinstance(verdict, Rejected)
    assert verdict.forbidden


# Steps.


def test_each_step_is_told_and_no_secret() -> None:
    method = Method(account(password=CHEAP_HASH, expire_datetime="2030-01-01"))
    ask(method, Password("ann", Secret("right")))
    assert method.steps == [
        'server.ini has the account "ann" (ID id-ann) in default',
        "the password of server.ini counts",
        "the password is right",
        "refused: the account expired on 2030-01-01",
    ]
    method.steps.clear()
    ask(method, Password("ann", Secret("hunter2")))
    ask(method, Password("eve", Secret("hunter2")))
    assert "the password is wrong" in method.steps
    assert method.steps[-1] == "server.ini has no account of this name"
    assert not any("hunter2" in one for one in method.steps)


def test_where_keys_come_from_is_told(tmp_path: Path) -> None:
    method = Method(account(ssh_authorized_keys_path=str(tmp_path)))
    ask(method, PublicKey("ann", HostKey.generate().public.blob, proven=True))
    assert method.steps[-2:] == [
        f"keys are read from {tmp_path} as well",
        "the key is not one of the account's",
    ]


# Passwords that end. It is 2030-03-17 17:46:40.


def expiring(**options: str) -> Method:
    return with_both(password_lifetime="10", **options)


@pytest.mark.parametrize(
    ("options", "day"),
    [
        ({"last_password_update": "2030-03-07 17:46:40Z"}, "2030-03-17"),
        ({"last_password_update": "1899000000"}, "2030-03-16"),
        ({"created": "2030-01-01Z"}, "2030-01-11"),
        ({"created": "2030-01-01Z", "last_password_update": "2030-02-01Z"}, "2030-02-11"),
        ({"last_password_update": "2030-03-17 17:00Z", "password_lifetime": "5m"}, "2030-03-17"),
        ({}, "1970-01-11"),
    ],
)
def test_a_password_older_than_its_lifetime_lets_nobody_in(
    options: dict[str, str], day: str
) -> None:
    method = Method(account(**{"password": CHEAP_HASH, "password_lifetime": "10", **options}))
    told = f"the password expired on {day}"
    assert ask(method, password()) == Rejected(METHOD, told, forbidden=True)
    assert ask(method, password("wrong")) == Rejected(METHOD, "the password is wrong")
    assert method.hashes.calls == 2  # the one cost as much as the other


@pytest.mark.parametrize(
    "options",
    [
        {"last_password_update": "2030-03-07 17:46:41Z"},
        {"last_password_update": "2031-01-01"},
        {"last_password_update": "2000-01-01", "password_lifetime": "0"},
    ],
)
def test_a_password_within_its_lifetime_logs_in(options: dict[str, str]) -> None:
    method = Method(account(**{"password": CHEAP_HASH, "password_lifetime": "10", **options}))
    assert isinstance(ask(method, password()), Accepted)


def test_keys_and_certificates_outlive_a_password() -> None:
    method = expiring(last_password_update="0", allow_certificate_authentication="yes")
    assert isinstance(ask(method, password()), Rejected)
    assert isinstance(ask(method, key()), Accepted)
    assert isinstance(ask(method, shown()), Accepted)


def test_who_needs_a_password_and_a_key_is_kept_out_by_an_expired_password() -> None:
    method = expiring(last_password_update="0", required_credentials="password, ssh-key")
    assert isinstance(ask(method, key()), MoreNeeded)
    assert isinstance(ask(method, password()), Rejected)


def test_members_have_the_lifetime_of_their_primary_group_unless_they_have_their_own() -> None:
    groups = {"A": group("a", password_lifetime="10"), "B": group("b")}

    def let_in(**options: str) -> bool:
        given = account(password=CHEAP_HASH, last_password_update="2030-03-01", **options)
        return isinstance(ask(Method(given, groups=groups), password()), Accepted)

    assert not let_in(group="A, B")
    assert let_in(group="B, A")
    assert let_in(group="A", password_lifetime="30")
    assert let_in(group="A", password_lifetime="0")


# Accounts that were seen at another node.


def seen(method: Method, *kinds: str) -> Seen:
    """That ann has logged in there by these kinds of credential."""
    verdict = ask(method, password())
    assert isinstance(verdict, Accepted | MoreNeeded)
    trace = method.trace(verdict.account)
    assert trace is not None
    return Seen(METHOD.uuid, "id-ann", "ann", frozenset(kinds or ("password",)), trace)


def found(method: Method, proof: Seen) -> Verdict:
    return run(method.find(proof, PEER))


def test_what_was_seen_by_a_password_counts_while_that_is_the_password() -> None:
    method = with_password()
    proof = seen(method)
    assert isinstance(found(method, proof), Accepted)
    own = PasswordHash.parse(make_hash("another", "crypt-sha512", 1000))
    before = PasswordHash.parse(CHEAP_HASH)
    method.own.kept["id-ann"] = OwnPassword(mark_of(before), own, NOW, ())
    verdict = found(method, proof)
    assert isinstance(verdict, Rejected)
    assert verdict.details == "the password is another one by now"
    again = ask(method, password("another"))
    assert isinstance(again, Accepted)
    trace = method.trace(again.account)
    assert trace is not None
    assert isinstance(found(method, proof._replace(trace=trace)), Accepted)


def test_what_was_seen_by_a_certificate_has_nothing_to_do_with_the_password() -> None:
    method = with_password(allow_certificate_authentication="yes")
    proof = seen(method, "ssl-certificate")._replace(trace="")
    assert isinstance(found(method, proof), Accepted)


def test_a_password_that_has_expired_since_lets_nobody_in() -> None:
    method = with_password(password_lifetime="90d", created="2030-03-01")
    proof = seen(method)
    method.now += 91 * DAY
    verdict = found(method, proof)
    assert isinstance(verdict, Rejected)
    assert verdict.forbidden


def test_who_has_codes_by_now_must_have_shown_one() -> None:
    proof = seen(with_password())
    verdict = found(with_password(multi_factor_authentication=OTPAUTH), proof)
    assert isinstance(verdict, MoreNeeded)
    assert verdict.kinds == {"one-time-code"}


def test_where_the_password_cannot_be_read_nobody_is_found() -> None:
    method = with_password()
    proof = seen(method)
    method.own.fails = Refused(Reason.BROKEN, "", "it cannot be read")
    with pytest.raises(Refused):
        found(method, proof)


def test_an_account_of_another_id_has_no_trace_and_is_not_found() -> None:
    method = with_password()
    verdict = ask(method, password())
    assert isinstance(verdict, Accepted)
    assert method.trace(replace(verdict.account, uuid="id-eve")) is None
    assert found(method, seen(method)._replace(account="id-eve")) == NotMine()
