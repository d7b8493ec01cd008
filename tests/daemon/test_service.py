"""The server starts whole or not at all, answers who asks, and stops in the right order."""

import json
import os
import pwd
import socket
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory, Protocol

from mft.auth.account import Account
from mft.auth.base import Password
from mft.auth.permissions import Rules
from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component
from mft.core.secret import Secret
from mft.daemon import becoming
from mft.daemon import service as subject
from mft.daemon.control import SOCKET_NAME
from mft.daemon.handling import Handling
from mft.daemon.life import StartFailed
from mft.daemon.load import Config
from mft.daemon.state import checkpoints
from mft.daemon.state.checkpoints import Checkpoints
from mft.events import catalogue as events
from mft.events.bus import Bus
from mft.events.journal import Journal
from mft.protocols.ssh.events import NUMBERS
from mft.session.opening import Limits
from mft.trust.certificates import self_signed
from tests.fakes.accounts import CHEAP_HASH
from tests.fakes.daemons import ANN, SERVER, Instance, log_file, ssh
from tests.fakes.loop import run_loop, until
from tests.fakes.occurrences import ALICE, SYSTEM, uploaded
from tests.fakes.services import FakeService, Services
from tests.interop.ports import free_port

NOBODY = pwd.struct_passwd(("nobody", "x", 65534, 65534, "", "/", "/bin/false"))
WITHOUT_ROOT = SERVER.replace("allow_root = yes", "allow_root = no")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def lock_is_free(instance: Instance) -> bool:
    try:
        Journal.open(instance.directory / "log" / "journal").close()
    except Refused:
        return False
    return True


# Start.


def test_a_start_tells_its_steps_in_order(instance: Instance, services: Services) -> None:
    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, ssh("one", 1), ssh("two", 2), log_file("log"))
        await daemon.start()
        assert services.said == ["one: listens", "two: listens"]
        assert (instance.state / SOCKET_NAME).is_socket()
        await daemon.stop()

    run_loop(main)
    started = [
        events.PROCESS_STARTING,
        events.PRIVILEGES_KEPT,
        events.COMPONENT_STARTED,
        events.SERVICE_STARTED,
        events.SERVICE_STARTED,
        events.PROCESS_DETAILS,
        events.PROCESS_STARTED,
    ]
    assert instance.numbers[: len(started)] == [one.number for one in started]
    details = instance.told[5].data
    assert details["cwd"] == os.getcwd()
    assert details["python_version"]


def test_nobody_is_let_in_before_all_that_acts_on_uploads_runs(
    instance: Instance, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, seen = Handling.start, list[bool]()

    async def starting(handling: Handling, config: Config) -> None:
        await start(handling, config)
        seen.extend(one.accepting for one in services.made)

    monkeypatch.setattr(Handling, "start", starting)

    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, ssh("one", 1), ssh("two", 2))
        await daemon.start()
        seen.extend(one.accepting for one in services.made)
        await daemon.stop()

    run_loop(main)
    assert seen == [False, False, True, True]


@pytest.mark.parametrize("used", [1.6e9, 1.75e9])
def test_a_running_server_deletes_the_home_of_who_has_ended(
    instance: Instance, services: Services, used: float
) -> None:
    home = instance.directory / "data" / "ann"
    (home / "in").mkdir(parents=True)
    known = {"home": str(home), "inode": home.stat().st_ino, "expires": 1.5e9, "serial": 0}
    seen = {**known, "since": 1.7e9, "seconds": 1e6, "told": True}
    instance.state.mkdir(exist_ok=True)
    text = json.dumps({"seen": {"ann-1": seen}, "begun": []})
    (instance.state / "ended-homes.json").write_text(text)
    (instance.state / "last-logins.json").write_text(json.dumps({"ann-1": used}))
    ended = "expire_datetime = 2017-07-14 02:40Z\nhome_folder_delete_on_expire = 1d\n"
    group = "[groups/DEFAULT_GROUP]\nname = default\n"

    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, group, f"{ANN}{ended}")
        await daemon.start()
        if used < 1.7e9:
            await until(reactor, lambda: events.HOME_DELETED.number in instance.numbers)
        await daemon.stop()

    run_loop(main)
    assert home.exists() is (used > 1.7e9)
    assert not home.exists() or events.HOME_DELETED.number not in instance.numbers


