"""The benchmark works: every kind of workload, tiny, against OpenSSH and mft."""

import json
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import main

SERVERS = {"openssh", "mft"}
KINDS = {
    "sftp-aes128-gcm-down",
    "sftp-aes256-ctr-etm-up",
    "streams-up",
    "scp-O-down",
    "scp-s-up",
    "small-up",
    "listing",
    "login-key",
    "idle",
    "stat-3",
}


def test_a_tiny_run_measures_every_kind_of_work_and_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, page = tmp_path / "results.json", tmp_path / "page.md"
    only = [f"--only={kind}" for kind in sorted(KINDS)]
    before = set(Path("/dev/shm").glob("mft-bench-*"))
    code = main(
        [
            "--quick",
            f"--servers={','.join(SERVERS)}",
            f"--json={results}",
            f"--output={page}",
            *only,
        ]
    )
    assert code == 0, capsys.readouterr().err
    seen = json.loads(results.read_text())
    assert set(seen) == KINDS
    for workload, by_server in seen.items():
        assert set(by_server) >= SERVERS, workload
    assert "mft-bare" in seen["small-up"]
    assert "### Goals" in page.read_text()
    assert set(Path("/dev/shm").glob("mft-bench-*")) <= before


def test_turns_are_told_as_others_waited_and_as_they_used_a_processor(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    assert main(["--quick", "--only=turns-small", f"--json={results}"]) == 0
    figures = json.loads(results.read_text())["turns-small"]["mft"]
    assert set(figures) == {"p999", "max", "own"}
    assert all(value > 0 for [value] in figures.values())
