from pathlib import Path

import pytest

from mft.core.peer import Component
from mft.remote.base import LocationOptions
from mft.remote.registry import LOCATIONS
from tests.fakes.remote_parts import parts_in


@pytest.mark.parametrize("kind", LOCATIONS)
def test_every_type_has_the_options_of_all_locations(kind: str) -> None:
    assert issubclass(LOCATIONS[kind].options, LocationOptions)
    assert LOCATIONS[kind].options.__doc__


def test_a_connector_is_its_component(tmp_path: Path) -> None:
    made = LOCATIONS["filesystem"]
    options = made.options.model_validate({"type": "filesystem", "name": "a", "path": "/srv"})
    component = Component("location-1", "filesystem", "a")
    assert made.build(component, options, parts_in(tmp_path)).component is component