def test_a_start_clears_away_what_a_killed_server_left_in_quarantine(
    instance: Instance, services: Services
) -> None:
    folder = instance.directory / "quarantine"
    folder.mkdir(mode=0o700)
    part = folder / f".{uuid.uuid4()}.part"
    part.touch()
    os.utime(part, (1e9, 1e9))
    group = f"[groups/officer]\nname = officer\nquarantine_folder = {folder}\n"

    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, group)
        await daemon.start()
        assert not part.exists()
        await daemon.stop()

    run_loop(main)


def test_a_start_warns_of_a_certificate_that_ends_soon(
    instance: Instance, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = self_signed(["localhost"], days=3).certificate
    monkeypatch.setattr(FakeService, "certificate", ending)

    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, ssh("one", 1))
        await daemon.start()
        await daemon.stop()

    run_loop(main)
    (told,) = (one for one in instance.told if one.event is events.CERTIFICATE_EXPIRES)
    assert (told.data["component_name"], told.data["expires_in_days"]) == ("one", 2)


def test_the_umask_of_the_server_is_in_force(instance: Instance) -> None:
    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, server=f"{SERVER}umask = 027\n")
        await daemon.start()
        assert os.umask(0o027) == 0o027
        await daemon.stop()

    run_loop(main)


def test_what_the_server_keeps_is_for_its_owner_only(instance: Instance) -> None:
    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor)
        await daemon.start()
        for folder in ("log", "state"):
            assert (instance.directory / folder).stat().st_mode & 0o777 == 0o700
        await daemon.stop()

    run_loop(main)


def test_a_start_after_a_kill_cuts_what_is_unfinished_and_closes_what_was_open(
    instance: Instance,
) -> None:
    journal = Journal.open(instance.directory / "log" / "journal")
    Bus(journal, SYSTEM.component).emit(events.SSH_CONNECTED, subject.p.Nothing(), ALICE)
    journal.close()
    (segment,) = (instance.directory / "log" / "journal").glob("*.jsonl")
    with segment.open("ab") as file:
        file.write(b'{"serial":2,"ti')

    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor)
        await daemon.start()
        await daemon.stop()

    run_loop(main)
    first = [events.SSH_CONNECTED, events.SSH_CLOSED, events.CRASH_CLOSED, events.PROCESS_STARTING]
    assert instance.numbers[:4] == [one.number for one in first]
    told = len(instance.numbers)
    run_loop(main)
    assert instance.numbers[told] == events.PROCESS_STARTING.number, "it ended well"


def start_fails(instance: Instance, *sections: str, server: str = SERVER) -> list[str]:
    """Start; it must fail, and nothing may be left of it. Gives the sentences."""

    async def main(reactor: Any) -> list[str]:
        daemon = instance.daemon(reactor, *sections, server=server)
        with pytest.raises(StartFailed) as failed:
            await daemon.start()
        return list(failed.value.problems)

    problems = run_loop(main)  # which looks that nothing runs and nothing listens
    assert not (instance.state / SOCKET_NAME).exists()
    return problems


def aborted(instance: Instance) -> str:
    """What the audit trail says of a start that failed; everything that started has stopped."""
    assert lock_is_free(instance)
    numbers = instance.numbers
    assert events.PROCESS_STARTED.number not in numbers
    assert events.SERVICE_STARTED.number not in numbers
    started = numbers.count(events.COMPONENT_STARTED.number)
    assert numbers.count(events.COMPONENT_STOPPED.number) == started
    (told,) = [one for one in instance.told if one.event is events.START_ABORTED]
    return str(told.data["details"])


