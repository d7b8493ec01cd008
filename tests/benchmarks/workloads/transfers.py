"""Transfers: mft beside rclone and lftp, which move the same files to and from the same servers.

What is compared is the processor time of who moves. mft is a young server that has moved one small
file; what the others need for that one, the start of a process and a login, is taken out.
"""

import os
import time
from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.bench import (
    MOVERS,
    Bench,
    Cost,
    Figures,
    Metric,
    Running,
    Workload,
)
from tests.benchmarks.clients.moving import AT_A_TIME, COMMANDS, Work
from tests.benchmarks.processes import ChildError
from tests.benchmarks.servers.base import Server
from tests.benchmarks.servers.far import FarFtp, FarSsh
from tests.benchmarks.servers.mover import Mover, Options, location
from tests.benchmarks.workloads import turns

MOVE_SECONDS = 300.0  # for one GiB, or two thousand files
QUEUE_SECONDS = 300.0  # for a hundred thousand files
LOOK = 0.005  # seconds between two looks at what has arrived
FIRST = "small/0000"  # what is moved before
SUFFIX = ".part"
BULK = (
    Metric("cpu_rate", "MB per CPU-second of who moves"),
    Metric("wall_rate", "MB/s"),
    Metric("far", "the other server's CPU, s", 2),
)
SMALL = (
    Metric("rate", "files/s"),
    Metric("cpu", "CPU per file of who moves, us"),
    Metric("far", "the other server's CPU per file, us"),
)
QUEUE = (
    Metric("rss", "RSS with all of them in the queue, MB", 1),
    Metric("peak", "the most RSS until then, MB", 1),
    Metric("first", "from the start to the first file sent, s", 2),
)
POLL = (
    *turns.METRICS,
    Metric("pause", "longest pause of the other transfer, ms"),
    Metric("rate", "its files/s"),
)


class Moved(NamedTuple):
    """What a piece of work took, in seconds."""

    wall: float
    cpu: float
    far: float  # CPU of the other server


def large(bench: Bench, mover: Server, scheme: str, *, up: bool) -> Figures:
    """The large file."""
    moved = _move(bench, mover, scheme, up=up, folder=False)
    megabytes = bench.scale.size / 1e6
    return {
        "cpu_rate": megabytes / moved.cpu,
        "wall_rate": megabytes / moved.wall,
        "far": moved.far,
    }


def small(bench: Bench, mover: Server, *, up: bool) -> Figures:
    """A folder of small files, some at a time."""
    moved = _move(bench, mover, "sftp", up=up, folder=True)
    files = bench.scale.small_files
    return {
        "rate": files / moved.wall,
        "cpu": moved.cpu / files * 1e6,
        "far": moved.far / files * 1e6,
    }


def _move(bench: Bench, mover: Server, scheme: str, *, up: bool, folder: bool) -> Moved:
    """Move, and see that all has arrived."""
    space = bench.tools.space
    far = bench.ready(_far(bench, scheme))
    file = "small" if folder else "big"
    if up:
        work = Work(scheme, up, f"source/{file}", "up" if folder else f"up/{file}", folder)
        before = Work(scheme, up, f"source/{FIRST}", "up/first")
    else:
        work = Work(scheme, up, file, "sink" if folder else f"sink/{file}", folder)
        before = Work(scheme, up, FIRST, "sink/first")
    target = far.server.home / "up" if up else space.sink
    if mover.name in COMMANDS:
        moved = _by_other(bench, mover.name, far, before, work, target)
    else:
        moved = _by_us(bench, far, before, work, target)
    names = [one.name for one in (space.source / "small").iterdir()] if folder else [""]
    pairs = [(space.source / file / name, target / (name or file)) for name in names]
    bench.check(f"{mover.name} {scheme} {file} {up}", far.server, pairs)
    space.empty(target)
    return moved


def _far(bench: Bench, scheme: str) -> Server:
    server = FarSsh(bench.tools) if scheme == "sftp" else FarFtp(bench.tools)
    running = bench.running.get(server.name)
    return running.server if running else server


def _by_other(
    bench: Bench, name: str, far: Running, before: Work, work: Work, target: Path
) -> Moved:
    def run(what: Work) -> Cost:
        tools = bench.tools
        argv = COMMANDS[name](what, far.address, tools.credentials)
        with bench.measure(far.server) as cost:
            child = tools.processes.start(argv, bench.client_meter, name, cwd=tools.space.root)
            child.finish(MOVE_SECONDS)
        _wait_for_ssh(bench)
        return cost

    first = run(before)
    bench.tools.space.empty(target)
    whole = run(work)
    return Moved(
        *(
            max(one - other, 1e-6)
            for one, other in (
                (whole.wall, first.wall),
                (whole.client, first.client),
                (whole.server, first.server),
            )
        )
    )


def _wait_for_ssh(bench: Bench) -> None:
    """lftp does not wait for its ssh."""
    deadline = time.monotonic() + MOVE_SECONDS
    while bench.client_meter.pids():
        if time.monotonic() > deadline:
            raise ChildError("a process of a client does not end")
        time.sleep(LOOK)


