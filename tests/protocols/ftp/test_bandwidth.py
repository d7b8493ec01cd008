"""FTP within a bandwidth: both ways, in clear and over TLS, and ABOR does not wait."""

from collections.abc import Callable

import pytest

from mft.session.bandwidth import LEAST_BURST
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.ftp_client import FtpClient, Way
from tests.fakes.ftp_fixtures import every_way
from tests.fakes.ftp_server import FtpServer

RATE = 64_000  # bytes a second
DATA = bytes(range(251)) * 1200  # 300 KB: more than three seconds
STEP = 0.05  # seconds between two looks
LEAST = (len(DATA) - 3 * LEAST_BURST) / RATE  # seconds that it takes


@pytest.fixture
def server(serve: Callable[..., FtpServer]) -> FtpServer:
    limits = {"upload_bandwidth": str(RATE), "download_bandwidth": str(RATE)}
    ann = account("ann", password=CHEAP_HASH, durable_uploads="no", **limits)
    server = serve(ann, idle_data_connection_timeout="1")
    server.put("/file", DATA)
    return server


def until_told(client: FtpClient) -> tuple[list[int], float]:
    """Let time pass until a reply comes; the codes, and how long it took."""
    began = client.server.reactor.seconds()
    for _ in range(400):
        if codes := [one.code for one in client.wait(STEP)]:
            return codes, client.server.reactor.seconds() - began
    raise AssertionError("there is no reply")


@every_way
def test_a_download_takes_its_time(client: FtpClient) -> None:
    data = client.connect()
    assert client.codes("RETR /file") == [150]
    assert len(data.received) <= 2 * LEAST_BURST
    codes, took = until_told(client)
    assert codes == [226]
    assert took >= LEAST
    assert bytes(data.received) == DATA


@every_way
def test_an_upload_takes_its_time(client: FtpClient, server: FtpServer) -> None:
    data = client.connect()
    assert client.codes("STOR /new") == [150]
    data.write(DATA)
    data.finish()
    client.settle()
    codes, took = until_told(client)
    assert codes == [226]
    assert took >= LEAST
    assert server.get("/new") == DATA


def test_text_takes_its_time_as_well(client: FtpClient, server: FtpServer) -> None:
    server.put("/text", b"line\n" * 60_000)
    client.say("TYPE A")
    data = client.connect()
    assert client.codes("RETR /text") == [150]
    codes, took = until_told(client)
    assert (codes, bytes(data.received)) == ([226], b"line\r\n" * 60_000)
    assert took >= LEAST


@pytest.mark.parametrize(("command", "kind"), [("RETR /file", "I"), ("RETR /file", "A")])
def test_a_download_that_waits_is_ended_at_once(client: FtpClient, command: str, kind: str) -> None:
    client.say(f"TYPE {kind}")
    client.connect()
    assert client.codes(command) == [150]
    assert client.codes("ABOR") == [426, 226]


def test_an_upload_that_waits_is_ended_at_once(client: FtpClient, server: FtpServer) -> None:
    data = client.connect()
    assert client.codes("STOR /new") == [150]
    data.write(DATA)
    client.settle()
    assert client.codes("NOOP") == [200]
    assert client.codes("ABOR") == [426, 226]
    assert "new" not in server.names()


def test_small_uploads_pay_before_their_end(client: FtpClient) -> None:
    began = client.server.reactor.seconds()
    for _ in range(6):
        data = client.connect()
        assert client.codes("STOR /small") == [150]
        data.write(DATA[:LEAST_BURST])
        data.finish()
        client.settle()
        if not [one.code for one in client.take()]:
            until_told(client)
    assert client.server.reactor.seconds() - began >= 4 * LEAST_BURST / RATE


def test_two_sessions_share_it(server: FtpServer, way: Way) -> None:
    clients = [FtpClient(server, way).arrive() for _ in range(2)]
    ends = [client.connect() for client in clients]
    for client in clients:
        client.codes("RETR /file")
    for step in range(1, 40):
        server.reactor.advance(STEP)
        for client in clients:
            client.settle()
        came = [len(end.received) for end in ends]
        assert sum(came) <= RATE * (step + 1) * STEP + 3 * LEAST_BURST
    assert abs(came[0] - came[1]) <= 3 * LEAST_BURST
    assert min(came) > 0


def test_who_goes_while_a_transfer_waits_is_gone(client: FtpClient, server: FtpServer) -> None:
    client.connect()
    client.codes("RETR /file")
    client.vanish()
    assert not server.service.connections
    assert not server.reactor.getDelayedCalls()