def test_all_addresses_that_are_taken_are_told_and_none_is_kept(instance: Instance) -> None:
    free = free_port()
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.2", 0)) as two,
    ):
        ports = [one.getsockname()[1], two.getsockname()[1]]
        problems = start_fails(
            instance,
            ssh("good", free),
            ssh("one", ports[0]),
            ssh("two", ports[1], address="127.0.0.2"),
            log_file("log"),
        )
    means = "Address already in use: another program listens there, or this server runs already"
    assert [problem.partition(" ")[2] for problem in problems] == [
        f'[services/one-1] port = "{ports[0]}" cannot be had: 127.0.0.1:{ports[0]}: {means}',
        f'[services/two-1] port = "{ports[1]}" cannot be had: 127.0.0.2:{ports[1]}: {means}',
    ]
    assert not listens(free)
    failed = [one for one in instance.told if one.event is events.SERVICE_START_FAILED]
    assert [one.data["service_name"] for one in failed] == ["one", "two"]
    assert str(ports[0]) in aborted(instance)


def test_a_key_that_cannot_be_used_starts_nothing(instance: Instance, services: Services) -> None:
    services.broken.add("two")
    problems = start_fails(instance, ssh("one", 1), ssh("two", 2))
    assert problems == ["the key of two cannot be used"]
    assert services.said == []
    assert aborted(instance) == problems[0]


def test_a_handler_that_does_not_start_ends_the_start(
    instance: Instance, services: Services
) -> None:
    (instance.directory / "file").touch()
    problems = start_fails(
        instance, ssh("one", 1), log_file("good"), log_file("bad", "file/server.log")
    )
    assert len(problems) == 1
    assert services.said == ["one: listens", "one: stops", "one: ends all"]
    (failed,) = [one for one in instance.told if one.event is events.COMPONENT_START_FAILED]
    assert failed.data["name"] == "bad"
    assert problems == [f"{instance.directory}/file: is there, and is no folder"]
    assert problems[0].partition(": ")[0] in failed.data["details"]
    assert aborted(instance) == problems[0]


def test_a_control_socket_that_cannot_be_made_ends_the_start(
    instance: Instance, services: Services
) -> None:
    (instance.state / SOCKET_NAME).mkdir(parents=True)

    async def main(reactor: Any) -> None:
        with pytest.raises(StartFailed, match="in the way of the control socket"):
            await instance.daemon(reactor, ssh("one", 1), log_file("log")).start()

    run_loop(main)
    assert services.said[:2] == ["one: listens", "one: stops"]
    assert "control" in aborted(instance)


def test_a_second_daemon_of_one_instance_is_refused(instance: Instance) -> None:
    async def main(reactor: Any) -> None:
        first, second = instance.daemon(reactor), instance.daemon(reactor)
        await first.start()
        with pytest.raises(StartFailed, match="another process writes this journal"):
            await second.start()
        assert (instance.state / SOCKET_NAME).is_socket()
        await first.stop()

    run_loop(main)
    assert events.START_ABORTED.number not in instance.numbers


def test_a_journal_that_cannot_be_opened_starts_nothing(
    instance: Instance, services: Services
) -> None:
    (instance.directory / "log").touch()
    assert len(start_fails(instance, ssh("one", 1))) == 1
    assert services.said == []


