"""HAProxy and nginx in front, as the examples have them: real clients, whose addresses are told."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from mft.cli.control import all_rows
from mft.events import catalogue as events
from mft.trust.certificates import self_signed
from tests.fakes import pki
from tests.fakes.listening import listening
from tests.interop import haproxy
from tests.interop.instance import execute, initialise
from tests.interop.ports import free_base, free_port
from tests.laws.source import ROOT
from tests.system.examples import take
from tests.system.rig import Rig, sftp, until
from tests.system.trail import HTTP_CLOSED, Told, unbalanced

pytestmark = pytest.mark.interop

EXAMPLE: Final = ROOT / "conf" / "examples" / "behind-a-proxy"
SERVER, CLIENT, BANNED = "127.0.0.1", "127.0.0.2", "127.0.0.9"
FRONTS: Final = {"haproxy-v2": "127.0.0.3", "haproxy-v1": "127.0.0.4", "nginx": "127.0.0.5"}
LOOKING, TLS_FRONT = "127.0.0.6", "127.0.0.7"
NOBODY: Final = "127.0.0.99"  # without a rule loopback is not judged
PASSIVE: Final = 10  # ports
READ = events.PROXY_HEADER_READ.number
DATA_CLOSED = events.FTP_DATA_CLOSED.number
# Asked five times a second by each proxy, which may be too many at a time on a busy machine.
HEALTH: Final = "health"
# How quick this machine's disk is just now: nobody's connection.
DISK: Final = {events.VOLUME_TO_THREADS.number, events.VOLUME_INLINE.number}
UPLOADED = {"ssh": 30068, "ftp": 10078, "http": 40017}
POLICY: Final = "security-policies/DEFAULT-SECURITY-POLICY"
CONTENT: Final = b"what a partner sends\n" * 5000


class World:
    """The example's server, which trusts one proxy: this machine's first address."""

    def __init__(self, folder: Path) -> None:
        self.rig = Rig(folder / "instance", initialise(folder / "template"))
        self.ports = {number: free_port() for number in ("10021", "10990", "10443", "10081")}
        self.ports["10022"] = self.rig.server.port
        low = free_base(*range(PASSIVE))
        self.range = low, low + PASSIVE - 1
        lines = {f"port = {number}": f"port = {port}" for number, port in self.ports.items()}
        del lines["port = 10022"]
        homes = take(
            self.rig,
            "behind-a-proxy",
            {
                **lines,
                "address = 10.0.0.5": f"address = {SERVER}",
                "trusted_proxies = 10.0.0.2": f"trusted_proxies = {SERVER}",
                "passive_port_range = 10900 - 10999": "passive_port_range = {} - {}".format(
                    *self.range
                ),
                "shutdown_delay = 10": "shutdown_delay = 1\naudit_requests = yes",
            },
        )
        self.rig.section(POLICY, name="strict", source_ip_filter=f"deny {NOBODY}")
        self.home = homes / "partner"
        self.certificate = folder / "trusted.pem"
        made = self_signed(["localhost"], [SERVER, *FRONTS.values(), TLS_FRONT])
        pair = self.rig.directory / "conf" / "certificates" / "server.pem"
        pair.unlink()
        made.write(pair)
        self.certificate.write_bytes(made.chain_pem())
        self.rig.server.known_hosts.touch()  # who scans for keys from here tells no header

    def configured(self, name: str, front: str) -> str:
        """A proxy's configuration as it is shipped; only addresses and ports are others."""
        text = (EXAMPLE / name).read_text()
        given = {
            **{f"10.0.0.5:{number}": f"{SERVER}:{port}" for number, port in self.ports.items()},
            "10.0.0.5": SERVER,
            "10900-10999": "{}-{}".format(*self.range),
            "port 10081": f"port {self.ports['10081']}",
            "inter 2s": "inter 200ms",
        }
        for theirs, number in (
            ("22", "10022"),
            ("21", "10021"),
            ("990", "10990"),
            ("443", "10443"),
        ):
            given[f"bind :{theirs}\n"] = f"bind {front}:{self.ports[number]}\n"
            given[f"listen {theirs};"] = f"listen {front}:{self.ports[number]};"
        given["bind :"] = f"bind {front}:"  # passive ports
        given[f"listen {self.range[0]}"] = f"listen {front}:{self.range[0]}"
        for word, other in given.items():
            text = text.replace(word, other)
        assert "10.0.0" not in text
        return text

    def count(self) -> int:
        """How many events there are."""
        return len(self.rig.trail.told)

    def since(self, count: int) -> list[Told]:
        """The events since there were so many, whose connections have all ended."""
        until(lambda: not unbalanced(self.rig.trail.told), "every connection has ended")
        told = self.rig.trail.told[count:]
        return [one for one in told if one["id"] not in DISK and one["component"]["uuid"] != HEALTH]

    @property
    def login(self) -> str:
        """The partner's name and password."""
        return f"partner:{self.rig.server.password}"


