"""Three nodes of the shipped example behind a real HAProxy; their accounts are in a real slapd.

The clock of the last one is wrong by an hour.
"""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncssh

from mft.cli.control import all_rows
from mft.events import catalogue as events
from mft.trust.certificates import self_signed
from tests.fakes.cluster_nodes import ask
from tests.fakes.proxy_header import block
from tests.fakes.slapd import BASE, PASSWORD, SEARCHER, Slapd
from tests.interop import haproxy
from tests.interop.instance import Server, execute
from tests.interop.ports import free_base, free_port
from tests.laws.source import ROOT
from tests.system.examples import take
from tests.system.rig import Rig, until, words

EXAMPLE: Final = "active-active"
FRONT: Final = "127.0.0.10"
NODES: Final = {"files-1": "127.0.0.11", "files-2": "127.0.0.12", "files-3": "127.0.0.13"}
AHEAD: Final = "files-3"  # its clock is
HOUR: Final = 3600  # seconds
RATE: Final = 400  # KB a second of one client, so that all are busy for more than a second
PASSIVE: Final = 40  # ports of a node
GUESSES: Final = 4  # until a source is banned
FEW: Final = 2  # sessions that the account of this name may have
LOOK: Final = 0.05  # seconds between two who come and only look
SERVED_WITHIN: Final = 1.0  # seconds
LEASE: Final = "transfer/PLANNED"

_MORE: Final = """
[authentications/directory]
name = directory
type = ldap
address = 127.0.0.1
port = {port}
secure_connection = StartTLS
ssl_certificate_authority = {authority}
bind_dn_type = search
bind_dn = {base}
search_bind_dn = {searcher}
search_bind_password = s
username_attribute = uid
ssh_public_keys_attribute = sshPublicKey
base_groups =
group_mapping =
    employeeType, few, FEW
    uid, *, PARTNERS
timeout = 5

[groups/PARTNERS]
name = partners
home_folder_path = {homes}/${{USER}}
create_home_folder = Yes

[groups/FEW]
name = few
home_folder_path = {homes}/${{USER}}
create_home_folder = Yes
maximum_sessions = {few}

[security-policies/DEFAULT-SECURITY-POLICY]
name = strict
source_ip_ban_after_count = {guesses}
source_ip_ban_interval = 1h

[transfers/PLANNED]
name = planned
source_path = {folder}/out
source_filter = nothing
destination_path = {folder}/in
schedule = cron 0 0 1 {month} *
"""


