"""Locations of a running server, as an administrator sees them."""

import json
import signal
from typing import Any

from mft.events import catalogue as events
from tests.system.rig import Rig, until


def listed(rig: Rig) -> list[dict[str, Any]]:
    """What `mft location list` shows."""
    found: list[dict[str, Any]] = json.loads(rig.mft("location", "list", "--json").stdout)
    return found


def test_they_come_and_go_with_the_configuration(rig: Rig) -> None:
    folder = rig.directory.parent / "partners"
    folder.mkdir()
    (folder / "orders.csv").write_text("1;2;3")
    rig.section("locations/acme-1", name="acme", type="filesystem", path=str(folder))
    tried = rig.mft("location", "test", "acme")
    assert tried.returncode == 0, tried.stderr
    assert "orders.csv" in tried.stdout
    rig.start()
    assert [(one["name"], one["state"]) for one in listed(rig)] == [("acme", "started")]
    assert rig.mft("location", "start", "acme").returncode == 0
    assert rig.mft("location", "start", "nobody").returncode == 1
    rig.section("locations/gone-1", name="gone", type="filesystem", path=str(folder / "gone"))
    rig.signal(signal.SIGHUP)
    until(lambda: len(listed(rig)) == 2)
    missing = rig.mft("location", "test", "gone")
    assert missing.returncode == 1
    assert "No such file" in missing.stderr
    rig.stop()
    stopped = [
        one["data"]["name"]
        for one in rig.trail.told
        if one["id"] == events.COMPONENT_STOPPED.number and one["data"]["family"] == "locations"
    ]
    assert sorted(stopped) == ["acme", "gone"]
