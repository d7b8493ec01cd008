"""Fold the sentences in docs/changes/ into docs/changes.md under a version, and remove them."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
NEWS = HERE.parent / "changes.md"
TITLE = "# Changes\n"
KINDS = {
    "security": "Security",
    "removal": "Removed",
    "feature": "New",
    "fix": "Fixed",
    "doc": "Documentation",
    "inside": "Inside",
}


def fold(version: str) -> int:
    """Write the section of a version; gives how many sentences it has."""
    fragments = sorted(path for path in HERE.glob("*.*.md"))
    unknown = [path.name for path in fragments if path.name.split(".")[-2] not in KINDS]
    if unknown:
        raise SystemExit(f"unknown kinds of change: {', '.join(unknown)}")
    lines = [f"## {version} ({datetime.now(UTC):%Y-%m-%d})", ""]
    for kind, heading in KINDS.items():
        sentences = [path.read_text().strip() for path in fragments if f".{kind}." in path.name]
        if sentences:
            lines += [f"### {heading}", "", *(f"- {sentence}" for sentence in sentences), ""]
    older = NEWS.read_text().removeprefix(TITLE).strip() if NEWS.exists() else ""
    NEWS.write_text(f"{TITLE}\n" + "\n".join(lines) + (f"\n{older}\n" if older else ""))
    for path in fragments:
        path.unlink()
    return len(fragments)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not re.fullmatch(r"\d+(\.\d+)+", sys.argv[1]):
        raise SystemExit("usage: make news VERSION=1.2")
    count = fold(sys.argv[1])
    sys.stdout.write(f"docs/changes.md: {sys.argv[1]} with {count} changes\n")
