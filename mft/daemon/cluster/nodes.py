"""Nodes: what this server has of the others of its cluster, if it is in one."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from mft.auth.guard import Guard
from mft.core.failure import Reason, Refused
from mft.daemon.cluster.shared_logins import NOTHING, SharedLogins
from mft.daemon.cluster.shared_web_sessions import SharedWebSessions
from mft.daemon.remembered import Remembered
from mft.resources.base import Resource
from mft.resources.cluster import Cluster
from mft.session.roster import Roster


class Nodes:
    """Finds the cluster among the resources that run, and shares by it what nodes share."""

    def __init__(
        self,
        resources: Mapping[str, Resource],
        roster: Roster,
        guards: Callable[[], Mapping[str, Guard]],
        remembered: Remembered | None = None,
        web_sessions: SharedWebSessions | None = None,
    ) -> None:
        self._resources = resources
        self._remembered = remembered
        self._used: Cluster | None = None
        self._web_sessions = web_sessions
        compared = NOTHING if remembered is None else remembered.shared
        self.logins = SharedLogins(roster, guards, time.time, compared)

    async def share(self) -> None:
        """Share with the cluster that runs now, if one does."""
        cluster, used = self.cluster, self._used
        if cluster is used:
            return
        self._used = cluster
        if used is not None and self._remembered is not None:
            await self._remembered.leave()
        if self._web_sessions is not None:
            self._web_sessions.use(cluster)
        if cluster is not None:
            self.logins.use(cluster)
        if cluster is not None and self._remembered is not None:
            self._remembered.use(cluster)

    @property
    def cluster(self) -> Cluster | None:
        """The cluster that this server is a node of; None for a server that is alone."""
        for one in self._resources.values():
            if isinstance(one, Cluster):
                return one
        return None

    def drain(self) -> None:
        """Let others know that this server takes no new clients."""
        cluster = self.cluster
        if cluster is not None:
            cluster.draining = True

    @property
    def unready(self) -> list[str]:
        """Why a balancer should send nobody here."""
        cluster = self.cluster
        if cluster is None or cluster.state != "replaced":
            return []
        return ["another server has its place in the cluster"]

    @property
    def status(self) -> dict[str, str]:
        """What `mft status` shows of the cluster, if there is one."""
        cluster = self.cluster
        return {} if cluster is None else {"cluster": f"{cluster.state}, node {cluster.uuid}"}

    def describe(self) -> list[dict[str, Any]]:
        """What `mft nodes` shows; raises Refused where there is no cluster, or nothing is known."""
        cluster = self.cluster
        if cluster is None:
            details = "this server is alone: no [resources/...] of type cluster runs"
            raise Refused(Reason.NOT_FOUND, "", details)
        return cluster.describe()
