"""Nothing half-done, nothing passed over, no waiting for time to pass."""

import ast
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.laws.source import ROOT, for_each

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b")
MARKS = {"skip", "xfail", "flaky", "importorskip"}  # of pytest, by whatever name
# A test that only one kind of machine can run: file -> why, and where it runs always.
CONDITIONAL = {
    "tests/auth/test_pam.py": "only root makes accounts of the machine; CI runs as root",
    "tests/interop/test_mail.py": "only root starts a mail server; CI runs as root",
    "tests/system/test_active_passive.py": "only root makes networks; CI runs as root",
    "tests/system/test_bad_signature.py": "only root starts a mail server; CI runs as root",
    "tests/system/test_life.py": "only root can become somebody else; CI runs as root",
    "tests/system/test_system_accounts.py": "only root makes accounts of the machine; as above",
}
EXEMPTION = re.compile(r"#\s*(?:noqa|type:\s*ignore)(?:\[[\w, -]+\]|:\s*[A-Z0-9, ]+)?(.*)$")
# On the line itself: a reason on the line above would not move with it.
REASON = re.compile(r"[\s#-]*\w.*\w{2,}")


class Source(NamedTuple):
    """One file of the checkout."""

    name: str
    text: str


@cache
def sources() -> tuple[Source, ...]:
    """All that we have written in Python, this law left out."""
    return tuple(
        Source(str(path.relative_to(ROOT)), path.read_text())
        for folder in ("mft", "tests")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path != Path(__file__)
    )


def having(*words: str) -> Callable[[], list[Source]]:
    """Tests that have one of these words; to parse the others would take half a minute."""
    return lambda: [
        one
        for one in sources()
        if one.name.startswith("tests/") and any(word in one.text for word in words)
    ]


EVERY = for_each(sources)


@EVERY
def test_nothing_is_left_to_do(source: Source) -> None:
    assert [line for line in source.text.splitlines() if UNFINISHED.search(line)] == []


@EVERY
def test_every_exemption_gives_its_reason(source: Source) -> None:
    bare = []
    for number, line in enumerate(source.text.splitlines(), 1):
        found = EXEMPTION.search(line)
        quoted = found is not None and line[: found.start()].count('"') % 2
        if found is not None and not quoted and not REASON.match(found[1]):
            bare.append(f"{source.name}:{number}: {line.strip()}")
    assert bare == []


@for_each(having(*MARKS))
def test_nothing_is_skipped_or_expected_to_fail(source: Source) -> None:
    tree = ast.parse(source.text)
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not used & MARKS
    if source.name not in CONDITIONAL:
        assert "skipif" not in used


def test_every_condition_is_still_there() -> None:
    by_name = {source.name: source for source in sources()}
    for name in CONDITIONAL:
        assert "skipif" in by_name[name].text


@for_each(having("sleep"))
def test_sleeping_is_only_between_two_looks_at_a_condition(source: Source) -> None:
    tree = ast.parse(source.text)
    asleep = sleeps(tree)
    for loop in ast.walk(tree):
        if isinstance(loop, ast.While) or (isinstance(loop, ast.For) and leaves(loop)):
            asleep -= sleeps(loop)
    assert sorted(asleep) == [], f"{source.name}: lines that sleep whatever happens"


def sleeps(tree: ast.AST) -> set[int]:
    """The lines of calls of `time.sleep`."""
    return {
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "sleep")
    }


def leaves(loop: ast.For) -> bool:
    """Whether a loop ends as soon as something is true."""
    return any(isinstance(node, ast.Break | ast.Return) for node in ast.walk(loop))
