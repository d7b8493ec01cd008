"""`python -m tests.benchmarks.profile WORKLOAD`: where our server spends its time.

Starts mft under cProfile (`python -m cProfile -o FILE -m mft run ...`), does the workload against
it, stops it, and prints the heaviest functions. cProfile sees the reactor's thread only and makes
calls dearer than they are: use the order it shows, not the figures.
"""

import argparse
import pstats
import sys
from pathlib import Path

from tests.benchmarks.__main__ import choose
from tests.benchmarks.run import Workbench
from tests.benchmarks.servers.ours import Ours
from tests.benchmarks.settings import QUICK, Scale
from tests.benchmarks.workloads.table import FTP, HTTP


def main(argv: list[str] | None = None) -> int:
    """Profile one workload; 1 when the server left no profile behind."""
    options = parser().parse_args(argv)
    workload = choose([options.workload])[0]
    services = {"ftp": FTP, "http": HTTP}
    service = next((name for name, some in services.items() if workload in some), "ssh")
    scale = (QUICK if options.quick else Scale())._replace(size=options.size << 20)
    output = options.output.resolve()
    output.unlink(missing_ok=True)
    settings = {"accounts": {"durable_uploads": "no"}} if options.fast else None
    with Workbench(scale) as bench:
        python = ("-m", "cProfile", "-o", str(output))
        server = Ours(bench.tools, settings=settings, python=python, service=service)
        with bench.fresh(server):
            for _ in range(options.rounds):
                print(workload.run(bench, server))
    if not output.exists():
        print(f"no profile in {output}: the server was killed", file=sys.stderr)
        return 1
    pstats.Stats(str(output)).sort_stats(options.sort).print_stats(options.lines)
    print(f"kept in {output}")
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser("python -m tests.benchmarks.profile", description=__doc__)
    made.add_argument("workload", help="the first whose name contains this; not idle")
    made.add_argument("--size", type=int, default=256, metavar="MIB", help="the large file (256)")
    made.add_argument("--rounds", type=int, default=1)
    made.add_argument("--quick", action="store_true", help="few small files, entries and logins")
    made.add_argument("--fast", action="store_true", help="with durable_uploads = no")
    made.add_argument("--sort", default="tottime", help="tottime, cumtime, ncalls")
    made.add_argument("--lines", type=int, default=40)
    made.add_argument("--output", type=Path, default=Path("mft.prof"))
    return made


if __name__ == "__main__":
    sys.exit(main())
