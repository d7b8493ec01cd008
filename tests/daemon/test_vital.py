"""What is known of the running server."""

from types import SimpleNamespace
from typing import Any

from mft.core.peer import Address
from mft.daemon.vital import Vital


def daemon(**changed: Any) -> Any:
    """A daemon with one service and one event handler that is three events behind."""
    service = SimpleNamespace(
        component=SimpleNamespace(name="web", kind="https"),
        address=Address("127.0.0.1", 10443),
        connections=2,
    )
    handler = {"name": "audit log", "behind": 3}
    given = {
        "stopping": False,
        "bus": SimpleNamespace(healthy=True, journal=SimpleNamespace(last=10, failure="full")),
        "services": {"web-1": service},
        "handling": SimpleNamespace(describe=lambda: [handler]),
        "roster": [1, 2, 3],
        "config": SimpleNamespace(server=SimpleNamespace(name="here")),
        "waiting_for_restart": ["umask"],
        "nodes": SimpleNamespace(unready=[], status={"cluster": "joined, node node-1"}),
    }
    return SimpleNamespace(**{**given, **changed})


def test_a_server_that_listens_and_records_is_ready() -> None:
    assert Vital(daemon(), 1000.7).unready() == []


def test_a_server_that_stops_is_not() -> None:
    assert Vital(daemon(stopping=True), 0).unready() == ["the server is shutting down"]


def test_nor_is_one_that_cannot_record() -> None:
    bus = SimpleNamespace(healthy=False)
    assert Vital(daemon(bus=bus), 0).unready() == ["the audit journal cannot be written"]


def test_nor_is_one_with_a_service_that_does_not_listen() -> None:
    silent = SimpleNamespace(component=SimpleNamespace(name="ssh"), address=None)
    given = daemon(services={"ssh-1": silent})
    assert Vital(given, 0).unready() == ['the service "ssh" does not listen']


def test_nor_is_one_whose_place_in_the_cluster_another_has() -> None:
    told = ["another server has its place in the cluster"]
    assert Vital(daemon(nodes=SimpleNamespace(unready=told)), 0).unready() == told


def test_each_handler_is_behind_by_what_it_has_not_looked_at() -> None:
    assert Vital(daemon(), 0).behind() == {"audit log": 3}


def test_the_status_tells_of_the_process_and_its_services() -> None:
    status = Vital(daemon(), 1000.7).status()
    assert status["running_since"] == 1000
    assert (status["name"], status["sessions"], status["events"]) == ("here", 3, 10)
    assert (status["journal"], status["waiting_for_restart"]) == ("written", ["umask"])
    (service,) = status["services"]
    assert service == {
        "name": "web",
        "type": "https",
        "address": "127.0.0.1:10443",
        "connections": 2,
    }
    assert status["event_handlers"] == [{"name": "audit log", "behind": 3}]
