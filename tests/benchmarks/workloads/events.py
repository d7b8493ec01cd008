"""Events: what telling them costs the reactor, and how quickly the journal and handlers take them.

No client and no server is needed: events are told by a process of their own, as a server tells
them, into handlers as `server.ini` has them.
"""

import json
import shutil
import sys
from functools import partial

from tests.benchmarks.bench import Bench, Figures, Metric, Workload
from tests.benchmarks.servers.base import Server
from tests.fakes.databases import running

LOG = "[event-handlers/log]\nname = log\ntype = local-file\nfail_after_errors = 0\n"
SQLITE = "[event-handlers/db]\nname = db\ntype = database\npath = log/server.db3\n"
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


def told(bench: Bench, _server: Server, *, mode: str, sections: str) -> Figures:
    """One run in a process of its own."""
    count = bench.scale.events
    folder = bench.tools.space.root / "events"
    argv = [sys.executable, "-m", "tests.benchmarks.clients.events", mode, str(folder), str(count)]
    try:
        child = bench.tools.processes.start(
            [*argv, sections], bench.client_meter, f"events-{mode}", talk=True
        )
        figures: Figures = json.loads(child.line(600))
        child.finish(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return figures


def into_database(bench: Bench, server: Server, *, kind: str) -> Figures:
    """Into a server of its own, which keeps its files where the others have theirs."""
    with running(kind) as database:
        given = "".join(f"{name} = {value}\n" for name, value in database.given().items())
        resource = f"[resources/DB]\nname = db\n{given}"
        sections = f"{resource}[event-handlers/db]\nname = db\ntype = database\ndatabase = DB\n"
        return told(bench, server, mode="behind", sections=sections)


def workloads() -> list[Workload]:
    """The path of an event, the journal, and each handler that is quick enough to be measured."""

    def work(name: str, title: str, metrics: Metrics, mode: str, sections: str) -> Workload:
        run = partial(told, mode=mode, sections=sections)
        return Workload(f"events-{name}", title, ("mft",), metrics, run)

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
    ]
