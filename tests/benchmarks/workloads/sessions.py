"""What other sessions cost: a thousand idle ones, and a `stat` beside downloads."""

from functools import partial

from tests.benchmarks.bench import (
    ALL,
    Bench,
    Figures,
    Metric,
    Workload,
    answer,
    cipher_for,
    percentile,
)
from tests.benchmarks.servers.base import Server

PROBE = (Metric("p50", "stat p50, ms", 2), Metric("p99", "stat p99, ms", 2))
IDLE = (
    Metric("base", "base RSS, MB", 1),
    Metric("pss", "anonymous PSS per session, KiB", 1),
    Metric("rss", "RSS per session, KiB", 1),
    *PROBE,
)
REPEATS = 2000  # downloads a client is told to make: far more than the probe has time for


def idle(bench: Bench, server: Server) -> Figures:
    """A young server; its memory before and after the sessions opened; then the probe."""
    scale, key = bench.scale, str(bench.tools.credentials.key)
    with bench.fresh(server) as running:
        answer(bench.light("logins", running, key, 1, 1))  # first use loads code: not a session's
        before = server.memory()
        crowd = bench.light("idle", running, key, scale.idle_sessions, 0)
        after = server.memory()
        took = bench.probe(running, scale.idle_probes, scale.idle_probe_gap)
        answer(crowd)
    return {
        "base": before.resident * 1024 / 1e6,
        "pss": (after.private - before.private) / scale.idle_sessions,
        "rss": (after.resident - before.resident) / scale.idle_sessions,
        "p50": percentile(took, 0.5),
        "p99": percentile(took, 0.99),
    }


def beside_downloads(bench: Bench, server: Server, downloads: int) -> Figures:
    """The probe while so many clients fetch an eighth of the large file again and again."""
    running, scale = bench.ready(server), bench.scale
    cipher = cipher_for(server, "aes128-gcm")
    sessions = [bench.clients.login(running.address, cipher) for _ in range(downloads)]
    try:
        for number, session in enumerate(sessions):
            session.send([f"get part sink/{number}"] * REPEATS)
        took = bench.probe(running, scale.bulk_probes, scale.bulk_probe_gap)
    finally:
        for session in sessions:
            session.kill()
    bench.tools.space.empty(bench.tools.space.sink)
    return {"p50": percentile(took, 0.5), "p99": percentile(took, 0.99)}


def workloads() -> list[Workload]:
    """Idle sessions, and the probe beside three and eight downloads."""
    made = [Workload("idle", "idle sessions", ALL, IDLE, idle)]
    for count in (3, 8):
        work = partial(beside_downloads, downloads=count)
        made.append(Workload(f"stat-{count}", f"stat beside {count} downloads", ALL, PROBE, work))
    return made
