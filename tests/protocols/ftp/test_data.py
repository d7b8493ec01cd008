"""The data channel: who may come to it, whom it goes to, how long it waits, and what is told."""

from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from mft.core.peer import Address
from tests.fakes import tls_peer
from tests.fakes.ftp_client import EXPLICIT, IMPLICIT, End, FtpClient, Way
from tests.fakes.ftp_fixtures import every_way
from tests.fakes.ftp_server import CLIENT, CLIENT_6, HERE, HERE_6, STRANGER, FtpServer

Serve = Callable[..., FtpServer]

NO_PORT, UNUSED, IDLE = 10015, 10023, 10032
OPENED, CLOSED, BROKE = 10055, 10030, 10031
LISTENING, WAITING, PASSIVE_ASKED, EXTENDED_ASKED = 10083, 10022, 10061, 10020
ACTIVE_ASKED, ACTIVE_DONE, ACTIVE_FAILED, EXTENDED_ACTIVE = 10062, 10063, 10064, 10090
NOT_REUSED, TLS_FAILED, STRANGER_REFUSED = 10108, 10088, 90024
UPLOAD_DONE, UPLOAD_FAILED, DOWNLOAD_FAILED = 10078, 10079, 10070
SECONDS = 30  # that a data connection is waited for
PORT = "PORT 192,0,2,7,195,80"  # 50000

secured = pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)


@pytest.fixture
def telling(serve: Serve) -> FtpServer:
    """A server that tells every step."""
    server = serve()
    server.tell_requests = True
    return server


def ends(server: FtpServer) -> list[int]:
    """The closing events of data connections."""
    return [number for number in server.numbers() if number in (CLOSED, BROKE)]


# Passive.


def test_every_step_of_a_passive_transfer_is_told(telling: FtpServer) -> None:
    client = FtpClient(telling).arrive()
    assert client.down("LIST") == (b"", [150, 226])
    passive = {"mode": "EPSV", "address": HERE, "port": 40000}
    assert telling.data(EXTENDED_ASKED) == [{}]
    assert telling.data(PASSIVE_ASKED) == [{"mode": "EPSV"}]
    assert telling.data(LISTENING) == [{"port": 40000}]
    assert telling.data(WAITING) == [passive]
    both = {
        "host_address": HERE,
        "host_port": 40000,
        "peer_address": CLIENT,
        "peer_port": 20002,
    }
    assert telling.data(OPENED) == [both]
    (told,) = telling.data(CLOSED)
    assert told.items() >= both.items()
    assert told["encryption"] == "clear"
    assert told["certificate"] == "none"


def test_the_bytes_and_the_time_of_a_transfer_are_told(
    client: FtpClient, server: FtpServer
) -> None:
    server.put("/file", b"x" * 1000)
    data = client.connect()
    data.socket.room = 0
    client.codes("RETR /file")
    server.reactor.advance(2)
    data.socket.room = None
    client.settle()
    (told,) = server.data(CLOSED)
    assert (told["sent"], told["received"]) == (1000, 0)
    assert (told["speed"], told["duration"]) == (500, 2.0)


@every_way
@pytest.mark.parametrize("command", ["PASV", "EPSV"])
def test_a_client_is_listened_to_only_when_it_has_come(client: FtpClient, command: str) -> None:
    port = client.passive(command)
    assert client.codes("PWD", "LIST") == []
    data = client.connect(port)
    client.settle()
    assert [one.code for one in client.take()] == [257, 150, 226]
    assert data.closed


def test_where_that_is_not_asked_for_it_may_ask_first(serve: Serve) -> None:
    client = FtpClient(serve(passive_wait_connection="No")).arrive()
    port = client.passive()
    assert client.codes("PWD", "LIST") == [257, 150]
    client.connect(port)
    client.settle()
    assert [one.code for one in client.take()] == [226]


