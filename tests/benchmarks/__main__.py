"""`python -m tests.benchmarks`: mft beside OpenSSH, asyncssh and Conch, in one run."""

import argparse
import json
import signal
import sys
from fnmatch import fnmatch
from pathlib import Path

from tests.benchmarks.bench import ALL, Workload
from tests.benchmarks.report import Report, insert
from tests.benchmarks.run import Run
from tests.benchmarks.settings import QUICK, Scale
from tests.benchmarks.workloads.table import WORKLOADS

PAGE = Path(__file__).parents[2] / "docs" / "design" / "performance.md"


def main(argv: list[str] | None = None) -> int:
    """Run, print the tables, write them; 1 when something failed or a goal was missed."""
    options = parser().parse_args(argv)
    chosen = choose(options.only)
    if options.list or not chosen:
        print("\n".join(f"{w.name:26} {w.title}" for w in chosen or WORKLOADS))
        return 0 if options.list else 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    scale = scaled(options)
    run = Run(scale, chosen, with_variants(options.servers))
    try:
        run.go()
    except KeyboardInterrupt:
        print("broken off: everything was stopped and removed", file=sys.stderr)
        return 130
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return show(run, Report(run.results, chosen, scale, run.how, run.failures), options)


def show(run: Run, report: Report, options: argparse.Namespace) -> int:
    """Print and write the tables."""
    print(report.text())
    for failure in run.failures:
        print(failure, file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(run.results, indent=1))
    whole = not options.only and not options.quick and not options.servers and not options.size
    output = options.output or (PAGE if whole else None)
    if output:
        insert(output, report.text())
        print(f"written to {output}")
    missed = any(verdict.met is False for verdict in report.verdicts)
    return 1 if run.failures or (missed and not options.quick) else 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    made.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="the workload of this name, or all whose names contain or match it",
    )
    made.add_argument("--servers", help=f"some of {','.join(ALL)}")
    made.add_argument("--rounds", type=int, help="rounds of each (5)")
    made.add_argument("--size", type=int, metavar="MIB", help="the large file (1024)")
    made.add_argument("--quick", action="store_true", help="tiny sizes, one round: does it work?")
    made.add_argument("--output", type=Path, help="write the tables here, whatever was chosen")
    made.add_argument("--json", type=Path, help="write every figure of every round here")
    made.add_argument("--list", action="store_true", help="name the workloads and end")
    return made  # fmt: skip


def choose(words: list[str]) -> list[Workload]:
    """The workloads that the words name; all when there is no word."""
    names = {workload.name for workload in WORKLOADS}
    chosen = set() if words else names
    for word in words:
        chosen |= {word} if word in names else {n for n in names if word in n or fnmatch(n, word)}
    return [workload for workload in WORKLOADS if workload.name in chosen]


def with_variants(names: str | None) -> set[str]:
    """The servers that were asked for; mft brings its variants."""
    chosen = set(names.split(",")) if names else set(ALL)
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
