"""What tests of handlers share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.dispatching import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Makes desks of dispatchers, which are closed in the end."""
    made: list[Desk] = []

    def make(rules: str = "", **options: Any) -> Desk:
        made.append(Desk(tmp_path / f"desk-{len(made)}", rules=rules, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()
