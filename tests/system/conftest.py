"""Instances for tests of the whole server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.ftp import MODES, Ftp
from tests.interop.instance import Server, initialise
from tests.system.ftp_services import prepared
from tests.system.rig import Rig
from tests.system.trail import unbalanced


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """What `mft init` makes; it never runs, every test has a copy."""
    return initialise(tmp_path_factory.mktemp("mft") / "template")


@pytest.fixture
def rig(tmp_path: Path, template: Server) -> Iterator[Rig]:
    """A fresh instance of the test's own, not started."""
    rig = Rig(tmp_path / "instance", template)
    yield rig
    rig.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, template: Server) -> Iterator[Rig]:
    """An instance for all tests of a file, as `mft init` makes it; it runs, and ends well."""
    rig = Rig(tmp_path_factory.mktemp("mft") / "instance", template)
    rig.start()
    yield rig
    try:
        rig.stop()
    finally:
        rig.close()


@pytest.fixture(scope="module")
def services(
    tmp_path_factory: pytest.TempPathFactory, template: Server
) -> Iterator[tuple[Rig, dict[str, Ftp]]]:
    """An instance with a service for each mode; everything that began has ended in the end."""
    rig = Rig(tmp_path_factory.mktemp("mft") / "instance", template)
    found = prepared(rig)
    rig.start()
    yield rig, found
    try:
        rig.stop()
    finally:
        rig.close()
    assert unbalanced(rig.trail.told) == []
    assert rig.mft("audit", "verify").returncode == 0


@pytest.fixture
def rig_of(services: tuple[Rig, dict[str, Ftp]]) -> Rig:
    """The instance of the module."""
    return services[0]


@pytest.fixture(params=MODES)
def ftp(request: pytest.FixtureRequest, services: tuple[Rig, dict[str, Ftp]]) -> Ftp:
    """Each of its services."""
    return services[1][request.param]
