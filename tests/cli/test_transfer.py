"""`mft transfer`, over the answers of a server."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mft.cli import control
from mft.cli import transfer as module
from mft.cli.main import mft

RUN = {"run": 3, "done": 2, "failed": 0, "skipped": 1, "size": 10, "error": "", "id": "T-1"}
MOVING = {"moving": [{"path": "/out/a[b]\x1b.csv", "size": 10, "done": 5, "step": "sending"}]}
SUMMARY = {"id": "T-1", "name": "orders", "state": "started", "waits_for": "", "done": 2}


class Server:
    """Answers what it is told to, in order, by what is asked."""

    def __init__(self, **answers: list[dict[str, Any]]) -> None:
        self.answers = answers
        self.asked: list[dict[str, Any]] = []

    def exchange(self, state: Path, request: bytes) -> bytes:
        asked = json.loads(request)
        self.asked.append(asked)
        answer = self.answers[asked["do"].replace("-", "_")]
        found = answer.pop(0) if len(answer) > 1 else answer[0]
        return json.dumps({"ok": True, **found}).encode()


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setattr(module, "LOOK", 0.0)

    def call(server: Server, *words: str) -> Result:
        monkeypatch.setattr(control, "exchange", server.exchange)
        file = tmp_path / "server.ini"
        file.write_text("[server]\n")
        return CliRunner().invoke(mft, ["transfer", *words, "-c", str(file)])

    return call


def test_transfers_are_listed(called):
    server = Server(transfers=[{"transfers": [SUMMARY], "next": None}])
    assert "orders" in called(server, "list").stdout
    assert json.loads(called(server, "list", "--json").stdout) == [SUMMARY]
    none = Server(transfers=[{"transfers": [], "next": None}])
    assert called(none, "list").stdout == "There are no transfers.\n"


def test_one_is_shown_with_its_files(called):
    shown = {
        **SUMMARY,
        **MOVING,
        "waits_for": ["acme: no route"],
        "queue": {"stable": 3},
        "failures": [{"path": "/out/b", "why": "already exists"}],
    }
    server = Server(transfer=[{"transfer": shown}])
    text = called(server, "status", "orders").stdout
    for word in ("3 stable", "acme: no route", "already exists", "a[b]\\x1b.csv"):
        assert word in text
    assert json.loads(called(server, "status", "orders", "--json").stdout) == shown


@pytest.mark.parametrize(
    ("end", "code"),
    [({}, 0), ({"failed": 1}, 1), ({"error": "the transfer was stopped"}, 1)],
)
def test_a_run_is_waited_for_and_its_end_is_the_exit_code(called, end, code):
    going = {**RUN, **MOVING, "state": "running", "waits_for": []}
    ended = {**RUN, "state": "ended", **end}
    server = Server(run_transfer=[{**RUN, "state": "waiting"}], transfer_run=[going, going, ended])
    result = called(server, "run", "orders")
    assert result.exit_code == code
    assert result.stdout.startswith("2 done")
    assert [one["do"] for one in server.asked] == ["run-transfer", *["transfer-run"] * 3]
    assert server.asked[1]["run"] == 3


def test_a_run_may_only_be_begun(called):
    server = Server(run_transfer=[{**RUN, "state": "running"}])
    result = called(server, "run", "orders", "--no-wait")
    assert (result.exit_code, result.stdout) == (0, "Run 3 is running.\n")
    shown = json.loads(called(server, "run", "orders", "--no-wait", "--json").stdout)
    assert shown["state"] == "running"


def test_bars_show_what_is_moved_and_take_nothing_for_markup(capsys):
    bars = module._Bars()
    going = {**RUN, **MOVING, "state": "running", "waits_for": ["acme: [red]no route"]}
    try:
        bars.show(going)
        bars.show(going)
        tasks = [task.description for task in bars._progress.tasks]
        bars.show({**going, "moving": []})
        assert len(bars._progress.tasks) == 1
    finally:
        bars.stop()
    assert any("\\x1b" in one for one in tasks)
    assert not any("\x1b" in one for one in tasks)


def test_one_is_stopped_and_started(called):
    server = Server(stop_transfer=[{"name": "orders"}], start_transfer=[{"name": "orders"}])
    assert called(server, "stop", "T-1").stdout == "Transfer orders is stopped.\n"
    assert called(server, "start", "T-1").stdout == "Transfer orders is started.\n"
