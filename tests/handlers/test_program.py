"""Programs run for events, and how they ended is told."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mft.core.failure import Refused
from mft.events import catalogue
from mft.handlers.program import MAX_LOG, MAX_VALUE, MOST_OUTPUT, Program
from mft.handlers.program_options import ProgramOptions
from mft.handlers.subscription import Subscription
from tests.fakes.handlers import house
from tests.fakes.loop import until
from tests.fakes.occurrences import ALICE, told, uploaded
from tests.fakes.programs import SCAN, SOMEBODY, Bench, script
from tests.fakes.run import run


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_program_that_ends_well_is_told(bench: Bench) -> None:
    program = script(bench.directory, "echo clean: $1; echo note >&2")
    bench.run(program, told("/a b"), executable_arguments="{data.path}")
    (done,) = bench.told
    assert done.event is catalogue.PROGRAM_DONE
    assert done.event.number == 20053
    assert done.data["command"] == f"{program} '/a b'"
    assert done.data["exit_code"] == 0
    assert (done.data["output"], done.data["error"]) == ("clean: /a b\n", "note\n")
    assert (done.data["output_log"], done.data["error_log"]) == ("clean: /a b", "note")
    assert (done.data["path"], done.data["real_path"]) == ("/a b", "/srv/alice/a b")
    assert done.origin.component == SCAN


def test_a_program_that_fails_is_told_and_has_handled_its_event(bench: Bench) -> None:
    bench.run(script(bench.directory, "echo bad; exit 7"), told())
    (failed,) = bench.told
    assert failed.event is catalogue.PROGRAM_FAILED
    assert failed.event.number == 20054
    assert (failed.data["exit_code"], failed.data["output"]) == (7, "bad\n")
    assert failed.data["details"] == "exit code 7"


def test_a_program_that_takes_too_long_is_ended_and_told(bench: Bench) -> None:
    ready = bench.directory / "ready"
    program = script(bench.directory, f"echo begun; touch {ready}; exec sleep 60")
    bench.expire(ready.exists, program, told())
    (failed,) = bench.results
    assert failed["details"] == "it took too long and was ended"
    assert failed["output"] == "begun\n"


def test_it_knows_the_event_and_nothing_of_ours(bench: Bench) -> None:
    os.environ["MFT_TEST_SECRET"] = "x"
    names = "import json, os; print(json.dumps(dict(os.environ)))"
    program = script(bench.directory, names, sys.executable)
    bench.run(program, told("/a\n$(id)\0b"), executable_output_format="json")
    del os.environ["MFT_TEST_SECRET"]
    (done,) = bench.results
    known = done["output"]
    assert known.pop("LC_CTYPE", "C.UTF-8") == "C.UTF-8"  # Python's own
    data = {name: known.pop(name) for name in list(known) if name.startswith("DATA_")}
    assert known.pop("EVENT_UUID")
    assert known == {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PWD": str(bench.directory),
        "EVENT": "30068",
        "HANDLER_UUID": "scan-1",
        "COMPONENT_UUID": "ssh-1",
        "TIMESTAMP": "1000000000.000",
        "PEER": "192.0.2.7:51234",
        "USER": "alice",
    }
    assert data["DATA_PATH"] == "/a\n$(id)\\x00b"
    assert data["DATA_FILE_NAME"] == "a\n$(id)\\x00b"


def test_what_it_prints_may_be_a_value(bench: Bench) -> None:
    program = script(bench.directory, """echo '{"verdict": ["clean", 3]}'""")
    bench.run(program, told(), executable_output_format="json")
    (done,) = bench.results
    assert done["output"] == {"verdict": ["clean", 3]}
    assert done["output_log"] == '{"verdict": ["clean", 3]}'


def test_what_is_no_json_then_is_a_failure(bench: Bench) -> None:
    bench.run(script(bench.directory, "echo clean"), told(), executable_output_format="json")
    (failed,) = bench.results
    assert "the output is not JSON" in failed["details"]
    assert failed["output"] == "clean\n"


def test_what_it_prints_is_kept_within_bounds_and_shown_without_controls(bench: Bench) -> None:
    program = script(
        bench.directory, r"printf '\033[2J\n20137 forged\377'; head -c 99999 /dev/zero"
    )
    bench.run(program, told())
    (done,) = bench.results
    assert len(done["output"]) == MOST_OUTPUT
    assert len(done["output_log"]) == MAX_LOG
    assert done["output_log"].startswith("\\x1b[2J\\n20137 forged\ufffd\\x00")


def test_so_many_run_at_a_time_and_all_of_a_batch_have_ended(bench: Bench) -> None:
    count = f"""
import os, sys, time
here = sys.argv[1]
open(f"{{here}}/{{os.getpid()}}", "w").close()
deadline = time.monotonic() + 10
while len(os.listdir(here)) < 3 and not os.path.exists("{bench.directory}/three"):
    assert time.monotonic() < deadline
    time.sleep(0.005)
