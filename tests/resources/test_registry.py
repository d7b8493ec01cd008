"""Every type of resource is made of its options."""

from pathlib import Path

import pytest

from mft.core.peer import Component
from mft.resources.base import ResourceOptions
from mft.resources.registry import RESOURCES
from tests.fakes.handlers import house


@pytest.mark.parametrize("name", RESOURCES)
def test_a_type_builds_a_resource_of_its_options(tmp_path: Path, name: str) -> None:
    home, kind = house(tmp_path), RESOURCES[name]
    assert issubclass(kind.options, ResourceOptions)
    component = Component("one-1", name, "one")
    made = kind.build(component, kind.options(name="one", type=name), home.around)
    assert made.component == component
    home.journal.close()
