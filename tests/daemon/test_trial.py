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
