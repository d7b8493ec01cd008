"""One client: how it comes, what protects it, its clocks, and the one event of its end."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from mft.core.failure import Reason
from mft.core.peer import Address
from mft.protocols.arrival import Arrival
from mft.protocols.ftp.control import Control
from mft.protocols.talker import Gone
from mft.session.whole_files import BLOCK
from tests.fakes import pki, tls_peer
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.ftp_client import EXPLICIT, IMPLICIT, FtpClient, Way
from tests.fakes.ftp_fixtures import every_way
from tests.fakes.ftp_server import CLIENT, CLIENT_6, FtpServer
from tests.fakes.ftp_transfers import flow, stuck
from tests.fakes.refused import refused
from tests.fakes.slow import SlowFiles, Slowness

Serve = Callable[..., FtpServer]

CONNECTED, CLOSED, LOST = 10033, 10034, 10042
TLS_FAILED, TLS_ABANDONED, TLS_READY = 10088, 10021, 10100
UNSUPPORTED, COMMAND_BROKE, CONNECTION_BROKE = 10019, 10016, 10092
IDLE, LIMIT, LOGIN_TIMEOUT, ENDED = 10084, 90007, 90009, 90012
COPY_FAILED, CHECKSUM_FAILED = 90026, 90028
DEFAULT_IDLE, DEFAULT_LOGIN = 300, 60  # seconds

LOOSE = {
    "ftps_force_secured_command_channel": "No",
    "ftps_force_secured_data_channel": "No",
}


def ends(server: FtpServer) -> list[int]:
    """The closing events of connections."""
    return [number for number in server.numbers() if number in (CLOSED, LOST)]


# Coming and going.


@every_way
def test_a_client_comes_and_goes(server: FtpServer, way: Way) -> None:
    client = FtpClient(server, way)
    assert [one.code for one in client.greeting] == [220]
    assert server.data(CONNECTED) == [{}]
    client.arrive()
    assert client.ask("QUIT").text == "Goodbye."
    assert client.gone
    assert client.control.notified is way.secured
    assert server.data(CLOSED) == [{"encryption": client.control.encryption, "certificate": "none"}]
    assert ends(server) == [CLOSED]
    assert server.service.connections == 0
    assert len(server.roster) == 0


@every_way
def test_a_client_that_just_leaves_has_left_cleanly(client: FtpClient, server: FtpServer) -> None:
    client.leave()
    assert client.gone
    assert ends(server) == [CLOSED]


@every_way
def test_a_connection_that_is_lost_is_told_as_lost(client: FtpClient, server: FtpServer) -> None:
    client.vanish()
    assert client.gone
    assert ends(server) == [LOST]
    assert server.data(LOST)[0]["details"] == "the connection was lost"


def test_events_are_of_nobody_before_the_login_and_of_the_account_after(
    client: FtpClient, server: FtpServer
) -> None:
    client.say("CLNT me")
    names = {one.event.number: one.origin.actor.name for one in server.told}
    assert names[CONNECTED] == "Unknown"
    assert names[90032] == "ann"
    assert {one.origin.peer.host for one in server.told} == {CLIENT}


def test_a_client_of_ipv6_comes_as_well(server: FtpServer) -> None:
    client = FtpClient(server, host=CLIENT_6).arrive()
    assert client.codes("PWD") == [257]


# Clocks.


@every_way
def test_a_login_has_a_time_limit(server: FtpServer, way: Way) -> None:
    client = FtpClient(server, way)
    if way.explicit:
        client.secure()
    client.say("USER ann")
    assert client.wait(DEFAULT_LOGIN - 1) == []
    assert client.wait(1) == [(421, ("Login took too long.",))]
    assert client.gone
    assert server.data(LOGIN_TIMEOUT) == [{"name": "login_timeout", "value": DEFAULT_LOGIN}]
    assert ends(server) == [LOST]


def test_the_limit_of_the_login_ends_with_the_login(client: FtpClient) -> None:
    assert client.wait(DEFAULT_LOGIN + 1) == []
    assert client.codes("PWD") == [257]


def test_after_rein_the_login_has_its_limit_again(client: FtpClient, server: FtpServer) -> None:
    assert client.codes("REIN") == [220]
    assert [one.code for one in client.wait(DEFAULT_LOGIN)] == [421]
    assert len(server.data(LOGIN_TIMEOUT)) == 1


@every_way
def test_a_client_that_does_nothing_is_sent_away(client: FtpClient, server: FtpServer) -> None:
    assert client.wait(DEFAULT_IDLE - 1) == []
    assert client.wait(1) == [(421, ("Idle for too long.",))]
    assert client.gone
    assert server.data(IDLE) == [{"details": f"nothing came for {DEFAULT_IDLE} s"}]
    assert server.data(LOST)[0]["details"] == "idle for too long"
    assert ends(server) == [LOST]


def test_every_command_puts_the_end_of_an_idle_client_off(client: FtpClient) -> None:
    for _ in range(3):
        assert client.wait(DEFAULT_IDLE - 1) == []
        assert client.codes("NOOP") == [200]
    assert client.wait(DEFAULT_IDLE - 1) == []
    assert [one.code for one in client.wait(1)] == [421]


def test_a_client_whose_transfer_runs_is_not_idle(serve: Serve) -> None:
    client = FtpClient(serve(idle_data_connection_timeout="1h")).arrive()
    data = stuck(client)
    for _ in range(5):
        assert client.wait(DEFAULT_IDLE) == []
    assert client.wait(DEFAULT_IDLE - 1) == []
    assert flow(client, data) == [226]
    assert client.wait(DEFAULT_IDLE - 1) == []
    assert [one.code for one in client.wait(1)] == [421]


def test_a_client_for_whom_something_is_done_is_not_idle(serve: Serve) -> None:
    slowness = Slowness()
    slowness.slow = False
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    server.put("/file", b"some bytes")
    client = FtpClient(server).arrive()
    slowness.slow = True
    assert client.codes("HASH /file") == []
    for _ in range(5):
        assert client.wait(DEFAULT_IDLE) == []
    assert client.wait(DEFAULT_IDLE - 1) == []
    assert server.service.end_all("The service stops.", idle_only=True) == 0
    slowness.let_all_go(client.settle)
    assert [one.code for one in client.take()] == [213]
    assert client.wait(DEFAULT_IDLE - 1) == []
    assert [one.code for one in client.wait(1)] == [421]


@pytest.mark.parametrize(
    ("command", "failed"), [("HASH /file", CHECKSUM_FAILED), ("SITE COPY /file /copy", COPY_FAILED)]
)
def test_long_work_ends_when_its_client_leaves(serve: Serve, command: str, failed: int) -> None:
    slowness = Slowness()
    slowness.slow = False
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    server.put("/file", bytes(8 * BLOCK))
    client = FtpClient(server).arrive()
    slowness.slow = True
    assert client.codes(command) == []
    while not slowness.reads:
        slowness.let_go()
        client.settle()
    client.vanish()
    slowness.let_all_go(client.settle)
    assert slowness.reads <= 2  # what was under way comes to its end
    (told,) = server.data(failed)
    assert "left" in told["details"]
    assert server.names() == ["file"]
    assert client.gone


def test_a_client_that_takes_a_long_reply_slowly_is_not_idle(client: FtpClient) -> None:
    socket = client.control.socket
    socket.room = 0
    client.say(*["HELP"] * 10)
    for _ in range(5):
        socket.room = 100
        assert client.wait(DEFAULT_IDLE - 1) == []
        client.control.received.clear()
    client.wait(DEFAULT_IDLE)
    client.wait(DEFAULT_IDLE)
    assert 10084 in client.server.numbers()


# TLS.


@pytest.mark.parametrize("way", [EXPLICIT], ids=["explicit"])
def test_auth_begins_anew(serve: Serve, way: Way) -> None:
    server = serve(ftps_force_secured_authentication="No", **LOOSE)
    client = FtpClient(server, way)
    client.log_in()
    client.say("TYPE A", "CWD /")
    client.secure()
    assert client.codes("PWD") == [530]
    assert client.codes("AUTH TLS") == [503]
    client.log_in()
    assert "TYPE I" in client.ask("STAT").lines[3]


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_a_handshake_is_told_where_requests_are(serve: Serve, way: Way) -> None:
    server = serve()
    server.tell_requests = True
    client = FtpClient(server, way)
    if way.explicit:
        assert len(client.greeting) == 1
        client.secure()
    assert server.data(TLS_READY) == []  # nobody is known yet
    client.log_in()
    client.protect()
    client.down("LIST")
    assert server.data(TLS_READY) == [
        {
            "channel_type": "data",
            "encryption": client.control.encryption,
            "certificate": "none",
        }
    ]


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_what_is_no_tls_ends_the_connection(server: FtpServer, way: Way) -> None:
    client = Clear(server, way)
    if way.explicit:
        client.raw(b"AUTH TLS\r\n")
    client.raw(b"USER ann\r\nPASS right\r\n")
    assert client.gone
    (told,) = server.data(TLS_FAILED)
    assert told["channel_type"] == "control"
    assert told["details"]
    assert ends(server) == [LOST]
    assert server.data(LOST)[0]["details"] == f"TLS failed: {told['details']}"
    assert server.data(TLS_ABANDONED) == []


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
@pytest.mark.parametrize("begun", [False, True])
def test_who_leaves_before_tls_is_there_is_told(server: FtpServer, way: Way, begun: bool) -> None:
    client = Clear(server, way)
    if way.explicit:
        client.raw(b"AUTH TLS\r\n")
    if begun:
        client.raw(hello()[:40])
    client.leave()
    assert client.gone
    assert server.data(TLS_ABANDONED) == [{"details": "it closed the connection"}]
    assert server.data(TLS_FAILED) == []
    assert ends(server) == [CLOSED]


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_a_handshake_that_does_not_come_is_not_waited_for(server: FtpServer, way: Way) -> None:
    client = Clear(server, way)
    if way.explicit:
        client.raw(b"AUTH TLS\r\n")
    client.raw(hello()[:40])
    client.wait(DEFAULT_LOGIN)
    assert client.gone
    assert server.data(TLS_ABANDONED) == [{"details": "the login took too long"}]
    assert server.data(TLS_FAILED) == []
    assert ends(server) == [LOST]


class Clear(FtpClient):
    """A client that speaks in clear where TLS is expected."""

    def __init__(self, server: FtpServer, way: Way) -> None:
        super().__init__(server, way._replace(implicit=False))


def hello() -> bytes:
    """The first bytes of a handshake."""
    connection = tls_peer.client(tls_peer.client_context())
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    return connection.bio_read(1 << 16)


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_tls_that_breaks_later_ends_the_connection(client: FtpClient, server: FtpServer) -> None:
    client.control.socket.to_server += b"\x17\x03\x03\x00\x20" + bytes(32)
    client.settle()
    assert client.gone
    assert len(server.data(TLS_FAILED)) == 1
    assert server.data(TLS_ABANDONED) == []
    assert ends(server) == [LOST]


def test_ccc_goes_back_to_clear(serve: Serve) -> None:
    server = serve(ftps_explicit_enabled="Yes", **LOOSE)
    client = FtpClient(server, EXPLICIT).arrive()
    assert client.codes("CCC") == [200]
    assert client.control.notified
    assert server.data(10085) == []
    sealed = client.control
    sealed.finish()
    sealed.pump()
    sealed.tls = None
    assert client.codes("PWD") == [257]
    assert server.data(10085) == [{}]
    server.put("/file", b"some bytes")
    assert client.codes("CCC") == [533]
    assert client.codes("REIN") == [220]
    assert client.codes("USER ann") == [530]  # a login is never taken in clear
    client.leave()
    assert server.data(CLOSED) == [{"encryption": "clear", "certificate": "none"}]


def test_a_service_without_tls_secures_nothing(client: FtpClient, server: FtpServer) -> None:
    (control,) = server.service.hub.presence.peers
    with pytest.raises(Gone):
        control._secure()
    assert client.codes("PWD") == [257]


# Client certificates.


PARTNERS = pki.Authority("partners")


def trusting(serve: Serve, way: Way, **options: Any) -> FtpServer:
    return serve(ssl_certificate_authority=PARTNERS.pem.decode(), **way.options, **options)


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_a_client_with_a_certificate_comes_in(serve: Serve, way: Way) -> None:
    server = trusting(serve, way)
    server.tell_requests = True
    identity = PARTNERS.issue("a partner")
    client = FtpClient(server, way, tls=tls_peer.client_context(identity=identity)).arrive()
    client.down("LIST")
    client.say("QUIT")
    (told,) = server.data(CLOSED)
    assert told["certificate"].startswith("CN=a partner, signed by CN=partners, number ")
    assert {one["certificate"] for one in server.data(10030)} == {told["certificate"]}


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_a_client_without_one_does_not(serve: Serve, way: Way) -> None:
    server = trusting(serve, way)
    client = FtpClient(server, way)
    if way.explicit:
        client.say("AUTH TLS")
        client.control.secure(client.context)
        client.settle()
    assert client.gone
    assert len(server.data(TLS_FAILED)) == 1
    assert ends(server) == [LOST]


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_a_revoked_certificate_is_told_to_leave(serve: Serve, way: Way, tmp_path: Any) -> None:
    identity = PARTNERS.issue("a former partner")
    listed = tmp_path / "list.pem"
    listed.write_bytes(PARTNERS.revoke(identity).public_bytes(Encoding.PEM))
    server = trusting(
        serve,
        way,
        ssl_certificate_revocation_list=listed.as_uri(),
        began=pki.now().timestamp(),
    )
    client = FtpClient(server, way, tls=tls_peer.client_context(identity=identity))
    said = client.greeting
    if way.explicit:
        client.secure()
        said = client.take()
    assert [one.code for one in said] == [421]
    assert client.gone
    assert server.data(10014) == [{"details": "it is revoked"}]
    assert server.data(TLS_FAILED) == []
    assert ends(server) == [CLOSED]


# Being ended.


@every_way
def test_an_administrator_ends_one(client: FtpClient, server: FtpServer) -> None:
    (here,) = server.roster.describe()
    assert server.roster.end(here["id"], "it is late")
    client.settle()
    assert client.take() == [(421, ("Ended by an administrator.",))]
    assert client.gone
    assert server.data(ENDED) == [{"details": "it is late"}]
    assert server.data(LOST)[0]["details"] == "it is late"
    assert ends(server) == [LOST]


def test_who_is_being_ended_is_ended_once(client: FtpClient, server: FtpServer) -> None:
    client.control.socket.room = 0
    (control,) = server.service.hub.presence.peers
    control.end("First.")
    control.end("Second.")
    client.control.socket.room = None
    client.settle()
    assert client.take() == [(421, ("First.",))]
    assert client.gone
    control.end("Third.")
    assert ends(server) == [CLOSED]


# At the end.


def test_a_session_that_cannot_be_closed_is_still_told_as_closed(
    client: FtpClient, server: FtpServer, faults: list[str]
) -> None:
    (control,) = server.service.hub.presence.peers

    async def broken(details: str) -> None:
        raise RuntimeError(details)

    control.session.close = broken  # type: ignore[union-attr,method-assign]  # a fault of ours
    client.leave()
    assert ends(server) == [CLOSED]
    assert "the client left" in faults.pop()
    assert server.service.connections == 0


def test_without_a_session_nothing_is_done(server: FtpServer) -> None:
    arrival = Arrival(Address(CLIENT, 1))
    control = Control(server.service.hub, arrival)
    with refused(Reason.DENIED):
        _ = control.current
    assert not control.busy
    assert control.session_id != Control(server.service.hub, arrival).session_id


def test_sessions_of_one_source_count_until_they_log_in(serve: Serve) -> None:
    server = serve(
        account("ann", password=CHEAP_HASH), maximum_unauthenticated_connections_per_source="1"
    )
    client = FtpClient(server)
    assert server.accept() is None
    client.log_in()
    other = FtpClient(server)
    assert client.codes("REIN") == [220]
    assert server.accept() is None
    other.leave()
    assert server.accept() is None
    client.log_in()
    assert server.accept() is not None
