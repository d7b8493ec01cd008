"""What must be reached: ratios of medians within one run, and a few absolute limits."""

from statistics import median
from typing import NamedTuple

from tests.benchmarks.bench import FTP_PEERS, MOVERS, Workload

Results = dict[str, dict[str, dict[str, list[float]]]]  # workload -> server -> metric -> rounds


class Goal(NamedTuple):
    """`ours` divided by `against` (or ours alone) must be at least, or at most, the limit."""

    workload: str
    metric: str
    relation: str  # ">=" or "<="
    limit: float
    against: str = ""  # a server; empty: the limit is absolute
    ours: str = "mft"


class Verdict(NamedTuple):
    """A goal, what was seen, and whether that is enough; None where it was not measured."""

    goal: Goal
    seen: float | None
    met: bool | None


def _ratios(workload: str, metric: str, relation: str, **limits: float) -> list[Goal]:
    return [Goal(workload, metric, relation, limit, peer) for peer, limit in limits.items()]


def _bulk() -> list[Goal]:
    made = [
        *_ratios("sftp-aes128-gcm-down", "cpu_rate", ">=", openssh=1.8, asyncssh=3.5, conch=5),
        *_ratios("sftp-aes128-gcm-up", "cpu_rate", ">=", openssh=1.5, asyncssh=1.8, conch=3.5),
        *_ratios("sftp-aes128-gcm-down", "wall_rate", ">=", openssh=1.6),
        *_ratios("sftp-aes128-gcm-up", "wall_rate", ">=", openssh=1.6),
    ]
    for arrow in ("down", "up"):
        made += _ratios(f"sftp-chacha20-{arrow}", "cpu_rate", ">=", openssh=1.45)
        name = f"sftp-aes256-ctr-etm-{arrow}"
        made += _ratios(name, "cpu_rate", ">=", openssh=1.05, asyncssh=1.5)
    made += _ratios("streams-down", "cpu_rate", ">=", openssh=2.5)
    made += _ratios("streams-up", "cpu_rate", ">=", openssh=1.8)
    for mode in ("-O", "-s"):
        made += _ratios(f"scp{mode}-down", "cpu_rate", ">=", openssh=1.5)
        made += _ratios(f"scp{mode}-up", "cpu_rate", ">=", openssh=1.3)
    return made


def _small() -> list[Goal]:
    made = []
    for name in ("small-up", "small-down"):
        made += [
            Goal(name, "cpu", "<=", 1.05, "openssh", "mft-fast"),
            Goal(name, "rate", ">=", 1.2, "openssh", "mft-fast"),
            Goal(name, "cpu", "<=", 0.4, "asyncssh", "mft-fast"),
        ]
    return made


def _switched_on() -> list[Goal]:
    """What journal, permissions and limits may cost: 5 % on small files, 1 % on bulk."""
    made = []
    for arrow in ("up", "down"):
        made.append(Goal(f"small-{arrow}", "cpu", "<=", 1.05, "mft-bare"))
        made.append(Goal(f"sftp-aes128-gcm-{arrow}", "cpu_rate", ">=", 0.99, "mft-bare"))
    return made


def _ftp_bulk() -> list[Goal]:
    # The best of several is met when each of them is.
    c_peers = ("vsftpd", "pure-ftpd", "proftpd")
    return [
        *_ratios("ftp-down", "cpu_rate", ">=", **{"pure-ftpd": 1.0, "pyftpdlib": 1.4}, vsftpd=0.6),
        *(Goal("ftp-down", "wall_rate", ">=", 0.95, peer) for peer in FTP_PEERS),
        *(Goal("ftp-up", "cpu_rate", ">=", 0.95, peer) for peer in c_peers),
        *_ratios("ftp-up", "cpu_rate", ">=", pyftpdlib=1.2),
        *(Goal("ftp-streams-up", "cpu_rate", ">=", 1.1, peer) for peer in FTP_PEERS),
        *_ratios("ftps-down", "cpu_rate", ">=", **{"pure-ftpd": 1.15}, pyftpdlib=1.5, proftpd=1.5),
        *_ratios("ftps-down", "cpu_rate", ">=", vsftpd=1.9),
        *_ratios("ftps-up", "cpu_rate", ">=", **{"pure-ftpd": 1.0}, pyftpdlib=1.2, vsftpd=2.5),
    ]


