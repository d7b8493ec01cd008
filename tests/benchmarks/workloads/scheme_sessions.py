"""What sessions of FTP and HTTP cost: to log in, to be idle, and to be asked beside downloads."""

import contextlib
import time
from collections.abc import Mapping
from functools import partial

from tests.benchmarks.bench import (
    Bench,
    Figures,
    Metric,
    Running,
    Workload,
    answer,
    percentile,
)
from tests.benchmarks.servers.base import Server

PARALLEL = 4
LOGINS = (
    Metric("cpu", "server CPU per login, ms", 2),
    Metric("net", "without its hash, ms", 2),
    Metric("rate", "logins/s (as fast as the client can)"),
)
MEMORY = (
    Metric("base", "base RSS, MB", 1),
    Metric("pss", "anonymous PSS per session, KiB", 1),
    Metric("rss", "RSS per session, KiB", 1),
)
FEWER = 10  # times fewer idle sessions where each is a process: they take so long to open
REPEATS = 200  # downloads a client is told to make: far more than the probe has time for
HASHES = 20


def logins(bench: Bench, server: Server, scheme: str) -> Figures:
    """With the usual hash, four at a time, each closed before its successor begins."""
    user, count = bench.tools.credentials.user, bench.scale.password_logins
    running = bench.ready(server)
    child = bench.own("logins", scheme, running, count, PARALLEL, user)
    with bench.measure(server) as cost:
        seconds = answer(child)["seconds"]
    return {"cpu": cost.server / count * 1e3, "rate": count / seconds}


def cheap_logins(bench: Bench, server: Server, scheme: str) -> Figures:
    """With the cheapest hash, whose cost is measured as well and taken out."""
    count = bench.scale.key_logins
    running = bench.ready(server)
    child = bench.own("logins", scheme, running, count, PARALLEL)
    with bench.measure(server) as cost:
        seconds = answer(child)["seconds"]
    before = time.process_time()
    for _ in range(HASHES):
        server.cheapest_hash()
    hashing = (time.process_time() - before) / HASHES
    cpu = cost.server / count
    return {"cpu": cpu * 1e3, "net": max(cpu - hashing, 0) * 1e3, "rate": count / seconds}


def idle(bench: Bench, server: Server, scheme: str) -> Figures:
    """A young server; its memory before and after the sessions opened; then the probe."""
    scale = bench.scale
    count = scale.idle_sessions // FEWER if server.forks else scale.idle_sessions
    with bench.fresh(server) as running:
        answer(bench.own("logins", scheme, running, 1, 1))  # first use loads code
        before = server.memory()
        crowd = bench.own("idle", scheme, running, count, 0)
        after = server.memory()
        took = probe(bench, running, scheme, scale.idle_probes, scale.idle_probe_gap)
        answer(crowd)
    return {
        "base": before.resident * 1024 / 1e6,
        "pss": (after.private - before.private) / count,
        "rss": (after.resident - before.resident) / count,
        "p50": percentile(took, 0.5),
        "p99": percentile(took, 0.99),
    }


def beside_downloads(bench: Bench, server: Server, scheme: str, downloads: int) -> Figures:
    """The probe while so many curls fetch an eighth of the large file again and again."""
    running, scale = bench.ready(server), bench.scale
    with contextlib.ExitStack() as ends:
        ends.callback(bench.tools.space.empty, bench.tools.space.sink)
        transfers = []
        for number in range(downloads):
            paths = [("part", f"sink/{number}")] * REPEATS
            one = bench.curl.download(running.address, paths, scheme)
            ends.callback(one.kill)
            transfers.append(one)
        for one in transfers:
            one.go()
        took = probe(bench, running, scheme, scale.bulk_probes, scale.bulk_probe_gap)
    return {"p50": percentile(took, 0.5), "p99": percentile(took, 0.99)}


def probe(bench: Bench, running: Running, scheme: str, count: int, gap: float) -> list[float]:
    """How long that many NOOPs, or GETs of a small file, took, in ms, sorted."""
    return sorted(answer(bench.own("probe", scheme, running, count, gap))["ms"])


def workloads(
    schemes: Mapping[str, str], servers: tuple[str, ...], asked: str, downloads: str
) -> list[Workload]:
    """Logins and idle sessions over each scheme, and the probe beside three downloads of one.

    asked: what the probe asks, in a word.
    """
    probed = (Metric("p50", f"{asked} p50, ms", 2), Metric("p99", f"{asked} p99, ms", 2))
    made = []
    for scheme, shown in schemes.items():
        for name, title, work in (
            ("login", f"{shown} login", logins),
            ("login-cheap", f"{shown} login, cheapest hash", cheap_logins),
        ):
            metrics = LOGINS if work is cheap_logins else (LOGINS[0], LOGINS[2])
            chosen = partial(work, scheme=scheme)
            made.append(Workload(f"{scheme}-{name}", title, servers, metrics, chosen))
    for scheme, shown in schemes.items():
        work = partial(idle, scheme=scheme)
        title = f"{shown} idle sessions"
        made.append(Workload(f"{scheme}-idle", title, servers, (*MEMORY, *probed), work))
    name = f"{downloads}-{asked.lower()}-3"
    title = f"{asked} beside 3 {schemes[downloads]} downloads"
    work = partial(beside_downloads, scheme=downloads, downloads=3)
    return [*made, Workload(name, title, servers, probed, work)]
