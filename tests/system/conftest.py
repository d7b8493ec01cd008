"""Instances for tests of the whole server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A fresh instance of the test's own, not started."""
    rig = Rig(tmp_path / "instance")
    yield rig
    rig.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """An instance for all tests of a file, as `mft init` makes it; it runs, and ends well."""
    rig = Rig(tmp_path_factory.mktemp("mft") / "instance")
    rig.start()
    yield rig
    try:
        rig.stop()
    finally:
        rig.close()