def _ftp_small() -> list[Goal]:
    made = []
    for arrow in ("up", "down"):
        for peer, limit in (("vsftpd", 1.3), ("proftpd", 0.8), ("pyftpdlib", 0.6)):
            made.append(Goal(f"ftp-small-{arrow}", "cpu", "<=", limit, peer, "mft-fast"))
        for peer, limit in (("vsftpd", 0.85), ("pure-ftpd", 1.1)):
            made.append(Goal(f"ftps-small-{arrow}", "cpu", "<=", limit, peer, "mft-fast"))
        # Nagle's algorithm and delayed acknowledgements cost 40 ms where they meet.
        for scheme in ("ftp", "ftps"):
            name = f"{scheme}-small-{arrow}"
            made.append(Goal(name, "slowest", "<=", 40, ours="mft-fast"))
    for scheme in ("ftp", "ftps"):
        made += _ratios(f"{scheme}-listing", "cpu", "<=", vsftpd=1.6, pyftpdlib=0.6)
    return made


def _ftp_sessions() -> list[Goal]:
    return [
        *_ratios("ftp-login-cheap", "net", "<=", vsftpd=0.1, pyftpdlib=1.0),
        Goal("ftp-idle", "rss", "<=", 12),
        Goal("ftps-idle", "rss", "<=", 48),
        Goal("ftp-idle", "base", "<=", 90),
        Goal("ftp-idle", "p99", "<=", 1.5),
        Goal("ftps-idle", "p99", "<=", 1.5),
        *_ratios("ftps-noop-3", "p99", "<=", vsftpd=1.2),
    ]


def _http() -> list[Goal]:
    made = [
        *_ratios("https-down", "cpu_rate", ">=", nginx=1.3),
        *_ratios("https-up", "cpu_rate", ">=", **{"nginx": 0.85, "twisted-web": 1.7}),
    ]
    for arrow in ("down", "up"):
        limits = {"nginx": 0.8, "twisted-web": 3}
        made += _ratios(f"http-{arrow}", "cpu_rate", ">=", **limits)
        made.append(Goal(f"https-small-{arrow}", "cpu", "<=", 1.0, "twisted-web", "mft-fast"))
    return [
        *made,
        Goal("https-idle", "rss", "<=", 40),
        Goal("https-idle", "base", "<=", 90),
        Goal("https-idle", "p99", "<=", 1.5),
        *_ratios("https-get-3", "p99", "<=", nginx=0.2),
        # Flat, whatever is packed: its table of contents alone grows, about 100 bytes a file.
        Goal("http-zip", "growth", "<=", 8),
        Goal("https-zip", "growth", "<=", 8),
    ]


def _auth() -> list[Goal]:
    """Hashes may use their cores, and nobody else's; who guesses costs little."""
    made = [
        Goal("crowd", "share", ">=", 0.9),
        Goal("crowd-3", "kept", ">=", 0.85),
        Goal("crowd-3", "p99", "<=", 20),
        Goal("directory", "added", "<=", 1),
        Goal("slow-directory", "ratio", "<=", 1.5),
        Goal("slow-directory", "p99", "<=", 20),
    ]
    for scheme in ("ssh", "ftp", "https"):
        made.append(Goal(f"flood-{scheme}", "core", "<=", 10))
        made.append(Goal(f"flood-{scheme}", "growth", "<=", 8))
    return made


