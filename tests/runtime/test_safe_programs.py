"""What is never run: a program that somebody else could have written."""

from pathlib import Path
from typing import Any

import pytest

from mft.runtime.program import run_program
from mft.runtime.safe_programs import HOMES, not_safe
from tests.fakes.loop import run_loop
from tests.fakes.threads import Inline


def program(path: Path, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def test_one_of_the_administrator_is_safe(tmp_path: Path) -> None:
    assert not_safe(program(tmp_path / "conf" / "scan"), tmp_path) == ""
    assert not_safe(program(tmp_path / "data-of-others" / "scan"), tmp_path) == ""
    assert not_safe(tmp_path / "none", tmp_path) == ""  # its start tells


def test_one_that_everybody_may_write_to_is_not(tmp_path: Path) -> None:
    assert "written by everybody" in not_safe(program(tmp_path / "scan", 0o757), tmp_path)


def test_one_in_a_home_is_not_by_whatever_name(tmp_path: Path) -> None:
    inside = program(tmp_path / HOMES / "alice" / "scan")
    (tmp_path / "tool").symlink_to(inside)
    for path in (inside, tmp_path / "tool", tmp_path / "conf" / ".." / "tool"):
        assert "accounts write to" in not_safe(path, tmp_path)


def test_it_is_looked_at_when_it_is_run(tmp_path: Path) -> None:
    inside = program(tmp_path / HOMES / "scan")

    async def main(reactor: Any) -> None:
        with pytest.raises(PermissionError, match="it is in a folder that accounts write to"):
            await run_program(
                reactor,
                Inline(),
                [str(inside)],
                {},
                timeout=10.0,
                most_output=10,
                directory=tmp_path,
                instance=tmp_path,
            )

    run_loop(main)
