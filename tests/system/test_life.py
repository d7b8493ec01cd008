"""From the first start to the last signal: what administrators and service managers rely on."""

import asyncio
import json
import os
import pwd
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest

from mft.events import catalogue as events
from tests.interop.instance import Server
from tests.interop.ports import free_port
from tests.interop.trees import content
from tests.system.ftp_client import FtpClient
from tests.system.http_client import HttpClient
from tests.system.light import connect, session
from tests.system.rig import MFT, Rig, sftp, until, words
from tests.system.trail import UPLOAD_FAILED, UPLOADED, unbalanced

SIZE = 2_000_000
RELOADED = events.CONFIGURATION_RELOADED.number
REFUSED = events.RELOAD_REFUSED.number


@contextmanager
def uploading(rig: Rig, source: Path, kilobits: int) -> Iterator[subprocess.Popen[bytes]]:
    """Upload slowly; the body begins in the middle of it."""
    batch = source.with_name("batch")
    batch.write_text(f"put {source} /slow\n")
    argv = ["sftp", f"-l{kilobits}", *words(rig.server), "-b", batch, rig.server.where]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until(lambda: any(path.stat().st_size for path in rig.home.glob(".mft-*")))
        yield process


def reload(rig: Rig) -> None:
    """Ask for a reload, and wait until it is in force or refused."""
    before = rig.trail.count(RELOADED) + rig.trail.count(REFUSED)
    rig.signal(signal.SIGHUP)
    until(lambda: rig.trail.count(RELOADED) + rig.trail.count(REFUSED) > before, "a reload")


def listens(port: int, address: str = "127.0.0.1") -> bool:
    """Whether anybody listens."""
    try:
        socket.create_connection((address, port), timeout=5).close()
    except OSError:
        return False
    return True


