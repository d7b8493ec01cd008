"""What handlers are given to work with."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Refused
from tests.fakes.handlers import house


class Shared:
    """A resource that does nothing."""

    component: Any = None

    async def start(self) -> None:
        """Nothing."""

    async def stop(self) -> None:
        """Nothing."""


def test_a_resource_is_found_by_its_id_and_must_be_of_the_kind(tmp_path: Path) -> None:
    home, shared = house(tmp_path), Shared()
    around = replace(home.around, resources={"one": shared})
    assert around.resource("one", Shared) is shared
    for identifier, kind in (("one", int), ("two", Shared)):
        with pytest.raises(Refused, match=f"the resource {identifier} is not running"):
            around.resource(identifier, kind)
    home.journal.close()
