"""The objects of a configuration: each service with the right chain, and nothing that is off."""

import os
import time
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from twisted.logger import globalLogPublisher

from mft.auth.base import OneTimeCode, Password, PublicKey
from mft.auth.chain import Outcome
from mft.auth.own_passwords import NotChanged
from mft.auth.time_codes import step_at
from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component
from mft.core.secret import Secret
from mft.daemon import build
from mft.daemon.load import Config
from mft.events import catalogue as events
from mft.runtime.threads import DISK_THREADS, OUTSIDE_THREADS, WORK_THREADS
from mft.session.login import Login
from mft.session.opening import Limits
from mft.session.own_credentials import Ways
from mft.vfs.volume import FAST_AGAIN, STALL, Kind, Volumes
from tests.fakes.accounts import CHEAP_HASH, CODES, OTPAUTH, KeptInMemory, UsedInMemory
from tests.fakes.daemons import ANN, SERVER, Instance, ssh
from tests.fakes.reactor import Reactor
from tests.fakes.run import run
from tests.fakes.services import Services
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

PEER = Address("192.0.2.7", 51234)
COMPONENT = Component("one-1", "ssh", "one")
METHOD = "[authentications/{0}-1]\ntype = application\nname = {0}\nenabled = {1}\n"


class FakePools(NamedTuple):
    """Pools that run everything at once."""

    disk: Any
    login: Any
    outside: Any


class Noted:
    """Keeps who has logged in."""

    def __init__(self) -> None:
        self.known: list[str] = []

    def login(self, account: str) -> None:
        self.known.append(account)


ANN_IN = SimpleNamespace(uuid="id-ann", one_time_codes=False)


def pools() -> Any:
    return FakePools(Inline(), Inline(), Inline())


def names(config: Config, trail: Trail) -> dict[str, list[str]]:
    """The names of the methods of each service's chain, in order."""
    chains = build.methods(config, pools(), trail, KeptInMemory(), Reactor()).chains  # type: ignore[arg-type]  # the fake
    return {
        uuid: [method.component.name for method in chain.methods] for uuid, chain in chains.items()
    }


# Pools.


def test_the_pools_are_apart_and_one_core_is_the_reactors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    made = build.Pools.of(None)
    assert [(pool._pool.name, pool._pool.max) for pool in made] == [
        ("disk", DISK_THREADS),
        ("login", 7),
        ("outside", OUTSIDE_THREADS),
        ("work", WORK_THREADS),
    ]


