"""Nodes of a cluster: how many logins two of them take, of what one does.

Each node is a process, and has a login pool of its own; they share a PostgreSQL, and this machine.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.benchmarks.bench import Bench, Figures, Metric, Running, Workload
from tests.benchmarks.servers.base import Server
from tests.benchmarks.servers.ours import Ours, Settings
from tests.fakes.databases import running as database_running

SECONDS = 600.0  # for all logins
# As many that come from one address at once, and wait for as many hashes.
CROWD: Settings = {
    "services": {"maximum_unauthenticated_connections_per_source": "400", "login_timeout": "10m"}
}
METRICS = (
    Metric("one", "logins/s of one node", 2),
    Metric("two", "logins/s of two", 2),
    Metric("ratio", "of two, of what one takes", 2),
)
CLUSTER = """
[resources/shared]
name = shared
{database}
[resources/cluster]
name = cluster
type = cluster
database = shared
"""


def logins(bench: Bench, _server: Server) -> Figures:
    """As many at once at each node; first at one, then at both."""
    with _nodes(bench) as nodes:
        one = _rate(bench, nodes[:1])
        two = _rate(bench, nodes)
    return {"one": one, "two": two, "ratio": two / one}


def _rate(bench: Bench, nodes: list[Running]) -> float:
    word = f"password:{bench.tools.credentials.password}"
    count = bench.scale.crowd // 2
    crowds = [bench.light("logins", node, word, count, count) for node in nodes]
    for crowd in crowds:
        crowd.send("\n")  # all of them begin
    seconds = max(json.loads(crowd.line(SECONDS))["seconds"] for crowd in crowds)
    for crowd in crowds:
        crowd.finish(30)
    return count * len(nodes) / seconds


@contextmanager
def _nodes(bench: Bench) -> Iterator[list[Running]]:
    with database_running("postgresql") as database, ExitStack() as here:
        given = "\n".join(f"{name} = {value}" for name, value in database.given().items())
        more = CLUSTER.format(database=given)
        yield [
            here.enter_context(
                bench.fresh(Ours(bench.tools, f"mft-node-{number}", CROWD, more=more))
            )
            for number in (1, 2)
        ]


def workloads() -> list[Workload]:
    """One, of this server alone."""
    return [Workload("nodes", "logins at once at two nodes", ("mft",), METRICS, logins)]