def _by_us(bench: Bench, far: Running, before: Work, work: Work, target: Path) -> Moved:
    flows = {"before": _flow(bench, far, before), "work": _flow(bench, far, work)}
    ours = Mover(bench.tools, location(bench.tools, work.scheme, far.address), flows)
    with bench.fresh(ours):
        ours.run("before", 1, MOVE_SECONDS)
        bench.tools.space.empty(target)
        files = bench.scale.small_files if work.folder else 1
        used = ours.meter.seconds()
        with bench.measure(far.server) as cost:
            wall = ours.run("work", files, MOVE_SECONDS)
        return Moved(wall, ours.meter.seconds() - used, cost.server)


def _flow(bench: Bench, far: Running, work: Work) -> Options:
    """The same work as a transfer that runs when it is told to, and copies."""
    near, home = bench.tools.space.root, far.server.home
    source, target = (near, home) if work.up else (home, near)
    if work.folder:
        places = {"source_path": source / work.source, "destination_path": target / work.target}
    else:
        path = source / work.source
        places = {
            "source_path": path.parent,
            "source_filter": path.name,
            "destination_path": (target / work.target).parent,
            "destination_path_actions": f"*, transform, {Path(work.target).name}",
        }
    return {
        "enabled": "No",
        **places,
        "destination_uuid" if work.up else "source_uuid": "far",
        **COPIES,
    }


COPIES: Mapping[str, object] = {
    "stable_interval": 0,
    "delete_source_on_success": "No",
    "concurrent_files": AT_A_TIME,
}


def queue(bench: Bench, _mover: Server) -> Figures:
    """A hundred thousand files for a server that is away; then both are started again."""
    count = bench.scale.queued
    far = FarSsh(bench.tools, "sshd-late")
    with bench.fresh(far) as running:
        to = location(bench.tools, "sftp", running.address)
        source = _many(bench.tools.space.root / "queued", bench, count)
    flow = {"source_path": source, "destination_uuid": "far", "destination_path": "up", **COPIES}
    ours = Mover(bench.tools, to, {"work": flow})
    with bench.fresh(ours):
        ours.wait_for("work", "stable", count, QUEUE_SECONDS)
        rss, peak = ours.memory().resident, ours.peak()
        ours.stop()
        with bench.fresh(far):
            began = time.perf_counter()
            ours.again()
            _wait_for_file(far.home / "up")
            first = time.perf_counter() - began
            ours.stop()
    return {"rss": rss * 1024 / 1e6, "peak": peak * 1024 / 1e6, "first": first}


def poll(bench: Bench, _mover: Server) -> Figures:
    """Small files are sent while a long folder of the same server is looked at again and again."""
    count, space = bench.scale.queued, bench.tools.space
    far = bench.ready(_far(bench, "sftp"))
    watched = _many(far.server.home / "watched", bench, count)
    looks: Options = {
        "source_uuid": "far",
        "source_path": watched,
        "destination_path": space.sink,
        "changes_poll_interval": 1,
        "stable_interval": "1d",
        "delete_source_on_success": "No",
    }
    work = Work("sftp", True, "source/small", "up", folder=True)
    flows = {"looks": looks, "work": _flow(bench, far, work)}
    path = space.root / f"turns-{bench.number}.json"
    to = location(bench.tools, "sftp", far.address)
    ours = Mover(bench.tools, to, flows, env={"MFT_TURNS": str(path)})
    with bench.fresh(ours):
        ours.wait_for("looks", "seen", count, QUEUE_SECONDS)
        began = time.time()
        wall = ours.run("work", bench.scale.small_files, MOVE_SECONDS)
        moments = [began, *ours.moments("work")]
    space.empty(far.server.home / "up")
    pause = max(after - one for one, after in pairwise(moments))
    rate = bench.scale.small_files / wall
    return {**turns.counted(path), "pause": pause * 1000, "rate": rate}


def _many(folder: Path, bench: Bench, count: int) -> Path:
    """A folder with so many names of one small file; made once."""
    if not folder.is_dir():
        folder.mkdir()
        folder.chmod(0o755)
        for number in range(count):
            os.link(bench.tools.space.source / FIRST, folder / f"file-{number:06}.dat")
    return folder


def _wait_for_file(folder: Path) -> None:
    """Return when a file has its own name in a folder."""
    deadline = time.monotonic() + QUEUE_SECONDS
    while all(one.name.endswith(SUFFIX) for one in folder.iterdir()):
        if time.monotonic() > deadline:
            raise ChildError("no file was sent")
        time.sleep(LOOK)


def workloads() -> list[Workload]:
    """One large file each way over SFTP and FTPS, small files, a long queue, and a long folder."""
    everybody = ("mft", *MOVERS)
    made = []
    for scheme, title in (("sftp", "SFTP"), ("ftps", "FTPS")):
        for up, arrow in ((False, "down"), (True, "up")):
            run = partial(large, scheme=scheme, up=up)
            name = f"transfers-{scheme}-{arrow}"
            made.append(Workload(name, f"{title}, large file {arrow}", everybody, BULK, run))
    for up, arrow in ((False, "down"), (True, "up")):
        title = f"SFTP, small files {arrow}, {AT_A_TIME} at a time"
        run = partial(small, up=up)
        made.append(Workload(f"transfers-small-{arrow}", title, everybody, SMALL, run))
    return [
        *made,
        Workload("transfers-queue", "files that wait for a server", ("mft",), QUEUE, queue),
        Workload("transfers-poll", "small files beside a long folder", ("mft",), POLL, poll),
    ]
