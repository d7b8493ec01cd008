"""One data connection: its bytes are all of a file, or the transfer failed; nothing between."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from mft.core.failure import Reason
from mft.core.peer import Address
from mft.protocols.ftp.data_connection import CLOSED_EARLY, NOT_ENDED, DataConnection
from mft.runtime.buffers import Buffers
from mft.runtime.connection import Connection
from tests.fakes.ftp_client import CLEAR, EXPLICIT, IMPLICIT, WAYS, End, FtpClient, Way
from tests.fakes.ftp_fixtures import every_way
from tests.fakes.ftp_server import FtpServer
from tests.fakes.refused import refused
from tests.fakes.run import run

Serve = Callable[..., FtpServer]

UPLOAD_DONE, UPLOAD_FAILED, KEPT, CONTINUED = 10078, 10079, 90019, 90005
DOWNLOAD_DONE, DOWNLOAD_FAILED = 10069, 10070
DATA_CLOSED, DATA_BROKE = 10030, 10031
DATA = bytes(range(256)) * 4000  # 1 MB
HALF = len(DATA) // 2


def reset(client: FtpClient, data: End) -> None:
    data.cut()


def fin(client: FtpClient, data: End) -> None:
    data.close()


def abort(client: FtpClient, data: End) -> None:
    client.control.write(b"ABOR\r\n")


def control_reset(client: FtpClient, data: End) -> None:
    client.control.cut()


def control_fin(client: FtpClient, data: End) -> None:
    client.control.finish()


def both_reset(client: FtpClient, data: End) -> None:
    data.cut()
    client.control.cut()


def idle(client: FtpClient, data: End) -> None:
    for _ in range(2):  # the first look finds that something has moved
        client.server.reactor.advance(30)


def administrator(client: FtpClient, data: End) -> None:
    (here,) = client.server.roster.describe()
    client.server.roster.end(here["id"], "it is late")


def stop(client: FtpClient, data: End) -> None:
    client.server.service.end_all("The service stops.")


Cut = Callable[[FtpClient, End], None]
# A way to cut a transfer, where it cuts one, and the details that are told of the file.
CUTS: tuple[tuple[Cut, tuple[Way, ...], str], ...] = (
    (reset, (CLEAR,), CLOSED_EARLY),
    (reset, (EXPLICIT, IMPLICIT), NOT_ENDED),
    (fin, (EXPLICIT, IMPLICIT), NOT_ENDED),
    (abort, WAYS, "the client aborted the transfer"),
    (control_reset, WAYS, "the control connection has gone"),
    (control_fin, WAYS, "the control connection has gone"),
    (both_reset, WAYS, ""),
    (idle, WAYS, "nothing moved on the data connection for too long"),
    (administrator, WAYS, "Ended by an administrator."),
    (stop, WAYS, "The service stops."),
)
every_cut = pytest.mark.parametrize(
    ("cut", "way", "details"),
    [(cut, way, details) for cut, ways, details in CUTS for way in ways],
    ids=[f"{cut.__name__}-{way.name}" for cut, ways, _ in CUTS for way in ways],
)


def only(server: FtpServer, *numbers: int) -> list[int]:
    return [number for number in server.numbers() if number in numbers]


def begun(client: FtpClient, command: str = "STOR /file") -> End:
    """An upload of which one half has come."""
    data = client.connect()
    assert client.codes(command) == [150]
    data.write(DATA[:HALF])
    client.settle()
    return data


@every_cut
def test_an_upload_that_is_cut_leaves_no_file_and_can_be_gone_on_with(
    client: FtpClient, server: FtpServer, way: Way, cut: Cut, details: str
) -> None:
    data = begun(client)
    cut(client, data)
    client.settle()
    assert data.closed
    assert server.names() == []
    assert only(server, UPLOAD_DONE, UPLOAD_FAILED) == [UPLOAD_FAILED]
    assert only(server, DATA_CLOSED, DATA_BROKE) == [DATA_BROKE]
    (told,) = server.data(UPLOAD_FAILED)
    assert details in told["details"]
    assert told["total"] == HALF
    assert server.data(DATA_BROKE)[0]["details"] == told["details"]
    assert server.data(KEPT)[0]["offset"] == HALF

    again = FtpClient(server, way).arrive()
    assert again.ask("SIZE /file").text == str(HALF - 1)  # some byte is always still to come
    assert again.codes(f"REST {HALF}") == [350]
    assert again.up("STOR /file", DATA[HALF:]) == [150, 226]
    assert len(server.data(CONTINUED)) == 1
    assert server.get("/file") == DATA


@every_cut
def test_a_download_that_is_cut_is_told_as_cut(
    client: FtpClient, server: FtpServer, cut: Cut, details: str
) -> None:
    server.put("/file", DATA)
    data = client.connect()
    data.socket.room = HALF
    assert client.codes("RETR /file") == [150]
    cut(client, data)
    client.settle()
    assert data.closed
    assert only(server, DOWNLOAD_DONE, DOWNLOAD_FAILED) == [DOWNLOAD_FAILED]
    assert only(server, DATA_CLOSED, DATA_BROKE) == [DATA_BROKE]
    (told,) = server.data(DOWNLOAD_FAILED)
    assert told["details"] == (CLOSED_EARLY if cut in (reset, fin) else told["details"])
    if cut not in (reset, fin):
        assert details in told["details"]
    assert server.data(DATA_BROKE)[0]["sent"] >= HALF


@every_way
def test_an_upload_is_there_only_when_it_has_come_whole(
    client: FtpClient, server: FtpServer
) -> None:
    data = begun(client)
    assert server.names() == []
    data.write(DATA[HALF:])
    client.settle()
    assert server.names() == []
    assert client.take() == []
    data.finish()
    client.settle()
    assert client.take() == [(226, ("Transfer complete.",))]
    assert data.closed
    assert server.get("/file") == DATA
    assert only(server, DATA_CLOSED, DATA_BROKE) == [DATA_CLOSED]
    assert server.data(DATA_CLOSED)[0]["received"] == len(DATA)


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_tls_is_ended_by_both(client: FtpClient, server: FtpServer) -> None:
    data = begun(client)
    data.finish()
    client.settle()
    assert data.notified
    assert client.take()[0].code == 226
    data = client.connect()
    client.say("RETR /file")
    assert data.notified
    assert data.received == DATA[:HALF]


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_a_client_that_ends_tls_and_leaves_at_once_has_sent_everything(
    client: FtpClient, server: FtpServer
) -> None:
    data = begun(client)
    data.finish()
    data.pump()
    data.socket.ended = True
    client.settle()
    assert [one.code for one in client.take()] == [226]
    assert server.get("/file") == DATA[:HALF]


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_a_client_may_end_its_side_of_tls_in_a_download(
    client: FtpClient, server: FtpServer
) -> None:
    server.put("/file", DATA)
    data = client.connect()
    data.socket.room = HALF
    client.say("RETR /file")
    data.finish()
    data.pump()
    data.socket.room = None
    client.settle()
    assert [one.code for one in client.take()] == [226]


@every_way
def test_what_a_client_sends_in_a_download_is_none_of_ours(
    client: FtpClient, server: FtpServer
) -> None:
    server.put("/file", DATA)
    data = client.connect()
    data.write(b"something")
    assert client.codes("RETR /file") == [150, 226]
    assert data.received == DATA
    (told,) = server.data(DATA_CLOSED)
    assert told["received"] == 0


def test_a_client_that_died_has_not_ended_its_upload(client: FtpClient, server: FtpServer) -> None:
    data = begun(client)
    client.control.socket.die()  # nobody has read that it is gone
    data.finish()
    client.settle()
    assert server.names() == []
    assert server.data(UPLOAD_FAILED)[0]["details"] == "the client has left"
    assert only(server, UPLOAD_DONE, UPLOAD_FAILED) == [UPLOAD_FAILED]
    assert only(server, DATA_CLOSED, DATA_BROKE) == [DATA_CLOSED]


@every_way
def test_an_empty_file_is_a_file(client: FtpClient, server: FtpServer) -> None:
    assert client.up("STOR /file", b"") == [150, 226]
    assert server.get("/file") == b""
    assert client.down("RETR /file") == (b"", [150, 226])


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_a_client_that_leaves_before_it_has_taken_the_last_bytes_has_not_got_the_file(
    client: FtpClient, server: FtpServer
) -> None:
    server.put("/file", DATA)
    client.down("RETR /file")
    (whole,) = (one["sent"] for one in server.data(DATA_CLOSED))
    data = client.connect()
    data.socket.room = whole - 10
    assert client.codes("RETR /file") == [150]
    data.close()
    client.settle()
    assert [one.code for one in client.take()] == [426]
    assert server.data(DATA_BROKE)[0]["details"] == CLOSED_EARLY


@every_way
def test_only_an_upload_is_acknowledged_without_delay(
    client: FtpClient, server: FtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Connection] = []
    monkeypatch.setattr(Connection, "only_hears", lambda one: asked.append(one))
    client.up("STOR /file", DATA)
    assert len(asked) == 1
    client.down("RETR /file")
    assert len(asked) == 1


@every_way
def test_buffers_are_given_back(client: FtpClient, server: FtpServer) -> None:
    hub = server.service.hub
    for _ in range(3):
        client.up("STOR /file", DATA)
        client.down("RETR /file")
    for pool in (hub.blocks, hub.lines, hub.sealed):
        free = pool._free
        assert len({id(one.obj) for one in free}) == len(free)
        assert len(free) <= 2


def test_a_client_that_has_everything_may_reset_the_connection() -> None:
    over: list[Any] = []
    connection = DataConnection(Nobody(), Address("192.0.2.7", 1), Buffers(10))
    connection._transport = SimpleNamespace(unsent=0)  # type: ignore[assignment]  # all it asks
    connection._body = Ended()  # type: ignore[assignment]  # all it asks
    connection._over.addBoth(over.append)
    connection._finishing = True
    connection.connectionLost(Failure(ConnectionLost()))
    assert over == [None]


class Nobody:
    """A watcher that hears nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *given: None


def test_what_nobody_uses_does_nothing() -> None:
    connection = DataConnection(Nobody(), Address("192.0.2.7", 1), Buffers(10))
    assert not connection.pump()
    assert not connection.busy
    connection._start()
    connection._peer_ended()
    connection.hold(held=True)
    connection.close()
    with refused(Reason.ABORTED):
        run(connection.run(Ended(), None, b"one"))


class Ended:
    """A body of which nothing is under way."""

    reads = busy = False

    async def settled(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)