def test_nobody_comes_to_the_passive_port(client: FtpClient, server: FtpServer) -> None:
    client.passive("PASV")
    assert client.codes("LIST") == []
    assert client.wait(SECONDS - 1) == []
    assert [one.code for one in client.wait(1)] == [425]
    assert server.data(UNUSED) == [
        {"mode": "PASV", "address": HERE, "port": 40000, "details": "it was given up"}
    ]
    assert server.listeners.offers == []
    assert ends(server) == []
    assert client.codes("PWD") == [257]


def test_nobody_comes_to_the_transfer(serve: Serve) -> None:
    server = serve(passive_wait_connection="No")
    client = FtpClient(server).arrive()
    client.passive()
    assert client.codes("STOR /file") == [150]
    assert [one.code for one in client.wait(SECONDS)] == [425]
    assert len(server.data(UNUSED)) == 1
    assert server.names() == []
    assert len(server.data(UPLOAD_FAILED)) == 1


def test_no_port_is_free(serve: Serve) -> None:
    server = serve(passive_port_range="40000 - 40001")
    server.listeners.taken = {40000, 40001}
    client = FtpClient(server).arrive()
    assert client.codes("PASV") == [425]
    assert client.codes("EPSV") == [425]
    told = {"port_range": "40000 - 40001", "details": f"none of 2 ports is free for {CLIENT}"}
    assert server.data(NO_PORT) == [{"mode": "PASV", **told}, {"mode": "EPSV", **told}]
    assert client.codes("LIST") == [425]


def test_a_new_way_forgets_the_old_one(client: FtpClient, server: FtpServer) -> None:
    data = client.connect()
    port = client.passive()
    assert data.closed
    assert [one.port for one in server.listeners.offers] == [port]
    client.connect(port)
    assert client.codes(PORT) == [200]
    assert server.listeners.offers == []
    assert client.codes("LIST") == [150, 226]
    assert [asked.target for asked in server.out] == [Address(CLIENT, 50000)]


@pytest.mark.parametrize("command", ["ABOR", "REIN", "QUIT"])
def test_a_way_that_is_not_used_ends_with_what_ends_it(
    client: FtpClient, server: FtpServer, command: str
) -> None:
    data = client.connect()
    client.say(command)
    assert data.closed
    assert ends(server) == [CLOSED]


@pytest.mark.parametrize("come", [False, True])
def test_a_way_that_is_not_used_ends_with_its_client(serve: Serve, come: bool) -> None:
    server = serve(passive_wait_connection="No")
    client = FtpClient(server).arrive()
    port = client.passive()
    if come:
        client.connect(port)
    client.leave()
    assert server.listeners.offers == []
    assert all(socket.closed for socket in server.sockets)
    assert ends(server) == [CLOSED] * come
    assert server.reactor.getDelayedCalls() == []


def test_a_client_that_waits_for_its_own_connection_may_leave(
    client: FtpClient, server: FtpServer
) -> None:
    client.passive()
    client.leave()
    assert client.gone
    assert server.listeners.offers == []
    assert server.numbers()[-1] == 10034


def test_a_data_connection_without_a_transfer_is_not_kept(
    client: FtpClient, server: FtpServer
) -> None:
    data = client.connect()
    client.wait(SECONDS - 1)
    assert not data.closed
    client.wait(1)
    assert data.closed
    (told,) = server.data(IDLE)
    assert (told["peer_address"], told["host_port"]) == (CLIENT, 40000)
    assert ends(server) == [CLOSED]
    assert client.codes("LIST") == [425]


def test_a_data_connection_that_was_lost_before_its_transfer_is_not_there(
    client: FtpClient, server: FtpServer
) -> None:
    data = client.connect()
    data.cut()
    (connection,) = {one for one in server.joined if one.socket is data.socket}
    connection.connectionLost(Failure(ConnectionLost()))  # the reactor sees that it hung up
    assert client.codes("LIST") == [150, 425]
    assert ends(server) == [CLOSED]


# Strangers.


