"""One large file with OpenSSH's scp, each way, over the old protocol and over SFTP."""

from functools import partial

from tests.benchmarks.bench import AEAD, BULK, CIPHERS, Bench, Figures, Workload, bulk_figures
from tests.benchmarks.servers.base import Server

MODES = {"-O": "SCP (-O)", "-s": "SCP over SFTP (-s)"}


def copy(bench: Bench, server: Server, mode: str, *, up: bool) -> Figures:
    """One scp command, its login included: that is how scp is used."""
    running, space = bench.ready(server), bench.tools.space
    ends = ("source/big", ":up/big") if up else (":big", "sink/big")
    with bench.measure(server) as cost:
        bench.clients.scp(mode, running.address, CIPHERS["aes128-gcm"], ends)
    target = server.home / "up" if up else space.sink
    bench.check(f"scp {mode} {up}", server, [(space.source / "big", target / "big")])
    space.empty(target)
    return bulk_figures(bench.scale.size, cost)


def workloads() -> list[Workload]:
    """Two modes, two directions."""
    return [
        Workload(
            f"scp{mode}-{arrow}",
            f"{title} {arrow}",
            # asyncssh sends no exit status for sftp, which `scp -s` takes for a failure
            AEAD if mode == "-O" else ("mft", "openssh"),
            BULK,
            partial(copy, mode=mode, up=up),
        )
        for mode, title in MODES.items()
        for up, arrow in ((False, "down"), (True, "up"))
    ]