@pytest.mark.parametrize("cores", [1, None])
def test_a_small_machine_has_one_thread_for_logins(
    monkeypatch: pytest.MonkeyPatch, cores: int | None
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert build.Pools.of(None).login._pool.max == 1


# Chains.


def test_without_any_method_the_accounts_of_the_file_are_asked(instance: Instance) -> None:
    trail = Trail()
    assert names(instance.config(ssh("one", 1)), trail) == {"one-1": ["accounts of this file"]}
    assert not trail.told


def test_the_list_of_the_server_counts_where_a_service_has_none(instance: Instance) -> None:
    config = instance.config(
        ssh("one", 1),
        ssh("two", 2, authentications="a-1"),
        METHOD.format("a", "yes"),
        METHOD.format("b", "yes"),
        METHOD.format("unnamed", "yes"),
        server=f"{SERVER}authentications = b-1, a-1\n",
    )
    assert names(config, Trail()) == {"one-1": ["b", "a"], "two-1": ["a"]}


def test_a_method_that_is_off_is_passed_over_and_told(instance: Instance) -> None:
    trail = Trail()
    config = instance.config(
        ssh("one", 1),
        ssh("two", 2, authentications="a-1"),
        METHOD.format("a", "no"),
        METHOD.format("b", "yes"),
        server=f"{SERVER}authentications = a-1, b-1\n",
    )
    # Nobody gets in by another method than those that are named.
    assert names(config, trail) == {"one-1": ["b"], "two-1": []}
    (told,) = trail.told
    assert told.event is events.METHOD_SKIPPED
    assert told.event.data(told.payload) == {"method_name": "a", "method_type": "application"}


def test_a_server_whose_only_method_is_off_lets_nobody_in(instance: Instance) -> None:
    config = instance.config(
        ssh("one", 1), METHOD.format("a", "no"), server=f"{SERVER}authentications = a-1\n"
    )
    assert names(config, Trail()) == {"one-1": []}


def test_a_chain_knows_the_accounts_of_the_configuration(instance: Instance) -> None:
    config = instance.config(ssh("one", 1), ANN + f"password = {CHEAP_HASH}\n")
    chain = build.methods(config, pools(), Trail(), KeptInMemory(), Reactor()).chains["one-1"]  # type: ignore[arg-type]  # the fake
    right = run(chain.judge(Password("ann", Secret("right")), PEER, COMPONENT))
    wrong = run(chain.judge(Password("ann", Secret("wrong")), PEER, COMPONENT))
    assert (right.outcome, wrong.outcome) == (Outcome.ACCEPTED, Outcome.WRONG)


def test_a_method_with_a_second_factor_lets_nobody_in_without_it(instance: Instance) -> None:
    first = METHOD.format("a", "yes") + "second_factor_authentication = b-1\n"
    second = METHOD.format("b", "yes") + "use_as_second_factor = yes\n"
    account = ANN + f"password = {CHEAP_HASH}\n"
    server = f"{SERVER}authentications = a-1\n"
    config = instance.config(ssh("one", 1), first, second, account, server=server)
    methods = build.methods(config, pools(), Trail(), KeptInMemory(), Reactor())  # type: ignore[arg-type]  # the fake
    assert [one.component.name for one in methods.every] == ["a", "b"], "each is started once"
    chain = methods.chains["one-1"]
    half = run(chain.judge(Password("ann", Secret("right")), PEER, COMPONENT))
    assert (half.outcome, half.missing) == (Outcome.MORE_NEEDED, {"one-time-code"})
    answer = OneTimeCode("ann", Secret("right"))
    assert run(chain.judge(answer, PEER, COMPONENT, half.proven)).outcome is Outcome.ACCEPTED


def test_used_codes_are_those_of_the_server_and_without_them_none_does(instance: Instance) -> None:
    account = f"{ANN}password = {CHEAP_HASH}\nmulti_factor_authentication = {OTPAUTH}\n"
    config = instance.config(ssh("one", 1), account)
    given = Password("ann", Secret("right" + CODES.code(step_at(time.time()))))
    kept, outcomes = UsedInMemory(), []
    for used in ({}, {"used_codes": kept}, {"used_codes": kept}):
        built = build.methods(config, pools(), Trail(), KeptInMemory(), Reactor(), **used)  # type: ignore[arg-type]  # the fake
        outcomes.append(run(built.chains["one-1"].judge(given, PEER, COMPONENT)).outcome)
    assert outcomes == [Outcome.BROKEN, Outcome.ACCEPTED, Outcome.WRONG], "also after a reload"


def test_authorized_keys_that_cannot_be_read_are_an_event(instance: Instance) -> None:
    keys = instance.directory / "keys"
    keys.mkdir()
    (keys / "ann").mkdir()
    trail = Trail()
    config = instance.config(ssh("one", 1), ANN + f"ssh_authorized_keys_path = {keys}/ann\n")
    keys.joinpath("ann").rmdir()
    chain = build.methods(config, pools(), trail, KeptInMemory(), Reactor()).chains["one-1"]  # type: ignore[arg-type]  # the fake
    judged = run(chain.judge(PublicKey("ann", b"\0\0\0\x07ssh-rsa", True), PEER, COMPONENT))
    assert judged.outcome is not Outcome.ACCEPTED
    assert [told.event for told in trail.told] == [events.AUTHORIZED_KEYS_UNREADABLE]


# The doorman.


def test_the_doorman_uses_the_chains_that_are_in_force(instance: Instance) -> None:
    trail = Trail()
    doorman = build.Doorman(trail, None, KeptInMemory(), Noted())  # type: ignore[arg-type]  # the fake, and nobody opens
    config = instance.config(ssh("one", 1))
    first = build.methods(config, pools(), trail, KeptInMemory(), Reactor())  # type: ignore[arg-type]  # the fake
    doorman.use(first)
    before = doorman(PEER, COMPONENT, None, Limits(8, 0))  # type: ignore[arg-type]  # no session is opened
    doorman.use(build.methods(config, pools(), trail, KeptInMemory(), Reactor()))  # type: ignore[arg-type]  # the fake
    after = doorman(PEER, COMPONENT, None, Limits(8, 0))  # type: ignore[arg-type]  # no session is opened
    assert isinstance(before, Login)
    assert before._chain is first.chains["one-1"]
    assert after._chain is doorman.chains["one-1"]


def test_the_doorman_opens_what_the_service_asks_for_and_notes_who_came() -> None:
    class Door:
        async def open(self, *given: Any) -> Any:
            return given

    noted = Noted()
    doorman = build.Doorman(Trail(), Door(), KeptInMemory(), noted)  # type: ignore[arg-type]  # the fakes
    doorman.chains = {"one-1": None}  # type: ignore[dict-item]  # nobody is judged
    login = doorman(PEER, COMPONENT, "numbers", 8)  # type: ignore[arg-type]  # passed on
    *given, change = run(login._open(ANN_IN, PEER, COMPONENT))
    assert given == [ANN_IN, PEER, COMPONENT, "numbers", 8]
    assert isinstance(change, Ways)
    assert change.has_codes() is False
    given = SimpleNamespace(uuid="id-ann", one_time_codes=True)
    *_, change = run(login._open(given, PEER, COMPONENT))
    assert change.has_codes() is True
    assert noted.known == ["id-ann"] * 2


def test_whom_a_policy_bars_waits_as_the_doorman_is_told() -> None:
    async def pause() -> None: ...

    doorman = build.Doorman(Trail(), None, KeptInMemory(), Noted(), pause=pause)  # type: ignore[arg-type]  # nobody opens
    doorman.chains = {"one-1": None}  # type: ignore[dict-item]  # nobody is judged
    assert doorman(PEER, COMPONENT, "numbers", 8)._pause is pause  # type: ignore[arg-type]  # passed on


def test_who_gets_no_session_was_not_here() -> None:
    class Closed:
        async def open(self, *given: object) -> object:
            raise Refused(Reason.BUSY)

    noted = Noted()
    doorman = build.Doorman(Trail(), Closed(), KeptInMemory(), noted)
    doorman.chains = {"one-1": None}
    with pytest.raises(Refused):
        run(doorman(PEER, COMPONENT, "numbers", 8)._open(ANN_IN, PEER, COMPONENT))
    assert noted.known == []


def test_a_password_is_changed_by_the_chain_that_is_in_force_then() -> None:
    class Door:
        async def open(self, *given: object) -> object:
            return given[-1]

    class Asked:
        def __init__(self) -> None:
            self.given: list[object] = []

        async def change_credentials(self, *given: object) -> None:
            self.given.append(given)

    doorman = build.Doorman(Trail(), Door(), KeptInMemory(), Noted())
    before, after = Asked(), Asked()
    doorman.chains = {"one-1": before}
    change = run(doorman(PEER, COMPONENT, "numbers", 8)._open(ANN_IN, PEER, COMPONENT)).change
    doorman.chains = {"one-1": after}
    run(change("given"))
    assert (before.given, after.given) == ([], [(ANN_IN, "given", PEER)])
    doorman.chains = {}
    with pytest.raises(NotChanged):
        run(change("given"))


# Policies against guessing.

POLICY = "[security-policies/{0}]\nname = {0}\nsource_ip_ban_after_count = {1}\n"
OLD = "[authentications/old-1]\ntype = ip-time-ban\nname = old\nban_after_count = 1\n"
WRONG = Password("ann", Secret("wrong"))


def ready(instance: Instance, *sections: str, trail: Trail | None = None) -> build.Doorman:
    """A doorman with the configuration of these sections in force."""
    doorman = build.Doorman(trail or Trail(), None, KeptInMemory(), Noted())  # type: ignore[arg-type]  # the fake, and nobody opens
    use(doorman, instance, *sections, trail=trail)
    return doorman


def use(
    doorman: build.Doorman, instance: Instance, *sections: str, trail: Trail | None = None
) -> None:
    given: Any = trail or Trail()
    config = instance.config(*sections, ANN + f"password = {CHEAP_HASH}\n")
    methods = build.methods(
        config, pools(), given, KeptInMemory(), Reactor(), ledgers=doorman.ledgers
    )
    doorman.use(methods)


def outcomes(
    doorman: build.Doorman, times: int, uuid: str = "one-1", peer: Address = PEER
) -> list[Outcome]:
    """How so many wrong passwords are judged at a service."""
    chain = doorman.chains[uuid]
    return [run(chain.judge(WRONG, peer, COMPONENT)).outcome for _ in range(times)]


def test_every_service_has_the_default_policy_which_spares_this_machine(instance: Instance) -> None:
    doorman = ready(instance, ssh("one", 1), ssh("two", 2))
    assert outcomes(doorman, 6) == [Outcome.WRONG] * 5 + [Outcome.BARRED]
    assert outcomes(doorman, 1, "two-1") == [Outcome.BARRED]
    for host in ("127.0.0.1", "127.3.2.1", "::1"):
        assert outcomes(doorman, 20, peer=Address(host, 1)) == [Outcome.WRONG] * 20


def test_each_policy_counts_for_itself_and_none_is_none(instance: Instance) -> None:
    off = "[security-policies/off]\nname = off\nenabled = no\nsource_ip_ban_after_count = 1\n"
    doorman = ready(
        instance,
        ssh("one", 1, security_policy="strict"),
        ssh("two", 2),
        ssh("three", 3, security_policy=""),
        ssh("four", 4, security_policy="off"),
        POLICY.format("strict", 1),
        off,
    )
    assert outcomes(doorman, 2) == [Outcome.WRONG, Outcome.BARRED]
    assert outcomes(doorman, 2, "two-1") == [Outcome.WRONG] * 2
    assert outcomes(doorman, 20, "three-1") == outcomes(doorman, 20, "four-1")
    assert Outcome.BARRED not in outcomes(doorman, 20, "three-1")


def test_an_older_method_watches_as_well_and_only_where_it_is_named(instance: Instance) -> None:
    doorman = ready(
        instance,
        ssh("one", 1, authentications="old-1, a-1"),
        ssh("two", 2, authentications="a-1"),
        OLD,
        METHOD.format("a", "yes"),
    )
    assert outcomes(doorman, 2) == [Outcome.WRONG, Outcome.BARRED]
    assert outcomes(doorman, 1, "two-1") == [Outcome.WRONG]
    assert list(doorman.methods.guards) == [
        "security-policies/DEFAULT-SECURITY-POLICY",
        "authentications/old-1",
    ]


def test_what_is_remembered_outlives_a_reload_and_goes_with_its_policy(instance: Instance) -> None:
    one, strict = ssh("one", 1, security_policy="strict"), POLICY.format("strict", 3)
    doorman = ready(instance, one, strict)
    outcomes(doorman, 2)
    use(doorman, instance, one, strict)
    assert outcomes(doorman, 2) == [Outcome.WRONG, Outcome.BARRED]
    use(doorman, instance, ssh("one", 1))
    assert [section for section, _ in doorman.ledgers.every()] == [
        "security-policies/DEFAULT-SECURITY-POLICY"
    ]
    use(doorman, instance, one, strict)
    assert outcomes(doorman, 1) == [Outcome.WRONG]


def test_rules_count_only_once_they_are_in_force(instance: Instance) -> None:
    doorman = ready(instance, ssh("one", 1))
    other = "[security-policies/DEFAULT-SECURITY-POLICY]\nname = x\nsource_ip_ban_after_count = 1\n"
    config = instance.config(ssh("one", 1), other, ANN)
    given: Any = Trail()
    build.methods(config, pools(), given, KeptInMemory(), Reactor(), ledgers=doorman.ledgers)
    assert outcomes(doorman, 4) == [Outcome.WRONG] * 4


def test_the_doorman_turns_away_whom_the_policy_of_the_service_does(instance: Instance) -> None:
    doorman = ready(instance, ssh("one", 1))
    outcomes(doorman, 5)
    assert doorman.turned_away(PEER, COMPONENT, banned=True)
    assert not doorman.turned_away(PEER, COMPONENT, banned=False)
    assert not doorman.turned_away(PEER, COMPONENT._replace(uuid="gone-1"), banned=True)


# Services, handlers and volumes.


def test_an_old_word_for_a_type_is_told_as_the_type(instance: Instance, services: Services) -> None:
    config = instance.config(ssh("one", 1, type="SFTP"), ssh("two", 2, enabled="no"))
    assert build.service_component("one-1", config.services["one-1"]) == COMPONENT
    made = build.services(config, None)  # type: ignore[arg-type]  # the fakes need none
    assert list(made) == ["one-1"]
    assert made["one-1"].component == COMPONENT


def test_the_server_has_its_name_in_the_audit_trail(instance: Instance) -> None:
    component = build.server_component(instance.config())
    assert component == Component("server-1", "server", "files")


def test_a_volume_that_changes_how_it_is_used_is_told(instance: Instance) -> None:
    trail = Trail()
    volumes = build.volumes(instance.config(), pools(), trail)  # type: ignore[arg-type]  # the fake
    volume = volumes.meet(1, Kind.LOCAL, "/srv")
    volume.took(STALL * 2)
    volume._fast_since = volume.clock() - FAST_AGAIN - 1
    run(volume.pooled(int))
    assert [told.event for told in trail.told] == [events.VOLUME_TO_THREADS, events.VOLUME_INLINE]
    assert [told.payload.path for told in trail.told] == ["/srv", "/srv"]


@pytest.mark.parametrize(("option", "syncs"), [("batch", False), ("always", True)])
def test_answers_wait_for_the_journal_when_it_is_always_synced(
    instance: Instance, option: str, syncs: bool
) -> None:
    config = instance.config(server=f"{SERVER}journal_sync = {option}\naudit_requests = yes\n")

    async def sync() -> None:
        raise AssertionError("nobody answers here")

    opening = build.opening(config, Trail(), Volumes(Inline()), None, None, sync)  # type: ignore[arg-type]  # nothing is opened
    assert (opening._sync_events is sync) is syncs
    assert opening._tell_requests


def test_what_only_a_developer_wants_to_know_goes_to_the_log() -> None:
    heard: list[Any] = []
    globalLogPublisher.addObserver(heard.append)
    build.log_line("{not a field}")
    globalLogPublisher.removeObserver(heard.append)
    assert heard[0]["message"] == "{not a field}"


# Files of accounts.


def test_a_file_of_accounts_is_read_again_as_strictly_as_with_server_ini(
    instance: Instance,
) -> None:
    files = {name: instance.directory / f"{name}.ini" for name in ("one", "two")}
    for name, path in files.items():
        path.write_text(ANN.replace("HOME", str(instance.directory / "data")).replace("ann", name))
        path.chmod(0o600)
    method = "[authentications/{0}]\ntype = local-file\nname = {0}\npath = {1}\n"
    config = instance.config(ANN, *(method.format(*each) for each in files.items()))
    made: Any = build.auth_parts(config, pools(), Trail(), KeptInMemory(), Reactor())  # type: ignore[arg-type]  # the fake
    assert [list(read.accounts) for read in made.files.values()] == [["one-1"], ["two-1"]]
    path, stamp = files["one"], made.files["one"].stamp
    assert made.read_file("one", path, stamp) is None
    text = path.read_text()
    path.write_text(text.replace("name = one", "name = another"))
    assert made.read_file("one", path, stamp).accounts["one-1"].name == "another"
    for taken in ("ann-1", "two-1"):  # of server.ini, and of the other file
        path.write_text(text.replace("one-1", taken))
        with pytest.raises(ValueError, match=f"accounts/{taken}"):
            made.read_file("one", path, stamp)
