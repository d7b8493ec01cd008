"""How the end of files and batches is told, and which programs hear of it."""

from contextlib import suppress

from mft.core.failure import Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.transfers.around import Around
from mft.transfers.programs import run_for
from mft.transfers.rows import DONE, FAILED, SKIPPED, Row, text_of
from mft.transfers.transfer_queue import Ended


class Endings:
    """Tells that batches are over: of each once, unless the server is killed meanwhile."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._telling: dict[int, Ended] = {}
        self._told: dict[int, Ended] = {}  # what the queue could not be told of yet

    async def tell(self, *ended: Ended) -> None:
        """Tell of each, and run the program that wants to know; raises Refused.

        The queue keeps it until then, for `silent`: a kill or a stop keeps nobody from hearing of
        it, and where the program was running it is run once more.
        """
        mine = [one for one in ended if self._telling.get(one.batch) != one]
        self._telling.update({one.batch: one for one in mine})
        try:
            for one in mine:
                await self._tell(one)
        finally:
            for one in mine:
                if self._telling.get(one.batch) is one:
                    del self._telling[one.batch]

    async def _tell(self, ended: Ended) -> None:
        batch = ended.batch
        if self._told.get(batch) != ended:
            await _tell_end(self._around, ended)
            self._told[batch] = ended
        await self._around.ask(self._around.queue.told, batch)
        self._told.pop(batch, None)


async def _tell_end(around: Around, ended: Ended) -> None:
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
