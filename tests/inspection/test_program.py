"""A program says what it thinks by its exit code, and whatever else it does is no verdict."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, gatherResults

from mft.config.kinds import Context
from mft.core.failure import Reason, Refused
from mft.inspection.base import Outcome, Verdict
from mft.inspection.program import ProgramInspection, ProgramRules
from tests.fakes.inspections import gone, means, subject
from tests.fakes.loop import run_loop, until
from tests.fakes.programs import SOMEBODY, lives
from tests.fakes.programs import script as written
from tests.fakes.run import run

DATA = b"first line\nsecond"


def rules(script: str, *words: str, **given: Any) -> ProgramRules:
    arguments = ("-c", script, "sh", *words)
    return ProgramRules(
        name="p", executable_path=Path("/bin/sh"), executable_arguments=arguments, **given
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return path


def ran(file: Path, made: ProgramRules, path: str = "/in/a.txt", **given: Any) -> Verdict:
    async def main(reactor: Any) -> Verdict:
        inspection = ProgramInspection(made, means(file.parent, reactor), lambda: SOMEBODY)
        await inspection.start()
        return await inspection.inspect(subject(DATA, path, file=file, **given))

    return run_loop(main)


@pytest.mark.parametrize(
    ("script", "outcome", "details"),
    [
        ("exit 0", Outcome.PASSED, "exit code 0"),
        ("echo EICAR; exit 1", Outcome.REJECTED, "exit code 1: EICAR"),
        ("echo broken >&2; exit 2", Outcome.UNABLE, "exit code 2: broken"),
        ("kill -9 $$", Outcome.UNABLE, "signal 9"),
        ("printf 'a\\033[2J\\nb'; exit 1", Outcome.REJECTED, "a?[2J b"),
    ],
)
def test_the_exit_code_decides(file: Path, script: str, outcome: Outcome, details: str) -> None:
    verdict = ran(file, rules(script))
    assert verdict.outcome is outcome
    assert details in verdict.details


def test_its_codes_can_be_others(file: Path) -> None:
    given = {"clean_exit_code": 10, "rejected_exit_code": 20}
    assert ran(file, rules("exit 10", **given)).outcome is Outcome.PASSED
    assert ran(file, rules("exit 20", **given)).outcome is Outcome.REJECTED
    assert ran(file, rules("exit 0", **given)).outcome is Outcome.UNABLE


def test_it_reads_the_file_by_a_path_and_as_its_input(file: Path) -> None:
    for script in ('cat "$1"', "cat"):
        verdict = ran(file, rules(f"{script}; exit 1", "{file}"))
        assert verdict.details.endswith("first line second")


def test_it_is_told_the_name_and_no_shell_reads_it(file: Path) -> None:
    name = "/in/$(touch hacked); `touch hacked`\n.txt"
    script = 'echo "$FILE_NAME|$FILE_PATH|$FILE_SIZE|$#"; exit 1'
    verdict = ran(file, rules(script), name)
    assert f"{name[4:]}|{name}|{len(DATA)}|0".replace("\n", " ") in verdict.details
    assert not (file.parent / "hacked").exists()


def test_one_that_does_not_end_is_ended(file: Path) -> None:
    verdict = ran(file, rules("exec sleep 600", executable_timeout=0.2))
    assert verdict.outcome is Outcome.UNABLE
    assert "took too long" in verdict.details


def test_one_that_is_cancelled_is_ended_and_the_next_has_its_turn(file: Path) -> None:
    pid = file.parent / "pid"
    first = f"[ -e {pid} ] && exit 0; echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 600"
    made = rules(first, concurrent_processes=1)

    async def main(reactor: Any) -> list[Verdict]:
        inspection, verdicts = ProgramInspection(made, means(file.parent, reactor)), list[Verdict]()
        running, waiting, after = (
            Deferred.fromCoroutine(inspection.inspect(subject(DATA, file=file))) for _ in range(3)
        )
        after.addCallback(verdicts.append)
        await until(reactor, pid.exists)
        for one in (waiting, running):
            one.cancel()
            with pytest.raises(CancelledError):
                await one
        assert not lives(int(pid.read_text()))
        await after
        return verdicts

    (verdict,) = run_loop(main)
    assert verdict.outcome is Outcome.PASSED


def test_what_cannot_be_started_or_read_is_no_verdict(file: Path) -> None:
    missing = ProgramRules(name="p", executable_path=Path("/no/such"))
    assert "cannot be started" in ran(file, missing).details
    file.unlink()
    assert ran(file, rules("exit 0")).outcome is Outcome.UNABLE
    with pytest.raises(Refused):
        ran(file, rules("exit 0"), go_on=gone)


def test_only_so_many_run_at_a_time(file: Path) -> None:
    made = rules("mkdir one || exit 9; sleep 0.02; rmdir one", concurrent_processes=1)

    async def main(reactor: Any) -> list[Verdict]:
        inspection = ProgramInspection(made, means(file.parent, reactor))
        each = [
            Deferred.fromCoroutine(inspection.inspect(subject(DATA, file=file))) for _ in range(4)
        ]
        return await gatherResults(each)

    assert [one.outcome for one in run_loop(main)] == [Outcome.PASSED] * 4


def test_what_cannot_work_is_told_before_the_start(tmp_path: Path) -> None:
    context = Context(tmp_path)

    def told(made: ProgramRules) -> list[str]:
        return [one.sentence for one in made.check(context)]

    assert told(rules("exit 0")) == []
    assert told(ProgramRules(name="p", executable_path=tmp_path)) == [
        "is not a program that can be run"
    ]
    assert told(rules("", rejected_exit_code=0)) == ["is clean_exit_code as well"]
    assert told(ProgramRules(name="p", executable_path=tmp_path, enabled=False)) == []
    loose = written(tmp_path, "exit 0")
    loose.chmod(0o777)
    (sentence,) = told(ProgramRules(name="p", executable_path=loose))
    assert sentence.startswith("may be written by everybody")


def test_root_runs_no_program() -> None:
    with pytest.raises(Refused, match="never run as root"):
        run(ProgramInspection(rules("exit 0"), means(), lambda: 0).start())


def test_a_file_that_has_no_descriptor_cannot_be_inspected_by_one() -> None:
    inspection = ProgramInspection(rules("exit 0"), means())

    async def main(reactor: Any) -> None:
        with pytest.raises(Refused) as refused:
            await inspection.inspect(subject(DATA))
        assert refused.value.reason is Reason.UNSUPPORTED

    run_loop(main)
