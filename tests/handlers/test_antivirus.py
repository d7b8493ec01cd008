"""`clamav` and `inspection-program` after an event: 90250 or 90251, and the file stays."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.events import catalogue as events
from mft.events.model import Occurrence
from mft.handlers.antivirus import program_handler
from mft.handlers.registry import HANDLERS
from mft.runtime.program import ROOT
from tests.fakes.clamd import EICAR, NAME, clamd
from tests.fakes.handlers import House, house
from tests.fakes.loop import run_loop
from tests.fakes.occurrences import ALICE
from tests.fakes.programs import SOMEBODY, script

PASSED, REJECTED = events.INSPECTION_PASSED.number, events.INSPECTION_REJECTED.number


def looked_at(
    home: House, kind: str, files: Sequence[str], build: Any = None, **given: Any
) -> None:
    """Let a handler look at some files of the instance."""
    made = HANDLERS[kind]
    options: Any = made.options.model_validate({"name": "look", "type": kind, **given})

    async def main(reactor: Any) -> None:
        around = replace(home.around, clock=reactor)
        handler = (build or made.build)(Component("look-1", kind, "look"), options, around)
        await handler.start()
        for name in files:
            told = {"path": f"/{name}", "real_path": str(home.directory / name)}
            await handler.handle_many([Occurrence(1, 1e9, events.SSH_UPLOAD_DONE, told, ALICE)])
        await handler.stop()

    run_loop(main)


@pytest.fixture
def home(tmp_path: Path) -> Any:
    made = house(tmp_path / "instance")
    (made.directory / "good").write_bytes(b"good")
    (made.directory / "bad").write_bytes(EICAR)
    yield made
    made.journal.close()


def test_clamd_looks_at_the_file_of_an_event(home: House, tmp_path: Path) -> None:
    with clamd(tmp_path) as one:
        looked_at(home, "clamav", ("good", "bad"), url=one.url)
    assert home.numbers() == [PASSED, REJECTED]
    passed, rejected = home.journal.read()
    assert passed.data["path"] == "/good"
    bad = str(home.directory / "bad")
    assert (rejected.data["path"], rejected.data["real_path"]) == ("/bad", bad)
    assert rejected.data["inspection"] == "look"
    assert NAME in rejected.data["details"]
    assert rejected.origin == ALICE._replace(component=Component("look-1", "clamav", "look"))
    assert Path(bad).read_bytes() == EICAR


def test_a_clamd_that_is_away_says_nothing_of_the_file(home: House, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="clamd cannot be reached") as raised:
        looked_at(home, "clamav", ("good",), url=f"file://{tmp_path}/none")
    assert raised.value.reason is Reason.UNINSPECTED
    assert home.numbers() == []


def test_a_program_looks_at_the_file_of_an_event(home: House, tmp_path: Path) -> None:
    program = script(tmp_path, 'cmp -s "$1" - && ! grep -q EICAR "$1"')
    given = {"executable_path": str(program), "executable_arguments": "{file}"}
    build = partial(program_handler, who=lambda: SOMEBODY)
    looked_at(home, "inspection-program", ("good", "bad"), build, **given)
    assert home.numbers() == [PASSED, REJECTED]


def test_root_runs_no_program(home: House) -> None:
    build = partial(program_handler, who=lambda: ROOT)
    with pytest.raises(Refused, match="never run as root"):
        looked_at(home, "inspection-program", ("good",), build, executable_path="/bin/true")
