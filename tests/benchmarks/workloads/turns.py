"""The longest turns of our reactor, as the server itself counts them.

With MFT_TURNS=FILE in its environment the server writes, when it ends, a JSON object
`{"buckets": [[upper bound in ms, turns], ...], "max_ms": M, "processor": {...}}`: how many turns
took so long, and how many used so much processor time of their own. Goals are about what others
waited; where that is long and the processor time is short, the turn waited for a processor.
"""

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tests.benchmarks.bench import Bench, Figures, Metric, Workload
from tests.benchmarks.servers.base import Server
from tests.benchmarks.servers.ours import Ours
from tests.benchmarks.workloads import (
    bulk,
    curl_bulk,
    ftp_small,
    http_small,
    logins,
    scheme_sessions,
    scp,
    sessions,
    small,
)

METRICS = (
    Metric("p999", "p99.9, ms", 2),
    Metric("max", "longest, ms", 1),
    Metric("own", "p99.9 of its own processor time, ms", 2),
)
WORK = {
    "downloads": partial(bulk.streams, up=False),
    "uploads": partial(bulk.streams, up=True),
    "scp": partial(scp.copy, mode="-O", up=True),
    "small": partial(small.files, up=True),
    "listing": small.listing,
    "logins": partial(logins.logins, by_key=True),
    "passwords": partial(logins.logins, by_key=False),
    "stat": partial(sessions.beside_downloads, downloads=3),
}
FTP_WORK = {
    "ftp-downloads": partial(curl_bulk.streams, scheme="ftp", up=False),
    "ftp-uploads": partial(curl_bulk.streams, scheme="ftp", up=True),
    "ftps-downloads": partial(curl_bulk.streams, scheme="ftps", up=False),
    "ftps-uploads": partial(curl_bulk.streams, scheme="ftps", up=True),
    "ftp-small": partial(ftp_small.files, scheme="ftp", up=True),
    "ftps-small": partial(ftp_small.files, scheme="ftps", up=True),
    "ftp-listing": partial(ftp_small.listing, scheme="ftp", mode="listing"),
    "ftps-logins": partial(scheme_sessions.logins, scheme="ftps"),
    "ftps-noop": partial(scheme_sessions.beside_downloads, scheme="ftps", downloads=3),
}
HTTP_WORK = {
    "http-downloads": partial(curl_bulk.streams, scheme="http", up=False),
    "http-uploads": partial(curl_bulk.streams, scheme="http", up=True),
    "https-downloads": partial(curl_bulk.streams, scheme="https", up=False),
    "https-uploads": partial(curl_bulk.streams, scheme="https", up=True),
    "http-small": partial(http_small.files, scheme="http", up=True),
    "https-small": partial(http_small.files, scheme="https", up=True),
    "http-listing": partial(http_small.listing, scheme="http", mode="listing"),
    "https-logins": partial(scheme_sessions.logins, scheme="https"),
    "https-get": partial(scheme_sessions.beside_downloads, scheme="https", downloads=3),
}
ALL_WORK = {"ssh": WORK, "ftp": FTP_WORK, "http": HTTP_WORK}  # by the service that does it


def turns(bench: Bench, _server: Server, work: str) -> Figures:
    """One workload against a young server that counts; nothing when it does not count."""
    path = bench.tools.space.root / f"turns-{bench.number}.json"
    [(service, run)] = [(name, some[work]) for name, some in ALL_WORK.items() if work in some]
    server = Ours(bench.tools, "mft-turns", env={"MFT_TURNS": str(path)}, service=service)
    with bench.fresh(server):
        run(bench, server)
    return counted(path)


def counted(path: Path) -> Figures:
    """The figures of what a server has counted; nothing when it does not count."""
    if not path.exists():
        return {}
    counted = json.loads(path.read_text())
    return {
        "p999": _share(counted["buckets"], 0.999),
        "max": counted["max_ms"],
        "own": _share(counted["processor"]["buckets"], 0.999),
    }


def _share(buckets: list[tuple[float, int]], share: float) -> float:
    total = sum(count for _, count in buckets)
    seen = 0
    for upper, count in sorted(buckets):
        seen += count
        if seen >= share * total:
            return upper
    return 0.0


def workloads(works: Iterable[str] = WORK) -> list[Workload]:
    """One per kind of work."""
    return [
        Workload(
            f"turns-{work}", f"reactor turns, {work}", ("mft",), METRICS, partial(turns, work=work)
        )
        for work in works
    ]