def test_a_transfer_that_ends_within_the_grace_is_whole(rig: Rig, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(content(SIZE))
    rig.start()
    idle = asyncio.new_event_loop()
    connection = idle.run_until_complete(connect(rig.server))
    with uploading(rig, source, kilobits=16_000) as client:
        rig.signal(signal.SIGTERM)
        until(lambda: not listens(rig.server.port), "no new connections")
        assert not (rig.home / "slow").exists()
        assert client.wait() == 0
    assert rig.ended() == 0
    idle.run_until_complete(connection.wait_closed())
    idle.close()
    assert (rig.home / "slow").read_bytes() == content(SIZE)
    assert rig.trail.count(UPLOADED, path="/slow") == 1
    assert not (rig.directory / "state" / "mft.pid").exists()
    (drained,) = rig.trail.of(events.DRAINED.number)
    assert drained["data"]["count"] == 0
    assert unbalanced(rig.trail.told) == []


def test_a_transfer_that_takes_longer_than_the_grace_is_cut_and_kept(
    rig: Rig, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(content(SIZE))
    rig.say("server", shutdown_grace="1")
    rig.start()
    with uploading(rig, source, kilobits=2_000) as client:
        rig.signal(signal.SIGTERM)
        assert rig.ended() == 0
        assert client.wait() != 0
    assert rig.trail.of(events.DRAINED.number)[0]["data"]["count"] == 1
    assert rig.trail.count(UPLOAD_FAILED, path="/slow") == 1
    assert unbalanced(rig.trail.told) == []
    rig.start()
    assert sftp(rig.server, f"reput {source} /slow\n") == 0
    assert (rig.home / "slow").read_bytes() == content(SIZE)
    assert rig.trail.of(UPLOADED, path="/slow")[0]["data"]["total_write"] < SIZE
    assert rig.trail.count(events.CRASH_CLOSED.number) == 0
    rig.stop()


def test_a_balancer_sees_that_the_server_leaves_before_it_does(rig: Rig) -> None:
    rig.say("server", shutdown_delay="1h")
    watched, ftp = rig.web("health"), rig.ftp("clear")
    rig.start()
    with HttpClient(watched, name="") as balancer:
        assert balancer.ask("GET", "/health/ready").status == 200
        rig.signal(signal.SIGTERM)
        until(lambda: balancer.ask("GET", "/health/ready").status == 503, "it is unready")
        assert balancer.ask("GET", "/health/live").status == 200
    with FtpClient(ftp).log_in() as client:
        assert client.do("NOOP").code == 200
    rig.signal(signal.SIGTERM)  # who cannot wait
    assert rig.ended() == 1


def test_a_server_that_waited_for_a_balancer_ends_as_any(rig: Rig) -> None:
    rig.say("server", shutdown_delay="1")
    rig.start()
    rig.stop()
    assert unbalanced(rig.trail.told) == []


async def log_in(server: Server) -> bool:
    """Whether a login succeeds."""
    try:
        async with session(server) as client:
            return await client.realpath(".") == "/"
    except (asyncssh.Error, OSError):
        return False


def test_a_reload_changes_what_it_should_and_nothing_when_it_cannot(rig: Rig) -> None:
    rig.start()
    before = rig.config.read_text()

    async def live() -> None:
        async with session(rig.server) as client:
            bob = rig.account("bob")
            assert not await log_in(bob), "nothing is read without being asked"
            reload(rig)
            assert await log_in(bob)

            # A file with a problem changes nothing, and says what is wrong.
            good = rig.config.read_text()
            rig.account("carol")
            rig.service(port="not a port")
            carol = rig.config.read_text()
            reload(rig)
            (refused,) = rig.trail.of(REFUSED)
            assert "not a port" in refused["data"]["details"]
            assert await log_in(bob)
            assert not await log_in(Server(**{**server_fields(bob), "account": "carol"}))

            # A port that is taken is found out before anything is changed.
            with socket.create_server(("127.0.0.1", 0)) as taken:
                rig.config.write_text(carol)
                rig.service(port=str(taken.getsockname()[1]))
                reload(rig)
            assert rig.trail.count(REFUSED) == 2
            assert await log_in(bob)

            # A service that moves keeps its live sessions.
            moved = free_port()
            rig.config.write_text(good)
            rig.service(port=str(moved))
            reload(rig)
            assert not listens(rig.server.port)
            assert await log_in(Server(**{**server_fields(bob), "port": moved}))
            assert await client.realpath(".") == "/"

            # The same address with other options goes on without a gap, for new sessions only.
            rig.service(sftp="no")
            reload(rig)
            assert not await log_in(Server(**{**server_fields(bob), "port": moved}))
            assert await client.realpath(".") == "/"

            # A service that is gone listens no more, and its live sessions go on.
            rig.service(enabled="no")
            reload(rig)
            assert not listens(moved)
            assert await client.realpath(".") == "/"
            rig.config.write_text(before)
            reload(rig)
            assert not await log_in(bob), "the account is gone"
            assert await log_in(rig.server)
            assert await client.realpath(".") == "/"

    asyncio.run(live())
    rig.stop()
    assert unbalanced(rig.trail.told) == []


def server_fields(server: Server) -> dict[str, object]:
    """What a Server is made of."""
    return {name: getattr(server, name) for name in Server.__dataclass_fields__}


def test_an_administrator_sees_who_is_there_and_ends_one(rig: Rig) -> None:
    rig.start()
    process = rig.process
    assert process is not None
    assert (rig.directory / "state" / "mft.pid").read_text().strip() == str(process.pid)

    async def seen() -> None:
        async with session(rig.server) as stays, session(rig.server) as goes:
            file = await goes.open("cut", "wb")
            await file.write(b"kept")
            status = json.loads(rig.mft("status", "--json").stdout)
            assert status["sessions"] == 2
            assert status["pid"] == process.pid
            listed = json.loads(rig.mft("sessions", "--json").stdout)
            assert [one["account"] for one in listed] == ["alice", "alice"]
            (with_file,) = (one for one in listed if one["files"] == 1)
            assert rig.mft("end", with_file["id"]).returncode == 0
            with pytest.raises((asyncssh.Error, OSError)):
                await goes.realpath(".")
            assert await stays.realpath(".") == "/"
            assert rig.mft("end", with_file["id"]).returncode == 1
            assert len(json.loads(rig.mft("sessions", "--json").stdout)) == 1

    asyncio.run(seen())
    assert rig.trail.count(UPLOAD_FAILED, path="/cut") == 1
    assert rig.trail.count(events.SESSION_ENDED.number) == 1
    rig.stop()
    assert rig.mft("status").returncode == 1


def test_a_second_server_of_one_instance_is_refused(rig: Rig) -> None:
    rig.start()
    second = rig.mft("run")
    assert second.returncode == 1
    assert "Traceback" not in second.stderr
    assert second.stderr.strip()
    assert asyncio.run(log_in(rig.server))
    process = rig.process
    assert process is not None
    assert (rig.directory / "state" / "mft.pid").read_text().strip() == str(process.pid)
    rig.stop()


def test_a_taken_port_starts_nothing_and_is_named(rig: Rig) -> None:
    free = free_port()
    rig.section("services/other", name="other", type="ssh", address="127.0.0.1", port=str(free))
    with socket.create_server(("127.0.0.1", rig.server.port)):
        refused = rig.mft("run")
    assert refused.returncode == 1
    assert f"127.0.0.1:{rig.server.port}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not listens(free)
    rig.start()
    assert rig.trail.count(events.CRASH_CLOSED.number) == 0, "nothing crashed"
    rig.stop()


def test_the_first_start_makes_the_host_keys_that_nobody_made(rig: Rig) -> None:
    for path in (rig.directory / "conf" / "keys").iterdir():
        path.unlink()
    rig.server.known_hosts.touch()  # nobody vouches for these keys
    rig.service(ssh_server_keys="")
    rig.start()
    keys = sorted((rig.directory / "conf" / "keys").glob("ssh_host_*_key"))
    assert keys
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}
    made = [path.read_bytes() for path in keys]
    rig.stop()
    rig.start()
    assert [path.read_bytes() for path in keys] == made
    rig.stop()


@pytest.fixture
def notified(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """A service manager's socket, and what came."""
    name, told = str(tmp_path / "notify"), list[str]()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)

        def listen() -> None:
            while message := manager.recv(4096):
                told.append(message.decode())

        thread = threading.Thread(target=listen)
        thread.start()
        yield name, told
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ending:
            ending.sendto(b"", name)
        thread.join()


def test_a_service_manager_hears_how_it_is(rig: Rig, notified: tuple[str, list[str]]) -> None:
    name, told = notified
    rig.start({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "200000"})
    until(lambda: "READY=1" in told)
    assert listens(rig.server.port)
    until(lambda: told.count("WATCHDOG=1") > 2)
    reload(rig)
    until(lambda: told.count("READY=1") == 2)
    assert any(one.startswith("RELOADING=1\nMONOTONIC_USEC=") for one in told)
    rig.stop()
    until(lambda: "STOPPING=1" in told)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_server_that_root_starts_becomes_its_account(rig: Rig) -> None:
    who = pwd.getpwnam("nobody")
    rig.start()  # as root first: what that leaves must not be in the way
    rig.stop()
    rig.give_up_root()
    rig.start()
    process = rig.process
    assert process is not None
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert f"Uid:\t{who.pw_uid}\t{who.pw_uid}\t{who.pw_uid}\t{who.pw_uid}" in status
    assert f"Groups:\t{who.pw_gid} \n" in status

    async def upload() -> None:
        async with session(rig.server) as client, client.open("owned", "wb") as file:
            await file.write(b"by nobody")

    asyncio.run(upload())
    assert (rig.home / "owned").owner() == who.pw_name
    assert rig.trail.count(events.PRIVILEGES_DROPPED.number) == 1
    until(lambda: '"/owned"' in (rig.directory / "log" / "server.log").read_text(), "the log")
    rig.account("late")
    os.chown(rig.config, who.pw_uid, who.pw_gid)
    os.chown(rig.config.parent, who.pw_uid, who.pw_gid)
    reload(rig)
    assert rig.trail.count(RELOADED) == 1, rig.trail.of(REFUSED)
    rig.stop()
    assert rig.mft("audit", "verify").returncode == 0


def test_both_families_are_served_and_a_mapped_address_is_the_ipv4_one(rig: Rig) -> None:
    rig.service(address="::")
    filtered = rig.account("filtered", source_ip_filter="deny 127.0.0.0/8\n    allow ::/0")
    rig.start()

    async def both() -> None:
        async with session(rig.server) as client:
            assert await client.realpath(".") == "/"
        assert not await log_in(filtered), "an IPv4 rule holds for a mapped address"
        assert await log_in(Server(**{**server_fields(filtered), "address": "::1"}))

    asyncio.run(both())
    done = rig.trail.of(events.LOGIN_DONE.number)
    assert [one["peer"]["address"] for one in done] == ["127.0.0.1", "::1"]
    assert not [one for one in rig.trail.told if "ffff" in one["peer"]["address"]]
    rig.stop()


def test_a_signal_while_it_starts_ends_it_well(rig: Rig) -> None:
    with (rig.directory / "run.txt").open("wb") as told:
        process = subprocess.Popen([*MFT, "run"], cwd=rig.directory, stdout=told, stderr=told)
    until(lambda: (rig.directory / "log" / "journal" / "lock").exists())
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert rig.mft("audit", "verify").returncode == 0
    assert unbalanced(rig.trail.told) == []
