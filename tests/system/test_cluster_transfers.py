"""Two whole servers, one database and one folder: a transfer runs on one of them, and goes on."""

import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mft.events import catalogue as events
from tests.fakes import sshd
from tests.fakes.cluster_nodes import ask
from tests.fakes.clusters import empty, shared_database
from tests.fakes.databases import TYPES
from tests.interop.instance import Server
from tests.interop.sftp_remote import of_sshd
from tests.system.nodes import Nodes
from tests.system.rig import Rig, sftp, until

FILES = 60
SIZE = 150_000  # bytes of each
ENOUGH = 8  # files that have arrived when something happens
LEASE = "transfer/SEND"
DONE = events.TRANSFER_FILE_DONE.number
RENAME = re.compile(r'rename old "[^"]*" new "([^"]*)"')


@dataclass
class Node:
    """A server, and the sshd that only it sends to."""

    rig: Rig
    name: str
    log: Path

    @property
    def has_it(self) -> bool:
        """Whether it was told that it has the transfer, and not that it has lost it."""
        gained = self.rig.trail.count(events.LEASE_GAINED.number, lease=LEASE)
        return gained > self.rig.trail.count(events.LEASE_LOST.number, lease=LEASE)

    def done(self, since: int = 0) -> list[str]:
        """The names of the files that it has told to be sent, after so many events."""
        found = [one for one in self.rig.trail.told[since:] if one["id"] == DONE]
        return [Path(one["data"]["source_path"]).name for one in found]

    def said(self, since: int = 0) -> str:
        """What its sshd has logged, from a byte on."""
        return self.log.read_bytes()[since:].decode(errors="replace")


def refused_renames(said: str) -> Counter[str]:
    """The names that were to be given; fails unless there was nothing that could have got them."""
    lines = said.splitlines()
    for number, line in enumerate(lines):
        if RENAME.match(line):
            answers = (one for one in lines[number:] if not RENAME.match(one))
            assert next(answers, "") == "sent status No such file", line
    return Counter(RENAME.findall(said))


@dataclass
class Cluster:
    """Two nodes, and the folders between which they move files."""

    one: Node
    other: Node
    out: Path
    inbox: Path
    contents: dict[str, bytes] = field(default_factory=dict)

    @property
    def nodes(self) -> tuple[Node, Node]:
        return self.one, self.other

    def put(self, count: int, prefix: str = "") -> None:
        """Have files in the source, each with bytes of its own."""
        for number in range(count):
            name = f"{prefix}{number}.bin"
            self.contents[name] = os.urandom(SIZE)
            (self.out / ".new").write_bytes(self.contents[name])
            (self.out / ".new").rename(self.out / name)

    @property
    def arrived(self) -> list[str]:
        """The names of the files that are there, under their own names."""
        return [name for name in os.listdir(self.inbox) if name.endswith(".bin")]

    def all_arrived(self, woken: Node | None = None, since: int = 0) -> None:
        """Wait until all have been moved: each whole, once, and nothing else is left.

        What a `woken` node had asked for as it was frozen may be left by it; its sshd has said
        `since` then that there was nothing any more that it could give a name.
        """
        until(lambda: not os.listdir(self.out), "all files are sent")
        found = {path.name: path.read_bytes() for path in self.inbox.iterdir()}
        late: Counter[str] = Counter()
        if woken is not None:
            late = refused_renames(woken.said(since))
            found = {name: data for name, data in found.items() if not name.endswith(".part")}
        assert found == self.contents
        logs = "".join(node.said() for node in self.nodes)
        below = f"{self.inbox}/"  # its partners have the folders of other tests as well
        named = Counter(name for name in RENAME.findall(logs) if name.startswith(below)) - late
        assert named == {str(self.inbox / name): 1 for name in self.contents}

    def holder(self) -> tuple[Node, Node]:
        """Who has the transfer, and who has not."""
        until(lambda: any(node.has_it for node in self.nodes), "somebody has it")
        return self.nodes if self.one.has_it else (self.other, self.one)


def section(rig: Rig, title: str, options: dict[str, str]) -> None:
    rig.section(title, **{key: value.replace("\n", "\n    ") for key, value in options.items()})


def prepare(rig: Rig, far: sshd.Sshd, folders: tuple[Path, Path], given: dict[str, str]) -> None:
    """Add the transfer, which each node sends to a partner of its own, into one folder."""
    section(rig, "locations/ACME", {"name": "acme", "type": "sftp", **of_sshd(far)})
    out, inbox = folders
    transfer = {
        "name": "send",
        "source_path": str(out),
        "destination_uuid": "ACME",
        "destination_path": str(inbox),
        "stable_interval": "0",
        "changes_poll_interval": "0.5",
        "source_filter": "*.bin",
        **given,
    }
    section(rig, "transfers/SEND", transfer)
    handler = {"name": "send on", "type": "transfer", "transfers": "SEND", "target": "30068"}
    section(rig, "event-handlers/ON", handler)


class Around(NamedTuple):
    """What the nodes of every test of one database have."""

    database: Any
    partners: list[sshd.Sshd]  # one for each node