open("{bench.directory}/three", "w").close()
print(len(os.listdir(here)))
os.unlink(f"{{here}}/{{os.getpid()}}")
"""
    here = bench.directory / "running"
    here.mkdir()
    program = script(bench.directory, count, sys.executable)
    events = [told(f"/{n}", n) for n in range(1, 7)]
    given = {"executable_arguments": str(here), "concurrent_processes": "3"}
    bench.run(program, *events, **given)
    counts = [int(one["output"]) for one in bench.results]
    assert len(counts) == 6
    assert max(counts) == 3
    assert list(here.iterdir()) == []


def test_what_cannot_be_started_comes_again_and_what_was_handled_does_not(bench: Bench) -> None:
    program = script(bench.directory, "echo ran")
    events = [told("/a", 1), told("/b", 2)]

    async def main(reactor: Any, handler: Program) -> None:
        await handler.handle_many(events[:1])
        handler._done.add(1)  # as when it had run in a batch that failed
        program.rename(f"{program}.away")
        with pytest.raises(FileNotFoundError):
            await handler.handle_many(events)
        Path(f"{program}.away").rename(program)
        await handler.handle_many(events)
        await handler.handle_many(events[:1])  # asked for once more

    bench.main(main, program)
    assert [one["path"] for one in bench.results] == ["/a", "/b", "/a"]


def test_a_stop_runs_no_program_again_that_had_ended_long_before(bench: Bench) -> None:
    ran = bench.directory / "ran"
    program = script(bench.directory, f'echo $1 >> {ran}; [ "$1" != /5 ] || exec sleep 60')

    async def main(reactor: Any, handler: Program) -> None:
        around, options = handler._around, handler._options
        for number in range(1, 6):
            around.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(f"/{number}"), ALICE)

        async def life(times: int) -> None:
            again = Program(SCAN, options, around, lambda: SOMEBODY)
            bus = around.bus
            subscription = Subscription(again, options, bus, around, 1, again=times > 1)
            await subscription.start()
            await until(reactor, lambda: runs().count("/5") == times, "the last runs")
            await subscription.stop(grace=0.0)

        await life(1)
        await life(2)

    def runs() -> list[str]:
        return ran.read_text().split() if ran.exists() else []

    bench.main(main, program, executable_arguments="{data.path}", concurrent_processes="2")
    assert sorted(runs()) == ["/1", "/2", "/3", "/4", "/5", "/5"]


def test_an_event_that_is_too_much_for_a_program_is_told(bench: Bench) -> None:
    program = script(bench.directory, "echo ran")
    event = told("/" + "x" * (200 << 10))
    bench.run(program, event, executable_arguments="{data.path}")
    (failed,) = bench.results
    assert "too long" in failed["details"]


@pytest.mark.parametrize("letter", ["x", "😀"])
def test_a_value_that_is_too_long_for_a_variable_is_cut(bench: Bench, letter: str) -> None:
    count = script(bench.directory, 'LC_ALL=C; echo "${#DATA_PATH}"')
    bench.run(count, told("/" + letter * (200 << 10)))
    assert bench.results[0]["output"] == f"{MAX_VALUE}\n"


@pytest.mark.parametrize("path", ["/" + chr(0xDCFF), "/" + chr(0xD800)])
def test_what_is_no_text_reaches_the_program_somehow(bench: Bench, path: str) -> None:
    bench.run(script(bench.directory, 'echo "$1"'), told(path), executable_arguments="{data.path}")
    (done,) = bench.results
    assert done["output"].strip() in ("/\ufffd", "/\\ud800")


def test_a_stop_ends_what_runs(bench: Bench) -> None:
    pid = bench.directory / "pid"
    program = script(bench.directory, f"trap '' TERM; echo $$ > {pid}; while :; do sleep 9; done")
    events = [told("/a", 1), told("/b", 2)]

    async def main(reactor: Any, handler: Program) -> None:
        going = Deferred.fromCoroutine(handler.handle_many(events))
        await until(reactor, lambda: pid.exists() and pid.read_text().strip())
        going.cancel()
        with pytest.raises(CancelledError):
            await going

    bench.main(main, program, concurrent_processes="1")
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()
    assert bench.told == []


def test_root_runs_no_program(tmp_path: Path) -> None:
    home = house(tmp_path)
    options = ProgramOptions.model_validate({"name": "scan", "executable_path": "/bin/true"})
    with pytest.raises(Refused, match="never run as root"):
        run(Program(SCAN, options, home.around, lambda: 0).start())
    home.journal.close()


def test_what_must_not_be_run_keeps_it_from_starting(tmp_path: Path) -> None:
    home = house(tmp_path)
    options = ProgramOptions.model_validate({"name": "scan", "executable_path": "/none"})
    with pytest.raises(Refused, match="No such file"):
        run(Program(SCAN, options, home.around, lambda: SOMEBODY).start())
    home.journal.close()
