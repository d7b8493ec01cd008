"""A reload changes what has changed, all of it or nothing."""

import os
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol

from mft.auth.base import Password
from mft.auth.chain import Outcome
from mft.core.failure import Refused
from mft.core.peer import Address
from mft.core.secret import Secret
from mft.daemon.service import Daemon
from mft.events import catalogue as events
from mft.runtime.connection import Port
from mft.trust.ssh_keys import HostKey
from tests.fakes.accounts import CHEAP_HASH, OTPAUTH, SERVICE, code_at
from tests.fakes.daemons import ANN, SERVER, Instance, log_file, ssh
from tests.fakes.loop import run_loop, until
from tests.fakes.services import Services
from tests.interop.ports import free_port

Body = Callable[[Daemon, Any], Awaitable[None]]


def running(instance: Instance, body: Body, *sections: str) -> None:
    """Start, do it, stop."""

    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, *sections)
        await daemon.start()
        try:
            await body(daemon, reactor)
        finally:
            await daemon.stop()

    run_loop(main)


async def refused(daemon: Daemon) -> str:
    """Reload; it is refused. Gives why."""
    with pytest.raises(Refused) as why:
        await daemon.reload()
    return str(why.value)


# What is refused changes nothing.


def test_a_file_with_problems_changes_nothing_and_tells_the_first(
    instance: Instance, services: Services
) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        before = daemon.config
        instance.write(
            "[services/one-1]\ntype = ssh\nname = one\nport = x\n"
            "cluster_activation = no\nsome = 1\n"
        )
        why = await refused(daemon)
        assert 'port = "x"' in why
        assert daemon.config is before
        assert services.said == ["one: listens"]

    running(instance, body, ssh("one", 1))
    (told,) = [one for one in instance.told if one.event is events.RELOAD_REFUSED]
    assert told.data["count"] == 2, "warnings do not count"
    assert events.CONFIGURATION_RELOADED.number not in instance.numbers


def test_a_port_that_is_taken_changes_nothing(instance: Instance, services: Services) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        before, chains = daemon.config, daemon._doorman.chains
        services.taken.add(4)
        instance.write(ssh("one", 1, sftp="no"), ssh("new", 3), ssh("bad", 4), log_file("log"))
        assert "127.0.0.1:4: is taken" in await refused(daemon)
        assert daemon.config is before
        assert daemon._doorman.chains is chains
        assert list(daemon.services) == ["one-1"]
        assert daemon.services["one-1"].options == before.services["one-1"]
        assert not daemon.handling.subscriptions
        assert not daemon.leaving
        assert services.said == ["one: listens", "new: listens", "new: stops", "new: ends all"]

    running(instance, body, ssh("one", 1))


def test_a_key_that_cannot_be_used_changes_nothing(instance: Instance, services: Services) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        services.broken.add("bad")
        instance.write(ssh("one", 2), ssh("bad", 4))
        assert "the key of bad" in await refused(daemon)
        assert services.said == ["one: listens"]

    running(instance, body, ssh("one", 1))


def test_a_handler_that_does_not_start_changes_nothing(
    instance: Instance, services: Services
) -> None:
    (instance.directory / "file").touch()

    async def body(daemon: Daemon, reactor: Any) -> None:
        kept = daemon.handling.subscriptions["same-1"]
        instance.write(
            ssh("one", 2),
            log_file("same", "log/same.log"),
            log_file("log", "log/other.log"),
            log_file("bad", "file/server.log"),
        )
        await refused(daemon)
        assert list(daemon.handling.subscriptions) == ["same-1", "log-1"]
        assert daemon.handling.subscriptions["same-1"] is kept
        assert not daemon.handling.subscriptions["log-1"].given_up
        assert daemon.services["one-1"].options.port == 1
        assert services.said[1:] == ["one: listens", "one: stops", "one: ends all"]
        assert not services.last("one").accepting, "nobody came in to what is not in force"

    running(
        instance,
        body,
        ssh("one", 1),
        log_file("same", "log/same.log"),
        log_file("log", "log/a.log"),
    )
    texts = [(instance.directory / "log" / name).read_text() for name in ("a.log", "other.log")]
    numbers = [int(line.split()[0]) for text in texts for line in text.splitlines()]
    # Until they stopped; who stops later may have heard that the other one has.
    told = Counter(instance.numbers[:-2]), Counter(instance.numbers[:-1])
    assert Counter(numbers) in told, "nothing is missed, or told twice"
    assert texts[0].count(f"{events.RELOAD_REFUSED.number} ") == 1