def test_nobody_else_may_take_the_passive_port(client: FtpClient, server: FtpServer) -> None:
    port = client.passive()
    assert server.connect(port, STRANGER) is None
    told = {"address": HERE, "port": port, "expected": CLIENT}
    assert server.data(STRANGER_REFUSED) == [told]
    (origin,) = (one.origin for one in server.told if one.event.number == STRANGER_REFUSED)
    assert (origin.actor.name, origin.peer.host) == ("Unknown", STRANGER)
    client.connect(port)
    assert client.codes("LIST") == [150, 226]


def test_who_waits_for_nothing_any_more_tells_of_strangers_as_well(
    client: FtpClient, server: FtpServer
) -> None:
    channel = next(iter(server.service.hub.presence.peers)).data
    channel.stranger(Address(STRANGER, 5))
    assert server.data(STRANGER_REFUSED)[0]["port"] == 0


# Active.


@every_way
def test_every_step_of_an_active_transfer(serve: Serve, way: Way) -> None:
    server = serve(active_source_port="20")
    server.tell_requests = True
    client = FtpClient(server, way).arrive()
    server.put("/file", b"some bytes")
    assert client.codes(PORT) == [200]
    assert client.codes("RETR /file") in ([150], [150, 226])
    data = client.attach(server.sockets[-1])
    client.settle()
    client.take()
    assert data.received == b"some bytes"
    assert data.closed
    (asked,) = server.out
    assert asked == (Address(HERE, 20), Address(CLIENT, 50000), SECONDS)
    ours = {"source_address": HERE, "source_port": 20}
    assert server.data(ACTIVE_ASKED) == [{"mode": "PORT", "address": CLIENT, "port": 50000}]
    assert server.data(ACTIVE_DONE) == [{"address": CLIENT, "port": 50000, **ours}]
    assert server.data(EXTENDED_ACTIVE) == []
    (told,) = server.data(CLOSED)
    assert (told["host_port"], told["peer_port"]) == (20, 50000)


@pytest.mark.parametrize(
    ("host", "argument", "protocol"),
    [(CLIENT, "|1|192.0.2.7|50000|", 1), (CLIENT_6, "|2|2001:db8::7|50000|", 2)],
)
def test_eprt_is_for_both_families(
    telling: FtpServer, host: str, argument: str, protocol: int
) -> None:
    client = FtpClient(telling, host=host).arrive()
    assert client.codes(f"EPRT {argument}") == [200]
    assert client.codes("LIST") == [150, 226]
    assert telling.out[0].source.host == (HERE_6 if protocol == 2 else HERE)
    assert telling.out[0].target == Address(host, 50000)
    assert telling.data(EXTENDED_ACTIVE) == [{"protocol": protocol, "ip": host, "port": 50000}]


def test_a_client_that_cannot_be_connected_to(client: FtpClient, server: FtpServer) -> None:
    server.unreachable = "Connection refused"
    client.say(PORT)
    assert client.codes("STOR /file") == [150, 425]
    assert server.data(ACTIVE_FAILED) == [
        {
            "address": CLIENT,
            "port": 50000,
            "source_address": HERE,
            "source_port": 0,
            "details": "Connection refused",
        }
    ]
    assert server.names() == []
    assert len(server.data(UPLOAD_FAILED)) == 1
    assert ends(server) == []


@pytest.mark.parametrize("how", ["ABOR", "lost", "left"])
def test_what_is_given_up_while_it_connects_does_not_begin(
    client: FtpClient, server: FtpServer, how: str
) -> None:
    server.connecting = Deferred()
    client.say(PORT)
    assert client.codes("STOR /file") == [150]
    if how == "ABOR":
        assert client.codes("ABOR") == [425, 226]
        assert client.codes("PWD") == [257]
    else:
        (client.vanish if how == "lost" else client.leave)()
        assert client.gone
        assert server.numbers()[-1] in (10034, 10042)
    assert len(server.data(ACTIVE_FAILED)) == 1
    assert len(server.data(UPLOAD_FAILED)) == 1
    assert server.names() == []
    assert len(server.sockets) == 1


