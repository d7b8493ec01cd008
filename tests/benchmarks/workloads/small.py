"""Many small files in one session, one `put` or `get` each; and a long listing."""

from collections.abc import Callable
from functools import partial

from tests.benchmarks.bench import ALL, WITH_BARE, Bench, Figures, Metric, Workload, cipher_for
from tests.benchmarks.servers.base import Server

METRICS = (
    Metric("cpu", "server CPU per file, us"),
    Metric("rate", "files/s"),
    Metric("client", "client CPU per file, us"),
)
# mft-fast is mft with `durable_uploads = no`, which is what the peers do.
SERVERS = ("mft-fast", *WITH_BARE)


def at_once() -> None:
    """Nothing is left to do when the client has its answer."""


def files(
    bench: Bench, server: Server, *, up: bool, settle: Callable[[], None] = at_once
) -> Figures:
    """The batch that an administrator's script would hand to sftp.

    The server's processor time is counted until it has settled.
    """
    running, space = bench.ready(server), bench.tools.space
    names = sorted(path.name for path in (space.source / "small").iterdir())
    session = bench.clients.login(running.address, cipher_for(server, "aes128-gcm"))
    command = "put source/small/{0} up/{0}" if up else "get small/{0} sink/{0}"
    with bench.measure(server) as whole:
        with bench.measure(server) as cost:
            session.run([command.format(name) for name in names])
        settle()
    session.close()
    target = server.home / "up" if up else space.sink
    pairs = [(space.source / "small" / name, target / name) for name in names]
    bench.check(f"small {up}", server, pairs)
    space.empty(target)
    return {
        "cpu": whole.server / len(names) * 1e6,
        "rate": len(names) / cost.wall,
        "client": cost.client / len(names) * 1e6,
    }


def listing(bench: Bench, server: Server) -> Figures:
    """Several `ls -l` of one long folder in a session that is logged in."""
    running = bench.ready(server)
    scale = bench.scale
    session = bench.clients.login(running.address, cipher_for(server, "aes128-gcm"))
    with bench.measure(server) as cost:
        session.run(["ls -l many"] * scale.listings)
    session.close()
    entries = scale.entries * scale.listings
    return {"cpu": cost.server / entries * 1e6, "rate": entries / cost.wall}


def workloads() -> list[Workload]:
    """Up, down, and the listing."""
    entries = (Metric("cpu", "server CPU per entry, us", 2), Metric("rate", "entries/s"))
    return [
        Workload("small-up", "small files up", SERVERS, METRICS, partial(files, up=True)),
        Workload("small-down", "small files down", SERVERS, METRICS, partial(files, up=False)),
        Workload("listing", "listing of a long folder", ALL, entries, listing),
    ]
