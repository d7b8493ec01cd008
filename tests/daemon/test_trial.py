"""A trial judges as a service would, tells every step, and leaves nothing running."""

from typing import Any

from mft.auth.base import Password
from mft.auth.chain import Outcome
from mft.core.peer import Address
from mft.core.secret import Secret
from mft.daemon.trial import Trial
from tests.fakes.accounts import CHEAP_HASH
from tests.fakes.daemons import Instance, ssh
from tests.fakes.loop import run_loop

PEER = Address("192.0.2.7", 0)
METHOD = "[authentications/own-1]\ntype = application\nname = own\n"
ANN = f"[accounts/ann-1]\nname = ann\nhome_folder_path = HOME\npassword = {CHEAP_HASH}\n"


def test_methods_are_found_by_id_and_by_name(instance: Instance) -> None:
    async def main(reactor: Any) -> None:
        trial = Trial(instance.config(ssh("one", 1), METHOD), reactor, lambda sentence: None)
        assert trial.method("own") is trial.method("own-1") is not None
        assert trial.method("other") is None

    run_loop(main)


def test_it_is_judged_as_by_the_service_and_nothing_is_left(instance: Instance) -> None:
    steps: list[str] = []

    async def main(reactor: Any) -> None:
        trial = Trial(instance.config(ssh("one", 1), METHOD, ANN), reactor, steps.append)
        given = Password("ann", Secret("right"))
        judged = await trial.judge("one-1", given, PEER, trial.method("own"))
        assert judged.outcome is Outcome.ACCEPTED
        assert judged.account is not None
        assert judged.account.uuid == "ann-1"

    run_loop(main)
    assert steps[0] == 'asking "own" (type application, ID own-1)'
    assert steps[-1] == "its answer: accepted"
    assert not instance.state.exists()


def test_whoever_may_not_act_is_refused_as_by_the_server(instance: Instance) -> None:
    unused = ANN + "disable_on_inactivity = 10\ncreated = 2020-01-01\n"

    async def main(reactor: Any) -> None:
        config = instance.config(ssh("one", 1), METHOD, unused)
        instance.state.mkdir()
        (instance.state / "last-logins.json").write_text('{"ann-1": 1577836800}')
        steps: list[str] = []
        trial = Trial(config, reactor, steps.append)
        given = Password("ann", Secret("right"))
        judged = await trial.judge("one-1", given, PEER)
        assert judged.outcome is Outcome.FORBIDDEN
        assert "not used since 2020-01-01" in judged.details

    run_loop(main)


def test_last_logins_that_cannot_be_read_are_a_step(instance: Instance) -> None:
    steps: list[str] = []

    async def main(reactor: Any) -> None:
        config = instance.config(ssh("one", 1), METHOD, ANN)
        instance.state.mkdir()
        (instance.state / "last-logins.json").write_text("x")
        Trial(config, reactor, steps.append)

    run_loop(main)
    assert [step.partition(":")[0] for step in steps] == ["the last logins cannot be read"]
