"""The benchmark works: every kind of workload, tiny, against mft and its peers."""

import json
import os
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import main
from tests.benchmarks.bench import FTP_PEERS, HTTP_SERVERS, MOVERS
from tests.benchmarks.run import RAM

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


FTP_SERVERS = {"mft", *FTP_PEERS} if os.geteuid() == 0 else {"mft", "pyftpdlib"}
FTP_KINDS = {"ftp-down", "ftps-up", "ftps-small-up", "ftps-listing", "ftp-login-cheap"}
HTTP_KINDS = {"http-down", "https-up", "https-login-cheap"}


@pytest.mark.bench
def test_a_tiny_run_measures_every_kind_of_work_and_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen, page = tiny_run(tmp_path, "ssh", SERVERS, KINDS, capsys)
    assert "mft-bare" in seen["small-up"]
    assert "### Goals" in page
    assert not (RAM / f"mft-bench-{os.getpid()}").exists()


@pytest.mark.bench
def test_a_tiny_run_over_ftp_measures_every_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen, page = tiny_run(tmp_path, "ftp", FTP_SERVERS, FTP_KINDS, capsys)
    assert "mft-fast" in seen["ftps-small-up"]
    assert "| pyftpdlib |" in page


@pytest.mark.bench
def test_ftp_sessions_are_idle_and_asked_beside_downloads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_run(tmp_path, "ftp", {"mft"}, {"ftps-idle", "ftps-noop-3", "ftp-mlsd"}, capsys)


@pytest.mark.bench
def test_a_tiny_run_over_http_measures_every_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, page = tiny_run(tmp_path, "http", set(HTTP_SERVERS), HTTP_KINDS, capsys)
    assert "| mft | nginx | twisted.web |" in page


def test_small_files_and_idle_connections_of_http_are_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # nginx is the quickest to start, and what asks it is what asks the others.
    kinds = {"https-small-down", "https-idle", "https-get-3"}
    tiny_run(tmp_path, "http", {"nginx"}, kinds, capsys)


def tiny_run(
    folder: Path,
    family: str,
    servers: set[str],
    kinds: set[str],
    capsys: pytest.CaptureFixture[str],
) -> tuple[dict, str]:
    """Every figure by workload and server, and the page, of a run that found nothing wrong."""
    results, page = folder / "results.json", folder / "page.md"
    argv = ["--quick", f"--family={family}", f"--servers={','.join(sorted(servers))}"]
    argv += [f"--json={results}", f"--output={page}"]
    code = main(argv + [f"--only={kind}" for kind in sorted(kinds)])
    assert code == 0, capsys.readouterr().err
    seen = json.loads(results.read_text())
    assert set(seen) == kinds
    for workload, by_server in seen.items():
        assert set(by_server) >= servers, workload
    return seen, page.read_text()


def test_turns_are_told_as_others_waited_and_as_they_used_a_processor(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    assert main(["--quick", "--only=turns-small", f"--json={results}"]) == 0
    figures = json.loads(results.read_text())["turns-small"]["mft"]
    assert set(figures) == {"p999", "max", "own"}
    assert all(value > 0 for [value] in figures.values())


@pytest.mark.bench
def test_events_are_told_kept_and_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = {"events-path", "events-journal", "events-log"}
    tiny_run(tmp_path, "events", {"mft"}, kinds, capsys)


@pytest.mark.bench
def test_events_are_told_beside_small_files_and_dispatch_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = {"events-small-up", "events-small-down", "events-dispatch"}
    tiny_run(tmp_path, "events", {"mft"}, kinds, capsys)


@pytest.mark.bench
def test_events_behind_a_dead_database_are_told_in_one_round_of_several(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    assert main(["--quick", "--rounds=2", "--only=events-dead", f"--json={results}"]) == 0
    figures = json.loads(results.read_text())["events-dead"]["mft"]
    assert {name: len(rounds) for name, rounds in figures.items()} == {
        "growth": 1,
        "later": 1,
        "rate": 1,
    }


@pytest.mark.bench
def test_transfers_move_what_others_move(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = {"transfers-sftp-up", "transfers-sftp-down", "transfers-small-up"}
    if os.geteuid() == 0:  # who may start vsftpd
        kinds |= {"transfers-ftps-up", "transfers-ftps-down"}
    seen, page = tiny_run(tmp_path, "transfers", {"mft", *MOVERS}, kinds, capsys)
    assert "| mft | rclone | lftp |" in page
    assert all(value > 0 for one in seen.values() for some in one.values() for value in some["far"])


@pytest.mark.bench
def test_transfers_wait_for_a_server_and_are_looked_at_beside_a_long_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen, _ = tiny_run(
        tmp_path, "transfers", {"mft"}, {"transfers-queue", "transfers-poll"}, capsys
    )
    for by_server in seen.values():
        assert all(value > 0 for [value] in by_server["mft"].values())


@pytest.mark.bench
def test_what_a_proxy_tells_and_nodes_share_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen, page = tiny_run(tmp_path, "cluster", {"mft"}, {"proxy-header", "nodes"}, capsys)
    assert all(value > 0 for value in seen["proxy-header"]["mft"]["plain"])
    assert "what version 2 adds" in page
