"""The two tables, as Markdown, and their place in a document."""

from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.bench import Metric, Workload
from tests.benchmarks.families import Family
from tests.benchmarks.goals import Results, Verdict, middle, verdicts
from tests.benchmarks.settings import STREAMS, Scale

MARKS = {True: "yes", False: "**no**", None: "not measured"}


class Report:
    """What one run measured, and how to show it."""

    def __init__(
        self,
        family: Family,
        results: Results,
        workloads: list[Workload],
        scale: Scale,
        how: str,
        failures: list[str],
    ) -> None:
        self._family = family
        self._results = results
        self._workloads = workloads
        self._scale = scale
        self._how = how
        self._failures = failures
        self.verdicts = verdicts(results, workloads)

    def text(self) -> str:
        """Everything between the markers."""
        notes = self._family.notes
        parts = [self._head(), "### Figures", self._figures(), notes, "### Goals", self._goals()]
        if self._failures:
            rows = "\n".join(f"- {failure.splitlines()[0]}" for failure in self._failures)
            parts += ["### What failed", rows]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _head(self) -> str:
        scale = self._scale
        amounts = (
            f"{scale.rounds} rounds; large file {scale.size >> 20} MiB ({STREAMS} sessions: an "
            f"eighth each), {scale.small_files} files of {scale.small_size} bytes, "
            f"{scale.entries} entries, {scale.idle_sessions} idle sessions; "
            f"server CPU from {self._how}"
        )
        day = datetime.now(UTC).strftime("%Y-%m-%d")
        return "\n".join(
            f"- {line}" for line in (*self._family.facts(), amounts, f"measured on {day}")
        )

    def _figures(self) -> str:
        names = self._family.columns
        columns = [name for name in names if any(name in r for r in self._results.values())]
        rows = [["workload", "figure", *(names[name] for name in columns)]]
        for workload in self._workloads:
            for metric in workload.metrics:
                cells = [self._cell(workload, metric, name) for name in columns]
                rows.append([workload.title, metric.label, *cells])
        return table(rows)

    def _cell(self, workload: Workload, metric: Metric, server: str) -> str:
        value = middle(self._results, workload.name, server, metric.key)
        if value is None:
            return "-"
        rounds = self._results[workload.name][server][metric.key]
        text = f"{value:.{metric.digits}f}"
        if len(rounds) > 1 and value:
            text += f" (±{(max(rounds) - min(rounds)) / 2 / value:.0%})"
        return text

    def _goals(self) -> str:
        rows = [["workload", "figure", "mft against", "seen", "goal", "met"]]
        return table(rows + [self._row(verdict) for verdict in self.verdicts])

    def _row(self, verdict: Verdict) -> list[str]:
        goal = verdict.goal
        workload = next(w for w in self._workloads if w.name == goal.workload)
        metric = next(m for m in workload.metrics if m.key == goal.metric)
        seen = "-" if verdict.seen is None else f"{verdict.seen:.3g}"
        unit = "x" if goal.against else ""
        sign = "≥" if goal.relation == ">=" else "≤"
        return [
            workload.title,
            metric.label,
            self._family.columns.get(goal.against, "(limit)"),
            f"{seen}{unit}" if verdict.seen is not None else seen,
            f"{sign} {goal.limit:g}{unit}",
            MARKS[verdict.met],
        ]


def table(rows: list[list[str]]) -> str:
    """Markdown, the first row as the head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)


def marks(family: str) -> tuple[str, str]:
    """The lines around the tables of a family."""
    return f"<!-- bench:{family}:begin -->", f"<!-- bench:{family}:end -->"


def insert(path: Path, family: str, text: str) -> None:
    """Put the text between the family's markers; a file without them gets them at its end."""
    begin, end = marks(family)
    page = path.read_text() if path.exists() else "# Performance\n"
    if begin not in page or end not in page:
        page = page.rstrip() + f"\n\n{begin}\n{end}\n"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    path.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}")
