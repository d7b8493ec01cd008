"""Large files, and our server is killed or the wire is cut: they go on where they were.

What the last try has sent is in the audit trail.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.interop.partners import Instance, Partner, instance
from tests.interop.relay import Relay
from tests.interop.trees import content

pytestmark = pytest.mark.interop

FILE_DONE, FILE_BROKE = 60012, 60013
KINDS = ("sftp sshd", "ftpse vsftpd")
SIZE = 48 << 20
BEFORE = 8 << 20  # bytes that have arrived when it is broken off
PATIENCE = 30.0  # seconds for that
DATA = content(SIZE)
WAYS = ("push", "pull")


class Wired(NamedTuple):
    """The instance that runs, each partner behind a wire, and a folder at each."""

    ours: Instance
    wires: dict[str, Relay]
    folders: dict[str, Path]


def behind(partner: Partner) -> tuple[Partner, Relay]:
    """The same partner, reached through a wire that can be cut."""
    wire = Relay(("127.0.0.1", int(partner.options["port"])))
    options = {**partner.options, "port": str(wire.port), "connection_retry_interval": "1"}
    return Partner(partner.kind, options, partner.files), wire


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    """Partners with two transfers each."""
    wires: dict[str, Relay] = {}
    folders: dict[str, Path] = {}

    def around(partner: Partner) -> Partner:
        made, wires[partner.kind] = behind(partner)
        return made

    with instance(tmp_path_factory.mktemp("broken"), KINDS, around) as ours:
        for kind, partner in ours.partners.items():
            uuid = partner.uuid
            folder = folders[kind] = partner.fresh()
            once = {"retry_wait": "1", "retry_count": "3"}
            out, into = str(ours.folder(f"out-{uuid}")), str(ours.folder(f"in-{uuid}"))
            there = {"destination_uuid": uuid, "destination_path": folder.name}
            ours.transfer(f"PUSH-{uuid}", source_path=out, **there, **once)
            there = {"source_uuid": uuid, "source_path": folder.name}
            ours.transfer(f"PULL-{uuid}", destination_path=into, **there, **once)
        ours.start()
        yield Wired(ours, wires, folders)
    for wire in wires.values():
        wire.cut()


class Way(NamedTuple):
    """One transfer: where its file is, and where it goes."""

    uuid: str
    source: Path
    target: Path

    @property
    def arrived(self) -> int:
        """Bytes at the destination, under whatever name."""
        sizes = [0]
        for one in os.scandir(self.target):
            try:
                sizes.append(one.stat().st_size)
            except FileNotFoundError:  # it was renamed meanwhile
                continue
        return sum(sizes)


def way_of(wired: Wired, kind: str, way: str) -> Way:
    """The folders of a transfer, with the file in its source."""
    uuid, there = wired.ours.partners[kind].uuid, wired.folders[kind]
    here = wired.ours.folder(f"{'out' if way == 'push' else 'in'}-{uuid}")
    made = Way(f"{way.upper()}-{uuid}", *((here, there) if way == "push" else (there, here)))
    for old in (*made.source.iterdir(), *made.target.iterdir()):
        old.unlink()
    (made.source / "large").write_bytes(DATA)
    (made.source / "large").chmod(0o666)
    return made


def is_broken_off(wired: Wired, way: Way, break_off: Callable[[], None]) -> None:
    """Break it off in the middle; then it goes on, and the file is there once, and right."""
    trail = wired.ours.trail
    before = len(_told(wired, way, FILE_DONE))
    wired.ours.begin(way.uuid)
    deadline = time.monotonic() + PATIENCE
    while way.arrived < BEFORE:
        assert time.monotonic() < deadline, [one["id"] for one in trail.told[-20:]]
        time.sleep(0.001)  # between two looks
    break_off()
    wired.ours.run(way.uuid)
    assert [path.name for path in way.target.iterdir()] == ["large"]
    assert (way.target / "large").read_bytes() == DATA
    assert list(way.source.iterdir()) == []
    done = _told(wired, way, FILE_DONE)[before:]
    assert len(done) == 1
    assert 0 < done[0]["transferred_size"] <= SIZE - BEFORE
    assert done[0]["size"] == SIZE


def _told(wired: Wired, way: Way, number: int) -> list[dict[str, int]]:
    told = wired.ours.trail.of(number)
    return [one["data"] for one in told if one["component"]["uuid"] == way.uuid]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_a_kill_in_the_middle_of_a_file(wired: Wired, kind: str, way: str) -> None:
    def kill() -> None:
        wired.ours.kill()
        wired.ours.start()

    is_broken_off(wired, way_of(wired, kind, way), kill)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_a_cut_in_the_middle_of_a_file(wired: Wired, kind: str, way: str) -> None:
    wire, made = wired.wires[kind], way_of(wired, kind, way)

    def cut() -> None:
        wire.cut()
        wire.mend()

    before = len(_told(wired, made, FILE_BROKE))
    is_broken_off(wired, made, cut)
    assert len(_told(wired, made, FILE_BROKE)) > before


def test_the_audit_trail_of_all_that_is_whole(wired: Wired) -> None:
    wired.ours.mft("audit", "verify")
