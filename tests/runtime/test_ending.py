"""The end of something that one coroutine waits for."""

import pytest
from twisted.internet.defer import Deferred

from mft.runtime.ending import Ending
from tests.fakes.run import run


async def waits(ending: Ending) -> str:
    await ending
    return "done"


def test_who_waits_goes_on_when_it_is_done() -> None:
    ending, done = Ending(), []
    Deferred.fromCoroutine(waits(ending)).addCallback(done.append)
    assert not done
    assert not ending.told
    ending.succeed()
    assert done == ["done"]
    assert ending.told


def test_who_waits_hears_why_it_cannot_be_done() -> None:
    ending, heard = Ending(), []
    Deferred.fromCoroutine(waits(ending)).addErrback(lambda why: heard.append(why.value))
    failed = ValueError("no")
    ending.fail(failed)
    assert heard == [failed]
    assert ending.told


def test_what_was_told_before_anybody_waits_is_not_lost() -> None:
    ending, broken = Ending(), Ending()
    ending.succeed()
    assert run(waits(ending)) == "done"
    broken.fail(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        run(waits(broken))


def test_only_what_is_told_first_counts() -> None:
    ending = Ending()
    ending.succeed()
    ending.fail(ValueError("too late"))
    ending.succeed()
    assert run(waits(ending)) == "done"
    broken = Ending()
    broken.fail(ValueError("first"))
    broken.fail(ValueError("second"))
    broken.succeed()
    with pytest.raises(ValueError, match="first"):
        run(waits(broken))
