"""Many small files over one kept connection of HTTP and HTTPS; long listings; and a ZIP of many."""

import shutil
import zipfile
from functools import partial
from itertools import product
from pathlib import Path

from tests.benchmarks.bench import (
    HTTP_SCHEMES,
    HTTP_SERVERS,
    Bench,
    Figures,
    Metric,
    Workload,
    answer,
)
from tests.benchmarks.memory import forget_peak, peak
from tests.benchmarks.processes import ChildError
from tests.benchmarks.servers.base import Server
from tests.benchmarks.settings import PASSES
from tests.benchmarks.workloads.ftp_small import ENTRIES, listing

METRICS = (
    Metric("cpu", "server CPU per request, us"),
    Metric("rate", "requests/s"),
    Metric("client", "client CPU per request, us"),
)
ZIP = (
    Metric("cpu", "server CPU per file, us"),
    Metric("rate", "files/s"),
    Metric("growth", "its memory at most, above what it had, MB", 1),
)
# mft-fast is mft with `durable_uploads = no`, which is what the peers do.
SERVERS = ("mft-fast", "mft-bare", *HTTP_SERVERS)


def files(bench: Bench, server: Server, scheme: str, *, up: bool) -> Figures:
    """One request after another over one connection; cut short where a server takes too long."""
    running, space = bench.ready(server), bench.tools.space
    names = sorted(path.name for path in (space.source / "small").iterdir())
    mode = "up" if up else "down"
    child = bench.own(mode, scheme, running, len(names), space.root)
    with bench.measure(server) as cost:
        told = answer(child)
    done = told["files"]
    if up:  # downloads are compared where they arrive
        target = server.home / "up"
        sent = list(product(range(PASSES), names))[:done]
        pairs = [(space.source / "small" / name, target / f"{n}-{name}") for n, name in sent]
        bench.check(f"{scheme} small", server, pairs)
        space.empty(target)
    return {
        "cpu": cost.server / done * 1e6,
        "rate": done / told["seconds"],
        "client": cost.client / done * 1e6,
    }


def archive(bench: Bench, server: Server, scheme: str) -> Figures:
    """A folder of as many small files, to curl as one ZIP."""
    running, space = bench.ready(server), bench.tools.space
    count = _fill(space.source / "small", server.home / "packed")
    transfer = bench.curl.archive(running.address, "packed", "sink/packed.zip", scheme)
    forget_peak(server.pids())
    before = server.memory()
    with bench.measure(server) as cost:
        transfer.go()
        transfer.wait()
    growth = peak(server.pids()) - before.resident
    with zipfile.ZipFile(space.sink / "packed.zip") as packed:
        names = [name for name in packed.namelist() if not name.endswith("/")]
        if len(names) != count or packed.testzip() is not None:
            raise ChildError(f"the ZIP of {count} files has {len(names)}, or one is wrong")
    space.empty(space.sink)
    shutil.rmtree(server.home / "packed")
    return {
        "cpu": cost.server / count * 1e6,
        "rate": count / cost.wall,
        "growth": growth * 1024 / 1e6,
    }


def _fill(source: Path, folder: Path) -> int:
    """Put the small files (hard links: no space) into a folder, several times; how many."""
    folder.mkdir()
    pairs = list(product(range(PASSES), sorted(source.iterdir())))
    for number, path in pairs:
        (folder / f"{number}-{path.name}").hardlink_to(path)
    return len(pairs)


def workloads() -> list[Workload]:
    """Each way over both, the listings, and the ZIP."""
    made = []
    for scheme, shown in HTTP_SCHEMES.items():
        for up, arrow in ((True, "up"), (False, "down")):
            work = partial(files, scheme=scheme, up=up)
            title = f"{shown} small files {arrow}"
            made.append(Workload(f"{scheme}-small-{arrow}", title, SERVERS, METRICS, work))
    for scheme, shown in HTTP_SCHEMES.items():
        work = partial(listing, scheme=scheme, mode="listing")
        title = f"{shown} listing of a long folder"
        made.append(Workload(f"{scheme}-listing", title, HTTP_SERVERS, ENTRIES, work))
    for scheme, shown in HTTP_SCHEMES.items():
        work = partial(archive, scheme=scheme)
        title = f"{shown} ZIP of small files"
        made.append(Workload(f"{scheme}-zip", title, ("mft",), ZIP, work))
    return made
