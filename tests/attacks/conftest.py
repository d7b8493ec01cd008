"""The server in memory, for attacks by SSH; one in a process of its own, for FTP and HTTP."""

from collections.abc import Iterator

import pytest

from tests.attacks.victim import Victim
from tests.fakes.ssh_fixtures import faults, serve, server
from tests.interop.instance import initialise
from tests.interop.web import SCHEMES, Web
from tests.system.rig import Rig
from tests.system.trail import unbalanced

__all__ = ["faults", "serve", "server"]


@pytest.fixture(scope="session")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A server that all attacks by FTP and HTTP are made on; it survives, and all has ended."""
    folder = tmp_path_factory.mktemp("mft")
    rig = Rig(folder / "instance", initialise(folder / "template"))
    victim = Victim(rig)
    rig.start()
    yield victim
    try:
        rig.stop()
    finally:
        rig.close()
    assert unbalanced(rig.trail.told) == []
    assert "Traceback" not in rig.output
    assert rig.mft("audit", "verify").returncode == 0


@pytest.fixture(params=SCHEMES)
def web(request: pytest.FixtureRequest, victim: Victim) -> Web:
    """HTTP in clear and over TLS, of that server."""
    return victim.webs[request.param]
