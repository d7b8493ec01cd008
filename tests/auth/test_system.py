"""Accounts of the operating system log in by what PAM says, and by nothing else."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mft.auth import pam, system
from mft.auth.base import Accepted, NotMine, Password, PublicKey, Rejected, Seen, Verdict
from mft.auth.inheritance import Membership
from mft.auth.outside import outside_uuid
from mft.auth.pam import Answer, Reply
from mft.auth.system_accounts import SystemAccount
from mft.core.secret import Secret
from mft.events import catalogue as events
from tests.fakes.accounts import PEER, SERVICE, group
from tests.fakes.pam import asks, stack
from tests.fakes.run import run
from tests.fakes.system import ANN, SYSTEM, SystemMethod

HOMES = {"DEFAULT_GROUP": group(home_folder_path="/srv/homes")}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A stack that takes `ann` with the password `right`."""
    with stack(*asks(tmp_path_factory.mktemp("pam") / "check")) as name:
        yield name


def judged(method: SystemMethod, name: str = "ann", word: str = "right") -> Verdict:
    return run(method.authenticate(Password(name, Secret(word)), PEER, SERVICE))


def refused(method: SystemMethod, name: str = "ann", word: str = "right") -> Rejected:
    verdict = judged(method, name, word)
    assert isinstance(verdict, Rejected)
    assert verdict.method == SYSTEM
    assert word not in verdict.details
    return verdict


def accepted(method: SystemMethod) -> Accepted:
    verdict = judged(method)
    assert isinstance(verdict, Accepted), verdict
    return verdict