# TLS.


@secured
def test_the_session_of_the_control_connection_is_taken_up(telling: FtpServer, way: Way) -> None:
    client = FtpClient(telling, way).arrive()
    for _ in range(3):
        assert client.down("LIST") == (b"", [150, 226])
    assert {one["encryption"] for one in telling.data(CLOSED)} == {client.control.encryption}


@secured
@pytest.mark.parametrize("version", tls_peer.VERSIONS, ids=["1.2", "1.3"])
def test_in_both_versions_of_tls(serve: Serve, way: Way, version: int) -> None:
    server = serve()
    client = FtpClient(server, way, tls=tls_peer.client_context(version)).arrive()
    assert client.up("STOR /file", b"some bytes") == [150, 226]
    assert client.down("RETR /file") == (b"some bytes", [150, 226])


def fresh(client: FtpClient) -> End:
    """A data connection whose TLS begins anew."""
    end = client.connect(private=False)
    end.secure(client.context)
    return end


@secured
@pytest.mark.parametrize("version", tls_peer.VERSIONS, ids=["1.2", "1.3"])
def test_a_new_session_is_refused(serve: Serve, way: Way, version: int) -> None:
    server = serve()
    client = FtpClient(server, way, tls=tls_peer.client_context(version)).arrive()
    data = fresh(client)
    assert client.codes("STOR /file") == [150, 522]
    details = "the TLS session is not one of the control connection"
    assert server.data(NOT_REUSED) == [{"command": "STOR /file", "details": details}]
    assert server.data(UPLOAD_FAILED)[0]["details"] == details
    assert ends(server) == [BROKE]
    assert data.closed
    assert server.names() == []
    assert client.down("LIST") == (b"", [150, 226])


@secured
def test_the_session_of_another_client_is_refused(server: FtpServer, way: Way) -> None:
    one = FtpClient(server, way).arrive()
    other = FtpClient(server, way).arrive()
    server.put("/file", b"some bytes")
    data = one.connect(session=other.session)
    assert one.codes("RETR /file") == [150, 522]
    assert not data.received


@secured
def test_where_it_need_not_be_taken_up_it_is_not(serve: Serve, way: Way) -> None:
    client = FtpClient(serve(ftps_require_session_reuse="No"), way).arrive()
    data = fresh(client)
    client.say("STOR /file")
    data.write(b"some bytes")
    data.finish()
    client.settle()
    assert [one.code for one in client.take()] == [226]


@secured
@pytest.mark.parametrize("command", ["STOR /new", "RETR /file", "LIST"])
def test_what_is_no_tls_breaks_the_transfer(
    client: FtpClient, server: FtpServer, command: str
) -> None:
    server.put("/file", b"some bytes")
    data = client.connect(private=False)
    data.write(b"some bytes that are not TLS")
    assert client.codes(command) == [150, 426]
    (told,) = server.data(TLS_FAILED)
    assert told["channel_type"] == "data"
    assert told["details"] in server.data(BROKE)[0]["details"]
    assert ends(server) == [BROKE]
    assert server.names() == ["file"]


@secured
@pytest.mark.parametrize(
    ("command", "failed"), [("STOR /new", UPLOAD_FAILED), ("RETR /file", DOWNLOAD_FAILED)]
)
def test_who_leaves_in_the_handshake_breaks_the_transfer(
    client: FtpClient, server: FtpServer, command: str, failed: int
) -> None:
    server.put("/file", b"some bytes")
    data = client.connect(private=False)
    assert client.codes(command) == [150]
    data.close()
    client.settle()
    assert [one.code for one in client.take()] == [426]
    assert ends(server) == [BROKE]
    assert len(server.data(failed)) == 1


@secured
def test_a_handshake_that_does_not_come_is_not_waited_for(
    client: FtpClient, server: FtpServer
) -> None:
    client.connect(private=False)
    assert client.codes("STOR /new") == [150]
    assert [one.code for one in client.wait(SECONDS)] == [426]
    assert len(server.data(IDLE)) == 1
    assert ends(server) == [BROKE]


