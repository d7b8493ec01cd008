"""The bytes of a control connection: lines in any pieces, bounds, and TLS that comes and goes."""

from collections.abc import Callable

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from mft.protocols.ftp import line as module
from mft.protocols.ftp.line import MAX_HELD, MAX_UNSENT, TOGETHER, ControlLine
from mft.wire.ftp.command import MAX_LINE
from tests.fakes.ftp_client import EXPLICIT, IMPLICIT, FtpClient, Way
from tests.fakes.ftp_server import FtpServer
from tests.fakes.ftp_transfers import flow, stuck
from tests.fakes.run import run
from tests.fakes.slow import SlowFiles, Slowness

Serve = Callable[..., FtpServer]

CLOSED, LOST, TLS_FAILED, CLEAR_AGAIN = 10034, 10042, 10088, 10085
LOOSE = {
    "ftps_force_secured_command_channel": "No",
    "ftps_force_secured_data_channel": "No",
}


def ends(server: FtpServer) -> list[int]:
    """The closing events of connections."""
    return [number for number in server.numbers() if number in (CLOSED, LOST)]


def the_line(client: FtpClient) -> ControlLine:
    """The line of the only client."""
    (control,) = client.server.service.hub.presence.peers
    return control.line


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"PWD\0",
        b"PWD\rPWD",
        b"CWD \xfe\xfa",
        b"?",
        b"A" * 17,
        b"CWD " + b"a" * MAX_LINE,
    ],
)
def test_a_line_that_is_no_command_is_refused_and_the_session_lives(
    client: FtpClient, line: bytes
) -> None:
    (said,) = client.raw(line + b"\r\n")
    assert said.code == 500
    assert client.codes("PWD") == [257]


def test_commands_may_come_in_any_pieces(client: FtpClient) -> None:
    codes: list[int] = []
    for byte in b"PWD\r\nNOOP\r\n":
        codes += [one.code for one in client.raw(bytes((byte,)))]
    assert codes == [257, 200]
    assert client.codes("PWD", "NOOP", "SYST") == [257, 200, 215]
    assert [one.code for one in client.raw(b"\xff\xf1PW\xff\xfd\x01D\n")] == [257]


def test_who_sends_too_much_ahead_waits_and_loses_nothing(client: FtpClient) -> None:
    data = stuck(client)
    count = 4 * MAX_HELD // len("PWD\r\n")
    assert client.say(*["PWD"] * count) == []
    left = len(client.control.socket.to_server)
    assert left > 2 * MAX_HELD
    assert flow(client, data) == [226] + [257] * count
    assert not client.control.socket.to_server


def test_who_takes_no_replies_is_listened_to_no_more(client: FtpClient) -> None:
    socket = client.control.socket
    socket.room = 0
    count = 4 * MAX_UNSENT // 1000  # HELP has more than 1000 bytes
    assert client.say(*["HELP"] * count) == []
    assert MAX_UNSENT < the_line(client).queued < MAX_UNSENT + 1000
    socket.room = None
    client.settle()
    assert [one.code for one in client.take()] == [214] * count


def test_who_does_not_take_the_last_words_is_cut_off(client: FtpClient) -> None:
    client.control.socket.room = 0
    assert client.say("QUIT") == []
    assert not client.gone
    client.wait(5)
    assert client.gone


def test_a_flood_of_commands_lets_others_have_their_turn(client: FtpClient) -> None:
    client.control.socket.to_server += b"NOOP\r\n" * 1000
    client.server.reactor.turn()
    assert 0 < len(client.control.socket.to_client) <= TOGETHER * len("200 OK.\r\n")
    client.settle()
    assert [one.code for one in client.take()] == [200] * 1000


def test_what_came_in_clear_was_never_said_once_tls_begins(serve: Serve) -> None:
    server = serve(ftps_explicit_enabled="Yes", **LOOSE)
    client = FtpClient(server, EXPLICIT)
    client.say("USER ann")
    assert client.codes("AUTH TLS", "PASS right", "HELP", "PW") == [234]
    client.control.secure(client.context)
    client.settle()
    assert client.codes("PASS right") == [503]  # not even the name counts
    client.log_in()


def test_what_follows_the_end_of_tls_at_once_is_heard(serve: Serve) -> None:
    client = FtpClient(serve(ftps_explicit_enabled="Yes", **LOOSE), EXPLICIT).arrive()
    assert client.codes("CCC") == [200]
    sealed = client.control
    sealed.finish()
    sealed.pump()
    sealed.tls = None
    sealed.write(b"PWD\r\n")
    sealed.pump()  # in one piece with the end of TLS
    assert client.codes("NOOP") == [257, 200]


def test_who_is_lost_while_tls_ends_is_lost(serve: Serve) -> None:
    server = serve(ftps_explicit_enabled="Yes", **LOOSE)
    client = FtpClient(server, EXPLICIT).arrive()
    assert client.codes("CCC") == [200]
    client.vanish()
    assert ends(server) == [LOST]
    assert server.data(CLEAR_AGAIN) == []


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_words_after_the_last_ones_are_not_said(serve: Serve, way: Way) -> None:
    slowness = Slowness()
    slowness.slow = False
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    client = FtpClient(server, way).arrive()
    slowness.slow = True
    assert client.codes("SIZE /file") == []
    server.service.end_all("The service stops.")
    client.settle()
    slowness.let_all_go(client.settle)
    assert [one.code for one in client.take()] == [421]
    assert server.data(TLS_FAILED) == []


def test_what_a_client_says_while_it_is_sent_away_is_passed_over(
    client: FtpClient, server: FtpServer
) -> None:
    client.control.socket.room = 0
    server.service.end_all("The service stops.")
    client.control.socket.to_server += b"DELE /file\r\n"
    the_line(client).arrived(memoryview(bytearray(b"PWD\r\n")), 5)
    client.control.socket.room = None
    client.settle()
    assert [one.code for one in client.take()] == [421]


def test_where_the_kernel_does_not_tell_a_client_counts_as_there(
    client: FtpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = the_line(client)
    assert here.still_there
    client.control.socket.die()
    assert not here.still_there
    monkeypatch.setattr(module, "_GONE", 0)
    assert here.still_there
    client.vanish()
    assert not here.still_there


def test_in_clear_there_is_no_tls_to_end(client: FtpClient) -> None:
    here = the_line(client)
    here.ended()
    run(here.clear())
    assert (here.encryption, here.peer_certificate) == ("clear", None)
    assert not here.is_unfinished
    assert client.codes("PWD") == [257]


def test_what_is_lost_is_lost_once(client: FtpClient) -> None:
    here = the_line(client)
    client.leave()
    here.connectionLost(Failure(ConnectionLost()))
    assert client.server.numbers().count(CLOSED) == 1