def _events() -> list[Goal]:
    return [
        Goal("events-path", "us", "<=", 6),
        Goal("events-journal", "rate", ">=", 20_000),
        Goal("events-journal", "verified", ">=", 100_000),
        Goal("events-sqlite", "rate", ">=", 10_000),
        Goal("events-mysql", "rate", ">=", 5_000),
        Goal("events-postgresql", "rate", ">=", 5_000),
        Goal("events-log", "growth", "<=", 32),
        *(Goal(f"events-{kind}", "growth", "<=", 64) for kind in ("sqlite", "mysql", "postgresql")),
        Goal("events-dead", "growth", "<=", 64),
        # Flat, however many wait.
        Goal("events-dead", "later", "<=", 8),
        *(Goal(f"events-small-{arrow}", "kept", ">=", 0.95) for arrow in ("up", "down")),
        Goal("events-dispatch", "p99", "<=", 50),
    ]


def _transfers() -> list[Goal]:
    # As good as the better of the two is as good as each of them.
    made = []
    for arrow in ("up", "down"):
        for peer in MOVERS:
            made += [
                Goal(f"transfers-{scheme}-{arrow}", "cpu_rate", ">=", 1.0, peer)
                for scheme in ("sftp", "ftps")
            ]
            made.append(Goal(f"transfers-small-{arrow}", "rate", ">=", 1.0, peer))
    return [
        *made,
        Goal("transfers-queue", "rss", "<=", 200),
        Goal("transfers-queue", "first", "<=", 5),
        # As in every other family: what else the server does must not wait for a transfer.
        Goal("transfers-poll", "p999", "<=", 10),
        Goal("transfers-poll", "max", "<=", 50),
    ]


def _cluster() -> list[Goal]:
    return [
        *(Goal("proxy-header", kind, "<=", 50) for kind in ("v1", "v2", "told")),
        Goal("nodes", "ratio", ">=", 1.8),
    ]


def _turns() -> list[Goal]:
    from tests.benchmarks.workloads.turns import ALL_WORK

    made = []
    for work in (work for some in ALL_WORK.values() for work in some):
        made.append(Goal(f"turns-{work}", "p999", "<=", 10))
        made.append(Goal(f"turns-{work}", "max", "<=", 50))
    return made


GOALS: tuple[Goal, ...] = (
    *_bulk(),
    *_small(),
    *_switched_on(),
    *_ratios("listing", "cpu", "<=", openssh=1.2, asyncssh=0.25),
    *_ratios("login-key", "cpu", "<=", openssh=0.2, asyncssh=0.7),
    Goal("idle", "rss", "<=", 40),
    *_ratios("idle", "pss", "<=", openssh=0.02),
    Goal("idle", "base", "<=", 90),
    Goal("idle", "p99", "<=", 1.5),
    *_ratios("idle", "p99", "<=", openssh=0.5),
    *_ratios("stat-3", "p99", "<=", openssh=1.5),
    *_ftp_bulk(),
    *_ftp_small(),
    *_ftp_sessions(),
    *_http(),
    *_auth(),
    *_events(),
    *_transfers(),
    *_cluster(),
    *_turns(),
)


def middle(results: Results, workload: str, server: str, metric: str) -> float | None:
    """The median over the rounds; None where nothing was measured."""
    rounds = results.get(workload, {}).get(server, {}).get(metric, [])
    return median(rounds) if rounds else None


def judge(goal: Goal, results: Results) -> Verdict:
    """Whether a goal was met in these results."""
    seen = middle(results, goal.workload, goal.ours, goal.metric)
    if seen is not None and goal.against:
        peer = middle(results, goal.workload, goal.against, goal.metric)
        seen = seen / peer if peer else None
    if seen is None:
        return Verdict(goal, None, None)
    met = seen >= goal.limit if goal.relation == ">=" else seen <= goal.limit
    return Verdict(goal, seen, met)


def verdicts(results: Results, workloads: list[Workload]) -> list[Verdict]:
    """Every goal of the workloads that were run."""
    names = {workload.name for workload in workloads}
    return [judge(goal, results) for goal in GOALS if goal.workload in names]
