"""A server finds the cluster that it is in, and shares with it."""

from pathlib import Path

import pytest

from mft.core.failure import Refused
from mft.daemon.cluster.nodes import Nodes
from mft.resources.base import Resource
from mft.session.roster import Roster
from tests.fakes.clusters import Node
from tests.fakes.run import run


def test_a_server_that_is_alone_says_so() -> None:
    nodes = Nodes({}, Roster(), dict)
    run(nodes.share())
    nodes.drain()
    assert nodes.cluster is None
    assert (nodes.unready, nodes.status) == ([], {})
    with pytest.raises(Refused, match="this server is alone"):
        nodes.describe()


def test_it_shares_with_each_cluster_that_comes_once(tmp_path: Path) -> None:
    resources: dict[str, Resource] = {}
    nodes = Nodes(resources, Roster(), dict)
    for _ in range(2):
        cluster = Node(None, None, tmp_path).cluster
        resources["cluster"] = cluster
        for _ in range(2):
            run(nodes.share())
        assert nodes.cluster is cluster
        assert nodes.describe() == []
        assert len(cluster.on_join) == len(cluster.on_beat) == 1


def test_balancers_and_operators_hear_how_it_is_in_the_cluster(tmp_path: Path) -> None:
    cluster = Node(None, None, tmp_path).cluster
    nodes = Nodes({"cluster": cluster}, Roster(), dict)
    assert nodes.status == {"cluster": "away, node node-1"}
    assert nodes.unready == []
    cluster._replaced = True
    assert nodes.unready
    assert nodes.status == {"cluster": "replaced, node node-1"}
    nodes.drain()
    assert cluster.draining