def test_a_server_that_stops_reloads_no_more(instance: Instance, services: Services) -> None:
    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, ssh("one", 1))
        await daemon.start()
        instance.write(ssh("one", 2))
        stopped = Deferred.fromCoroutine(daemon.stop())
        assert "shutting down" in await refused(daemon)
        await stopped

    run_loop(main)
    assert services.said.count("one: listens") == 1


# What is in force.


def test_what_has_not_changed_is_not_touched(instance: Instance, services: Services) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        one, handler = daemon.services["one-1"], daemon.handling.subscriptions["log-1"]
        chain = daemon._doorman.chains["one-1"]
        instance.write(ssh("one", 1), log_file("log"), ANN)
        await daemon.reload()
        assert daemon.services["one-1"] is one
        assert daemon.handling.subscriptions["log-1"] is handler
        assert services.said == ["one: listens"]
        assert daemon._doorman.chains["one-1"] is not chain, "the new account may log in"
        assert list(daemon.config.accounts) == ["ann-1"]

    running(instance, body, ssh("one", 1), log_file("log"))
    assert instance.numbers.count(events.CONFIGURATION_RELOADED.number) == 1


def test_a_used_one_time_code_is_used_after_a_reload(
    instance: Instance, services: Services
) -> None:
    coded = f"{ANN}password = {CHEAP_HASH}\nmulti_factor_authentication = {OTPAUTH}\n"
    given = Password("ann", Secret("right" + code_at(time.time())))

    async def outcome(daemon: Daemon) -> Outcome:
        chain = daemon._doorman.chains["one-1"]
        return (await chain.judge(given, Address("127.0.0.1", 1), SERVICE)).outcome

    async def body(daemon: Daemon, reactor: Any) -> None:
        assert await outcome(daemon) is Outcome.ACCEPTED
        chain = daemon._doorman.chains["one-1"]
        instance.write(ssh("one", 1), f"{coded}description = changed\n")
        await daemon.reload()
        assert daemon._doorman.chains["one-1"] is not chain
        assert await outcome(daemon) is Outcome.WRONG

    running(instance, body, ssh("one", 1), coded)


def test_what_holds_until_the_next_start_is_told_at_every_reload(instance: Instance) -> None:
    log = log_file("one")

    async def body(daemon: Daemon, reactor: Any) -> None:
        assert daemon.status()["waiting_for_restart"] == []
        for _ in range(2):
            instance.write(log, server=f"{SERVER}umask = 077\naudit_requests = yes\n")
            await daemon.reload()
            assert daemon.status()["waiting_for_restart"] == ["umask", "audit_requests"]
        instance.write(log)
        await daemon.reload()
        assert daemon.status()["waiting_for_restart"] == []

    running(instance, body, log)
    told = [one.data for one in instance.told if one.event is events.RESTART_NEEDED]
    assert told == [{"options": "umask, audit_requests"}] * 2


def test_services_come_move_change_and_go(instance: Instance, services: Services) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        services.said.clear()
        instance.write(
            ssh("change", 1, sftp="no"), ssh("move", 12), ssh("off", 3, enabled="no"), ssh("new", 5)
        )
        await daemon.reload()
        assert services.said[:2] == ["move: listens", "new: listens"], "what can fail comes first"
        assert sorted(services.said[2:]) == [
            "change: hands over",
            "change: takes over",
            "gone: stops",
            "move: stops",
            "off: stops",
        ]
        assert sorted(daemon.services) == ["change-1", "move-1", "new-1"]
        assert all(services.last(name).accepting for name in ("change", "move", "new"))
        assert [str(one.address) for one in daemon.services.values()] == [
            "127.0.0.1:1",
            "127.0.0.1:12",
            "127.0.0.1:5",
        ]

    running(instance, body, ssh("change", 1), ssh("move", 2), ssh("off", 3), ssh("gone", 4))
    started = instance.numbers.count(events.SERVICE_STARTED.number)
    assert started == instance.numbers.count(events.SERVICE_STOPPED.number) == 7


def test_a_service_that_left_is_waited_for_and_then_forgotten(
    instance: Instance, services: Services
) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        old = services.last("one")
        old.sessions = 1
        instance.write(ssh("two", 2))
        await daemon.reload()
        assert daemon.leaving == [old]
        assert "one-1" in daemon._doorman.chains, "who is logging in there still can"
        await daemon.reload()
        assert daemon.leaving == [old]
        old.session_ends()
        assert daemon.leaving == []
        await daemon.reload()
        assert list(daemon._doorman.chains) == ["two-1"]

    running(instance, body, ssh("one", 1))


