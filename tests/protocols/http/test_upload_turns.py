"""One request at a time for each upload."""

from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred

from mft.protocols.http.upload_turns import NEWER, UploadTurns
from tests.fakes.http_wire import Doing

KEY = ("ann-1", "upload")


class Working:
    """A client that works on an upload until it is ended, and a while more."""

    def __init__(self, turns: UploadTurns, told: list[str], name: str) -> None:
        self.ended: list[str] = []
        self.over: Deferred[None] = Deferred()
        self._told, self._name = told, name
        self.doing = Doing(self._work(turns))

    async def _work(self, turns: UploadTurns) -> None:
        async with turns.turn(KEY, cast(Any, self)):
            self._told.append(f"{self._name} begins")
            await self.over
        self._told.append(f"{self._name} ends")

    def end(self, reason: str) -> None:
        self.ended.append(reason)


def test_a_newer_request_waits_until_the_older_has_ended() -> None:
    turns, told = UploadTurns(), list[str]()
    old = Working(turns, told, "old")
    new = Working(turns, told, "new")
    assert (old.ended, told) == ([NEWER], ["old begins"])
    old.over.callback(None)
    assert sorted(told) == ["new begins", "old begins", "old ends"]
    assert not new.ended
    new.over.callback(None)
    assert new.doing.done


def test_of_several_that_wait_the_newest_is_the_last() -> None:
    turns, told = UploadTurns(), list[str]()
    first = Working(turns, told, "first")
    second, third = Working(turns, told, "second"), Working(turns, told, "third")
    first.over.callback(None)
    assert second.ended == [NEWER]
    assert "third begins" not in told
    second.over.callback(None)
    assert "third begins" in told
    assert not third.ended
    third.over.callback(None)


def test_a_request_that_fails_gives_the_upload_free() -> None:
    turns, told = UploadTurns(), list[str]()
    old = Working(turns, told, "old")
    old.over.errback(ValueError("broken"))
    with pytest.raises(ValueError):
        assert old.doing.result
    assert Doing(turns.end(KEY)).done
    assert old.ended == []


def test_other_uploads_do_not_wait() -> None:
    turns = UploadTurns()
    old = Working(turns, [], "old")
    assert Doing(turns.end(("bob-1", "upload"))).done
    assert old.ended == []
    old.over.callback(None)
