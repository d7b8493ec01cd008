"""All workloads, in the order in which they run and are shown."""

from tests.benchmarks.bench import Workload
from tests.benchmarks.workloads import (
    bulk,
    ftp_bulk,
    ftp_sessions,
    ftp_small,
    logins,
    scp,
    sessions,
    small,
    turns,
)

SSH: tuple[Workload, ...] = (
    *bulk.workloads(),
    *scp.workloads(),
    *small.workloads(),
    *logins.workloads(),
    *sessions.workloads(),
    *turns.workloads(),
)
FTP: tuple[Workload, ...] = (
    *ftp_bulk.workloads(),
    *ftp_small.workloads(),
    *ftp_sessions.workloads(),
    *turns.workloads(turns.FTP_WORK),
)
WORKLOADS = SSH + FTP