def test_a_fault_of_ours_is_told_as_it_is(
    instance: Instance, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault() -> None:
        raise LookupError("ours")

    monkeypatch.setattr(subject, "process_details", fault)

    async def main(reactor: Any) -> None:
        with pytest.raises(LookupError, match="ours"):
            await instance.daemon(reactor, ssh("one", 1)).start()

    run_loop(main)
    assert services.said[:2] == ["one: listens", "one: stops"]
    assert not (instance.state / SOCKET_NAME).exists()


# Who it runs as.


def test_root_is_not_kept_unless_the_configuration_says_so(
    instance: Instance, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mft.daemon.privileges.os.geteuid", lambda: 0)
    (problem,) = start_fails(instance, ssh("one", 1), server=WITHOUT_ROOT)
    remedy = (
        "must be yes for a server that root starts, unless account names the account that it "
        "becomes"
    )
    assert problem == f'server.ini:4: [server] allow_root = "no" {remedy}'
    assert aborted(instance) == problem
    assert events.ROOT_REFUSED.number in instance.numbers
    assert services.said == []


@pytest.mark.parametrize(
    ("server", "where"), [("\n[server]\nname = files\n", "server.ini:2"), ("", "server.ini")]
)
def test_root_is_told_where_the_line_belongs_that_keeps_it(
    instance: Instance,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    server: str,
    where: str,
) -> None:
    monkeypatch.setattr("mft.daemon.privileges.os.geteuid", lambda: 0)
    (problem,) = start_fails(instance, ssh("one", 1), server=server)
    assert problem.startswith(f"{where}: [server] allow_root must be yes for")


def test_root_is_given_up_once_every_port_is_bound(
    instance: Instance, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(becoming, "check_identity", lambda account, allow_root: NOBODY)
    monkeypatch.setattr(becoming, "give_files", lambda top, who: None)
    monkeypatch.setattr(becoming, "drop", lambda who, umask: services.said.append("drop"))

    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, ssh("one", 1), ssh("two", 2))
        await daemon.start()
        await daemon.stop()

    run_loop(main)
    assert services.said[:3] == ["one: listens", "two: listens", "drop"]
    (dropped,) = [one for one in instance.told if one.event is events.PRIVILEGES_DROPPED]
    assert dropped.data == {"account_name": "nobody"}
    assert events.PRIVILEGES_KEPT.number not in instance.numbers


def test_an_account_that_cannot_be_become_starts_nothing(
    instance: Instance, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept(who: Any, umask: int) -> None:
        raise Refused(Reason.DENIED, "nobody", "the kernel kept another identity")

    monkeypatch.setattr(becoming, "check_identity", lambda account, allow_root: NOBODY)
    monkeypatch.setattr(becoming, "give_files", lambda top, who: None)
    monkeypatch.setattr(becoming, "drop", kept)
    problems = start_fails(instance, ssh("one", 1))
    assert problems == ["nobody: the kernel kept another identity"]
    assert services.said == ["one: listens", "one: stops", "one: ends all"]
    assert events.PRIVILEGES_NOT_DROPPED.number in instance.numbers


def test_an_account_that_this_machine_lost_starts_nothing(
    instance: Instance, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(account: str, allow_root: bool) -> None:
        raise Refused(Reason.DENIED, account, "is no account of this machine")

    monkeypatch.setattr(becoming, "check_identity", lost)
    name = pwd.getpwuid(os.geteuid()).pw_name
    assert start_fails(instance, ssh("one", 1), server=f"{SERVER}account = {name}\n") == [
        f'server.ini:5: [server] account = "{name}" is no account of this machine'
    ]
    assert events.PRIVILEGES_NOT_DROPPED.number in instance.numbers
    assert services.said == []


# While it runs.


class Line(Protocol):
    """A client of the control socket."""

    def __init__(self) -> None:
        self.received = b""
        self.closed: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Any = None) -> None:
        self.closed.callback(self.received)


async def ask(reactor: Any, instance: Instance, **request: Any) -> Any:
    """Ask the control socket."""
    endpoint = UNIXClientEndpoint(reactor, str(instance.state / SOCKET_NAME))
    client: Any = await endpoint.connect(Factory.forProtocol(Line))
    client.transport.write(json.dumps(request).encode() + b"\n")
    return json.loads(await client.closed)


def test_the_control_socket_tells_of_the_server(instance: Instance, services: Services) -> None:
    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, ssh("one", 1), ANN)
        await daemon.start()
        services.last("one").sessions = 3
        status = (await ask(reactor, instance, do="status"))["status"]
        assert status["name"] == "files"
        assert status["pid"] == os.getpid()
        assert status["journal"] == "written"
        assert status["services"] == [
            {"name": "one", "type": "ssh", "address": "127.0.0.1:1", "connections": 3}
        ]
        assert await ask(reactor, instance, do="sessions") == {
            "ok": True,
            "sessions": [],
            "next": None,
        }
        assert await ask(reactor, instance, do="end", session="s-1") == {"ok": True, "ended": False}
        assert await ask(reactor, instance, do="reload") == {"ok": True}
        instance.write("[services/one-1]\ntype = ssh\nname = one\n")
        answer = await ask(reactor, instance, do="reload")
        assert answer["ok"] is False
        assert "port" in answer["error"]
        services.last("one").session_ends(3)
        await daemon.stop()

    run_loop(main)


def test_a_journal_that_fails_is_told_and_tried_again(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "SYNC_INTERVAL", 0.01)

    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor)
        await daemon.start()
        daemon.bus.journal.not_synced("the disk is gone")
        assert daemon.status()["journal"] == "the disk is gone"
        daemon.bus.emit(events.CONFIGURATION_RELOADED, subject.p.Nothing())
        await until(reactor, lambda: daemon.bus.healthy)
        assert daemon.status()["journal"] == "written"
        await daemon.stop()

    run_loop(main)
    assert events.JOURNAL_RECOVERED.number in instance.numbers


def test_what_is_open_is_noted_while_the_server_runs(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "EACH", 1)
    monkeypatch.setattr(Checkpoints, "interval", 0.01)
    file = instance.state / checkpoints.FILE

    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor)
        await daemon.start()
        serial = daemon.bus.emit(events.SSH_CONNECTED, subject.p.Nothing(), ALICE)
        await until(reactor, lambda: file.exists() and b"[%d]" % serial in file.read_bytes())
        await daemon.stop()

    run_loop(main)