@contextmanager
def nginx(folder: Path, configuration: str, front: str, port: int) -> Iterator[None]:
    """Run nginx until the body has ended."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None
    (folder / "modules").symlink_to("/usr/lib/nginx/modules")
    lines = ("daemon off;", "master_process off;", f"pid {folder}/pid;", configuration)
    (folder / "conf").write_text("\n".join(lines))
    argv = [program, "-e", folder / "errors", "-p", folder, "-c", folder / "conf"]
    with listening(argv, port, folder / "nginx.txt", host=front):
        yield


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The server, with each of the proxies in front of it."""
    made = World(tmp_path_factory.mktemp("mft"))
    with ExitStack() as running:
        running.callback(made.rig.close)
        made.rig.start()
        for name, front in FRONTS.items():
            folder = tmp_path_factory.mktemp(name)
            if name == "nginx":
                text = made.configured("nginx.conf", front)
                running.enter_context(nginx(folder, text, front, made.ports["10443"]))
                continue
            text = made.configured("haproxy.cfg", front)
            if name == "haproxy-v1":
                text = text.replace("send-proxy-v2", "send-proxy")
            proxy = running.enter_context(haproxy.running(folder, text))
            until(lambda: proxy.status("sftp", "files-1") == "UP", "it is ready")  # noqa: B023 - now
        until(lambda: made.rig.trail.count(HTTP_CLOSED), "the look whether nginx listens")
        yield made
        made.rig.stop()
    assert unbalanced(made.rig.trail.told) == []
    assert made.rig.mft("audit", "verify").returncode == 0


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> str:
    """The address of each proxy."""
    return FRONTS[request.param]


# Clients.


def curl(world: World, url: str, *words: str | Path, source: str = CLIENT, ok: bool = True) -> str:
    trust = ["--cacert", str(world.certificate), "--user", world.login]
    return execute("curl", "-sS", "--interface", source, *trust, *words, url, ok=ok).stdout


def by_sftp(world: World, front: str, file: Path, back: Path) -> None:
    server = replace(world.rig.server, account="partner", address=front)
    batch = f"put {file} sftp.txt\nget sftp.txt {back}\n"
    assert sftp(server, batch, f"-oBindAddress={CLIENT}", port=server.port) == 0


def by_ftps(world: World, front: str, file: Path, back: Path, *way: str) -> None:
    """Implicit TLS, by curl."""
    url = f"ftps://{front}:{world.ports['10990']}/curl.txt"
    curl(world, url, *way, "--upload-file", file)
    curl(world, url, *way, "--output", back)


def by_pasv(world: World, front: str, file: Path, back: Path) -> None:
    """The same, going to the address that PASV tells, which is that of the proxy."""
    by_ftps(world, front, file, back, "--disable-epsv", "--no-ftp-skip-pasv-ip")


def lftp(world: World, front: str, file: Path, back: Path, *settings: str) -> None:
    """Explicit TLS."""
    script = [
        "set cmd:fail-exit yes",
        "set net:max-retries 1",
        "set ftp:ssl-force yes",
        "set ftp:ssl-protect-data yes",
        f"set ssl:ca-file {world.certificate}",
        f"set net:socket-bind-ipv4 {CLIENT}",
        *settings,
        f"open -u {world.login.replace(':', ',')} ftp://{front}:{world.ports['10021']}/",
        f"put {file} -o lftp.txt",
        f"get lftp.txt -o {back}",
    ]
    env = {"LFTP_HOME": str(back.parent / "home"), "HOME": str(back.parent)}
    execute("lftp", "--norc", "-c", "; ".join(script), env=env)


def by_active_lftp(world: World, front: str, file: Path, back: Path) -> None:
    """The server connects to the client, and not to the proxy."""
    lftp(world, front, file, back, "set ftp:passive-mode no", f"set ftp:port-ipv4 {CLIENT}")


def by_https(world: World, front: str, file: Path, back: Path) -> None:
    url = f"https://{front}:{world.ports['10443']}/home/web.txt"
    curl(world, url, "--upload-file", file)
    curl(world, url, "--output", back)


class Client(NamedTuple):
    """How a client goes, and what it is told as."""

    moves: Callable[[World, str, Path, Path], None]
    protocol: str


