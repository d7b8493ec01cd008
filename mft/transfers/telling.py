"""How the end of files and batches is told, and which programs hear of it."""

from contextlib import suppress

from mft.core.failure import Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.transfers.around import Around
from mft.transfers.programs import run_for
from mft.transfers.rows import DONE, FAILED, SKIPPED, Row, text_of
from mft.transfers.transfer_queue import Ended


async def tell_end(around: Around, ended: Ended) -> None:
    """Tell that a batch is over, and run the program that wants to know."""
    options = around.options
    results = {
        outcome: [around.at_source_text(path) for path, _ in files]
        for outcome, files in ended.results.items()
    }
    if results[FAILED]:
        failed = p.JobFailed(
            "batch",
            ended.tries,
            results[FAILED],
            results[DONE],
            results[SKIPPED],
            "not every file could be sent",
            _lines(results[FAILED]),
            _lines(results[DONE]),
        )
        around.tell(events.TRANSFER_JOB_FAILED, failed)
        program, name = options.execute_after_failure, "execute_after_failure"
    else:
        targets = [path for _, path in ended.results[DONE]]
        done = p.JobDone(
            results[DONE], targets, ended.tries, results[SKIPPED], _lines(results[DONE])
        )
        around.tell(events.TRANSFER_JOB_DONE, done)
        program, name = options.execute_after_success, "execute_after_success"
    with suppress(Refused):  # which is told
        await run_for(around, name, program, options.source_path, options.destination_path)


def tell_done(around: Around, row: Row) -> None:
    """Tell that a file on its own is done."""
    path, target = around.at_source(row.path), text_of(row.final)
    around.tell(events.TRANSFER_JOB_DONE, p.JobDone([path], [target], row.tries, [], path))


def tell_failed(around: Around, row: Row, step: str, details: str) -> None:
    """Tell that every try of a file on its own has failed."""
    path = around.at_source(row.path)
    told = p.JobFailed(step, row.tries, [path], [], [], details, path, "")
    around.tell(events.TRANSFER_JOB_FAILED, told)


def _lines(paths: list[str]) -> str:
    return "\n".join(paths)
