"""Two nodes of the shipped example behind a real HAProxy, of which one is killed again and again.

Clients of every protocol are in the middle of their uploads then, and try again until they are told
that it was done. Printed is for how long nobody was served.
"""

import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from mft.events import catalogue as events
from mft.trust.certificates import self_signed
from tests.fakes.clusters import shared_database
from tests.interop import haproxy
from tests.interop.instance import initialise
from tests.interop.ports import free_base, free_port
from tests.interop.trees import content
from tests.laws.source import ROOT
from tests.system.examples import take
from tests.system.rig import Rig, client, until, words
from tests.system.trail import FTP_UPLOADED, HTTP_UPLOADED, UPLOADED, unbalanced

EXAMPLE: Final = "active-active"
FRONT: Final = "127.0.0.10"
NODES: Final = {"files-1": "127.0.0.11", "files-2": "127.0.0.12"}
# How often a node is killed, each time in the middle of all transfers; a release wants 20.
KILLS: Final = int(os.environ.get("MFT_KILLS", "2"))
TRANSFERS: Final = int(os.environ.get("MFT_TRANSFERS", "12"))  # at once; a release wants 50
SIZE: Final = 600_000  # bytes of a file
RATE: Final = 400  # KB a second of one client, so that all are busy for more than a second
LAST: Final = 1.2  # seconds after their beginning until which a node may be killed
TRIES: Final = 20  # of one client
PASSIVE: Final = 40  # ports of a node
HANDLER: Final = "audit-database"
LOOK: Final = 0.05  # seconds between two who come and only look
SERVED_WITHIN: Final = 1.0  # seconds


class World:
    """The nodes, the database and what is in front."""

    def __init__(self, folder: Path, database: Any) -> None:
        self.folder, self.database = folder, database
        template = initialise(folder / "template")
        self.rigs: dict[str, Rig] = {}
        self.ports = {number: free_port() for number in ("10021", "10022", "10443", "10081")}
        low = free_base(*range(2 * PASSIVE))
        self.ranges = [f"{low + at}-{low + at + PASSIVE - 1}" for at in (0, PASSIVE)]
        homes: list[Path] = []
        for (name, address), passive in zip(NODES.items(), self.ranges, strict=True):
            (folder / name).mkdir()
            rig = self.rigs[name] = Rig(folder / name / "instance", template)
            rig.server.known_hosts.touch()  # who scans for keys from here tells no header
            homes.append(take(rig, EXAMPLE, self._instead(rig, address)))
            text = rig.config.read_text().replace("address = 0.0.0.0", f"address = {address}")
            rig.config.write_text(text.replace(str(homes[-1]), str(homes[0])))
            rig.say("server", audit_requests="yes")  # each beginning is told, too
            override = (ROOT / "conf" / "examples" / EXAMPLE / "server.override.ini").read_text()
            own = override.replace("files-1", name).replace("10900 - 10949", passive)
            (rig.config.parent / "server.override.ini").write_text(own)
        self.home = homes[0] / "partner"
        self.template = template
        self.certificate = folder / "trusted.pem"
        made = self_signed(["localhost"], [FRONT, *NODES.values()])
        for rig in self.rigs.values():
            pair = rig.directory / "conf" / "certificates" / "server.pem"
            pair.unlink(missing_ok=True)
            made.write(pair)
        self.certificate.write_bytes(made.chain_pem())

    def _instead(self, rig: Rig, address: str) -> dict[str, str]:
        ports = {f"port = {number}": f"port = {port}" for number, port in self.ports.items()}
        given = self.database.given()
        return {
            **ports,
            "port = 10022": f"port = {self.ports['10022']}\n{_keys(rig)}",
            "trusted_proxies = 10.0.0.2": "trusted_proxies = 127.0.0.1",
            "shutdown_delay = 5": "shutdown_delay = 0.5",
            "address = db.example.com": f"address = {given['address']}",
            "port = 5432": f"port = {given['port']}",
            "username = mft": f"username = {given['username']}",
            "password = change me": f"password = {given['password']}",
            "database = mft": f"database = {given['database']}",
            "type = cluster": "type = cluster\nheartbeat_interval = 0.2\nnode_timeout = 2",
        }

    @property
    def balancer(self) -> str:
        """HAProxy's configuration as it is shipped; only addresses, ports and pace are others."""
        text = (ROOT / "conf" / "examples" / EXAMPLE / "haproxy.cfg").read_text()
        addresses = zip(("10.0.0.5", "10.0.0.6"), NODES.values(), strict=True)
        given = {
            **dict(addresses),
            "10900-10949": self.ranges[0],
            "10950-10999": self.ranges[1],
            "inter 1s": "inter 200ms",
        }
        for theirs, number in (("22", "10022"), ("21", "10021"), ("443", "10443")):
            given[f"bind :{theirs}\n"] = f"bind {FRONT}:{self.ports[number]}\n"
        given["bind :"] = f"bind {FRONT}:"
        for word, other in given.items():
            text = text.replace(word, other)
        for number, port in self.ports.items():
            text = text.replace(f":{number}", f":{port}").replace(f"port {number}", f"port {port}")
        assert "10.0.0" not in text
        return text

    # What clients do.

    def uploads(self) -> list[Callable[[Path, str], list[str | Path]]]:
        """What each client calls to send a file: to which name, as words."""
        server = replace(self.template, account="partner", address=FRONT, port=self.ports["10022"])
        login = f"partner:{server.password}"
        secured = ["--cacert", self.certificate, "--user", login, "--limit-rate", f"{RATE}k"]
        curl = ["curl", "-sS", "--fail", "--max-time", "25", *secured]
        ssh = [*words(server, server.port), "-oConnectTimeout=5", "-l", str(RATE * 8)]

        def scp(file: Path, name: str) -> list[str | Path]:
            return ["scp", "-q", *ssh, file, f"{server.where}:{name}"]

        def old_scp(file: Path, name: str) -> list[str | Path]:
            return ["scp", "-q", "-O", *ssh, file, f"{server.where}:{name}"]

        def ftps(file: Path, name: str) -> list[str | Path]:
            url = f"ftp://{FRONT}:{self.ports['10021']}/{name}"
            # In 1.3 curl takes up each ticket once, and has none left for its next upload.
            return [*curl, "--ssl-reqd", "--tls-max", "1.2", "-T", file, url]

        def https(file: Path, name: str) -> list[str | Path]:
            url = f"https://{FRONT}:{self.ports['10443']}/home/{name}"
            return [*curl, "-T", file, url]

        return [scp, old_scp, ftps, https]


