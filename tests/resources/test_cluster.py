"""A server as a node of a cluster: joining, being seen, being replaced, and leaving."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.resources.cluster import FILE
from mft.resources.cluster_nodes import EVERY
from tests.fakes.clusters import Node, empty, shared_database
from tests.fakes.loop import run_loop, until


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with shared_database("postgresql") as found:
        yield found


@pytest.fixture
def database(server: Any) -> Any:
    empty(server)
    return server


def test_nodes_see_each_other_and_that_one_leaves(database: Any, tmp_path: Path) -> None:
    async def main(reactor: Any) -> None:
        one = Node(reactor, database, tmp_path / "1")
        other = Node(reactor, database, tmp_path / "2", "node-2")
        other.cluster.sessions = lambda: 5
        for node in (one, other):
            await node.cluster.start()
        await until(reactor, lambda: len(one.cluster.living) == 2)
        await until(
            reactor, lambda: [each["sessions"] for each in one.cluster.describe()] == [0, 5]
        )
        assert [each["this"] for each in one.cluster.describe()] == [True, False]
        other.cluster.draining = True
        await until(reactor, lambda: one.cluster.describe()[1]["state"] == "draining")
        await other.cluster.stop()
        await until(reactor, lambda: one.trail.count(events.NODE_LEFT))
        await one.cluster.stop()
        assert one.trail.count(events.NODE_JOINED, events.NODE_DEAD) == 1

    run_loop(main)


def test_the_clock_of_a_node_does_not_matter(database: Any, tmp_path: Path) -> None:
    async def main(reactor: Any) -> None:
        one = Node(reactor, database, tmp_path / "1")
        other = Node(reactor, database, tmp_path / "2", "node-2")
        one.time, other.time = 0.0, 4e9
        for node in (one, other):
            await node.cluster.start()
        await until(reactor, lambda: len(one.cluster.living) == len(other.cluster.living) == 2)
        assert one.cluster.ahead > 1e9
        assert other.cluster.ahead < -1e9
        for node in (one, other):
            await node.cluster.stop()

    run_loop(main)


def test_another_server_of_the_same_uuid_is_refused_while_one_lives(
    database: Any, tmp_path: Path
) -> None:
    async def main(reactor: Any) -> None:
        one, copy = (Node(reactor, database, tmp_path / name) for name in ("1", "2"))
        await one.cluster.start()
        with pytest.raises(Refused, match="needs a uuid of its own"):
            await copy.cluster.start()
        assert copy.trail.count(events.NODE_REPLACED) == 1
        await one.cluster.stop()
        await copy.cluster.start()  # nobody has it any more
        await copy.cluster.stop()

    run_loop(main)


def test_the_same_folder_takes_its_place_at_once_and_what_ran_before_is_told(
    database: Any, tmp_path: Path
) -> None:
    async def main(reactor: Any) -> None:
        before, after = (Node(reactor, database, tmp_path) for _ in range(2))
        await before.cluster.start()
        await after.cluster.start()
        assert after.cluster.joined
        await until(reactor, lambda: before.trail.count(events.NODE_REPLACED))
        with pytest.raises(Refused, match="another server is the node"):
            await before.cluster.ask(EVERY())
        # It is of the same folder as well, and yet takes nothing back while the other lives.
        beats: list[str] = []
        after.cluster.on_beat.append(lambda: beats.append("beat"))
        await until(reactor, lambda: len(beats) > 3)
        assert after.trail.count(events.NODE_REPLACED) == 0
        assert before.cluster.state == "replaced"
        after.cluster._loop.stop()  # as if it was killed
        await until(reactor, lambda: before.cluster.joined)
        await before.cluster.stop()
        await after.cluster.stop()

    run_loop(main)


def test_a_database_that_is_away_keeps_nobody_from_starting(database: Any, tmp_path: Path) -> None:
    joined: list[str] = []

    async def main(reactor: Any) -> None:
        node = Node(reactor, database, tmp_path)
        node.cluster.on_join.append(lambda: joined.append("joined"))
        node.cluster.on_beat.append(lambda: joined.append("beat"))
        database.kill()
        await node.cluster.start()
        assert node.trail.events == [events.CLUSTER_AWAY]
        assert node.cluster.away
        with pytest.raises(Refused) as caught:
            await node.cluster.ask(EVERY())
        assert caught.value.reason is Reason.BROKEN
        database.start()
        await until(reactor, lambda: "beat" in joined)
        assert joined[0] == "joined"
        assert node.trail.events[1:] == [events.CLUSTER_BACK, events.NODE_JOINED]
        assert len((await node.cluster.ask(EVERY()))[0]) == 1
        await node.cluster.stop()
        with pytest.raises(Refused):
            await node.cluster.ask(EVERY())

    run_loop(main)


def test_a_folder_keeps_its_name_and_one_that_was_cut_gets_another(
    database: Any, tmp_path: Path
) -> None:
    async def main(reactor: Any) -> None:
        names = []
        for content in (None, None, ""):
            node = Node(reactor, database, tmp_path)
            file = tmp_path / "state" / FILE
            if content is not None:
                file.write_text(content)
            await node.cluster.start()
            await node.cluster.stop()
            names.append(file.read_text())
        assert names[0] == names[1] != names[2]
        assert file.stat().st_mode & 0o777 == 0o600

    run_loop(main)


def test_a_server_without_a_uuid_is_no_node(database: Any, tmp_path: Path) -> None:
    async def main(reactor: Any) -> None:
        with pytest.raises(Refused, match="needs a uuid of its own"):
            await Node(reactor, database, tmp_path, "").cluster.start()

    run_loop(main)
