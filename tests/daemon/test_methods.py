"""Methods of logging in start together and stop together, whatever one of them does."""

import pytest

from mft.auth.account import DAY
from mft.auth.base import Password
from mft.auth.chain import Outcome
from mft.core.failure import Reason, Refused
from mft.core.secret import Secret
from mft.daemon.methods import NO_METHODS, Methods
from tests.fakes.accounts import CHEAP_HASH, NOW, PEER, SERVICE, Around, Method
from tests.fakes.daemons import ANN, Instance, ssh
from tests.fakes.run import run

ACCEPTED, FORBIDDEN = Outcome.ACCEPTED, Outcome.FORBIDDEN
INACTIVE = "[groups/DEFAULT_GROUP]\nname = default\ndisable_on_inactivity = 30\n"


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


@pytest.mark.parametrize(("used", "outcome"), [(NOW, ACCEPTED), (NOW - 30 * DAY, FORBIDDEN)])
def test_the_chain_of_a_service_knows_who_has_not_been_here_for_long(
    instance: Instance, used: float, outcome: Outcome
) -> None:
    config = instance.config(ssh("one", 1), f"{ANN}password = {CHEAP_HASH}\n", INACTIVE)
    around = Around(*config.accounts.values())
    parts = around.parts._replace(accounts=config.accounts, groups=config.groups)
    asked: list[str] = []

    def last(account: str) -> float:
        asked.append(account)
        return used

    chain = Methods.of(config, parts._replace(used=last), around.trail).chains["one-1"]
    given = Password("ann", Secret("right"))
    judged = run(chain.judge(given, PEER, SERVICE))
    assert (judged.outcome, asked) == (outcome, ["ann-1"])
    assert ("not used since 2030-02-15" in judged.details) is (outcome is FORBIDDEN)
    wrong = run(chain.judge(given._replace(password=Secret("wrong")), PEER, SERVICE))
    assert wrong.outcome is Outcome.WRONG


def test_who_may_be_away_for_ever_is_not_asked_about(instance: Instance) -> None:
    config = instance.config(ssh("one", 1), f"{ANN}password = {CHEAP_HASH}\n")
    around = Around(*config.accounts.values())
    parts = around.parts._replace(accounts=config.accounts, groups=config.groups)

    def never(account: str) -> float:
        raise AssertionError(account)

    chain = Methods.of(config, parts._replace(used=never), around.trail).chains["one-1"]
    assert run(chain.judge(Password("ann", Secret("right")), PEER, SERVICE)).outcome is ACCEPTED