def _keys(rig: Rig) -> str:
    lines = rig.config.read_text().splitlines()
    return next(line for line in lines if line.startswith("ssh_server_keys"))


class Service:
    """Who comes all the time, and only looks whether somebody is there."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.longest = 0.0  # seconds without anybody

    def __enter__(self) -> "Service":
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        last = time.monotonic()
        while not self._over.wait(LOOK):
            if self._served():
                now = time.monotonic()
                self.longest = max(self.longest, now - last)
                last = now

    def _served(self) -> bool:
        try:
            with socket.create_connection((FRONT, self._port), timeout=SERVED_WITHIN) as connection:
                return connection.recv(8).startswith(b"SSH-")
        except OSError:
            return False


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with shared_database("postgresql") as database, ExitStack() as running:
        made = World(tmp_path_factory.mktemp("mft"), database)
        for rig in made.rigs.values():
            running.callback(rig.close)
            rig.start()
        yield made
        for rig in made.rigs.values():
            rig.stop()
            assert unbalanced(rig.trail.told) == []
            assert rig.mft("audit", "verify").returncode == 0
        assert_told_once(made)


@contextmanager
def balanced(world: World) -> Iterator[haproxy.Haproxy]:
    """HAProxy in front, once it has seen both nodes."""
    with haproxy.running(world.folder, world.balancer) as proxy:
        until(lambda: all(proxy.status("sftp", name) == "UP" for name in NODES), "nodes are up")
        yield proxy


def assert_told_once(world: World) -> None:
    """Every event of every journal is in the database, once.

    But for what its handler has told of itself, and what a process told once its clients had gone.
    """
    told = {(name, one["serial"]) for name, rig in world.rigs.items() for one in rig.trail.told}
    own = {
        (name, one["serial"])
        for name, rig in world.rigs.items()
        for one in rig.trail.told
        if one["component"]["uuid"] == HANDLER
    }
    rows = Counter(tuple(row) for row in world.database.rows("server_uuid, serial"))
    assert max(rows.values()) == 1
    assert rows.keys() <= told
    for name, rig in world.rigs.items():
        drained = rig.trail.of(events.DRAINED.number)[-1]["serial"]
        expected = {one for one in told - own if one[0] == name and one[1] <= drained}
        assert expected <= rows.keys(), sorted(expected - rows.keys())[:5]


def send_all(
    world: World, round_: int, meanwhile: Callable[[], None]
) -> tuple[dict[str, bytes], int]:
    """Have all clients send at once, until each has been told that it is done: what, in how many
    tries."""
    source = world.folder / "source"
    source.mkdir(exist_ok=True)
    kinds, files, attempts = world.uploads(), {}, []

    def send(number: int) -> None:
        kind = kinds[number % len(kinds)]
        name = f"{kind.__name__}-{round_}-{number}.bin"
        files[name] = content(SIZE + number)
        file = source / name
        file.write_bytes(files[name])
        for attempt in range(1, TRIES + 1):
            began = time.monotonic()
            if client(*kind(file, name)) == 0:
                # It was told so: then it is there, whatever happens next.
                assert (world.home / name).read_bytes() == files[name], name
                attempts.append(attempt)
                return
            print(f"{name}: again after {time.monotonic() - began:.1f} s")
        raise AssertionError(f"{name} was not sent in {TRIES} tries")

    with ThreadPoolExecutor(TRANSFERS) as clients:
        sending = [clients.submit(send, number) for number in range(TRANSFERS)]
        meanwhile()
        for one in sending:
            one.result()
    print(f"{TRANSFERS} files, {sum(attempts)} tries")
    return files, sum(attempts)


def test_a_node_is_killed_in_the_middle_and_no_client_loses_a_file(world: World) -> None:
    """Nor is an event lost or told twice, and there is no half a file."""
    chance = random.Random(0)
    sent: dict[str, bytes] = {}
    with balanced(world) as proxy, Service(world.ports["10022"]) as service:
        for number in range(KILLS):
            name = [*NODES][number % 2]
            rig = world.rigs[name]
            moment = chance.uniform(0, LAST)

            def kill(rig: Rig = rig, moment: float = moment) -> None:
                threading.Event().wait(moment)  # a moment that nobody can choose
                rig.kill()

            sent |= send_all(world, number, kill)[0]
            rig.start()
            until(lambda name=name: proxy.status("sftp", name) == "UP", "it is back")
    print(f"{KILLS} kills: at most {service.longest:.2f} s without service")
    there = {path.name: path.read_bytes() for path in world.home.iterdir()}
    assert {name: data for name, data in there.items() if not name.startswith(".mft-")} == sent
    told = Counter(
        one["data"]["path"].lstrip("/")
        for rig in world.rigs.values()
        for one in rig.trail.told
        if one["id"] in (UPLOADED, FTP_UPLOADED, HTTP_UPLOADED)
    )
    assert told.keys() >= sent.keys()


def test_a_balancer_that_is_restarted_costs_tries_and_nothing_else(world: World) -> None:
    with ExitStack() as front:
        front.enter_context(balanced(world))

        def restart() -> None:
            threading.Event().wait(0.5)
            front.close()
            front.enter_context(balanced(world))

        send_all(world, 100, restart)


def test_a_database_that_is_restarted_is_not_noticed_by_who_moves_files(world: World) -> None:
    with balanced(world):

        def restart() -> None:
            threading.Event().wait(0.3)
            world.database.kill()
            world.database.start()

        _, tries = send_all(world, 200, restart)
        assert tries == TRANSFERS


def test_a_node_that_is_stopped_lets_its_transfers_end(world: World) -> None:
    """The balancer hears of it first: no client has to try again."""
    rig = world.rigs["files-1"]
    with balanced(world) as proxy, Service(world.ports["10022"]) as service:
        _, tries = send_all(world, 300, rig.stop)
        assert tries == TRANSFERS
        rig.start()
        until(lambda: proxy.status("sftp", "files-1") == "UP", "it is back")
    print(f"a stop: at most {service.longest:.2f} s without service")
