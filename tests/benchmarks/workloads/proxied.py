"""What a PROXY header costs a connection: beside the same connection that has none.

A connection is greeted (FTP, in clear) and left. Those without a header and those with each version
take turns at one server.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tests.benchmarks.bench import Bench, Figures, Metric, Workload
from tests.benchmarks.clients.child import connect
from tests.benchmarks.processes import ChildError
from tests.benchmarks.servers.base import FTP, Server
from tests.benchmarks.servers.ours import Ours
from tests.fakes.proxy_header import block, extension, line, summed
from tests.interop.ports import free_port

SLICES = 10
TOGETHER = 50
METRICS = (
    Metric("plain", "server CPU per connection without a header, us"),
    Metric("v1", "what version 1 adds, us", 1),
    Metric("v2", "what version 2 adds, us", 1),
    Metric("told", "what version 2 with extensions and a checksum adds, us", 1),
)
HEADERS: dict[str, Callable[[], bytes]] = {
    "plain": bytes,
    "v1": line,
    "v2": block,
    "told": lambda: summed(
        block(extension(0x02, b"files.example.com"), extension(0x05, b"i" * 36))
    ),
}
SERVICE = """
[services/{name}]
name = {name}
type = ftp
address = 127.0.0.1
port = {port}
maximum_unauthenticated_connections_per_source = 1000
"""
QUIET = {"event-handlers": {"enabled": "no"}}  # what they do with an event is measured elsewhere
PROXIED = "proxy_protocol = any\ntrusted_proxies = 127.0.0.1\n"


def header(bench: Bench, _server: Server) -> Figures:
    """So many connections of each kind; the time is that of all the server's threads."""
    spent = dict.fromkeys(HEADERS, 0.0)
    with _serving(bench) as (server, ports):
        count = max(1, bench.scale.connections // SLICES)
        for at in range(-1, SLICES):  # the first use loads code
            for kind, made in HEADERS.items():
                with bench.measure(server) as cost:
                    _come(ports[kind], made(), count)
                spent[kind] += cost.server if at >= 0 else 0
    plain, *_ = each = [seconds / (count * SLICES) * 1e6 for seconds in spent.values()]
    added = [one - plain for one in each[1:]]
    return dict(zip(HEADERS, [plain, *added], strict=True))


@contextmanager
def _serving(bench: Bench) -> Iterator[tuple[Server, dict[str, int]]]:
    """A server with a service that trusts this machine as a proxy, and one that does not."""
    plain, proxied = free_port(), free_port()
    more = SERVICE.format(name="plain", port=plain)
    more += SERVICE.format(name="proxied", port=proxied) + PROXIED
    server = Ours(bench.tools, "mft-proxied", QUIET, service="ftp", more=more)
    with bench.fresh(server):
        yield server, {kind: plain if kind == "plain" else proxied for kind in HEADERS}


def _come(port: int, data: bytes, count: int) -> None:
    """So many connections, a few at a time; one more, so that the end of the last is told."""
    for at in range(0, count, TOGETHER):
        _crowd(port, data, min(TOGETHER, count - at))
    _crowd(port, data, 1)


def _crowd(port: int, data: bytes, count: int) -> None:
    """Some at once: how often the server has to wake up is not what is measured."""
    with ExitStack() as here:
        connections = []
        for _ in range(count):
            connections.append(here.enter_context(connect(port)))
            connections[-1].sendall(data)
        for one in connections:
            if not one.recv(1 << 10).startswith(FTP):
                raise ChildError("a connection was not greeted")


def workloads() -> list[Workload]:
    """One, of this server alone."""
    return [Workload("proxy-header", "connections behind a proxy", ("mft",), METRICS, header)]
