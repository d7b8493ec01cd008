"""Every type of resource is made of its options."""

from pathlib import Path

import pytest

from mft.core.peer import Component
from mft.resources.base import ResourceOptions
from mft.resources.inspection import PROGRAM, SIGNATURE
from mft.resources.registry import RESOURCES
from tests.fakes.handlers import house

# What a type cannot do without.
NEEDED = {
    "cluster": {"database": "postgresql"},
    "monitor": {"source_path": "/srv"},
    "mysql": {"username": "mft", "database": "audit"},
    "postgresql": {"username": "mft", "database": "audit"},
    "sqlite": {"path": "/srv/server.db3"},
    SIGNATURE: {"signer_certificate_path": "signer.pem"},
    PROGRAM: {"executable_path": "/bin/true"},
}


@pytest.mark.parametrize("name", RESOURCES)
def test_a_type_builds_a_resource_of_its_options(tmp_path: Path, name: str) -> None:
    home, kind = house(tmp_path), RESOURCES[name]
    assert issubclass(kind.options, ResourceOptions)
    component = Component("one-1", name, "one")
    options = kind.options.model_validate({"name": "one", "type": name, **NEEDED.get(name, {})})
    made = kind.build(component, options, home.around)
    assert made.component == component
    home.journal.close()