@pytest.fixture(scope="module", params=TYPES)
def around(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Around]:
    with ExitStack() as running:
        database = running.enter_context(shared_database(request.param))
        partners = []
        for _ in range(2):
            folder = tmp_path_factory.mktemp("sshd")
            partners.append(running.enter_context(sshd.running(folder, logged=True)))
            (folder / "sftp.txt").touch()
        yield Around(database, partners)


@pytest.fixture
def given() -> dict[str, str]:
    """More options of the transfer."""
    return {}


@pytest.fixture
def cluster(
    around: Around, tmp_path: Path, template: Server, given: dict[str, str]
) -> Iterator[Cluster]:
    folders = tmp_path / "out", tmp_path / "in"
    for folder in folders:
        folder.mkdir()
    with ExitStack() as running:
        running.callback(empty, around.database)
        nodes = Nodes(tmp_path, template, around.database)
        running.callback(nodes.close)
        for rig, far in zip(nodes.rigs, around.partners, strict=True):
            prepare(rig, far, folders, given)
        nodes.start()
        one, other = (
            Node(rig, f"node {number}", far.folder / "sftp.txt")
            for number, (rig, far) in enumerate(zip(nodes.rigs, around.partners, strict=True))
        )
        yield Cluster(one, other, *folders)


def test_another_node_goes_on_when_one_is_killed(cluster: Cluster) -> None:
    holder, other = cluster.holder()
    cluster.put(FILES)
    until(lambda: len(cluster.arrived) >= ENOUGH)
    holder.rig.kill()
    cluster.all_arrived()
    assert other.has_it
    until(lambda: set(holder.done()) | set(other.done()) == set(cluster.contents))
    # What was told just before the kill may be told once more; concurrent_files is 4.
    assert len(set(holder.done()) & set(other.done())) <= 4
    assert len(set(other.done())) == len(other.done())
    listed = other.rig.mft("transfer", "list").stdout
    assert "started" in listed
    other.rig.stop()


def test_a_node_that_was_frozen_changes_nothing_afterwards(cluster: Cluster) -> None:
    holder, other = cluster.holder()
    cluster.put(FILES)
    until(lambda: len(cluster.arrived) >= ENOUGH)
    holder.rig.freeze()
    told, said = len(holder.rig.trail.told), len(holder.said())
    cluster.all_arrived()
    cluster.put(5, "later-")
    cluster.all_arrived()
    holder.rig.signal(signal.SIGCONT)
    lost = events.LEASE_LOST.number
    until(lambda: holder.rig.trail.count(lost, lease=LEASE), "it knows that it has lost it")
    until(lambda: "elsewhere (" in holder.rig.mft("transfer", "list").stdout)
    cluster.put(5, "last-")
    cluster.all_arrived(holder, said)
    assert holder.done(told) == []
    changes = re.findall(r"(?:rename|remove|mkdir|set|open) .*", holder.said(said))
    late = re.compile(rf'open "[^"]*\.part"|{RENAME.pattern}')  # the latter were refused
    assert [line for line in changes if not late.match(line)] == []
    assert other.has_it
    for node in cluster.nodes:
        node.rig.stop()


@pytest.mark.parametrize("around", ["mysql"], indirect=True)
@pytest.mark.parametrize("given", [{"enabled": "no"}])
def test_a_run_that_is_asked_of_one_node_is_made_once_by_the_other(
    cluster: Cluster, around: Around, tmp_path: Path
) -> None:
    holder, other = cluster.holder()
    cluster.put(5)
    refused = other.rig.mft("transfer", "run", "send")
    assert refused.returncode == 1
    assert f"run by the node {holder.name}" in refused.stderr
    assert f"elsewhere ({holder.name})" in other.rig.mft("transfer", "list").stdout
    assert len(os.listdir(cluster.out)) == 5
    (tmp_path / "x").write_bytes(b"x")
    assert sftp(other.rig.server, f"put {tmp_path}/x\n") == 0
    cluster.all_arrived()
    until(lambda: other.rig.trail.count(events.RUN_PASSED_ON.number) == 1)
    assert other.done() == []
    assert sorted(holder.done()) == sorted(cluster.contents)
    # Once: what comes now waits for the next.
    cluster.put(1, "later-")
    seen = "SELECT min(seen) FROM mft_nodes WHERE state = 'up'"
    (now,) = ask(around.database, seen)
    until(lambda: ask(around.database, seen)[0] > now + 1, "several heartbeats of both")
    assert os.listdir(cluster.out) == ["later-0.bin"]
    assert sftp(holder.rig.server, f"put {tmp_path}/x\n") == 0
    cluster.all_arrived()
    assert holder.rig.mft("transfer", "run", "send").returncode == 0
    for node in cluster.nodes:
        node.rig.stop()


@pytest.mark.parametrize("around", ["postgresql"], indirect=True)
def test_a_node_that_stops_leaves_it_at_once(cluster: Cluster) -> None:
    holder, other = cluster.holder()
    cluster.put(FILES)
    until(lambda: len(cluster.arrived) >= ENOUGH)
    holder.rig.stop()
    cluster.all_arrived()
    assert other.has_it
    assert holder.rig.trail.count(events.LEASE_LOST.number) == 0
    assert set(holder.done()) | set(other.done()) == set(cluster.contents)
    other.rig.stop()
