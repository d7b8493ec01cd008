"""Nodes: what this server has of the others of its cluster, if it is in one."""

from collections.abc import Mapping
from typing import Any

from mft.core.failure import Reason, Refused
from mft.resources.base import Resource
from mft.resources.cluster import Cluster


class Nodes:
    """Finds the cluster among the resources that run."""

    def __init__(self, resources: Mapping[str, Resource]) -> None:
        self._resources = resources

    @property
    def cluster(self) -> Cluster | None:
        """The cluster that this server is a node of; None for a server that is alone."""
        for one in self._resources.values():
            if isinstance(one, Cluster):
                return one
        return None

    def describe(self) -> list[dict[str, Any]]:
        """What `mft nodes` shows; raises Refused where there is no cluster, or nothing is known."""
        cluster = self.cluster
        if cluster is None:
            details = "this server is alone: no [resources/...] of type cluster runs"
            raise Refused(Reason.NOT_FOUND, "", details)
        return cluster.describe()
