"""What a cluster needs of the rest of the configuration is told with everything else."""

import pytest

from mft.daemon.checks import cluster_checks
from mft.daemon.checks.cluster_checks import SHARED
from mft.daemon.load import load
from mft.vfs.volume import Kind
from tests.daemon.test_transfers import SHARE, instance, transfer
from tests.fakes.daemons import Instance

__all__ = ["instance"]

DATABASE = "[resources/db]\nname = db\ntype = postgresql\nusername = mft\ndatabase = mft\n"


def cluster(uuid: str = "cluster", database: str = "db", **options: str) -> str:
    given = {"name": uuid, "type": "cluster", "database": database, **options}
    return "\n".join([f"[resources/{uuid}]", *(f"{k} = {v}" for k, v in given.items()), ""])


def problems(instance: Instance, *sections: str) -> list[str]:
    return [str(one) for one in load(instance.write(*sections)).problems]


def test_a_server_may_be_in_one_cluster(instance: Instance) -> None:
    assert problems(instance, DATABASE, cluster()) == []
    (problem,) = problems(instance, DATABASE, cluster(), cluster("other"))
    assert "[resources/cluster] is one as well" in problem
    assert problems(instance, DATABASE, cluster(), cluster("other", enabled="No")) == []


def test_its_database_is_one_that_nodes_can_share(instance: Instance) -> None:
    here = "[resources/db]\nname = db\ntype = sqlite\npath = log/x.db3\n"
    (problem,) = problems(instance, here, cluster())
    assert "is not of type mysql or postgresql" in problem
    (problem,) = problems(instance, cluster())
    assert "names no section [resources/db]" in problem


def test_a_node_needs_a_uuid(instance: Instance) -> None:
    file = instance.write(DATABASE, cluster())
    file.write_text(file.read_text().replace("uuid = server-1\n", ""))
    (problem,) = (str(one) for one in load(file).problems)
    assert "needs a uuid in [server]" in problem


def told(instance: Instance, *sections: str) -> list[tuple[str, str]]:
    loaded = load(instance.write(*sections))
    assert loaded.config is not None, loaded.problems
    return [(one.section, one.option) for one in loaded.problems if one.remedy == SHARED]


def test_folders_of_this_machine_are_warned_of_in_a_cluster(instance: Instance) -> None:
    sections = SHARE, transfer(destination_uuid="SHARE", destination_path="in")
    assert told(instance, DATABASE, cluster(), *sections) == [
        ("locations/SHARE", "path"),
        ("transfers/out-1", "source_path"),
    ]


@pytest.mark.parametrize("more", ["", cluster(enabled="no")])
def test_a_server_that_is_alone_hears_nothing_of_it(instance: Instance, more: str) -> None:
    assert told(instance, DATABASE, more, SHARE, transfer()) == []


def test_what_a_network_serves_is_taken_for_shared(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_checks.Kind, "of", lambda _: Kind.REMOTE)
    sections = DATABASE, cluster(), transfer(destination_path="HOME/none")
    assert told(instance, *sections) == [("transfers/out-1", "destination_path")]
