"""A ban holds over every protocol, until it ends or is lifted, also after a restart."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import asyncssh
import pytest

from mft.cli.control import all_rows, ask
from mft.events import catalogue as events
from tests.interop.ftp import Ftp
from tests.interop.instance import Server
from tests.interop.services import cheap_hash
from tests.interop.web import Web
from tests.system.ftp_client import FtpClient
from tests.system.http_client import HttpClient, basic
from tests.system.light import connect
from tests.system.rig import WAIT_SECONDS, Rig, until
from tests.system.trail import unbalanced

BANNED, BLOCKED = events.SOURCE_BANNED.number, events.SOURCE_BLOCKED.number
UNBLOCKED, FORBIDDEN = events.SOURCE_UNBLOCKED.number, events.LOGIN_FORBIDDEN.number
UNAUTHENTICATED = events.HTTP_UNAUTHENTICATED.number
RELOADED = events.CONFIGURATION_RELOADED.number
POLICY = "security-policies/DEFAULT-SECURITY-POLICY"
DENIED = "127.0.0.9"
FEW = 2  # sessions that one account may have


class World:
    """A server with a service for each protocol, whose policy does not spare this machine."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        rig.section(POLICY, name="strict", source_ip_filter=f"deny {DENIED}")
        self.ftp: Ftp = rig.ftp("clear")
        self.web: Web = rig.web("http", client_forwarded_header="X-Forwarded-For")
        self.closed: Ftp = rig.ftp("clear", block_source_at_connection="yes")
        self.few: Server = rig.account(
            "few", maximum_sessions=str(FEW), password=cheap_hash(rig.server)
        )
        rig.start()

    def by_ssh(self, source: str, password: str | None = None, **options: Any) -> bool:
        """Whether SSH lets in, by the right password unless it is given."""
        given = {
            "client_keys": None,
            "password": password or self.rig.server.password,
            "preferred_auth": "password",
            "local_addr": (source, 0),
            **options,
        }

        async def tries() -> bool:
            with suppress(asyncssh.PermissionDenied):
                connection = await connect(self.rig.server, **given)
                connection.close()
                await connection.wait_closed()
                return True
            return False

        return asyncio.run(tries())

    def by_ftp(self, source: str, password: str | None = None) -> bool:
        """Whether FTP does."""
        with FtpClient(self.ftp, source=source) as client:
            client.do(f"USER {self.rig.server.account}")
            return client.do(f"PASS {password or self.rig.server.password}").code == 230

    def by_http(self, source: str, password: str | None = None, **fields: str) -> bool:
        """Whether HTTP does."""
        name = self.rig.server.account
        with HttpClient(self.web, source=source) as client:
            if password is not None:
                client.fields["Authorization"] = basic(name, password)
            return client.ask("GET", "/home/", **fields).status == 200

    def everywhere(self, source: str) -> list[bool]:
        """Whether the right password lets in, over each protocol."""
        return [self.by_ssh(source), self.by_ftp(source), self.by_http(source)]

    def ban(self, source: str) -> None:
        """Have it banned."""
        until(lambda: not self.by_ftp(source, "wrong") and source in self.banned, "the ban")

    @property
    def banned(self) -> set[str]:
        """Who is banned, as `mft bans` tells."""
        told = all_rows(self.rig.config, "bans")
        return {one["key"] for one in told if one["state"] == "banned"}

    def lift(self, source: str) -> None:
        """Lift a ban, as `mft bans lift` does."""
        assert ask(self.rig.config, do="lift", address=source)["lifted"] == 1

    def told(self, number: int, source: str) -> list[dict[str, Any]]:
        """The events of a number that one source has caused."""
        return [one for one in self.rig.trail.of(number) if one["peer"]["address"] == source]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, template: Server) -> Iterator[World]:
    rig = Rig(tmp_path_factory.mktemp("mft") / "instance", template)
    try:
        yield World(rig)
        rig.stop()
    finally:
        rig.close()
    assert unbalanced(rig.trail.told) == []
    assert rig.mft("audit", "verify").returncode == 0


def test_failures_over_three_protocols_ban_one_source_over_all_of_them(world: World) -> None:
    source = "127.0.0.2"
    assert not world.by_ssh(source, "wrong")
    assert not world.by_ftp(source, "wrong")
    assert not world.by_http(source, "wrong")
    assert not world.by_ftp(source, "wrong")
    assert source not in world.banned
    assert not world.by_http(source, "wrong")
    assert source in world.banned
    assert world.everywhere(source) == [False] * 3
    key = {"client_keys": [str(world.rig.server.key)], "preferred_auth": "publickey"}
    assert not world.by_ssh(source, **key)
    assert world.everywhere("127.0.0.3") == [True] * 3
    assert len(world.told(UNAUTHENTICATED, source)) == 2  # those that were judged
    assert len(world.told(BANNED, source)) == 1
    assert len(world.told(BLOCKED, source)) == 1  # of four refusals
    assert world.rig.mft("bans", "lift", source).stdout == f"What {source} had is lifted.\n"
    assert world.everywhere(source) == [True] * 3
    assert source not in world.banned
    (told,) = world.rig.trail.of(UNBLOCKED)
    assert told["data"] == {"source_ip": source, "policy_name": "strict"}