class World:
    """The nodes, the database, the directory and what is in front."""

    def __init__(self, folder: Path, template: Server, database: Any, slapd: Slapd) -> None:
        self.folder, self.database, self.slapd = folder, database, slapd
        template = replace(template, password=PASSWORD)
        self.rigs: dict[str, Rig] = {}
        self.ports = {number: free_port() for number in ("10021", "10022", "10443", "10081")}
        low = free_base(*range(len(NODES) * PASSIVE))
        begins = [low + number * PASSIVE for number in range(len(NODES))]
        self.ranges = [f"{begin}-{begin + PASSIVE - 1}" for begin in begins]
        homes: list[Path] = []
        for name in ("out", "in"):
            (folder / name).mkdir()
        for (name, address), passive in zip(NODES.items(), self.ranges, strict=True):
            (folder / name).mkdir()
            rig = self.rigs[name] = Rig(folder / name / "instance", template)
            rig.server.known_hosts.touch()  # who scans for keys from here tells no header
            homes.append(take(rig, EXAMPLE, self._instead(rig, address)))
            text = rig.config.read_text().replace("address = 0.0.0.0", f"address = {address}")
            rig.config.write_text(text.replace(str(homes[-1]), str(homes[0])))
            # Each beginning is told, too.
            rig.say("server", audit_requests="yes", authentications="directory")
            rig.config.write_text(rig.config.read_text() + self._more(homes[0]))
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
        self._fill_directory()

    def _more(self, homes: Path) -> str:
        """What the example leaves to who takes it: where accounts are, and a schedule."""
        half_a_year = datetime.now(UTC) + timedelta(days=180)
        return _MORE.format(
            port=self.slapd.port,
            authority=self.slapd.folder / "ca.pem",
            base=BASE,
            searcher=SEARCHER,
            homes=homes,
            folder=self.folder,
            few=FEW,
            guesses=GUESSES,
            month=half_a_year.month,
        )

    def _fill_directory(self) -> None:
        line = Path(f"{self.template.key}.pub").read_text().strip()
        self.slapd.add("partner", sshPublicKey=line)
        self.slapd.add("few", employeeType="few")

    def start(self, name: str) -> None:
        """Start a node."""
        env = {"LD_PRELOAD": str(self._late_clock()), "CLOCK_AHEAD": str(HOUR)}
        self.rigs[name].start(env if name == AHEAD else None)

    def _late_clock(self) -> Path:
        """The library that sets a clock, built from ahead.c."""
        library, source = self.folder / "ahead.so", Path(__file__).with_name("ahead.c")
        if not library.exists():
            execute("gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source)
        return library

    def _instead(self, rig: Rig, address: str) -> dict[str, str]:
        ports = {f"port = {number}": f"port = {port}" for number, port in self.ports.items()}
        given = self.database.given()
        return {
            **ports,
            "port = 10022": f"port = {self.ports['10022']}\n{_keys(rig)}",
            "trusted_proxies = 10.0.0.2": "trusted_proxies = 127.0.0.1",
            "shutdown_delay = 5": "shutdown_delay = 2",
            "address = db.example.com": f"address = {given['address']}",
            "port = 5432": f"port = {given['port']}",
            "username = mft": f"username = {given['username']}",
            "password = change me": f"password = {given['password']}",
            "database = mft": f"database = {given['database']}",
            "type = cluster": "type = cluster\nheartbeat_interval = 0.2\nnode_timeout = 3",
        }

    @property
    def balancer(self) -> str:
        """HAProxy's configuration as it is shipped; only addresses, ports and pace are others."""
        text = (ROOT / "conf" / "examples" / EXAMPLE / "haproxy.cfg").read_text()
        # It has two nodes: the third has the same lines.
        text = re.sub(r"(?m)^    server files-2 .*:.*$", lambda found: _third(found[0]), text)
        begin = text.index("listen ftp-data-2")
        ports = text[begin : text.index("\n\n", begin) + 2]
        text = text.replace(ports, ports + _third(ports)[len(ports) :])
        addresses = zip(("10.0.0.5", "10.0.0.6", "10.0.0.7"), NODES.values(), strict=True)
        ranges = zip(("10900-10949", "10950-10999", "11000-11049"), self.ranges, strict=True)
        given = {**dict(addresses), **dict(ranges), "inter 1s": "inter 200ms"}
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


def _third(text: str) -> str:
    """What configures the second node, and behind it the same for a third."""
    third = text.replace("files-2", "files-3").replace("10.0.0.6", "10.0.0.7")
    third = third.replace("ftp-data-2", "ftp-data-3").replace("10950-10999", "11000-11049")
    return text + ("" if text.endswith("\n") else "\n") + third


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


@contextmanager
def balanced(world: World) -> Iterator[haproxy.Haproxy]:
    """HAProxy in front, once it has seen all nodes."""
    with haproxy.running(world.folder, world.balancer) as proxy:
        until(lambda: all(proxy.status("sftp", name) == "UP" for name in NODES), "nodes are up")
        yield proxy


# Who comes to one node, as HAProxy would lead him there.


async def enters(
    world: World, name: str, source: str, account: str = "partner", password: str = PASSWORD
) -> asyncssh.SSHClientConnection | None:
    """Log in to a node by password, from an address; None when it is refused."""
    where = (NODES[name], world.ports["10022"])
    wire = socket.create_connection(where, timeout=SERVED_WITHIN)
    wire.sendall(block(source=(source, 40_000), reached=(FRONT, 22)))
    wire.setblocking(False)
    try:
        return await asyncssh.connect(
            sock=wire,
            username=account,
            password=password,
            preferred_auth="password",
            client_keys=None,
            known_hosts=None,
            config=None,
            agent_path=None,
        )
    except (asyncssh.Error, OSError):
        wire.close()
        return None


async def lets_in(world: World, name: str, source: str, password: str = PASSWORD) -> bool:
    """Whether a node lets somebody in from an address, and out again."""
    connection = await enters(world, name, source, password=password)
    if connection is None:
        return False
    connection.close()
    await connection.wait_closed()
    return True


def counted(world: World, name: str, source: str) -> int:
    """How many wrong logins from an address a node knows of."""
    rows = all_rows(world.rigs[name].config, "bans")
    return max((one["attempts"] for one in rows if one["key"] == source), default=0)


def overdue(world: World) -> str:
    """Let the one moment that is planned be over; gives the node which is to see to it."""
    gained, lost = events.LEASE_GAINED.number, events.LEASE_LOST.number

    def holders() -> list[str]:
        return [
            name
            for name, rig in world.rigs.items()
            if rig.trail.count(gained, lease=LEASE) > rig.trail.count(lost, lease=LEASE)
        ]

    facts = "mft_queue_facts WHERE name = 'planned'"
    until(holders, "somebody has the transfer")
    until(lambda: ask(world.database, f"SELECT value FROM {facts}"), "it is planned")
    ask(world.database, f"UPDATE {facts.replace('WHERE', f'SET value = {time.time() - 1} WHERE')}")
    return holders()[-1]


def fired(world: World) -> int:
    """How often the nodes have told that they did what is planned."""
    number = events.TRANSFER_SCHEDULE_DONE.number
    return sum(rig.trail.count(number) for rig in world.rigs.values())
