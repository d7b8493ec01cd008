"""`mft audit dead` and `mft audit retry`."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mft.cli import audit_dead as module
from mft.cli.audit_dead import dead, retry
from mft.handlers.dead_letters import DeadLetters

INI = """\
[server]
name = files

[event-handlers/log-1]
name = audit log
type = local-file

[event-handlers/log-2]
name = other log
type = local-file
path = log/other.log
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "conf" / "server.ini"
    made.parent.mkdir()
    made.write_text(INI)
    return made


def bury(file: Path, handler: str) -> None:
    letter = {"serial": 7, "id": 30068, "time": 1e9, "details": "no \x1b[2J space"}
    DeadLetters(file.parent.parent / "state", handler).bury(letter)


def call(command: Any, file: Path, *words: str) -> Any:
    return CliRunner().invoke(command, ["-c", str(file), *words])


def test_nothing_is_said_of_handlers_that_gave_up_on_nothing(file: Path) -> None:
    assert "gave up on any event" in call(dead, file).output


def test_each_is_listed_with_its_handler(file: Path) -> None:
    bury(file, "log-1")
    bury(file, "log-2")
    result = call(dead, file, "--json")
    assert [one["handler"] for one in json.loads(result.output)] == ["log-1", "log-2"]
    only = call(dead, file, "log-2")
    assert "30068" in only.output
    assert "log-1" not in only.output
    assert "\x1b" not in only.output


@pytest.mark.parametrize("time", [1e300, -1e18, "soon", None])
def test_a_time_that_is_none_is_not_shown(file: Path, time: Any) -> None:
    letter = {"serial": 7, "id": 30068, "time": time, "details": "bad"}
    DeadLetters(file.parent.parent / "state", "log-1").bury(letter)
    result = call(dead, file)
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == "log-1\t7\t30068\t\tbad"


def test_a_handler_that_is_not_there_is_told(file: Path) -> None:
    result = call(dead, file, "log-3")
    assert result.exit_code == 1
    assert "there are: log-1, log-2" in result.output


@pytest.mark.parametrize(("left", "code"), [(0, 0), (2, 1)])
def test_the_running_server_tries_them_again(
    file: Path, monkeypatch: pytest.MonkeyPatch, left: int, code: int
) -> None:
    asked = []

    def ask(where: Path, **request: Any) -> dict[str, Any]:
        asked.append((where, request))
        return {"ok": True, "handled": 3, "left": left, "next": None}

    monkeypatch.setattr(module, "ask", ask)
    result = call(retry, file, "log-1")
    assert result.exit_code == code
    assert "3 events were handled." in result.output
    assert ("mft audit dead log-1" in result.output) is bool(left)
    assert asked == [(file, {"do": "retry", "handler": "log-1", "from": 0})]


def test_many_are_tried_again_some_at_a_time(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [
        {"ok": True, "handled": 3, "left": 2, "next": 7},
        {"ok": True, "handled": 2, "left": 0, "next": None},
    ]
    asked = []

    def ask(where: Path, **request: Any) -> dict[str, Any]:
        asked.append(request["from"])
        return answers.pop(0)

    monkeypatch.setattr(module, "ask", ask)
    result = call(retry, file, "log-1")
    assert asked == [0, 7]
    assert "3 events were handled, 2 are left" in result.stderr
    assert result.stdout == "5 events were handled.\n"


def test_without_a_server_nothing_is_tried(file: Path) -> None:
    result = call(retry, file, "log-1")
    assert result.exit_code == 1
    assert "No server is running" in result.output