def test_a_ban_outlasts_a_restart_and_a_reload_with_other_rules(world: World) -> None:
    source = "127.0.0.4"
    world.ban(source)
    world.rig.stop()
    world.rig.start()
    assert source in world.banned
    assert world.everywhere(source) == [False] * 3
    reloads = world.rig.trail.count(RELOADED)
    world.rig.say(POLICY, source_ip_ban_after_count="2")
    world.rig.signal(signal.SIGHUP)
    until(lambda: world.rig.trail.count(RELOADED) > reloads, "the reload")
    assert not world.by_http(source)
    other = "127.0.0.5"
    assert [world.by_http(other, "wrong") for _ in range(2)] == [False] * 2
    assert {source, other} <= world.banned
    world.lift(source)
    assert world.by_http(source)


def hears(ftp: Ftp, source: str) -> bool:
    """Whether a client from there is greeted."""
    with FtpClient(ftp, source=source, greet=False) as client:
        try:
            return client.reply().code == 220
        except (EOFError, ConnectionError):
            return False


def test_a_banned_source_is_refused_at_connection_where_the_service_says_so(world: World) -> None:
    source = "127.0.0.6"
    assert hears(world.closed, source)
    world.ban(source)
    assert not hears(world.closed, source)
    assert hears(world.ftp, source)
    world.lift(source)
    assert hears(world.closed, source)


def test_a_source_that_the_policy_denies_cannot_connect_anywhere(world: World) -> None:
    assert not hears(world.ftp, DENIED)
    assert not world.by_http(DENIED)  # where it might be a proxy: each request is judged
    with pytest.raises((asyncssh.Error, OSError)):
        world.by_ssh(DENIED)
    (told,) = world.told(BLOCKED, DENIED)
    assert "denied by source_ip_filter" in told["data"]["details"]


def test_behind_a_proxy_the_client_is_banned_and_not_the_proxy(world: World) -> None:
    client, other = {"X_Forwarded_For": "203.0.113.9"}, {"X_Forwarded_For": "203.0.113.10"}
    while "203.0.113.9" not in world.banned:
        assert not world.by_http("127.0.0.7", "wrong", **client)
    assert not world.by_http("127.0.0.7", **client)
    assert world.by_http("127.0.0.7", **other)
    assert "127.0.0.7" not in world.banned


def test_a_denied_name_is_refused_as_any_other(world: World) -> None:
    source = "127.0.0.8"
    with FtpClient(world.ftp, source=source) as client:
        client.do("USER Administrator")
        denied = client.do("PASS x")
    with FtpClient(world.ftp, source=source) as client:
        client.do("USER nobody")
        assert client.do("PASS x") == denied
    (told,) = world.told(FORBIDDEN, source)
    assert told["data"]["username"] == "Administrator"


class Race:
    """Logins of one account that begin at one moment, and stay until all have tried."""

    def __init__(self, world: World, source: str) -> None:
        self.let_in: list[str] = []
        self._world = world
        self._source = source
        ways = (self._by_ssh, self._by_ftp, self._by_http) * 2
        self._together = threading.Barrier(len(ways))
        threads = [threading.Thread(target=one) for one in ways]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

    def _came(self, way: str, let_in: bool) -> None:
        self.let_in += [way] * let_in
        self._together.wait(WAIT_SECONDS)

    def _by_ftp(self) -> None:
        few = self._world.few
        with FtpClient(self._world.ftp, source=self._source) as client:
            client.do(f"USER {few.account}")
            self._together.wait(WAIT_SECONDS)
            self._came("ftp", client.do(f"PASS {few.password}").code == 230)

    def _by_http(self) -> None:
        name = self._world.few.account
        with HttpClient(self._world.web, source=self._source, name=name) as client:
            self._together.wait(WAIT_SECONDS)
            self._came("http", client.ask("GET", "/home/").status == 200)

    def _by_ssh(self) -> None:
        async def whole() -> None:
            connection = None
            with suppress(asyncssh.PermissionDenied):
                connection = await connect(self._world.few, local_addr=(self._source, 0))
            await asyncio.to_thread(self._came, "ssh", connection is not None)
            if connection is not None:
                connection.close()
                await connection.wait_closed()

        self._together.wait(WAIT_SECONDS)
        asyncio.run(whole())


def test_sessions_of_an_account_cannot_be_raced_over_several_protocols(world: World) -> None:
    race = Race(world, "127.0.0.10")
    assert len(race.let_in) == FEW
    assert "127.0.0.10" not in world.banned  # what was given was right
