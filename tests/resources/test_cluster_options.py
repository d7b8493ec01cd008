"""What an administrator may say of a cluster."""

import pytest

from mft.config.kinds import Context
from mft.resources.cluster_options import ClusterOptions


def options(**given: str) -> ClusterOptions:
    told = {"name": "cluster", "type": "cluster", "database": "shared", **given}
    return ClusterOptions.model_validate(told)


def test_a_node_is_heard_of_ten_times_before_it_counts_as_dead() -> None:
    assert options().node_timeout == 10 * options().heartbeat_interval


@pytest.mark.parametrize("given", [{"heartbeat_interval": "4"}, {"node_timeout": "2.9"}])
def test_a_node_that_would_be_dead_between_two_heartbeats_is_told(
    given: dict[str, str], tmp_path: object
) -> None:
    (wrong,) = options(**given).check(Context(tmp_path))  # type: ignore[arg-type]  # not used
    assert wrong.option == "node_timeout"