def test_periodic_work_that_breaks_is_an_event(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "SYNC_INTERVAL", 0.01)

    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor)

        async def broken() -> None:
            raise LookupError("ours")

        monkeypatch.setattr(daemon, "_tend_journal", broken)
        await daemon.start()
        await until(reactor, lambda: events.INTERNAL_ERROR.number in instance.numbers)
        await daemon.stop()

    run_loop(main)


# Stop.


def test_a_stop_takes_no_more_ends_the_idle_and_stops_handlers_last(
    instance: Instance, services: Services
) -> None:
    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, ssh("one", 1), log_file("log"))
        await daemon.start()
        one = services.last("one")
        one.sessions = 1
        stopped = Deferred.fromCoroutine(daemon.stop())
        await until(reactor, lambda: services.said[-1] == "one: ends the idle")
        assert services.said[:3] == ["one: listens", "one: stops", "one: ends the idle"]
        assert not (instance.state / SOCKET_NAME).exists()
        assert not stopped.called
        one.session_ends()
        await stopped

    run_loop(main)
    last = [
        events.PROCESS_STOPPING,
        events.SERVICE_STOPPED,
        events.DRAINED,
        events.COMPONENT_STOPPED,
    ]
    assert instance.numbers[-len(last) :] == [one.number for one in last]
    assert instance.told[-2].data["count"] == 0
    log = (instance.directory / "log" / "server.log").read_text()
    assert log.splitlines()[-1].startswith(f"{events.DRAINED.number} ")
    assert lock_is_free(instance)


def test_a_stop_that_is_delayed_is_unready_first_and_takes_clients_meanwhile(
    instance: Instance, services: Services
) -> None:
    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, ssh("one", 1), server=f"{SERVER}shutdown_delay = 0.2\n")
        await daemon.start()
        assert daemon._vital.unready() == []
        stopped = Deferred.fromCoroutine(daemon.stop())
        assert daemon._vital.unready() == ["the server is shutting down"]
        assert services.said == ["one: listens"]
        assert services.last("one").accepting
        assert (instance.state / SOCKET_NAME).exists()
        with pytest.raises(Refused, match="the server is shutting down"):
            await daemon.reload()
        assert not stopped.called
        await stopped
        assert services.said[1:] == ["one: stops", "one: ends the idle"]

    run_loop(main)


def test_handlers_know_the_groups_of_accounts_of_other_systems_after_a_restart(
    instance: Instance,
) -> None:
    ldap = Account("alice-1", "alice", "/", Rules(()), groups=("PARTNERS",))

    async def main(reactor: Any) -> None:
        first = instance.daemon(reactor, log_file("log", user_groups="PARTNERS"))
        await first.start()
        first._remembered.memberships.seen(ldap)
        await first.stop()
        second = instance.daemon(reactor, log_file("log", user_groups="PARTNERS"))
        await second.start()
        second.bus.emit(events.SSH_UPLOAD_DONE, uploaded(), ALICE)
        await second.stop()

    run_loop(main)
    assert "/inbox/a.csv" in (instance.directory / "log" / "server.log").read_text()