def test_handlers_come_change_and_go(instance: Instance) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        instance.write(log_file("change", "log/b.log"), log_file("new", "log/new.log"))
        await daemon.reload()
        assert sorted(daemon.handling.subscriptions) == ["change-1", "new-1"]
        instance.write(log_file("change", "log/b.log"), log_file("new", "log/n", enabled="no"))
        await daemon.reload()
        assert sorted(daemon.handling.subscriptions) == ["change-1"]

    running(instance, body, log_file("change", "log/a.log"), log_file("gone", "log/gone.log"))
    told = [
        (one.event, one.data["name"])
        for one in instance.told
        if one.event in (events.COMPONENT_STARTED, events.COMPONENT_STOPPED)
    ]
    assert set(told[2:4]) == {  # side by side
        (events.COMPONENT_STOPPED, "change"),
        (events.COMPONENT_STOPPED, "gone"),
    }
    assert told[4:] == [
        (events.COMPONENT_STARTED, "change"),
        (events.COMPONENT_STARTED, "new"),
        (events.COMPONENT_STOPPED, "new"),
        (events.COMPONENT_STOPPED, "change"),
    ]
    texts = [(instance.directory / "log" / name).read_text() for name in ("a.log", "b.log")]
    numbers = [int(line.split()[0]) for text in texts for line in text.splitlines()]
    assert numbers == instance.numbers[: len(numbers)], "each event is in one of them, once"
    first = (instance.directory / "log" / "new.log").read_text().splitlines()[0]
    assert not first.startswith(str(events.PROCESS_STARTING.number)), "a new one begins now"


def test_two_reloads_at_once_come_one_after_the_other(
    instance: Instance, services: Services
) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        instance.write(ssh("one", 2))
        first = Deferred.fromCoroutine(daemon.reload())
        second = Deferred.fromCoroutine(daemon.reload())
        await first
        await second
        assert services.said == ["one: listens", "one: listens", "one: stops"]
        assert daemon.leaving == []

    running(instance, body, ssh("one", 1))


# Real sockets.


class Client(Protocol):
    """Keeps what it received."""

    def __init__(self) -> None:
        self.received = b""
        self.lost: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Any = None) -> None:
        self.lost.callback(None)


async def connect(reactor: Any, port: int) -> Any:
    """Connect, and wait for the server's first line."""
    client: Any = await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(
        Factory.forProtocol(Client)
    )
    await until(reactor, lambda: b"\r\n" in client.received)
    return client


async def answers(reactor: Any, port: int) -> None:
    """Somebody greets on the port."""
    client = await connect(reactor, port)
    client.transport.loseConnection()
    await client.lost


def test_a_changed_service_goes_on_with_its_socket_and_its_sessions(instance: Instance) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        port = daemon.services["one-1"].address.port
        listening = [one for one in reactor.getReaders() if isinstance(one, Port)]
        old = await connect(reactor, port)
        instance.write(ssh("one", 0, before_login_message="hello"))
        await daemon.reload()
        assert daemon.services["one-1"].address.port == port
        assert [one for one in reactor.getReaders() if isinstance(one, Port)] == listening
        new = await connect(reactor, port)
        assert daemon.services["one-1"].connections == 1
        assert daemon.leaving[0].connections == 1
        before = len(old.received)
        old.transport.write(b"SSH-2.0-test\r\n" + bytes(64))  # is answered by a DISCONNECT
        await old.lost
        assert len(old.received) > before, "the old session went on"
        assert not new.lost.called
        new.transport.loseConnection()
        await new.lost
        await until(reactor, lambda: not daemon.leaving)

    running(instance, body, ssh("one", 0))
    connected = instance.numbers.count(events.SSH_CONNECTED.number)
    assert connected == instance.numbers.count(events.SSH_CLOSED.number) == 2


def test_two_services_swap_their_ports(instance: Instance) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        for first, second in ((two, one), (one, two)):
            instance.write(ssh("one", first), ssh("two", second))
            await daemon.reload()
            assert daemon.services["one-1"].address == ("127.0.0.1", first)
            assert daemon.services["two-1"].address == ("127.0.0.1", second)
            for port in (one, two):
                await answers(reactor, port)

    one, two = free_port(), free_port()
    running(instance, body, ssh("one", one), ssh("two", two))


