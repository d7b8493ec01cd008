import pytest

from mft.core.failure import Reason
from mft.remote.waits import MAX_WAITING, Waits
from tests.fakes.lending import Begun


@pytest.fixture
def waits() -> Waits:
    return Waits("partner")


def test_one_at_a_time_goes_on_in_order(waits: Waits) -> None:
    some = [Begun(waits.wait()) for _ in range(3)]
    waits.one()
    assert [one.waits for one in some] == [False, True, True]
    waits.everyone()
    assert [one.waits for one in some] == [False, False, False]
    assert len(waits) == 0
    waits.one()


def test_who_waits_again_is_not_told_of_the_same_thing(waits: Waits) -> None:
    async def twice() -> None:
        await waits.wait()
        await waits.wait()

    both = Begun(twice())
    waits.everyone()
    assert both.waits
    assert len(waits) == 1


def test_a_wait_that_is_cancelled_is_forgotten(waits: Waits) -> None:
    first, second = Begun(waits.wait()), Begun(waits.wait())
    first.deferred.cancel()
    waits.one()
    assert second.result is None


def test_too_many_are_refused(waits: Waits) -> None:
    some = [Begun(waits.wait()) for _ in range(MAX_WAITING)]
    assert Begun(waits.wait()).reason is Reason.BUSY
    assert all(one.waits for one in some)
