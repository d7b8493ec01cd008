"""Many small files over FTP and FTPS, one data connection each; and long listings."""

from functools import partial

from tests.benchmarks.bench import (
    FTP_SCHEMES,
    FTP_SERVERS,
    Bench,
    Figures,
    Metric,
    Workload,
    answer,
)
from tests.benchmarks.processes import ChildError
from tests.benchmarks.servers.base import Server

METRICS = (
    Metric("cpu", "server CPU per file, us"),
    Metric("rate", "files/s"),
    Metric("slowest", "slowest file, ms", 1),
    Metric("client", "client CPU per file, us"),
)
ENTRIES = (Metric("cpu", "server CPU per entry, us", 2), Metric("rate", "entries/s"))
# mft-fast is mft with `durable_uploads = no`, which is what the peers do.
WITH_FAST = ("mft-fast", *FTP_SERVERS)


def files(bench: Bench, server: Server, scheme: str, *, up: bool) -> Figures:
    """One session, one file after another; cut short where a server takes too long."""
    running, space = bench.ready(server), bench.tools.space
    names = sorted(path.name for path in (space.source / "small").iterdir())
    mode = "up" if up else "down"
    child = bench.own(mode, scheme, running, len(names), space.root)
    with bench.measure(server) as cost:
        told = answer(child)
    done = told["files"]
    target = server.home / "up" if up else space.sink
    pairs = [(space.source / "small" / name, target / name) for name in names[:done]]
    bench.check(f"{scheme} small {up}", server, pairs)
    space.empty(target)
    return {
        "cpu": cost.server / done * 1e6,
        "rate": done / told["seconds"],
        "slowest": told["slowest"],
        "client": cost.client / done * 1e6,
    }


def listing(bench: Bench, server: Server, scheme: str, mode: str) -> Figures:
    """Several LISTs or MLSDs of one long folder in a session that is logged in."""
    if mode == "mlsd" and not server.mlsd:
        return {}
    running, scale = bench.ready(server), bench.scale
    entries = scale.entries * scale.listings
    child = bench.own(mode, scheme, running, scale.listings, "many")
    with bench.measure(server) as cost:
        told = answer(child)
    if told["lines"] < entries:  # MLSD may tell of the folder itself and the one above
        raise ChildError(f"{mode} showed {told['lines']} entries of {entries}")
    return {"cpu": cost.server / entries * 1e6, "rate": entries / told["seconds"]}


def workloads() -> list[Workload]:
    """Each way over both, and three listings."""
    made = []
    for scheme, shown in FTP_SCHEMES.items():
        for up, arrow in ((True, "up"), (False, "down")):
            work = partial(files, scheme=scheme, up=up)
            title = f"{shown} small files {arrow}"
            made.append(Workload(f"{scheme}-small-{arrow}", title, WITH_FAST, METRICS, work))
    for scheme, mode, title in (
        ("ftp", "listing", "FTP LIST of a long folder"),
        ("ftps", "listing", "FTPS LIST of a long folder"),
        ("ftp", "mlsd", "FTP MLSD of a long folder"),
    ):
        work = partial(listing, scheme=scheme, mode=mode)
        made.append(Workload(f"{scheme}-{mode}", title, FTP_SERVERS, ENTRIES, work))
    return made
