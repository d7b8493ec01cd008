"""What is done with a file whose try has failed: another try, or the rest after the last."""

from contextlib import suppress
from enum import Enum
from typing import Final

from mft.core.failure import Refused
from mft.transfers.archive import archive
from mft.transfers.around import Around, shown
from mft.transfers.finishing import at_destination, remove_source
from mft.transfers.lending import At, Lending
from mft.transfers.names import Named
from mft.transfers.one_file import HopelessError, OneFile
from mft.transfers.programs import run_for
from mft.transfers.rows import SENDING, SENT, STABLE, Row

SOON: Final = 1.0  # seconds until a file goes on whose connection was cut, if it got further


class CutError(Refused):
    """A connection was lost; the file had gone on at `start`."""

    def __init__(self, refused: Refused, start: int) -> None:
        super().__init__(refused.reason, refused.subject, refused.details)
        self.start = start


def may_be_tried(around: Around, row: Row, refused: Refused, furthest: dict[int, int]) -> bool:
    """Whether there is another try, and when: then that is written in the row.

    A cut does not count as a try when more had arrived before it than ever: a server that ends
    every connection after a while gets the file nevertheless, in the end.
    """
    if isinstance(refused, HopelessError):
        return False
    if isinstance(refused, CutError) and refused.start > furthest.get(row.id, 0):
        furthest[row.id] = refused.start
        row.due = around.now() + min(SOON, around.options.retry_wait)
        return True
    if row.tries >= around.options.retry_count:
        return False
    row.tries += 1
    row.due = around.now() + around.options.retry_wait
    return True


class Left(Enum):
    """What is left of a file at its source."""

    TO_BE_TRIED = "it is, in another folder"
    FAILED = "it has failed, and is there"
    NOTHING = "it has failed, and was put aside"


async def give_up(around: Around, lending: Lending, row: Row, target: At) -> Left:
    """Every try has failed: what is done then.

    What is to be done at places that cannot be reached now is left: nobody waits for them.
    """
    options, path = around.options, around.at_source(row.path)
    underway = row.state in (STABLE, SENDING, SENT)
    source = At(options.source_uuid, options.source_path)
    another = bool(options.destination_fallback_path) and not row.fallback and underway
    if underway:
        with suppress(Refused):
            async with lending.lend([source, target]) as (here, there):
                named = Named(row.final or row.path)
                file = OneFile(around, row, named, target.folder, here, there)
                await _take_back(file, another=another)
                if not another:
                    commands = options.execute_on_destination_after_failure
                    await at_destination(file, "after-failure", commands)
    if another:
        row.begin_anew()
        row.fallback, row.tries, row.due = True, 0, 0.0
        await around.ask(around.queue.save, row)
        return Left.TO_BE_TRIED
    if not row.batch:
        there_too = shown(target.folder, row.final or row.path)
        with suppress(Refused):  # which is told
            program = options.execute_after_failure
            await run_for(around, "execute_after_failure", program, path, there_too)
    if underway and options.archive_failure_path:
        return await _put_aside(around, lending, row, source)
    return Left.FAILED


async def _take_back(file: OneFile, *, another: bool) -> None:
    """Leave nothing under the temporary name; raises Refused.

    What was begun under its own name is left, and written anew if it is tried again: it could not
    be told from a file of somebody else, and might be in its own way.

    What was sent and has no temporary name any more may have got its own: that is found out if it
    is tried again, so that it is not sent twice.
    """
    row = file.row
    named = row.temporary is not None and row.temporary != row.final
    if row.state == SENT and named and await file.find(file.names[0]) is None:
        return
    if row.state == SENDING and row.begun and not named and not another:
        return
    await file.discard()
    row.begin_anew()


async def _put_aside(around: Around, lending: Lending, row: Row, source: At) -> Left:
    options = around.options
    store = At(options.archive_location_uuid, options.archive_failure_path)
    with suppress(Refused):  # which is told; then it stays where it is
        async with lending.lend([source, store]) as (here, kept):
            await archive(around, row, here, kept, store.folder)
            if options.delete_source_on_success and await remove_source(around, row, here):
                return Left.NOTHING
    return Left.FAILED
