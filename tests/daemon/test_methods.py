"""Methods of logging in start together and stop together, whatever one of them does."""

import pytest

from mft.core.failure import Reason, Refused
from mft.daemon.methods import NO_METHODS, Methods
from tests.fakes.accounts import Method
from tests.fakes.run import run


class Counted(Method):
    """A method that counts its starts and stops."""

    def __init__(self, *, fails: Exception | None = None, breaks: bool = False) -> None:
        super().__init__()
        self.calls: list[str] = []
        self._fails = fails
        self._breaks = breaks

    async def start(self) -> None:
        self.calls.append("start")
        if self._fails is not None:
            raise self._fails

    async def stop(self) -> None:
        self.calls.append("stop")
        if self._breaks:
            raise RuntimeError("it breaks")


def test_all_are_started_and_all_are_stopped() -> None:
    one, two = Counted(), Counted()
    methods = Methods((one, two), {})
    run(methods.start())
    run(methods.stop())
    assert one.calls == two.calls == ["start", "stop"]


def test_where_one_cannot_start_those_that_began_are_stopped() -> None:
    one, two, three = Counted(), Counted(fails=Refused(Reason.INVALID)), Counted()
    with pytest.raises(Refused):
        run(Methods((one, two, three), {}).start())
    assert one.calls == two.calls == ["start", "stop"]
    assert three.calls == []


def test_one_that_breaks_while_it_stops_keeps_no_other_from_stopping(
    capsys: pytest.CaptureFixture[str],
) -> None:
    one, two = Counted(breaks=True), Counted()
    run(Methods((one, two), {}).stop())
    assert two.calls == ["stop"]


def test_no_methods_are_started_and_stopped() -> None:
    run(NO_METHODS.start())
    run(NO_METHODS.stop())
