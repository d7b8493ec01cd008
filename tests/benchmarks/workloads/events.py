"""Events: what telling them costs the reactor, and how quickly the journal and handlers take them.

Where neither client nor server is needed, events are told by a process of their own, as a server
tells them, into handlers as `server.ini` has them.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from tests.benchmarks.bench import Bench, Figures, Metric, Workload, answer, percentile
from tests.benchmarks.processes import Child
from tests.benchmarks.servers.base import Server
from tests.benchmarks.servers.ours import Ours
from tests.benchmarks.servers.told import Told, Untold
from tests.benchmarks.workloads import small
from tests.fakes.databases import running

LOG = "[event-handlers/log]\nname = log\ntype = local-file\nfail_after_errors = 0\n"
SQLITE = "[event-handlers/db]\nname = db\ntype = database\npath = log/server.db3\n"
DISPATCHER = """
[event-handlers/dispatcher]
name = dispatcher
type = file-dispatcher
target = 30068
dispatch_rules = move, */up/*, {folder}
"""
TELLING_SECONDS = 600.0  # for a million events, which takes more than a minute
ARRIVING_SECONDS = 900.0  # for them in the database, which takes more than two
Metrics = tuple[Metric, ...]

DATABASES = {"mysql": "MariaDB", "postgresql": "PostgreSQL"}
PATH = (Metric("us", "reactor's CPU per event, us", 1),)
JOURNAL = (
    Metric("rate", "events/s into the journal"),
    Metric("verified", "events/s through mft audit verify"),
)
HANDLER = (
    Metric("rate", "events/s"),
    Metric("growth", "RSS that they add, MB", 1),
)
DEAD_TITLE = "events told while PostgreSQL is dead"
DEAD = (
    Metric("growth", "RSS that handler and events add, MB", 1),
    Metric("later", "of that, since a tenth was told, MB", 1),
    Metric("rate", "events/s once it is back"),
)
SMALL = (
    Metric("rate", "files/s"),
    Metric("untold_rate", "files/s without events"),
    Metric("kept", "files/s, of what they are without events", 3),
    Metric("cpu", "server CPU per file, us"),
    Metric("untold_cpu", "server CPU per file without events, us"),
    Metric("ratio", "server CPU, of what it is without events", 2),
)
DISPATCH = (Metric("p50", "p50, ms", 2), Metric("p99", "p99, ms", 2))


def told(bench: Bench, _server: Server, *, mode: str, sections: str) -> Figures:
    """One run in a process of its own."""
    with telling(bench, mode, sections, bench.scale.events) as child:
        figures: Figures = json.loads(child.line(600))
        child.finish(30)
    return figures


@contextmanager
def telling(bench: Bench, mode: str, sections: str, count: int) -> Iterator[Child]:
    """A process that tells events, in a folder that is removed with it."""
    folder = bench.tools.space.root / "events"
    argv = [sys.executable, "-m", "tests.benchmarks.clients.events", mode, str(folder), str(count)]
    child = bench.tools.processes.start(
        [*argv, sections], bench.client_meter, f"events-{mode}", talk=True
    )
    try:
        yield child
    finally:
        if not child.ended:
            child.stop()
        shutil.rmtree(folder, ignore_errors=True)


def into_database(bench: Bench, server: Server, *, kind: str) -> Figures:
    """Into a server of its own, which keeps its files where the others have theirs."""
    with running(kind) as database:
        return told(bench, server, mode="behind", sections=_sections(database))


def behind_dead(bench: Bench, _server: Server) -> Figures:
    """Events are told while the database is dead; then it starts, and has each of them once."""
    count = bench.scale.dead_events
    with running("postgresql") as database:
        database.stop()
        with telling(bench, "dead", _sections(database), count) as child:
            if child.line(TELLING_SECONDS) != "ready":
                raise child.error("did not tell them all")
            database.start()
            figures = answer(child, ARRIVING_SECONDS)
        counts = "count(*), count(DISTINCT serial)"
        [(rows, serials)] = database.rows(counts, "WHERE event_id = 30068")
    if (rows, serials) != (count, count):
        raise ValueError(f"{count} events were told, {rows} arrived, of {serials} serials")
    return figures


def _sections(database: Any) -> str:
    """A handler that writes into it."""
    given = "".join(f"{name} = {value}\n" for name, value in database.given().items())
    resource = f"[resources/DB]\nname = db\n{given}"
    return f"{resource}[event-handlers/db]\nname = db\ntype = database\ndatabase = DB\n"


def small_files(bench: Bench, _server: Server, *, up: bool) -> Figures:
    """Small files by SFTP, with events that go everywhere and without any, in turn."""
    ours, untold = Told(bench.tools), Untold(bench.tools)
    with bench.fresh(ours), bench.fresh(untold):
        ours.settle()
        first, second, third, fourth = (
            small.files(bench, one, up=up, settle=one.settle)
            for one in (ours, untold, untold, ours)
        )
    figures = {
        f"{prefix}{key}": (one[key] + other[key]) / 2
        for prefix, one, other in (("", first, fourth), ("untold_", second, third))
        for key in ("rate", "cpu")
    }
    kept, ratio = (figures[key] / figures[f"untold_{key}"] for key in ("rate", "cpu"))
    return {**figures, "kept": kept, "ratio": ratio}


def dispatched(bench: Bench, _server: Server) -> Figures:
    """Uploads by SFTP that a dispatcher of a young server moves, one after the other."""
    folder, scale = bench.tools.space.root / "dispatched", bench.scale
    folder.mkdir(exist_ok=True)
    key, more = str(bench.tools.credentials.key), DISPATCHER.format(folder=folder)
    with bench.fresh(Ours(bench.tools, "mft-dispatcher", more=more)) as young:
        waiting = (scale.idle_probes, scale.idle_probe_gap, str(folder))
        took = sorted(answer(bench.light("dispatch", young, key, *waiting))["ms"])
    bench.tools.space.empty(folder)
    return {"p50": percentile(took, 0.5), "p99": percentile(took, 0.99)}


def workloads() -> list[Workload]:
    """The path of an event, the journal, and the handlers that somebody waits for."""

    def work(name: str, title: str, metrics: Metrics, mode: str, sections: str) -> Workload:
        run = partial(told, mode=mode, sections=sections)
        return Workload(f"events-{name}", title, ("mft",), metrics, run)

    def moved(arrow: str) -> Workload:
        run = partial(small_files, up=arrow == "up")
        title = f"small files {arrow}, with every event in log file, SQLite and syslog"
        return Workload(f"events-small-{arrow}", title, ("mft",), SMALL, run)

    return [
        work("path", "events told, into journal and log file", PATH, "tell", LOG),
        work("alone", "events told, into the journal alone", PATH, "tell", ""),
        work("journal", "the journal alone", JOURNAL, "journal", ""),
        work("log", "log file, from the journal", HANDLER, "behind", LOG),
        work("sqlite", "SQLite, from the journal", HANDLER, "behind", SQLITE),
        *(
            Workload(
                f"events-{kind}",
                f"{title}, from the journal",
                ("mft",),
                HANDLER,
                partial(into_database, kind=kind),
            )
            for kind, title in DATABASES.items()
        ),
        Workload("events-dead", DEAD_TITLE, ("mft",), DEAD, behind_dead, once=True),
        moved("up"),
        moved("down"),
        Workload(
            "events-dispatch",
            "from an upload's end to the dispatched file",
            ("mft",),
            DISPATCH,
            dispatched,
        ),
    ]
