"""Many connections that never log in: each source has a bound, and so has the service."""

from mft.protocols.ssh.hub import Hub
from tests.fakes.ssh_client import SshClient

PER_SOURCE, TOTAL = 90008, 30051


def _accepted(server, hosts):
    return [socket for host in hosts if (socket := server.accept(host)) is not None]


def test_a_source_has_ten_connections_that_are_not_logged_in(server):
    here = _accepted(server, ["192.0.2.7"] * 200)
    assert len(here) == 10
    assert server.numbers().count(PER_SOURCE) == 190
    assert SshClient(server, host="192.0.2.8").log_in().open


def test_the_addresses_of_one_ipv6_network_are_one_source(server):
    here = _accepted(server, [f"2001:db8::{number:x}" for number in range(1, 100)])
    assert len(here) == 10
    assert len(_accepted(server, ["2001:db8:0:1::1"])) == 1


def test_who_has_logged_in_or_gone_makes_room(server):
    clients = [SshClient(server) for _ in range(10)]
    assert server.accept() is None
    clients[0].service().password()
    assert server.accept() is not None
    assert server.accept() is None
    clients[1].hang_up()
    assert server.accept() is not None
    assert server.accept() is None


def test_sources_that_have_gone_are_forgotten(server):
    for number in range(300):
        SshClient(server, host=f"198.51.{number % 100}.{number // 100}").hang_up()
    assert _counted(server.service.hub) == 0
    assert server.numbers().count(30015) == 300


def _counted(hub: Hub) -> int:
    return len(hub.presence._unauthenticated)


def test_a_service_has_a_bound_for_all_sources_together(serve):
    server = serve(maximum_concurrent_connections="50")
    here = _accepted(server, [f"192.0.2.{number}" for number in range(200)])
    assert len(here) == 50
    assert server.numbers().count(TOTAL) == 150
    here[0].ended = True
    server.reactor.settle()
    assert server.accept() is not None
