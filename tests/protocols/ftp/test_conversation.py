"""What is said over a control connection: what waits, what does not, and what breaks."""

from collections.abc import Callable
from typing import Any

import pytest

from mft.protocols.ftp.conversation import MAX_BAD
from mft.protocols.talker import Gone
from mft.wire.ftp.command import Lines
from tests.fakes.ftp_client import FtpClient
from tests.fakes.ftp_fixtures import every_way
from tests.fakes.ftp_server import FtpServer
from tests.fakes.ftp_transfers import flow, stuck
from tests.fakes.instead import Instead
from tests.fakes.slow import SlowFiles, Slowness

Serve = Callable[..., FtpServer]

CLOSED, LOST, LIMIT = 10034, 10042, 90007
COMMAND_BROKE, CONNECTION_BROKE = 10016, 10092


def ends(server: FtpServer) -> list[int]:
    """The closing events of connections."""
    return [number for number in server.numbers() if number in (CLOSED, LOST)]


def test_lines_that_are_no_commands_have_a_limit(client: FtpClient, server: FtpServer) -> None:
    for number in range(MAX_BAD):
        assert client.codes("NONSENSE" if number % 2 else "") == [500]
    assert client.ask("NONSENSE") == (421, ("Too many lines that are no commands.",))
    assert client.gone
    assert server.data(LIMIT) == [{"name": "lines that are no commands", "value": MAX_BAD}]
    assert ends(server) == [CLOSED]


def test_a_secret_is_in_no_event(
    client: FtpClient, server: FtpServer, faults: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*given: Any) -> Any:
        raise RuntimeError("no judge")

    monkeypatch.setattr(server.chain, "judge", broken)
    assert client.codes("REIN", "USER ann", "PASS topsecret") == [220, 331, 451]
    assert server.data(COMMAND_BROKE)[0]["line"] == "PASS ***"
    assert "topsecret" not in repr(server.told)
    assert "no judge" in faults.pop()


@every_way
def test_in_a_transfer_only_some_commands_are_answered(client: FtpClient) -> None:
    data = stuck(client)
    assert client.codes("NOOP", "STAT", "PWD", "NOOP") == [200, 211]
    assert flow(client, data) == [226, 257, 200]


@every_way
def test_a_bad_line_in_a_transfer_waits_as_well(client: FtpClient) -> None:
    data = stuck(client)
    assert client.codes("", "NOOP") == []
    assert flow(client, data) == [226, 500, 200]


@every_way
def test_the_state_of_a_transfer_is_told(client: FtpClient) -> None:
    data = stuck(client, size=1000)
    assert client.ask("STAT").lines[4].endswith("bytes so far")
    assert flow(client, data) == [226]
    assert len(client.ask("STAT").lines) == 5


def test_a_listing_may_be_asked_for_beside_a_transfer(client: FtpClient) -> None:
    data = stuck(client)
    assert client.ask("STAT /").code == 212
    assert client.ask("STAT /nothing").code == 550
    assert flow(client, data) == [226]


def test_a_transfer_may_end_while_a_command_beside_it_waits(serve: Serve) -> None:
    slowness = Slowness()
    slowness.slow = False
    client = FtpClient(serve(storage=lambda memory: SlowFiles(memory, slowness))).arrive()
    data = stuck(client)
    slowness.slow = True
    assert client.codes("STAT /file") == []
    assert flow(client, data) == []
    slowness.let_all_go(client.settle)
    assert [one.code for one in client.take()] == [213, 226]


@every_way
def test_a_client_that_is_lost_in_a_transfer_ends_it(client: FtpClient, server: FtpServer) -> None:
    data = stuck(client)
    client.vanish()
    assert data.closed
    assert [number for number in server.numbers() if number in (10030, 10031)] == [10031]
    assert server.data(10070)[0]["details"] == "the control connection has gone"
    assert ends(server) == [LOST]
    assert server.numbers()[-1] == LOST  # everything else has ended before


def test_quit_in_a_transfer_waits_for_it(client: FtpClient) -> None:
    data = stuck(client)
    assert client.codes("QUIT") == []
    assert flow(client, data) == [226, 221]
    assert client.gone


def test_who_is_gone_in_a_transfer_hears_nothing(serve: Serve) -> None:
    async def gone(path: Any) -> Any:
        raise Gone

    server = serve(storage=lambda memory: Instead(memory, list=gone))
    client = FtpClient(server).arrive()
    client.connect()
    assert client.codes("LIST", "PWD") == []
    client.leave()
    assert ends(server) == [CLOSED]


def test_a_fault_in_a_command_tells_an_id_only(serve: Serve, faults: list[str]) -> None:
    async def broken(path: Any, **how: bool) -> Any:
        raise RuntimeError("/secret/place")

    server = serve(storage=lambda memory: Instead(memory, stat=broken))
    client = FtpClient(server).arrive()
    said = client.ask("SIZE /file")
    assert said.code == 451
    (told,) = server.data(COMMAND_BROKE)
    assert told["line"] == "SIZE /file"
    assert said.text == f"Internal error {told['details']}."
    assert len(faults) == 1
    assert "/secret/place" in faults.pop()
    assert client.codes("PWD") == [257]


def test_a_fault_between_commands_ends_the_connection_with_an_id_only(
    client: FtpClient, server: FtpServer, faults: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(lines: Lines) -> None:
        raise RuntimeError("/secret/place")

    monkeypatch.setattr(Lines, "take", broken)
    (said,) = client.say("PWD")
    (told,) = server.data(CONNECTION_BROKE)
    assert said == (421, (f"Internal error {told['details']}.",))
    assert client.gone
    assert "/secret/place" in faults.pop()
    assert ends(server) == [CLOSED]
