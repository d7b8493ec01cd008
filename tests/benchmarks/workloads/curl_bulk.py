"""One large file over FTP or HTTP, in clear and over TLS, each way, by curl; and eight at once."""

from collections.abc import Mapping
from functools import partial

from tests.benchmarks.bench import BULK, Bench, Figures, Workload, bulk_figures
from tests.benchmarks.clients.curl import Transfer
from tests.benchmarks.servers.base import Server
from tests.benchmarks.settings import STREAMS


def transfer(bench: Bench, server: Server, scheme: str, *, up: bool) -> Figures:
    """The large file over a session that is logged in."""
    return _move(bench, server, scheme, "big", ["big"], up=up)


def streams(bench: Bench, server: Server, scheme: str, *, up: bool) -> Figures:
    """Eight sessions at once, logged in before, each moving an eighth of the large file."""
    names = [str(number) for number in range(STREAMS)]
    return _move(bench, server, scheme, "part", names, up=up)


def _move(
    bench: Bench, server: Server, scheme: str, file: str, names: list[str], *, up: bool
) -> Figures:
    space = bench.tools.space
    bench.ready(server)
    transfers = [_start(bench, server, scheme, file, name, up=up) for name in names]
    with bench.measure(server) as cost:
        for one in transfers:
            one.go()
        for one in transfers:
            one.wait()
    target = server.home / "up" if up else space.sink
    pairs = [(space.source / file, target / name) for name in names]
    bench.check(f"{scheme} {file} {up}", server, pairs)
    space.empty(target)
    return bulk_figures((space.source / file).stat().st_size * len(names), cost)


def _start(
    bench: Bench, server: Server, scheme: str, file: str, name: str, *, up: bool
) -> Transfer:
    address = bench.ready(server).address
    if up:
        paths = (f"source/{file}", f"up/{name}")
        return bench.curl.upload(address, paths, scheme, newest=server.upload_tls)
    return bench.curl.download(address, [(file, f"sink/{name}")], scheme)


def workloads(schemes: Mapping[str, str], servers: tuple[str, ...]) -> list[Workload]:
    """Four single transfers and four of eight."""
    made = []
    for work, name, title in ((transfer, "", ""), (streams, "streams-", f"{STREAMS} at once ")):
        for scheme, shown in schemes.items():
            for up, arrow in ((False, "down"), (True, "up")):
                chosen = partial(work, scheme=scheme, up=up)
                label = f"{shown} {title}{arrow}"
                made.append(Workload(f"{scheme}-{name}{arrow}", label, servers, BULK, chosen))
    return made
