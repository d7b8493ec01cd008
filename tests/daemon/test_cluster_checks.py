"""What a cluster needs of the rest of the configuration is told with everything else."""

from mft.daemon.load import load
from tests.fakes.daemons import Instance

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
