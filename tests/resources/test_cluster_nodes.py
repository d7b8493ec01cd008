"""What is known of a node, and whether it lives."""

import pytest

from mft.resources.cluster import LEFT
from mft.resources.cluster_nodes import DRAINING, UP, Node, node_of

ROW = ("node-1", "boot-1", "files 1", "host-1", "1.0", UP, 100.0, 190.0, 7, 200.0)
NODE = node_of(ROW)


def test_its_age_is_by_the_clock_of_the_database() -> None:
    assert NODE.age == 10.0
    assert NODE.uuid == "node-1"
    assert NODE.sessions == 7


@pytest.mark.parametrize(
    ("node", "lives", "state"),
    [
        (NODE, True, UP),
        (NODE._replace(state=DRAINING), True, DRAINING),
        (NODE._replace(state=LEFT), False, LEFT),
        (NODE._replace(age=10.1), False, "dead"),
        (NODE._replace(state=LEFT, age=100.0), False, LEFT),
    ],
)
def test_one_that_was_not_seen_for_too_long_is_dead(node: Node, lives: bool, state: str) -> None:
    assert node.is_alive(10.05) is lives
    assert node.describe(10.05, here=False)["state"] == state


def test_it_is_shown_with_how_long_ago_it_was_seen() -> None:
    told = NODE.describe(20, here=True)
    assert told["this"] is True
    assert told["seen"] == 10.0
    assert told["since"] == 100
    assert NODE._replace(age=-0.01).describe(20, here=True)["seen"] == 0.0
