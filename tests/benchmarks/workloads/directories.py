"""Logins that a directory judges: what they cost the reactor, and who waits for a slow one.

The directory is a real slapd with five thousand people. The processor time is that of the main
thread alone, which is the reactor's, as Linux counts it.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.bench import Bench, Figures, Metric, Running, Workload, answer, percentile
from tests.benchmarks.servers.base import HOST, Server
from tests.benchmarks.servers.ours import Ours
from tests.fakes.slapd import PASSWORD, PEOPLE, Slapd

PARALLEL = 4
WAITING = 8  # logins that wait for the slow directory all the while
DELAY = 5.0  # seconds until it begins to answer
COST = (
    Metric("local", "reactor's CPU per login, account of server.ini, ms", 2),
    Metric("directory", "the same, of the directory, ms", 2),
    Metric("added", "what the directory adds, ms", 2),
)
SLOW = (
    Metric("before", "login beside no directory, ms", 1),
    Metric("beside", "login while logins wait for the directory, ms", 1),
    Metric("ratio", "the second to the first", 2),
    Metric("p99", "NOOP p99 meanwhile, ms", 2),
)


def cost(bench: Bench, _server: Server) -> Figures:
    """FTP logins of accounts of server.ini with the cheapest hash, then of the directory."""
    count = bench.scale.key_logins
    with _slapd(bench) as slapd, bench.fresh(_ours(bench, slapd.port)) as running:
        figures = {}
        for name, user, password in (("local", "", ""), ("directory", "u1", PASSWORD)):
            answer(bench.own("logins", "ftp", running, PARALLEL, PARALLEL, user, password))
            child = bench.own("logins", "ftp", running, count, PARALLEL, user, password)
            before = _reactor_seconds(running)
            answer(child)
            figures[name] = (_reactor_seconds(running) - before) / count * 1e3
    return {**figures, "added": figures["directory"] - figures["local"]}


def slow(bench: Bench, _server: Server) -> Figures:
    """Local logins and a NOOP while others wait for a directory that answers after 5 s."""
    count = bench.scale.key_logins
    with (
        _slapd(bench) as slapd,
        _late(slapd.port) as port,
        bench.fresh(_ours(bench, port)) as running,
    ):
        answer(bench.own("logins", "ftp", running, 1, 1))
        before, _ = _others(bench, running)
        waiting = bench.own("logins", "ftp", running, WAITING, WAITING, "u1", PASSWORD)
        ending = threading.Thread(target=answer, args=(waiting,))
        ending.start()
        beside, took = _others(bench, running)
        over_first = ending.is_alive()
        ending.join()
    if not over_first:
        raise ValueError("nobody waited for the directory any more when the others were done")
    return {
        "before": before / count * 1e3,
        "beside": beside / count * 1e3,
        "ratio": beside / before,
        "p99": percentile(took, 0.99),
    }


def _others(bench: Bench, running: Running) -> tuple[float, list[float]]:
    """Logins one after the other beside a session with NOOPs: seconds, and ms of each NOOP."""
    probing = bench.own("probe", "ftp", running, bench.scale.bulk_probes, 0.005)
    child = bench.own("logins", "ftp", running, bench.scale.key_logins, 1)
    told: list[dict] = []
    asking = threading.Thread(target=lambda: told.append(answer(probing)))
    asking.start()
    seconds = answer(child)["seconds"]
    asking.join()
    return seconds, sorted(told[0]["ms"])


def _ours(bench: Bench, port: int) -> Ours:
    homes = bench.tools.space.root / "directory-homes"
    homes.mkdir(exist_ok=True)
    more = f"""
[authentications/own]
type = application
name = own
[authentications/people]
type = ldap
name = people
address = {HOST}
port = {port}
secure_connection = no
username_attribute = uid
bind_dn = {PEOPLE}
timeout = 20
"""
    members = {"home_folder_path": str(homes), "create_home_folder": "yes"}
    settings = {
        "server": {"authentications": "own, people"},
        "groups/DEFAULT_GROUP": members,
        "services": {"maximum_unauthenticated_connections_per_source": "100"},
    }
    return Ours(bench.tools, "mft-directory", settings, service="ftp", more=more)


@contextlib.contextmanager
def _slapd(bench: Bench) -> Iterator[Slapd]:
    bench.number += 1
    folder = bench.tools.space.root / f"slapd-{bench.number}"
    folder.mkdir()
    slapd = Slapd(folder)
    slapd.start()
    try:
        yield slapd
    finally:
        slapd.stop()


@contextlib.contextmanager
def _late(port: int) -> Iterator[int]:
    """A way to a port on which nothing passes for the first seconds of each connection."""
    listening = socket.create_server((HOST, 0))
    over = threading.Event()

    def carry(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)

    def serve(client: socket.socket) -> None:
        over.wait(DELAY)
        with socket.create_connection((HOST, port)) as server, client:
            back = threading.Thread(target=carry, args=(server, client), daemon=True)
            back.start()
            carry(client, server)
            back.join(DELAY)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        over.set()
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _reactor_seconds(running: Running) -> float:
    """What the main thread of the server has used of a processor."""
    (pid,) = running.server.pids()
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


def workloads() -> list[Workload]:
    """What it adds, and who waits for it."""
    slow_title = f"others beside a directory that answers after {DELAY:g} s"
    return [
        Workload("directory", "login by a directory", ("mft",), COST, cost),
        Workload("slow-directory", slow_title, ("mft",), SLOW, slow),
    ]
