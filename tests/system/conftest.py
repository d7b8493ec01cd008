"""Instances for tests of the whole server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.instance import Server, initialise
from tests.system.rig import Rig


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
