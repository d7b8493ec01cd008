"""Runs are counted by what is moved while they run."""

from mft.transfers.runs import ENDED, KEPT, RUNNING, WAITING, Runs
from mft.transfers.tally import Tally


def test_a_run_counts_what_is_moved_while_it_runs():
    runs, tally = Runs(), Tally(done=5, failed=1)
    run = runs.ask("somebody")
    assert (run.state, runs.find(run.number)) == (WAITING, run)
    assert runs.begin(tally) is run
    tally.done += 2
    tally.size += 100
    assert run.describe(tally)["done"] == 2
    assert run.state == RUNNING
    runs.end(tally, "")
    tally.done += 7
    told = run.describe(tally)
    assert (told["state"], told["done"], told["failed"], told["size"]) == (ENDED, 2, 0, 100)


def test_one_runs_and_one_waits():
    runs, tally = Runs(), Tally()
    first = runs.ask("one")
    runs.begin(tally)
    second = runs.ask("two")
    assert runs.ask("three") is second
    assert runs.begin(tally) is None
    runs.end(tally)
    assert runs.begin(tally) is second
    assert first.state == ENDED


def test_a_run_may_be_refused():
    runs = Runs()
    run = runs.ask("one")
    runs.refuse("it is stopped")
    assert (run.state, run.error) == (ENDED, "it is stopped")
    assert runs.begin(Tally()) is None


def test_only_the_last_are_remembered():
    runs, tally = Runs(), Tally()
    for _ in range(KEPT + 1):
        runs.ask("one")
        runs.begin(tally)
        runs.end(tally)
    assert runs.find(1) is None
    assert runs.find(2) is not None
