"""All workloads, in the order in which they run and are shown."""

from tests.benchmarks.bench import Workload
from tests.benchmarks.workloads import bulk, logins, scp, sessions, small, turns

WORKLOADS: tuple[Workload, ...] = (
    *bulk.workloads(),
    *scp.workloads(),
    *small.workloads(),
    *logins.workloads(),
    *sessions.workloads(),
    *turns.workloads(),
)
