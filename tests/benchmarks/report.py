"""The two tables, as Markdown, and their place in a document."""

from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.bench import Metric, Workload
from tests.benchmarks.goals import Results, Verdict, middle, verdicts
from tests.benchmarks.machine import facts
from tests.benchmarks.settings import STREAMS, Scale

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
COLUMNS = {
    "mft": "mft",
    "mft-fast": "mft, `durable_uploads = no`",
    "mft-bare": "mft without journal, permissions and limits",
    "openssh": "OpenSSH",
    "asyncssh": "asyncssh",
    "conch": "Conch",
}
MARKS = {True: "yes", False: "**no**", None: "not measured"}
NOTES = """\
Medians; in brackets half the distance between the lowest and the highest round. The servers take
turns within each round. Files are in RAM, clients and servers share the machine, MB is 10^6 bytes.
Transfers, small files and listings are measured in sessions that are logged in; scp includes its
login. Conch has no AEAD, no -etm and no scp: it runs aes256-ctr with hmac-sha2-256. Passwords:
OpenSSH checks SHA-512-crypt, mft bcrypt, asyncssh and Conch compare text. In RAM a sync costs
nothing but its calls: on a disk `durable_uploads = yes` costs what the disk costs. The longest
reactor turns are counted by mft itself in runs of their own."""


class Report:
    """What one run measured, and how to show it."""

    def __init__(
        self,
        results: Results,
        workloads: list[Workload],
        scale: Scale,
        how: str,
        failures: list[str],
    ) -> None:
        self._results = results
        self._workloads = workloads
        self._scale = scale
        self._how = how
        self._failures = failures
        self.verdicts = verdicts(results, workloads)

    def text(self) -> str:
        """Everything between the markers."""
        parts = [self._head(), "### Figures", self._figures(), NOTES, "### Goals", self._goals()]
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
        return "\n".join(f"- {line}" for line in (*facts(), amounts, f"measured on {day}"))

    def _figures(self) -> str:
        columns = [name for name in COLUMNS if any(name in r for r in self._results.values())]
        rows = [["workload", "figure", *(COLUMNS[name] for name in columns)]]
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
            COLUMNS.get(goal.against, "(limit)"),
            f"{seen}{unit}" if verdict.seen is not None else seen,
            f"{sign} {goal.limit:g}{unit}",
            MARKS[verdict.met],
        ]


def table(rows: list[list[str]]) -> str:
    """Markdown, the first row as the head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)


def insert(path: Path, text: str) -> None:
    """Put the text between the markers; they are added at the end of a file without them."""
    page = path.read_text() if path.exists() else "# Performance\n"
    if BEGIN not in page or END not in page:
        page = page.rstrip() + f"\n\n{BEGIN}\n{END}\n"
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n{text.strip()}\n{END}{after}")
