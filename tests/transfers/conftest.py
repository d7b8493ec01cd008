"""What the tests of transfers share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.transferring import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Makes transfers between two servers in memory, over one queue; no fault of ours is met."""
    made: list[Desk] = []

    def make(**given: str) -> Desk:
        made.append(Desk(tmp_path, **given))
        return made[-1]

    yield make
    for one in made:
        one.stop()
        assert one.logged == []
