"""A server that sends a tree to every kind of location, and fetches it again."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.interop.partners import KINDS, Instance, instance
from tests.interop.trees import content

pytestmark = pytest.mark.interop

FILE_DONE, JOB_DONE, FILE_FAILED = 60012, 60017, 60081
FILES = {
    "empty": b"",
    "large.bin": content(1 << 20),
    "two words.txt": content(33),
    "Grüße aus Köln.csv": content(70_000),
    "sub folder/Übersicht.txt": content(1),
}
SIZE = sum(len(data) for data in FILES.values())


class Everywhere(NamedTuple):
    """The instance that runs, and the folder of each partner that it uses."""

    ours: Instance
    folders: dict[str, Path]


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everywhere]:
    """Every server at once, and two transfers for each."""
    with instance(tmp_path_factory.mktemp("everywhere")) as ours:
        folders = {}
        for kind, partner in ours.partners.items():
            uuid, folder = partner.uuid, partner.fresh()
            folders[kind] = folder
            there = {"destination_uuid": uuid, "destination_path": folder.name}
            out = {"source_path": str(ours.folder(f"out-{uuid}"))}
            ours.transfer(f"PUSH-{uuid}", recursive="yes", **out, **there)
            there = {"source_uuid": uuid, "source_path": folder.name}
            into = {"destination_path": str(ours.folder(f"in-{uuid}"))}
            ours.transfer(f"PULL-{uuid}", recursive="yes", **into, **there)
        ours.start()
        yield Everywhere(ours, folders)


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with hidden ones."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def check_told(ours: Instance, uuid: str) -> None:
    """Each file was told to be done once, and so was its job."""
    told = [one for one in ours.trail.told if one["component"]["uuid"] == uuid]
    for number in (FILE_DONE, JOB_DONE):
        assert sum(one["id"] == number for one in told) == len(FILES)
    sizes = [one["data"]["transferred_size"] for one in told if one["id"] == FILE_DONE]
    assert sorted(sizes) == sorted(len(data) for data in FILES.values())
    assert FILE_FAILED not in {one["id"] for one in told}


@pytest.mark.parametrize("kind", KINDS)
def test_a_tree_goes_there_and_comes_back(everywhere: Everywhere, kind: str) -> None:
    ours, folder = everywhere.ours, everywhere.folders[kind]
    uuid = ours.partners[kind].uuid
    out, into = ours.folder(f"out-{uuid}"), ours.folder(f"in-{uuid}")
    for name, data in FILES.items():
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_bytes(data)
    done = {"done": len(FILES), "failed": 0, "skipped": 0, "size": SIZE}
    assert ours.run(f"PUSH-{uuid}") == done
    assert files_in(folder) == FILES
    assert files_in(out) == {}
    assert ours.run(f"PULL-{uuid}") == done
    assert files_in(into) == FILES
    assert files_in(folder) == {}
    check_told(ours, f"PUSH-{uuid}")
    check_told(ours, f"PULL-{uuid}")


def test_the_audit_trail_of_all_that_is_whole(everywhere: Everywhere) -> None:
    everywhere.ours.mft("audit", "verify")
