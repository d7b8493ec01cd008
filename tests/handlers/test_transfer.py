"""Transfers run because something has happened."""

from dataclasses import replace

import pytest

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.handlers.transfer import TransferHandler, TransferHandlerOptions
from tests.fakes.handlers import house
from tests.fakes.occurrences import ALICE, told
from tests.fakes.run import run

HANDLER = Component("handler-1", "transfer", "send it on")
OPTIONS = TransferHandlerOptions(name="send it on", type="transfer", transfers=("T-1", "T-2"))


@pytest.fixture
def home(tmp_path):
    home = house(tmp_path)
    yield home
    home.journal.close()


def handler(home, asked, **given):
    async def ask(*words):
        asked.append(words)

    around = replace(home.around, run_transfer=ask, **given)
    return TransferHandler(HANDLER, OPTIONS, around)


def test_each_transfer_runs_once_for_events_that_come_together(home):
    asked = []
    one = handler(home, asked)
    run(one.start())
    run(one.handle_many([told(), told()]))
    run(one.stop())
    assert asked == [("T-1", "event 30068"), ("T-2", "event 30068")]


def test_what_a_transfer_tells_itself_does_not_run_it_again(home):
    asked = []
    ours = ALICE._replace(component=Component("T-2", "transfer", "to acme"))
    run(handler(home, asked).handle_many([told(origin=ours)]))
    assert asked == []


def test_past_events_run_nothing(home):
    with pytest.raises(Refused) as refused:
        run(handler(home, [], replaying=True).handle_many([told()]))
    assert refused.value.reason is Reason.UNSUPPORTED


def test_where_no_transfers_are_nothing_is_asked(home):
    with pytest.raises(Refused) as refused:
        run(TransferHandler(HANDLER, OPTIONS, home.around).handle_many([told()]))
    assert refused.value.reason is Reason.NOT_FOUND
