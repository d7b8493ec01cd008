"""`python -m tests.benchmarks`: mft beside the servers of each family, in one run each."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from tests.benchmarks.bench import ALL, FTP_PEERS, HTTP_PEERS, MOVERS, Workload
from tests.benchmarks.families import FAMILIES, Family
from tests.benchmarks.goals import Results
from tests.benchmarks.report import Report, insert
from tests.benchmarks.run import Run
from tests.benchmarks.settings import QUICK, Scale
from tests.benchmarks.workloads.table import WORKLOADS

PAGE = Path(__file__).parents[2] / "docs" / "design" / "performance.md"
EVERYBODY = (*ALL, *FTP_PEERS, *HTTP_PEERS, *MOVERS)


def main(argv: list[str] | None = None) -> int:
    """Run, print the tables, write them; 1 when something failed or a goal was missed."""
    options = parser().parse_args(argv)
    families = [one for one in FAMILIES if options.family in (None, one.name)]
    chosen = {one.name: choose(options.only, one.workloads) for one in families}
    if options.list or not any(chosen.values()):
        shown = [w for some in chosen.values() for w in some] or WORKLOADS
        print("\n".join(f"{w.name:26} {w.title}" for w in shown))
        return 0 if options.list else 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    results: Results = {}
    try:
        codes = [one_run(f, chosen[f.name], options, results) for f in families if chosen[f.name]]
    except KeyboardInterrupt:
        print("broken off: everything was stopped and removed", file=sys.stderr)
        return 130
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return max(codes)


def one_run(
    family: Family, chosen: list[Workload], options: argparse.Namespace, results: Results
) -> int:
    """Run one family, print and write its tables, and add to the results."""
    scale = scaled(options)
    run = Run(family, scale, chosen, with_variants(options.servers))
    run.go()
    results |= run.results
    report = Report(family, run.results, chosen, scale, run.how, run.failures)
    print(report.text())
    for failure in run.failures:
        print(failure, file=sys.stderr)
    whole = not options.only and not options.quick and not options.servers and not options.size
    output = options.output or (PAGE if whole else None)
    if output:
        insert(output, family.name, report.text())
        print(f"written to {output}")
    missed = any(verdict.met is False for verdict in report.verdicts)
    return 1 if run.failures or (missed and not options.quick) else 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    names = [family.name for family in FAMILIES]
    made.add_argument("--family", choices=names, help="one of them; all without this")
    made.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="the workload of this name, or all whose names contain or match it",
    )
    made.add_argument("--servers", help=f"some of {','.join(EVERYBODY)}")
    made.add_argument("--rounds", type=int, help="rounds of each (5)")
    made.add_argument("--size", type=int, metavar="MIB", help="the large file (1024)")
    made.add_argument("--quick", action="store_true", help="tiny sizes, one round: does it work?")
    made.add_argument("--output", type=Path, help="write the tables here, whatever was chosen")
    made.add_argument("--json", type=Path, help="write every figure of every round here")
    made.add_argument("--list", action="store_true", help="name the workloads and end")
    return made  # fmt: skip


def choose(words: list[str], workloads: Sequence[Workload] = WORKLOADS) -> list[Workload]:
    """The workloads that the words name; all when there is no word."""
    names = {workload.name for workload in workloads}
    every = {workload.name for workload in WORKLOADS}
    chosen = set() if words else names
    for word in words:
        chosen |= {word} if word in every else {n for n in names if word in n or fnmatch(n, word)}
    return [workload for workload in workloads if workload.name in chosen]


def with_variants(servers: str | None) -> set[str]:
    """The servers that were asked for; mft brings its variants."""
    chosen = set(servers.split(",")) if servers else {*EVERYBODY}
    return chosen | ({"mft-fast", "mft-bare"} if "mft" in chosen else set())


def scaled(options: argparse.Namespace) -> Scale:
    """The amounts of work that the options ask for."""
    scale = QUICK if options.quick else Scale()
    if options.rounds:
        scale = scale._replace(rounds=options.rounds)
    if options.size:
        scale = scale._replace(size=options.size << 20)
    return scale


if __name__ == "__main__":
    sys.exit(main())
