"""All workloads, in the order in which they run and are shown."""

from tests.benchmarks.bench import (
    FTP_SCHEMES,
    FTP_SERVERS,
    HTTP_SCHEMES,
    HTTP_SERVERS,
    Workload,
)
from tests.benchmarks.workloads import (
    bulk,
    crowds,
    curl_bulk,
    directories,
    events,
    ftp_small,
    http_small,
    logins,
    nodes,
    proxied,
    scheme_sessions,
    scp,
    sessions,
    small,
    transfers,
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
    *curl_bulk.workloads(FTP_SCHEMES, FTP_SERVERS),
    *ftp_small.workloads(),
    *scheme_sessions.workloads(FTP_SCHEMES, FTP_SERVERS, "NOOP", "ftps"),
    *turns.workloads(turns.FTP_WORK),
)
HTTP: tuple[Workload, ...] = (
    *curl_bulk.workloads(HTTP_SCHEMES, HTTP_SERVERS),
    *http_small.workloads(),
    *scheme_sessions.workloads(HTTP_SCHEMES, HTTP_SERVERS, "GET", "https"),
    *turns.workloads(turns.HTTP_WORK),
)
AUTH: tuple[Workload, ...] = (*crowds.workloads(), *directories.workloads())
EVENTS: tuple[Workload, ...] = tuple(events.workloads())
TRANSFERS: tuple[Workload, ...] = tuple(transfers.workloads())
CLUSTER: tuple[Workload, ...] = (*proxied.workloads(), *nodes.workloads())
WORKLOADS = SSH + FTP + HTTP + AUTH + EVENTS + TRANSFERS + CLUSTER