class Pam:
    """PAM as the test says, that counts how often it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reply = Reply(Answer.WRONG, "PAM says: no")
        self.asked: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None
        monkeypatch.setattr(pam, "ask", self)

    def __call__(self, service: str, username: str, password: Secret | None, host: str) -> Reply:
        self.asked.append(username if password else f"{username}, without a password")
        self.meanwhile()
        return self.reply


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Pam:
    return Pam(monkeypatch)


def test_the_right_password_gives_the_account_with_its_own_home(service: str) -> None:
    verdict = accepted(SystemMethod(service))
    account = verdict.account
    assert verdict.method == SYSTEM
    assert (account.name, account.kind, account.home) == ("ann", "os", "/home/ann")
    assert account.groups == ("DEFAULT_GROUP",)
    assert not account.allow_own_password_change


def test_an_account_has_one_id_always_and_another_one_in_another_method(service: str) -> None:
    first, again = accepted(SystemMethod(service)), accepted(SystemMethod(service))
    assert first.account.uuid == again.account.uuid
    other = SystemMethod(service)
    other.component = SYSTEM._replace(uuid="os-2")
    assert accepted(other).account.uuid != first.account.uuid


def test_the_home_may_be_the_groups(service: str) -> None:
    method = SystemMethod(service, home_folder="group", groups=HOMES)
    assert accepted(method).account.home == "/srv/homes/ann"
    told = refused(SystemMethod(service, home_folder="group"))
    assert "home_folder_path" in told.details


@pytest.mark.parametrize("home", ["", "relative", "/home/a\nb"])
def test_an_account_without_a_possible_home_is_refused(service: str, home: str) -> None:
    told = refused(SystemMethod(service, ANN._replace(home=home)))
    assert told.details.startswith("the account cannot be used: home_folder_path: ")


@pytest.mark.parametrize("home", ["/", "/inst", "/inst/conf", "/inst/state/x", "/inst/../inst"])
def test_a_home_that_holds_what_is_ours_is_refused(fake: Pam, home: str) -> None:
    fake.reply = Reply(Answer.RIGHT)
    told = refused(SystemMethod("x", ANN._replace(home=home), directory=Path("/inst")))
    assert told.forbidden
    assert "clients must not reach" in told.details
    accepted(SystemMethod("x", ANN._replace(home="/inst/data/ann"), directory=Path("/inst")))


def test_a_virtual_folder_that_holds_what_is_ours_is_refused(fake: Pam) -> None:
    fake.reply = Reply(Answer.RIGHT)
    groups = {"DEFAULT_GROUP": group(virtual_folders="/all, /inst")}
    told = refused(SystemMethod("x", directory=Path("/inst"), groups=groups))
    assert "its folder /inst holds /inst/conf" in told.details


def test_who_is_in_no_allowed_group_is_refused_without_asking_pam(fake: Pam) -> None:
    for allowed in ("", "users", "no-such-group", "root"):
        told = refused(SystemMethod("x", allowed_groups=allowed))
        assert told.forbidden
        assert "allowed_groups" in told.details
    assert fake.asked == []


def test_every_group_may_be_allowed(fake: Pam) -> None:
    fake.reply = Reply(Answer.RIGHT)
    accepted(SystemMethod("x", allowed_groups="users, staff"))
    accepted(SystemMethod("x", allowed_groups="${ALL_OS_GROUPS}"))


@pytest.mark.parametrize(("uid", "minimum"), [(0, "1000"), (0, "0"), (999, "1000")])
def test_root_and_system_accounts_never_log_in(fake: Pam, uid: int, minimum: str) -> None:
    method = SystemMethod(
        "x", ANN._replace(uid=uid), allowed_groups="${ALL_OS_GROUPS}", minimum_uid=minimum
    )
    assert refused(method).forbidden
    assert fake.asked == []


def test_the_first_association_that_fits_gives_the_group(fake: Pam) -> None:
    fake.reply = Reply(Answer.RIGHT)
    groups = {"DEFAULT_GROUP": group(), "A": group("a"), "B": group("b")}

    def of(lines: str) -> tuple[str, ...]:
        return accepted(SystemMethod("x", groups=groups, group_association=lines)).account.groups

    assert of("users, A\nstaff, B\nann, A") == ("B",)
    assert of("ann, A\nstaff, B") == ("A",)
    assert of("users, A") == ("DEFAULT_GROUP",)


def test_a_group_that_is_disabled_lets_no_member_in(fake: Pam) -> None:
    fake.reply = Reply(Answer.RIGHT)
    groups = {"DEFAULT_GROUP": group(), "A": group("a", enabled="no")}
    told = refused(SystemMethod("x", groups=groups, group_association="staff, A"))
    assert told.details == 'the group "a" is disabled'


def test_a_group_that_asks_for_more_than_a_password_lets_nobody_in(fake: Pam) -> None:
    fake.reply = Reply(Answer.RIGHT)
    for required in ("ssh-key", "password, ssh-key"):
        groups = {"DEFAULT_GROUP": group(required_credentials=required)}
        told = refused(SystemMethod("x", groups=groups))
        assert told.forbidden
        assert "ssh-key" in told.required
    accepted(SystemMethod("x", groups={"DEFAULT_GROUP": group(required_credentials="password")}))


def test_keys_are_left_to_other_methods(fake: Pam) -> None:
    given = PublicKey("ann", b"key", proven=True)
    assert run(SystemMethod("x").authenticate(given, PEER, SERVICE)) == NotMine()


# What does not work.


def test_a_missing_stack_refuses_and_is_told_once_until_it_is_there(
    service: str, tmp_path: Path
) -> None:
    method = SystemMethod(service)
    whole, method._options = (
        method._options,
        method._options.model_copy(update={"pam_service": "mft-of-nobody"}),
    )
    for _ in range(3):
        assert refused(method).details == f"there is no {pam.stack_of('mft-of-nobody')}"
    assert method.trail.events == [events.SYSTEM_ACCOUNTS_UNAVAILABLE]
    assert "mft-of-nobody" in method.trail.told[0].message
    method._options = whole
    for _ in range(2):
        accepted(method)
    assert method.trail.events[1:] == [events.SYSTEM_ACCOUNTS_AVAILABLE]


def test_a_stack_that_hangs_refuses_after_the_time_and_is_told(fake: Pam) -> None:
    method = SystemMethod("x", timeout="5")
    hung: Deferred[Any] = Deferred()

    async def pool(*call: Any) -> Any:
        return await hung

    method.parts = method.parts._replace(outside=pool)
    method = remade(method)
    going = Deferred.fromCoroutine(method.authenticate(word(), PEER, SERVICE))
    verdicts: list[Any] = []
    going.addCallback(verdicts.append)
    method.reactor.advance(4)
    assert verdicts == []
    method.reactor.advance(1)
    assert verdicts == [Rejected(SYSTEM, "no answer within 5 seconds")]
    assert method.trail.events == [events.SYSTEM_ACCOUNTS_UNAVAILABLE]


# Time.


def word(text: str = "wrong") -> Password:
    return Password("ann", Secret(text))


def remade(method: SystemMethod) -> SystemMethod:
    system.SystemAuthenticator.__init__(
        method, SYSTEM, method._options, method.parts, method._accounts
    )
    return method


def waits(method: SystemMethod, given: Password) -> tuple[Deferred[Any], list[Any]]:
    verdicts: list[Any] = []
    going = Deferred.fromCoroutine(method.authenticate(given, PEER, SERVICE))
    going.addBoth(verdicts.append)
    return going, verdicts


@pytest.mark.parametrize(
    "case", ["wrong", "unknown", "not allowed", "root", "broken", "disabled", "a fault of ours"]
)
def test_whatever_does_not_log_in_takes_the_same_time(
    fake: Pam, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"refusal_delay": "2"}
    account, groups = ANN, None
    if case == "unknown":
        account = ANN._replace(name="bob")
    elif case == "not allowed":
        options["allowed_groups"] = ""
    elif case == "root":
        account = ANN._replace(uid=0)
    elif case == "broken":
        fake.reply = Reply(Answer.BROKEN, "PAM says: no")
    elif case == "disabled":
        fake.reply = Reply(Answer.RIGHT)
        groups = {"DEFAULT_GROUP": group(enabled="no")}
    elif case == "a fault of ours":
        monkeypatch.setattr(Membership, "of", lambda *given: 1 / 0)
        fake.reply = Reply(Answer.RIGHT)
    method = SystemMethod("x", account, groups=groups, **options)
    _, verdicts = waits(method, word())
    method.reactor.advance(1.999)
    assert verdicts == []
    method.reactor.advance(0.001)
    assert len(verdicts) == 1
    assert not isinstance(verdicts[0], Accepted)


def test_unknown_names_take_as_long_as_the_slowest_refusal_by_pam_of_late(fake: Pam) -> None:
    method = SystemMethod("x", refusal_delay="2")
    fake.meanwhile = lambda: method.reactor.advance(3)
    _, verdicts = waits(method, word())
    assert len(verdicts) == 1
    fake.meanwhile = lambda: None
    for name in ("eve", "ann"):
        _, verdicts = waits(method, Password(name, Secret("wrong")))
        method.reactor.advance(2.999)
        assert verdicts == []
        method.reactor.advance(0.001)
        assert len(verdicts) == 1
    for _ in range(system.REMEMBERED):
        method._took.append(0.0)
    _, verdicts = waits(method, Password("eve", Secret("wrong")))
    method.reactor.advance(2)
    assert len(verdicts) == 1


def test_who_logs_in_does_not_wait(fake: Pam) -> None:
    fake.reply = Reply(Answer.RIGHT)
    method = SystemMethod("x", refusal_delay="2")
    accepted(method)
    assert method.reactor.getDelayedCalls() == []


def test_a_login_that_is_given_up_ends_at_once(fake: Pam) -> None:
    method = SystemMethod("x", refusal_delay="2")
    going, verdicts = waits(method, word())
    going.cancel()
    assert verdicts[0].check(CancelledError)
    assert method.reactor.getDelayedCalls() == []


# Steps.


def test_each_step_is_told_and_no_secret(service: str) -> None:
    method = SystemMethod(service)
    accepted(method)
    assert method.steps == [
        'the operating system has the account "ann", number 1001',
        "allowed_groups: staff lets it in",
        "base_groups: it is in DEFAULT_GROUP",
        f'PAM service "{service}" accepts the password and the account',
    ]
    method.steps.clear()
    judged(method, "ann", "hunter2")
    judged(method, "eve", "hunter2")
    assert method.steps[-2:] == [
        f'PAM service "{service}" refuses: PAM says: Authentication failure',
        "the operating system has no account of this name",
    ]
    assert not any("hunter2" in one for one in method.steps)


def test_what_stands_in_the_way_is_told_as_a_step(fake: Pam) -> None:
    for account, end in (
        (SystemAccount("ann", 0, "/root", frozenset((50,))), "refused: root never logs in"),
        (ANN._replace(home="/"), "clients must not reach"),
    ):
        fake.reply = Reply(Answer.RIGHT)
        method = SystemMethod("x", account)
        refused(method)
        assert method.steps[-1].endswith(end)


# Accounts that were seen at another node.


def found(method: SystemMethod, name: str = "ann") -> Verdict:
    uuid = outside_uuid(SYSTEM, name)
    return run(method.find(Seen(SYSTEM.uuid, uuid, name, frozenset(("password",))), PEER))


def test_pam_is_asked_whether_the_account_may_be_used_and_nothing_else(fake: Pam) -> None:
    method = SystemMethod("any")
    fake.reply = Reply(Answer.RIGHT)
    verdict = found(method)
    assert isinstance(verdict, Accepted)
    assert verdict.account.home == "/home/ann"
    assert fake.asked == ["ann, without a password"]
    fake.reply = Reply(Answer.WRONG, "PAM says: the account has expired")
    assert isinstance(found(method), Rejected)
    assert list(method._took) == [], "how long that took is no secret of anybody"


def test_an_account_that_is_gone_or_barred_by_now_is_not_found(fake: Pam) -> None:
    method = SystemMethod("any", allowed_groups="users")
    assert isinstance(found(method), Rejected)
    assert found(method, "eve") == NotMine()
    assert fake.asked == []