def test_groups_that_are_new_are_on_the_disk_a_moment_after_the_login(instance: Instance) -> None:
    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor)
        await daemon.start()
        daemon._remembered.memberships.seen(
            Account("alice-1", "alice", "/", Rules(()), groups=("PARTNERS",))
        )
        await until(reactor, (instance.state / "memberships.json").exists)
        await daemon.stop()

    run_loop(main)


def test_who_takes_longer_than_the_grace_is_cut(instance: Instance, services: Services) -> None:
    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, ssh("one", 1), server=f"{SERVER}shutdown_grace = 0\n")
        await daemon.start()
        services.last("one").sessions = 2
        await daemon.stop()

    run_loop(main)
    assert services.said[-1] == "one: ends all"
    assert next(one for one in instance.told if one.event is events.DRAINED).data["count"] == 2


def test_a_handler_that_does_not_stop_well_is_told_and_the_rest_stops(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, log_file("one"), log_file("two", "log/two.log"))
        await daemon.start()

        async def broken() -> None:
            raise OSError("the disk is gone")

        monkeypatch.setattr(daemon.handling.subscriptions["one-1"].handler, "stop", broken)
        await daemon.stop()

    run_loop(main)
    assert set(instance.numbers[-2:]) == {  # they stop side by side
        events.COMPONENT_STOP_FAILED.number,
        events.COMPONENT_STOPPED.number,
    }


def test_a_journal_whose_disk_is_gone_does_not_keep_the_server_from_stopping(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor)
        await daemon.start()
        journal = daemon.bus.journal

        def gone(descriptor: int) -> None:
            raise OSError("the disk is gone")

        monkeypatch.setattr(journal, "_fsync", gone)
        await daemon.stop()
        assert await ended(daemon)

    async def ended(daemon: Any) -> bool:
        return not daemon._pools.disk._pool.started

    run_loop(main)
    assert lock_is_free(instance)


# Accounts that nobody uses.

UNUSED = "[groups/DEFAULT_GROUP]\nname = default\ndisable_on_inactivity = 30\n"


async def comes_in(daemon: Any) -> bool:
    """Whether ann logs in with her password."""
    doorman = daemon._doorman
    login = doorman(
        Address("192.0.2.7", 50000), Component("one-1", "ssh", "one"), NUMBERS, Limits(8, 0)
    )
    result = await login.attempt(Password("ann", Secret("right")))
    if result.session is None:
        return False
    await result.session.close("the test has seen enough")
    return True


def test_who_was_away_for_too_long_comes_in_again_once_an_administrator_says_so(
    instance: Instance, services: Services
) -> None:
    file = instance.state / "last-logins.json"
    ann = f"{ANN}password = {CHEAP_HASH}\ncreated = 2020-01-01\n"
    sections = (ssh("one", 1), UNUSED)
    came: list[bool] = []

    async def one_run(reactor: Any) -> None:
        daemon = instance.daemon(reactor, *sections, ann)
        await daemon.start()
        came.append(await comes_in(daemon))
        if not came[-1]:
            instance.write(*sections, f"{ann}changed = {datetime.now(UTC):%Y-%m-%d}Z\n")
            await daemon.reload()
            came.append(await comes_in(daemon))
        await daemon.stop()

    run_loop(one_run)
    (used,) = json.loads(file.read_bytes()).values()
    assert abs(used - time.time()) < 600
    run_loop(one_run)
    file.write_text(json.dumps({"ann-1": used - 31 * 86400}))
    run_loop(one_run)
    assert came == [True, True, False, True]
    assert json.loads(file.read_bytes())["ann-1"] >= used
    (told,) = [one for one in instance.told if one.event is events.LOGIN_FORBIDDEN]
    assert "the account was not used since" in told.message