def test_a_new_service_takes_the_place_of_one_that_leaves(instance: Instance) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        instance.write(ssh("two", port), ssh("one", port, enabled="no"))
        await daemon.reload()
        assert set(daemon.services) == {"two-1"}
        await answers(reactor, port)

    port = free_port()
    running(instance, body, ssh("one", port))


def test_a_service_that_is_gone_does_not_listen(instance: Instance) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        port = daemon.services["one-1"].address.port
        instance.write()
        await daemon.reload()
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0

    running(instance, body, ssh("one", 0))


def test_host_keys_that_are_gone_change_nothing(instance: Instance) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        running = daemon.services["one-1"]
        shutil.rmtree(instance.directory / "conf" / "keys")
        (instance.directory / "conf" / "keys").mkdir()
        key = instance.directory / "conf" / "keys" / "ssh_host_ed25519_key"
        os.symlink("nowhere", key)
        instance.write(ssh("one", 0, scp="no"))
        await refused(daemon)
        assert daemon.services["one-1"] is running

    running(instance, body, ssh("one", 0))


# What services load from files.


def test_the_host_keys_of_a_new_service_are_not_made_on_the_reactor(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    (instance.directory / "conf" / "keys" / "ssh_host_ed25519_key").unlink()
    made: list[threading.Thread] = []
    generate = HostKey.generate

    def watched(*given: Any) -> HostKey:
        made.append(threading.current_thread())
        return generate("ed25519")

    monkeypatch.setattr(HostKey, "generate", watched)

    async def body(daemon: Daemon, reactor: Any) -> None:
        instance.write(ssh("one", 0))
        await daemon.reload()
        assert daemon.services["one-1"].address is not None

    running(instance, body)
    assert made
    assert threading.main_thread() not in made


def test_a_service_that_is_not_ready_changes_nothing(
    instance: Instance, services: Services
) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        before = daemon.config
        services.unready.add("bad")
        instance.write(ssh("one", 1), ssh("new", 3), ssh("bad", 4))
        assert "its list cannot be had" in await refused(daemon)
        assert daemon.config is before
        assert services.last("new").prepared
        assert not daemon.leaving
        assert services.last("one").refreshed == 0
        assert services.said == ["one: listens", "new: listens", "new: stops", "new: ends all"]

    running(instance, body, ssh("one", 1))


def test_services_that_stay_load_their_files_again_and_new_ones_do_not(
    instance: Instance, services: Services
) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        instance.write(ssh("one", 1), ssh("two", 2, sftp="no"), ssh("new", 3))
        await daemon.reload()
        refreshed = {name: services.last(name).refreshed for name in ("one", "two", "new")}
        assert refreshed == {"one": 1, "two": 0, "new": 0}
        assert all(services.last(name).prepared for name in refreshed)

    running(instance, body, ssh("one", 1), ssh("two", 2))
    assert events.TLS_NOT_RELOADED.number not in instance.numbers


@pytest.mark.parametrize("error", [ValueError("no key"), OSError("gone"), ZeroDivisionError("a")])
def test_files_that_cannot_be_loaded_again_are_told_and_the_old_stay(
    instance: Instance, services: Services, error: Exception
) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        services.stale = error
        await daemon.reload()
        assert services.said == ["one: listens"]

    running(instance, body, ssh("one", 1))
    (told,) = [one for one in instance.told if one.event is events.TLS_NOT_RELOADED]
    assert told.data["details"] == str(error)
    assert told.origin.component.name == "one"
    assert events.CONFIGURATION_RELOADED.number in instance.numbers


def test_a_cluster_may_come_with_its_database_and_is_begun_anew_with_that(
    instance: Instance, services: Services
) -> None:
    """That nobody answers keeps neither from starting."""
    shared = "[resources/db]\nname = db\ntype = postgresql\nusername = mft\ndatabase = mft\n"
    shared += f"timeout = 1\nport = {free_port()}\n"
    cluster = "[resources/nodes]\nname = nodes\ntype = cluster\ndatabase = db\n"

    async def body(daemon: Daemon, reactor: Any) -> None:
        instance.write(ssh("ssh", 0), ANN, shared, cluster)
        await daemon.reload()
        first = daemon.nodes.cluster
        assert first is not None
        instance.write(ssh("ssh", 0), ANN, shared.replace("timeout = 1", "timeout = 2"), cluster)
        await daemon.reload()
        assert daemon.nodes.cluster not in (None, first)

    running(instance, body, ssh("ssh", 0), ANN)
