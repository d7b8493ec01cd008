"""One large file over SFTP, each way, with three ciphers; and eight sessions at once."""

from functools import partial

from tests.benchmarks.bench import (
    AEAD,
    ALL,
    BULK,
    CIPHERS,
    WITH_BARE,
    Bench,
    Figures,
    Workload,
    bulk_figures,
    cipher_for,
)
from tests.benchmarks.servers.base import Server
from tests.benchmarks.settings import STREAMS


def download(bench: Bench, server: Server, cipher: str) -> Figures:
    """`get` of the large file in a session that is logged in."""
    running, space = bench.ready(server), bench.tools.space
    session = bench.clients.login(running.address, cipher_for(server, cipher))
    with bench.measure(server) as cost:
        session.run(["get big sink/big"])
    session.close()
    bench.check("download", server, [(space.source / "big", space.sink / "big")])
    space.empty(space.sink)
    return bulk_figures(bench.scale.size, cost)


def upload(bench: Bench, server: Server, cipher: str) -> Figures:
    """`put` of the large file in a session that is logged in."""
    running, space = bench.ready(server), bench.tools.space
    session = bench.clients.login(running.address, cipher_for(server, cipher))
    with bench.measure(server) as cost:
        session.run(["put source/big up/big"])
    session.close()
    bench.check("upload", server, [(space.source / "big", server.home / "up" / "big")])
    space.empty(server.home / "up")
    return bulk_figures(bench.scale.size, cost)


def streams(bench: Bench, server: Server, *, up: bool) -> Figures:
    """Eight sessions at once, logged in before, each moving an eighth of the large file."""
    running, space = bench.ready(server), bench.tools.space
    cipher = cipher_for(server, "aes128-gcm")
    sessions = [bench.clients.login(running.address, cipher) for _ in range(STREAMS)]
    with bench.measure(server) as cost:
        for number, session in enumerate(sessions):
            session.send([f"put source/part up/{number}" if up else f"get part sink/{number}"])
        for session in sessions:
            session.wait()
    for session in sessions:
        session.close()
    target = server.home / "up" if up else space.sink
    pairs = [(space.source / "part", target / str(number)) for number in range(STREAMS)]
    bench.check(f"streams {up}", server, pairs)
    space.empty(target)
    return bulk_figures((space.source / "part").stat().st_size * STREAMS, cost)


def workloads() -> list[Workload]:
    """Six single transfers and two of eight."""
    made = []
    for cipher in CIPHERS:
        servers = WITH_BARE if cipher == "aes128-gcm" else AEAD
        for work, arrow in ((download, "down"), (upload, "up")):
            name, title = f"sftp-{cipher}-{arrow}", f"SFTP {cipher} {arrow}"
            made.append(Workload(name, title, servers, BULK, partial(work, cipher=cipher)))
    for up, arrow in ((False, "down"), (True, "up")):
        work = partial(streams, up=up)
        title = f"{STREAMS} SFTP sessions {arrow}"
        made.append(Workload(f"streams-{arrow}", title, ALL, BULK, work))
    return made
