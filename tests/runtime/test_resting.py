"""What fails rests."""

from twisted.internet.task import Clock

from mft.runtime.resting import SUSPENDED, Resting


def test_what_fails_rests_while_another_can_be_asked() -> None:
    clock = Clock()
    urls = Resting(["a", "b"], clock)
    assert list(urls.awake()) == ["a", "b"]
    assert urls.suspend("a")
    assert not urls.suspend("a")
    assert list(urls.awake()) == ["b"]
    clock.advance(SUSPENDED)
    assert list(urls.awake()) == ["a", "b"]


def test_where_all_rest_all_are_asked() -> None:
    urls = Resting(["a", "b"], Clock())
    urls.suspend("a")
    urls.suspend("b")
    assert list(urls.awake()) == ["a", "b"]
    urls.well("b")
    assert list(urls.awake()) == ["b"]
