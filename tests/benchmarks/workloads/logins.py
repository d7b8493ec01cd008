"""Whole logins (key exchange, authentication, sftp, one stat), by key and by password."""

from functools import partial

from tests.benchmarks.bench import ALL, Bench, Figures, Metric, Workload, answer
from tests.benchmarks.servers.base import Server

PARALLEL = 4
METRICS = (
    Metric("cpu", "server CPU per login, ms", 2),
    Metric("rate", "logins/s (as fast as the client can)"),
)


def logins(bench: Bench, server: Server, *, by_key: bool) -> Figures:
    """Four at a time, each closed before its successor begins."""
    running = bench.ready(server)
    if not by_key and not running.address.password:
        return {}
    credentials = bench.tools.credentials
    count = bench.scale.key_logins if by_key else bench.scale.password_logins
    credential = str(credentials.key) if by_key else f"password:{credentials.password}"
    child = bench.light("logins", running, credential, count, PARALLEL)
    with bench.measure(server) as cost:
        seconds = answer(child)["seconds"]
    return {"cpu": cost.server / count * 1e3, "rate": count / seconds}


def workloads() -> list[Workload]:
    """By key and by password."""
    return [
        Workload("login-key", "login by key", ALL, METRICS, partial(logins, by_key=True)),
        Workload(
            "login-password", "login by password", ALL, METRICS, partial(logins, by_key=False)
        ),
    ]
