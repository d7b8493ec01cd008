"""What a cluster needs of the rest of the configuration."""

from mft.config.kinds import Wrong
from mft.config.section import wrong_in
from mft.daemon.options import ServerOptions
from mft.daemon.reading import Reading
from mft.resources.cluster_options import ClusterOptions


def check_cluster(reading: Reading) -> None:
    """A server is in one cluster at most, and has a UUID there that no other has."""
    first = ""
    for one in reading.families["resources"].values():
        options = one.options
        if not isinstance(options, ClusterOptions) or not options.enabled:
            continue
        if first:
            wrong = Wrong(f"is the second cluster: [{first}] is one as well", option="type")
            wrong_in(options, one.raw, wrong, reading.problems)
            continue
        first = one.raw.name
        server = None if reading.server is None else reading.server.options
        if not isinstance(server, ServerOptions) or not server.uuid:
            wrong = Wrong("needs a uuid in [server], which each node has of its own", option="type")
            wrong_in(options, one.raw, wrong, reading.problems)
