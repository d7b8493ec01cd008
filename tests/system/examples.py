"""The examples of `conf/examples`, whole and as they are shipped, for a server of a test."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tests.interop.services import cheap_hash
from tests.laws.source import ROOT
from tests.system.rig import Rig

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def shipped(name: str) -> Path:
    """The file of an example."""
    return ROOT / "conf" / "examples" / name / "server.ini"


def take(rig: Rig, name: str, instead: Mapping[str, str] = NOTHING) -> Path:
    """Let the instance have an example as its server.ini; gives the folder of its homes.

    All of it is there; only ports, folders, keys and passwords are others, and lines of `instead`.
    """
    homes = rig.directory.parent / "homes"
    homes.mkdir()
    public = Path(f"{rig.server.key}.pub").read_text().strip()
    before = rig.config.read_text().splitlines()
    keys = next(line for line in before if line.startswith("ssh_server_keys"))
    text = shipped(name).read_text()
    for line, given in {
        "name = mft": "name = mft\nallow_root = yes",
        "port = 10022": f"port = {rig.server.port}\n{keys}",
        "enabled = No": f"ssh_authorized_keys_content = {public}",
        ";password = $2b$12$...": f"password = {cheap_hash(rig.server)}",
        **instead,
    }.items():
        assert f"\n{line}\n" in text, line
        text = text.replace(f"\n{line}\n", f"\n{given}\n")
    escaped = str(homes).replace("/", r"\/")
    text = text.replace(r"\/srv\/mft", escaped).replace("/srv/mft", str(homes))
    rig.config.write_text(text)
    return homes
