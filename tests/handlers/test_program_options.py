"""What can be written of a program, and what is told of the rest."""

import shlex
from pathlib import Path

import pytest

from mft.events import catalogue
from mft.events.model import Occurrence
from mft.handlers.program_options import ProgramOptions, not_to_run
from tests.fakes.occurrences import SYSTEM, told
from tests.fakes.webhooks import read_options


def problems(directory: Path, **given: str) -> list[str]:
    values = {"name": "scan", "type": "external-executable", "executable_path": "/bin/true"}
    return read_options(ProgramOptions, directory, **{**values, **given})[1]


def options(**given: str) -> ProgramOptions:
    values = {"name": "scan", "type": "external-executable", "executable_path": "/bin/true"}
    return ProgramOptions.model_validate({**values, **given})


def test_the_defaults_are_those_that_operators_know() -> None:
    found = options()
    assert found.executable_timeout == 30
    assert found.concurrent_processes == 2
    assert found.executable_output_format == "text"


def test_arguments_are_split_as_a_shell_would_and_only_then_filled_in() -> None:
    given = """--file "{data.real_path}" 'two words' a\\ b {id}{uuid} "" """
    found = options(executable_arguments=given).executable_arguments
    assert found == ("--file", "{data.real_path}", "two words", "a b", "{id}{uuid}", "")
    assert tuple(shlex.split(shlex.join(found))) == found


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"executable_arguments": '"a'}, "no closing quotation"),
        ({"executable_arguments": "{data.real_pth}"}, "did you mean"),
        ({"executable_arguments": "x " * 101}, "more than 100"),
        ({"executable_timeout": "0"}, "shorter than"),
        ({"executable_output_format": "xml"}, "is not one of"),
        ({"concurrent_processes": "4"}, "number of programs"),
        ({"executable_path": "/none"}, "No such file"),
        ({"executable_path": "/etc/passwd"}, "may be executed"),
        ({"executable_path": "/"}, "may be executed"),
        ({"executable_path": "data/alice/run"}, "accounts write to"),
        ({"executable_path": "loose"}, "chmod o-w"),
        ({"executable_path": "round"}, "cannot be run"),
    ],
)
def test_options_that_cannot_be_used_say_why(
    tmp_path: Path, given: dict[str, str], sentence: str
) -> None:
    home = tmp_path / "data" / "alice"
    home.mkdir(parents=True)
    for path, mode in ((home / "run", 0o755), (tmp_path / "loose", 0o777)):
        path.write_text("#!/bin/sh\n")
        path.chmod(mode)
    (tmp_path / "round").symlink_to("round")
    (problem,) = problems(tmp_path, **given)
    assert sentence in problem


def test_a_link_into_a_home_leads_to_no_program(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    program = tmp_path / "data" / "run"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "tool").symlink_to(program)
    assert "accounts write to" in not_to_run(tmp_path / "tool", tmp_path)


def test_results_of_handlers_are_wanted_only_by_their_number() -> None:
    done = Occurrence(1, 1e9, catalogue.HTTP_DELIVERED, {}, SYSTEM)
    assert options().filter().wants(told())
    assert not options().filter().wants(done)
    assert options(target="20189").filter().wants(done)


def test_a_program_of_another_server_is_not_run() -> None:
    assert options(servers="server-1").filter(server="server-1").wants(told())
    assert not options(servers="server-2").filter(server="server-1").wants(told())
