"""Names that peers chose, in the arguments and the environment of a program; and bad programs."""

import sys
from pathlib import Path

import pytest

from mft.events.escape import visible
from mft.handlers.program import MOST_OUTPUT
from mft.runtime import program as runtime
from tests.fakes.occurrences import told
from tests.fakes.programs import Bench, gone, script

HOSTILE = [
    "/a b",
    "/'",
    '/"',
    "/a\nb",
    "/$(touch owned)",
    "/`touch owned`",
    "/; touch owned",
    "/a && touch owned",
    "/| touch owned",
    "/-rf",
    "-rf",
    "--output=/etc/passwd",
    "/*",
    "/{data.real_path}",
    "/%s%n",
    "/\\",
    "/\r\x1b[2J",
    "/\u202egpj.exe",
    "/ä日本",
    "",
]
ARGUMENTS = """--file {data.path} "{data.path}" 'in {data.path} it'"""
SAY = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ.get('DATA_PATH')]))"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_one_argument_whatever_is_in_it(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path)
    program = script(tmp_path, SAY, sys.executable)
    given = {"executable_arguments": ARGUMENTS, "executable_output_format": "json"}
    bench.run(program, told(name), **given)
    (done,) = bench.results
    assert done["output"] == [["--file", name, name, f"in {name} it"], name]
    assert not (tmp_path / "owned").exists()
    assert visible(done["command"]) == done["command"]


def test_a_program_that_forks_and_listens_to_nothing_is_gone_after_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "TERM_PATIENCE", 0.05)
    bench = Bench(tmp_path)
    text = f"""
trap '' TERM HUP INT
for n in 1 2 3; do
  (exec sh -c 'trap "" TERM; echo $$ >> {tmp_path}/pids; while :; do sleep 9; done') &
done
while :; do sleep 9; done
"""
    pids = tmp_path / "pids"

    def ready() -> bool:
        return pids.exists() and pids.read_text().count("\n") == 3

    bench.expire(ready, script(tmp_path, text), told())
    (failed,) = bench.results
    assert failed["details"] == "it took too long and was ended"
    for pid in pids.read_text().split():
        gone(int(pid))


def test_output_without_end_is_dropped_as_it_comes(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    text = f"""
yes x | head -c 300000; yes y | head -c 300000 >&2
touch {tmp_path}/ready
yes x & exec yes y >&2
"""
    bench.expire((tmp_path / "ready").exists, script(tmp_path, text), told())
    (failed,) = bench.results
    assert len(failed["output"]) == MOST_OUTPUT
    assert len(failed["error"]) == MOST_OUTPUT
