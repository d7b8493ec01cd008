"""Passwords that cost much: two hundred logins at once, alone and beside downloads; and bad ones.

Their hashes are computed on the login pool, which has all cores but one. What the hash alone allows
is measured in this process in the same round.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mft.auth.passwords import BCRYPT, PasswordHash, make_hash
from tests.benchmarks.bench import (
    Bench,
    Cost,
    Figures,
    Metric,
    Running,
    Workload,
    answer,
    cipher_for,
    percentile,
)
from tests.benchmarks.processes import Child, ChildError
from tests.benchmarks.servers.base import Server
from tests.benchmarks.servers.ours import Ours
from tests.benchmarks.settings import STREAMS

DOWNLOADS = 3
REPEATS = 3000  # downloads a client is told to make, in one pipe: far more than there is time for
HASHES = 3
LOOK = 0.02  # seconds between two looks at how much has moved
PATIENCE = 120.0  # seconds
ALONE = (
    Metric("rate", "logins/s", 2),
    Metric("share", "of what the hash alone allows", 2),
)
BESIDE = (
    Metric("kept", "downloads: MB per CPU-second without hashes, of what they had alone", 2),
    Metric("p50", "stat p50, ms", 2),
    Metric("p99", "stat p99, ms", 2),
    Metric("rate", "logins/s", 2),
)
FLOOD = (
    Metric("core", "of one core, %", 1),
    Metric("growth", "RSS that more of them add, MB", 1),
    Metric("attempts", "attempts a minute"),
    Metric("answered", "of them answered", 2),
)
PER_MINUTE = 10_000
# A policy that does not let loopback off, as the usual one does.
STRICT = """
[security-policies/DEFAULT-SECURITY-POLICY]
name = strict
source_ip_filter =
"""


def alone(bench: Bench, server: Server) -> Figures:
    """So many logins at once, and nothing else."""
    count = bench.scale.crowd
    hashing = _hash_seconds(bench)
    with bench.fresh(server) as running:
        seconds = answer(_crowd(bench, running), 600.0)["seconds"]
    return {"rate": count / seconds, "share": count / seconds * hashing / _pool()}


def beside_downloads(bench: Bench, server: Server) -> Figures:
    """The same beside three downloads, with a session that asks for a `stat` again and again."""
    scale, count = bench.scale, bench.scale.crowd
    hashing = _hash_seconds(bench)
    with bench.fresh(server) as running, _downloads(bench, running):
        _wait_for_more(server, scale.size / 1e6 / STREAMS)
        before = _moved(server)
        with bench.measure(server) as quiet:
            _wait_for_more(server, scale.size / 1e6)
        quiet_rate = (_moved(server) - before) / quiet.server
        crowd = _crowd(bench, running)
        probing = bench.light(
            "probe", running, str(bench.tools.credentials.key), scale.bulk_probes, 0.02
        )
        before = _moved(server)
        with bench.measure(server) as busy:
            taken: list[dict] = []
            waiting = threading.Thread(target=lambda: taken.append(answer(crowd, 600.0)))
            waiting.start()
            took = sorted(answer(probing, 600.0)["ms"])
            waiting.join()
        busy_rate = (_moved(server) - before) / (busy.server - count * hashing)
        seconds = taken[0]["seconds"]
    bench.tools.space.empty(bench.tools.space.sink)
    return {
        "kept": busy_rate / quiet_rate,
        "p50": percentile(took, 0.5),
        "p99": percentile(took, 0.99),
        "rate": count / seconds,
    }


def flood(bench: Bench, _server: Server, scheme: str) -> Figures:
    """Bad logins of one source, ten thousand a minute, over more connections than it may have.

    What they cost counts from the first one on, so that the logins before the ban are in it. Memory
    is that of a third as many behind them, when all code and all buffers are there.
    """
    service = "http" if scheme == "https" else scheme
    server = Ours(bench.tools, f"mft-flood-{scheme}", service=service, more=STRICT)
    seconds = bench.scale.flood_seconds
    with bench.fresh(server) as running:
        if scheme != "ssh":
            answer(bench.own("logins", scheme, running, 1, 1))  # first use loads code
        cost, told = _guesses(bench, server, scheme, running, seconds)
        before = server.memory().resident
        _guesses(bench, server, scheme, running, seconds / 3)
        after = server.memory().resident
    return {
        "core": cost.server / cost.wall * 100,
        "growth": (after - before) * 1024 / 1e6,
        "attempts": told["attempts"] / told["seconds"] * 60,
        "answered": told["answered"] / told["attempts"],
    }


def _guesses(
    bench: Bench, server: Server, scheme: str, running: Running, seconds: float
) -> tuple[Cost, dict]:
    child = bench.guesser(scheme, running, PER_MINUTE, seconds)
    with bench.measure(server) as cost:
        told = answer(child)
    return cost, told


def _pool() -> int:
    return max(1, (os.cpu_count() or 2) - 1)


def _hash_seconds(bench: Bench) -> float:
    """What one hash of the usual kind costs here, of the same processor that the server has."""
    made = PasswordHash.parse(make_hash(bench.tools.credentials.password, BCRYPT))
    before = time.process_time()
    for _ in range(HASHES):
        made.matches(bench.tools.credentials.password)
    return (time.process_time() - before) / HASHES


def _crowd(bench: Bench, running: Running) -> Child:
    count = bench.scale.crowd
    word = f"password:{bench.tools.credentials.password}"
    return bench.light("logins", running, word, count, count)


@contextlib.contextmanager
def _downloads(bench: Bench, running: Running) -> Iterator[None]:
    """Three clients that fetch an eighth of the large file again and again."""
    cipher = cipher_for(running.server, "aes128-gcm")
    sessions = [bench.clients.login(running.address, cipher) for _ in range(DOWNLOADS)]
    try:
        for number, session in enumerate(sessions):
            session.send([f"get part sink/{number}"] * REPEATS)
        yield
    finally:
        for session in sessions:
            session.kill()


def _moved(server: Server) -> float:
    """The megabytes that the server has read, from files but for a little."""
    total = 0
    for pid in server.pids():
        with contextlib.suppress(OSError):
            told = dict(
                line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().split("\n")[:-1]
            )
            total += int(told["rchar"])
    return total / 1e6


def _wait_for_more(server: Server, megabytes: float) -> None:
    """Return when so much more has moved."""
    enough, end = _moved(server) + megabytes, time.monotonic() + PATIENCE
    while _moved(server) < enough:
        if time.monotonic() > end:
            raise ChildError(f"{server.name} has not moved {megabytes:.0f} MB in {PATIENCE:g} s")
        time.sleep(LOOK)


def workloads() -> list[Workload]:
    """Over SSH, whose clients ask for a stat; the floods over FTP and HTTPS too."""
    made = [
        Workload("crowd", "logins at once", ("mft",), ALONE, alone),
        Workload(
            "crowd-3",
            f"logins at once beside {DOWNLOADS} downloads",
            ("mft",),
            BESIDE,
            beside_downloads,
        ),
    ]
    for scheme, title in (("ssh", "SSH"), ("ftp", "FTP"), ("https", "HTTPS")):
        work = partial(flood, scheme=scheme)
        made.append(Workload(f"flood-{scheme}", f"bad logins over {title}", ("mft",), FLOOD, work))
    return made
