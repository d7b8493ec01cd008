"""Programs that are really run."""

import stat
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.transfers.programs import MOST_TOLD, run_for, runner
from tests.fakes.loop import run_loop
from tests.fakes.threads import Inline
from tests.fakes.transferring import Desk

HOSTILE = "/out/a b;$(id)\n'.csv"


def script(directory: Path, text: str) -> tuple[str, ...]:
    file = directory / "program"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return (str(file), "-v")


def run(at: Desk, program: tuple[str, ...], *, root: bool = False) -> None:
    async def main(reactor: Any) -> None:
        around = at.around()
        object.__setattr__(around, "run", runner(reactor, Inline(), at.directory, lambda: root))
        await run_for(around, "execute_before", program, HOSTILE, "/in/a.csv")

    run_loop(main)


@pytest.fixture
def at(tmp_path: Path) -> Desk:
    return Desk(tmp_path, execute_timeout="0.3")


def test_it_gets_the_path_as_one_argument_and_in_its_environment(at, tmp_path):
    program = script(tmp_path, 'printf "%s|%s|%s|%s" "$#" "$2" "$SOURCE_PATH" "$DESTINATION_PATH"')
    run(at, program)
    (told,) = at.payloads(events.TRANSFER_PROGRAM_DONE.number)
    assert told.output.startswith("2|/out/a b;$(id)")
    assert told.output.endswith("|/in/a.csv")
    assert "\n" not in told.output
    assert at.has_told(events.TRANSFER_PROGRAM_STARTING)


@pytest.mark.parametrize(
    ("text", "details"), [("exit 3", "exit code 3"), ("sleep 30", "took too long")]
)
def test_one_that_does_not_end_well_is_a_refusal(at, tmp_path, text, details):
    with pytest.raises(Refused) as refused:
        run(at, script(tmp_path, text))
    assert refused.value.reason is Reason.REJECTED
    (told,) = at.payloads(events.TRANSFER_PROGRAM_FAILED.number)
    assert details in told.details


def test_what_it_says_is_bounded(at, tmp_path):
    run(at, script(tmp_path, "head -c 100000 /dev/zero | tr '\\0' x"))
    (told,) = at.payloads(events.TRANSFER_PROGRAM_DONE.number)
    assert len(told.output) == MOST_TOLD


def test_one_that_is_not_there_is_a_refusal(at, tmp_path):
    with pytest.raises(Refused, match="cannot be run"):
        run(at, (str(tmp_path / "nothing"),))


def test_root_runs_none(at, tmp_path):
    with pytest.raises(Refused, match="as root"):
        run(at, script(tmp_path, "exit 0"), root=True)