# Time.


@every_way
@pytest.mark.parametrize(
    ("command", "failed"), [("STOR /new", UPLOAD_FAILED), ("RETR /file", DOWNLOAD_FAILED)]
)
def test_a_transfer_in_which_nothing_moves_is_ended(
    client: FtpClient, server: FtpServer, command: str, failed: int
) -> None:
    server.put("/file", b"x" * (1 << 20))
    data = client.connect()
    data.socket.room = 1000
    assert client.codes(command) == [150]
    first = client.wait(SECONDS)  # the handshake has moved something
    told = first or client.wait(SECONDS)
    assert [one.code for one in told] == [426]
    assert len(server.data(IDLE)) == 1
    assert ends(server) == [BROKE]
    words = "nothing moved on the data connection for too long"
    assert server.data(BROKE)[0]["details"] == words
    assert server.data(failed)[0]["details"] == words
    assert client.codes("PWD") == [257]


def test_the_time_of_a_transfer_begins_with_it(client: FtpClient, server: FtpServer) -> None:
    server.put("/file", b"x" * 1000)
    data = client.connect()
    client.wait(SECONDS - 1)
    data.socket.room = 0
    client.say("RETR /file")
    client.wait(SECONDS - 1)
    assert not data.closed
    client.wait(1)
    assert data.closed


def test_a_clock_that_rings_for_nothing_rings_no_more(client: FtpClient, server: FtpServer) -> None:
    client.down("LIST")
    before = len(server.reactor.getDelayedCalls())
    client.wait(SECONDS)
    assert len(server.reactor.getDelayedCalls()) == before - 1
    client.down("LIST")
    assert server.data(IDLE) == server.data(UNUSED) == []


def test_a_transfer_that_is_slow_goes_on(client: FtpClient, server: FtpServer) -> None:
    server.put("/file", b"x" * 1000)
    data = client.connect()
    data.socket.room = 0
    client.say("RETR /file")
    for _ in range(10):
        data.socket.room = 100
        client.wait(SECONDS - 1)
        assert not data.closed or len(data.received) == 1000
    assert data.received == b"x" * 1000
    assert server.data(IDLE) == []


# Clients that shake hands as soon as they are connected.


@secured
@pytest.mark.parametrize("version", tls_peer.VERSIONS, ids=["1.2", "1.3"])
def test_tls_may_be_there_before_the_command(serve: Serve, way: Way, version: int) -> None:
    server = serve()
    client = FtpClient(server, way, tls=tls_peer.client_context(version)).arrive()
    data = client.connect()
    client.settle()
    data.write(b"some bytes")  # before anybody asked for them
    client.settle()
    assert client.codes("STOR /file") == [150]
    data.finish()
    client.settle()
    assert [one.code for one in client.take()] == [226]
    assert server.get("/file") == b"some bytes"
    assert client.down("RETR /file") == (b"some bytes", [150, 226])


@secured
def test_a_new_session_is_refused_also_when_it_comes_before_the_command(
    server: FtpServer, way: Way
) -> None:
    client = FtpClient(server, way).arrive()
    data = fresh(client)
    client.settle()
    assert data.closed
    assert len(server.data(NOT_REUSED)) == 1
    assert client.codes("STOR /file") == [150, 522]
    assert server.names() == []


def test_what_is_connected_in_clear_is_secured_when_prot_says_so(serve: Serve) -> None:
    server = serve(ftps_explicit_enabled="Yes", ftps_force_secured_data_channel="No")
    server.put("/file", b"some bytes")
    client = FtpClient(server, EXPLICIT).arrive()
    client.say("PROT C")
    data = client.connect(private=False)
    client.say("PROT P")
    data.secure(client.context, client.session)
    assert client.codes("RETR /file") == [150, 226]
    assert bytes(data.received) == b"some bytes"
