"""A bell that one coroutine waits for."""

from twisted.internet.defer import Deferred

from mft.runtime.bell import Bell


async def wait(bell: Bell, told: list[str]) -> None:
    await bell.rung()
    told.append("rung")


def test_who_waits_goes_on_when_it_rings() -> None:
    bell, told = Bell(), []
    Deferred.fromCoroutine(wait(bell, told))
    assert told == []
    bell.ring()
    assert told == ["rung"]


def test_a_ring_that_nobody_waits_for_is_not_kept() -> None:
    bell, told = Bell(), []
    bell.ring()
    Deferred.fromCoroutine(wait(bell, told))
    bell.ring()
    bell.ring()
    assert told == ["rung"]


def test_who_waits_again_needs_another_ring() -> None:
    bell, told = Bell(), []

    async def twice() -> None:
        await wait(bell, told)
        await wait(bell, told)

    Deferred.fromCoroutine(twice())
    bell.ring()
    assert told == ["rung"]
    bell.ring()
    assert told == ["rung", "rung"]
