"""RESOURCES: the types of resource."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from mft.core.peer import Component
from mft.resources import inspection as inspections
from mft.resources.analytics import Analytics, AnalyticsOptions
from mft.resources.base import Resource, ResourceOptions, Surroundings
from mft.resources.cluster import Cluster
from mft.resources.cluster_options import ClusterOptions
from mft.resources.database import Database
from mft.resources.database_options import MysqlOptions, PostgresqlOptions, SqliteOptions
from mft.resources.email_client import EmailClient, EmailClientOptions
from mft.resources.monitor import Monitor
from mft.resources.monitor_options import MonitorOptions


class Kind(NamedTuple):
    """One type: its options, and how a resource is made of them."""

    options: type[ResourceOptions]
    build: Callable[[Component, Any, Surroundings], Resource]


RESOURCES: Final[Mapping[str, Kind]] = {
    "analytics": Kind(AnalyticsOptions, Analytics),
    "cluster": Kind(ClusterOptions, Cluster),
    "email-client": Kind(EmailClientOptions, EmailClient),
    "monitor": Kind(MonitorOptions, Monitor),
    "mysql": Kind(MysqlOptions, Database),
    "postgresql": Kind(PostgresqlOptions, Database),
    "sqlite": Kind(SqliteOptions, Database),
    inspections.SIGNATURE: Kind(inspections.SignatureOptions, inspections.signature),
    inspections.CONTENT: Kind(inspections.ContentOptions, inspections.content),
    inspections.CLAMAV: Kind(inspections.ClamdOptions, inspections.clamav),
    inspections.PROGRAM: Kind(inspections.ProgramOptions, inspections.program),
}
