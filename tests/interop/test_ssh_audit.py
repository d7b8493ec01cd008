"""What ssh-audit, a scanner that partners run, says about our algorithms."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.instance import COMMAND_SECONDS, Server, execute

pytestmark = pytest.mark.interop
PROGRAM = Path(sys.executable).with_name("ssh-audit")
KINDS = ("kex", "key", "enc", "mac")


def findings(server: Server, level: str) -> dict[str, list[str]]:
    """What it says of each algorithm that we offer, at one level."""
    words = ["--json", "--skip-rate-test", "--timeout", str(COMMAND_SECONDS // 4)]
    shown = execute_any(PROGRAM, *words, "--port", str(server.port), server.address)
    report = json.loads(shown)
    assert report["target"] == f"{server.address}:{server.port}"
    return {name: notes for name, notes in noted(report, level) if notes}


def noted(
    report: dict[str, list[dict[str, object]]], level: str
) -> Iterator[tuple[str, list[str]]]:
    for kind in KINDS:
        assert report[kind]
        for each in report[kind]:
            notes = each.get("notes")
            assert isinstance(notes, dict)
            yield str(each["algorithm"]), notes.get(level, [])


def execute_any(*argv: str | Path) -> str:
    """Run a scanner; its exit code tells what it found, which its report tells better."""
    return execute("sh", "-c", '"$@" || test $? -lt 4', "sh", *argv).stdout


def test_nothing_fails_and_nothing_is_warned_of_by_default(strict_server: Server) -> None:
    assert findings(strict_server, "fail") == {}
    assert findings(strict_server, "warn") == {}


def test_a_new_instance_is_warned_of_for_nothing_but_what_its_file_names(server: Server) -> None:
    assert findings(server, "fail") == {}
    warned = findings(server, "warn")
    assert set(warned) <= {"curve25519-sha256", "curve25519-sha256@libssh.org", "hmac-sha2-256"}