CLIENTS: Final = {
    "openssh": Client(by_sftp, "ssh"),
    "curl-ftps-epsv": Client(by_ftps, "ftp"),
    "curl-ftps-pasv": Client(by_pasv, "ftp"),
    "lftp-explicit": Client(lftp, "ftp"),
    "lftp-active": Client(by_active_lftp, "ftp"),
    "curl-https": Client(by_https, "http"),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_files_go_both_ways_and_the_audit_has_the_address_of_the_client(
    world: World, front: str, client: str, tmp_path: Path
) -> None:
    file, back, before = tmp_path / "file", tmp_path / "back", world.count()
    file.write_bytes(CONTENT)
    CLIENTS[client].moves(world, front, file, back)
    assert back.read_bytes() == CONTENT
    told = world.since(before)
    assert [one for one in told if one["id"] == UPLOADED[CLIENTS[client].protocol]]
    by_proxy = [one for one in told if one["peer"]["address"] != CLIENT]
    assert by_proxy
    assert {(one["id"], one["peer"]["address"]) for one in by_proxy} == {(READ, SERVER)}
    for one in by_proxy:
        assert one["data"]["host"] == CLIENT
        assert one["data"]["reached"].startswith(f"{front}:")
    data = [one["data"] for one in told if one["id"] == DATA_CLOSED]
    assert {one["peer_address"] for one in data} <= {CLIENT}
    assert bool(data) is (CLIENTS[client].protocol == "ftp")


def test_a_ban_is_of_the_client_and_not_of_the_proxy(world: World, front: str) -> None:
    url = f"https://{front}:{world.ports['10443']}/home/"

    def answers(source: str, password: str) -> str:
        words = ("--user", f"partner:{password}", "--output", os.devnull, "--write-out")
        return curl(world, url, *words, "%{http_code}", source=source)

    def banned() -> set[str]:
        rows = all_rows(world.rig.config, "bans")
        return {one["key"] for one in rows if one["state"] == "banned"}

    until(lambda: answers(BANNED, "wrong") == "401" and BANNED in banned(), "the ban")
    assert answers(BANNED, world.rig.server.password) == "401"
    assert answers(CLIENT, world.rig.server.password) == "200"
    assert SERVER not in banned()
    assert world.rig.mft("bans", "lift", BANNED).returncode == 0


LOOKS: Final = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 1m
    timeout server 1m
    timeout check 5s
    default-server check inter 50ms rise 5 fall 3 {how}

listen sftp
    bind {front}:{sftp}
    option tcp-check
    tcp-check expect string SSH-2.0-
    server files-1 {server}:{sftp}

listen ftp
    bind {front}:{ftp}
    option tcp-check
    tcp-check expect string 220
    tcp-check send QUIT\\r\\n
    tcp-check expect string 221
    server files-1 {server}:{ftp}

listen ftps
    bind {front}:{ftps}
    server files-1 {server}:{ftps}

listen https
    bind {front}:{https}
    option httpchk GET /home/
    http-check expect status 401
    server files-1 {server}:{https} check-ssl verify none
"""


@pytest.mark.parametrize(
    "how", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c"]
)
def test_looks_of_the_proxy_see_every_protocol_and_are_no_news(
    world: World, how: str, tmp_path: Path
) -> None:
    names = {"sftp": "10022", "ftp": "10021", "ftps": "10990", "https": "10443"}
    ports = {name: world.ports[number] for name, number in names.items()}
    before = world.count()
    text = LOOKS.format(front=LOOKING, server=SERVER, how=how, **ports)
    with haproxy.running(tmp_path, text) as proxy:
        for name in names:  # from there it takes five good looks until it is up
            proxy.ask(f"set server {name}/files-1 health down")
        for name in names:
            until(lambda: proxy.status(name, "files-1") == "UP", f"five looks at {name}")  # noqa: B023 - now
    assert world.since(before) == []


TELLING: Final = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 1m
    timeout server 1m
    default-server send-proxy-v2-ssl-cn proxy-v2-options ssl-cipher,authority,unique-id,crc32c

listen web
    bind {front}:{port} ssl crt {folder}/front.pem ca-file {folder}/ca.pem verify optional
    unique-id-format id-%ci
    server files-1 {server}:{port} ssl verify none
"""


def test_a_proxy_tells_of_its_tls_and_that_is_no_login(world: World, tmp_path: Path) -> None:
    authority = pki.Authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    authority.issue("partner").write(tmp_path / "client.pem")
    shutil.copy(
        world.rig.directory / "conf" / "certificates" / "server.pem", tmp_path / "front.pem"
    )
    port = world.ports["10443"]
    text = TELLING.format(folder=tmp_path, front=TLS_FRONT, server=SERVER, port=port)
    before = world.count()
    with haproxy.running(tmp_path, text):
        words = ("--cert", tmp_path / "client.pem", "--connect-to", f"::{TLS_FRONT}:{port}")
        words += ("--output", os.devnull, "--write-out", "%{http_code}")
        url = "https://localhost/home/"
        base = ("curl", "-sS", "--interface", CLIENT, "--cacert", world.certificate)
        assert execute(*base, *words, url).stdout == "401"
        told = world.since(before)
    (read,) = (one["data"] for one in told if one["id"] == READ)
    assert (read["host"], read["reached"]) == (CLIENT, f"{TLS_FRONT}:{port}")
    said: dict[str, Any] = read["extensions"]
    assert said.pop("tls_cipher").startswith("TLS_")
    assert said == {
        "authority": "localhost",
        "unique_id": f"id-{CLIENT}",
        "tls_version": "TLSv1.3",
        "tls_client_name": "partner",
        "tls_client_certificate": "verified",
    }


def test_a_client_that_comes_by_itself_cannot_say_who_it_is(world: World) -> None:
    url = f"https://{SERVER}:{world.ports['10443']}/home/"
    before = world.count()
    curl(world, url, "--haproxy-protocol", ok=False)
    told = world.since(before)
    assert {one["peer"]["address"] for one in told} == {CLIENT}
    assert READ not in {one["id"] for one in told}
    assert curl(world, url, "--output", os.devnull, "--write-out", "%{http_code}") == "200"
