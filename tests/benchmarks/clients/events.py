"""Events in a process of their own: what telling them costs, and how quickly handlers take them.

`python -m tests.benchmarks.clients.events MODE FOLDER COUNT [SECTIONS]`: the folder is an instance
that is made; SECTIONS are of `server.ini`. One line of JSON is printed at the end.

- `tell`: events in bursts, as work goes on; the processor time of the reactor's thread.
- `journal`: events into the journal alone, as quickly as that goes; then the check of its chain.
- `behind`: all events are told before the handlers begin.
- `dead`: events in bursts that the handlers cannot take; "ready" is printed, and when the input has
  a line, or its end, they can.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from mft.runtime.reactor import install

BURST = 50  # events in one turn of the reactor
PAUSE = 0.002  # seconds between two bursts: 25,000 events/s at the most
SERVER = "[server]\nname = bench\nuuid = bench\nallow_root = yes\n"


class Told:
    """A journal, its bus, and the handlers of a configuration."""

    def __init__(self, folder: Path, sections: str, reactor: Any) -> None:
        from mft.daemon import build
        from mft.daemon.load import load
        from mft.events.bus import Bus
        from mft.events.journal import Journal

        file = folder / "conf" / "server.ini"
        file.parent.mkdir(parents=True)
        (folder / "log").mkdir()
        file.write_text(SERVER + sections)
        loaded = load(file)
        if loaded.config is None:
            raise SystemExit("; ".join(str(one) for one in loaded.problems))
        self.config = loaded.config
        self.pools = build.Pools.of(reactor)
        self.journal = Journal.open(folder / "log" / "journal")
        self.bus = Bus(self.journal, build.server_component(self.config))
        self._folder = folder
        self._reactor = reactor

    async def handlers(self) -> Any:
        """Start them."""
        from mft.daemon.handling import Handling
        from mft.resources.base import Resource, Surroundings

        resources: dict[str, Resource] = {}
        around = Surroundings(
            self.bus.origin.component,
            self._folder,
            self.bus,
            self._reactor,
            self.pools.disk,
            self.pools.outside,
            self.pools.work,
            lambda said: print(said, file=sys.stderr),
            resources=resources,
        )
        handling = Handling(self.bus, around, resources)
        await handling.start(self.config)
        return handling

    def tell(self, count: int) -> None:
        """Tell of so many uploads."""
        from mft.core.peer import Actor, Address, Component, Origin
        from mft.events.catalogue import SSH_UPLOAD_DONE
        from mft.events.payloads import Uploaded

        path = "/inbox/report.csv"
        payload = Uploaded(path, f"/srv/alice{path}", 10, 1000, 0.01, "writing", path)
        component = Component("ssh-1", "ssh", "sftp")
        alice = Origin(Actor("alice-1", "alice"), Address("192.0.2.7", 51234), component)
        for _ in range(count):
            self.bus.emit(SSH_UPLOAD_DONE, payload, alice)


async def tell(told: Told, count: int, reactor: Any) -> dict[str, float]:
    """Bursts with pauses between them; what the pauses cost alone is taken out."""
    handling = await told.handlers()
    idle = await _bursts(told, count, 0, reactor)
    busy = await _bursts(told, count, BURST, reactor)
    await _taken(told, handling, reactor)
    await handling.stop("over")
    return {"us": (busy - idle) / count * 1e6}


async def _bursts(told: Told, count: int, burst: int, reactor: Any) -> float:
    from twisted.internet.task import deferLater

    began = time.thread_time()
    for _ in range(count // BURST):
        told.tell(burst)
        await deferLater(reactor, PAUSE)
    return time.thread_time() - began


async def _taken(told: Told, handling: Any, reactor: Any) -> None:
    from twisted.internet.task import deferLater

    last = told.journal.last
    while any(one.position < last for one in handling.subscriptions.values()):
        await deferLater(reactor, 0.01)


async def journal(told: Told, count: int, reactor: Any) -> dict[str, float]:
    """The journal alone, and then its chain."""
    from mft.events.chain import verify

    began = time.perf_counter()
    told.tell(count)
    rate = count / (time.perf_counter() - began)
    began = time.perf_counter()
    found = verify(told.journal.directory)
    if found.first_bad is not None or found.lines != count:
        raise SystemExit(f"the journal is not what was written: {found}")
    return {"rate": rate, "verified": count / (time.perf_counter() - began)}


async def behind(told: Told, count: int, reactor: Any) -> dict[str, float]:
    """The handlers find everything in the journal: how quickly they take it, and what they keep."""
    told.tell(count)
    before, began = _rss(), time.perf_counter()
    handling = await told.handlers()
    await _taken(told, handling, reactor)
    rate = count / (time.perf_counter() - began)
    growth = _rss() - before
    await handling.stop("over")
    return {"rate": rate, "growth": growth}


async def dead(told: Told, count: int, reactor: Any) -> dict[str, float]:
    """What is told while the handlers cannot take it, until somebody says that they can."""
    before = _rss()
    handling = await told.handlers()
    await _bursts(told, count // 10, BURST, reactor)
    tenth = _rss()
    await _bursts(told, count - count // 10, BURST, reactor)
    growth, later = _rss() - before, _rss() - tenth
    print("ready", flush=True)
    await told.pools.outside(sys.stdin.readline)
    rate = await _arrival(told, handling, reactor)
    await handling.stop("over")
    return {"growth": growth, "later": later, "rate": rate}


async def _arrival(told: Told, handling: Any, reactor: Any) -> float:
    """Events per second, once the first batch is there: until then the handler waits."""
    from twisted.internet.task import deferLater

    (one,) = handling.subscriptions.values()
    waiting = one.position
    while (first := one.position) == waiting:
        await deferLater(reactor, 0.01)
    began = time.perf_counter()
    await _taken(told, handling, reactor)
    return (told.journal.last - first) / (time.perf_counter() - began)


def _rss() -> float:
    """MB that the process has now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    raise ValueError("the system does not tell how much memory there is")


def main(mode: str, folder: str, count: str, sections: str = "") -> None:
    """Do one of them."""
    reactor = install()
    from mft.runtime.errand import run_errand

    told = Told(Path(folder), sections, reactor)
    told.pools.start()
    work = {"tell": tell, "journal": journal, "behind": behind, "dead": dead}[mode]
    try:
        figures = run_errand(reactor, work(told, int(count), reactor))
    finally:
        told.journal.close()
        told.pools.stop()
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
