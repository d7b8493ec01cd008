"""What tests of the daemon share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.daemons import Instance
from tests.fakes.services import Services


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """An instance; the umask that a daemon sets is taken back."""
    kept = os.umask(0o022)
    yield Instance(tmp_path)
    os.umask(kept)


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    """Services that only say what is done to them."""
    return Services(monkeypatch)
