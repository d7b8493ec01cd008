"""What the connections of one service share."""

from collections.abc import Callable

import pytest

from mft.core.failure import Reason, Refused
from mft.protocols.http import router
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.hub import HEADS, SITE, Manner
from mft.protocols.http.service import HttpService
from mft.runtime.buffers import INLET_SIZE
from mft.session.numbers import NO_METADATA
from mft.wire.http.head import Fields
from tests.fakes.http_server import HttpClient, HttpServer
from tests.fakes.http_wire import Counted
from tests.fakes.threads import Inline

Serve = Callable[..., HttpServer]

IN_CLEAR = pytest.mark.parametrize("tls", [False], ids=["http"])
CONNECTED, CLOSED, LOGIN_TIMEOUT, LIMIT = 40053, 40054, 90009, 90007


def test_every_buffer_is_given_back(server: HttpServer) -> None:
    hub = server.service.hub
    rooms, blocks = Counted(HEADS), Counted(INLET_SIZE)
    hub.rooms, hub.blocks = rooms, blocks
    client = HttpClient(server)
    client.ask("PUT", "/home/file", bytes(1 << 20))
    assert len(client.ask("GET", "/home/file").body) == 1 << 20
    assert (rooms.lent, blocks.lent) == (0, 0), "a connection that rests holds none"
    client.end.socket.room = 100_000
    client.write(client.head("GET", "/home/file"))
    client.vanish()
    assert (rooms.lent, blocks.lent) == (0, 0)


def test_the_files_that_one_request_may_open_are_bounded(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(maximum_open_files="1")
    server.put("/file", b"bytes")

    async def greedy(exchange: Exchange) -> None:
        async with await exchange.session.download(exchange.path):
            with pytest.raises(Refused) as told:
                await exchange.session.download(exchange.path)
        assert told.value.reason is Reason.BUSY
        exchange.answer(204)

    monkeypatch.setattr(router, "METHODS", {**router.METHODS, "GET": greedy})
    assert HttpClient(server).ask("GET", "/home/file").status == 204
    assert server.data(LIMIT) == [{"name": "maximum_open_files", "value": 1}]


def test_tls_sessions_belong_to_one_service(serve: Serve) -> None:
    one, other = serve().service.hub, serve().service.hub
    assert one.session_id != other.session_id
    assert len(one.session_id) == 16


def test_the_tls_of_a_service_is_there_or_not(server: HttpServer) -> None:
    hub = server.service.hub
    assert (hub.context is not None) is server.tls
    assert hub.takes_certificates is server.tls


@IN_CLEAR
def test_metadata_is_read_where_it_is_wanted(serve: Serve) -> None:
    given = Fields((("X-Tags", "colour=red"),))
    assert serve().service.hub.metadata(given) == NO_METADATA
    wanted = serve(metadata_fields="X-Tags\ncolour, optional")
    assert wanted.service.hub.metadata(given) == {"colour": ["red"]}


@IN_CLEAR
def test_what_is_put_off_is_done_in_the_next_turn(server: HttpServer) -> None:
    done: list[int] = []
    server.service.hub.soon(lambda: done.append(1))
    assert not done
    server.reactor.settle()
    assert done == [1]


# How a service treats those who come.


async def hello(exchange: Exchange) -> None:
    exchange.answer(200, b"hello")


def of(server: HttpServer, manner: Manner) -> None:
    """From here on a service of another manner is the server's."""
    old = server.service
    parts = server.parts(None, Inline())
    server.service = HttpService(old.component, old.hub.options, parts, manner)
    server.service.hub.protection = old.hub.protection


def test_a_service_for_files_tells_who_comes_and_wants_a_login(server: HttpServer) -> None:
    assert server.service.hub.manner is SITE
    assert Manner(router.serve, logs_in=True, tells=True) == SITE


def test_another_answers_in_its_own_manner(server: HttpServer) -> None:
    of(server, Manner(hello, logs_in=False))
    client = HttpClient(server, user=None)
    assert client.ask("GET", "/whatever").body == b"hello"
    client.wait(60)
    assert client.closed
    assert server.data(LOGIN_TIMEOUT) == []
    assert len(server.data(CONNECTED)) == len(server.data(CLOSED)) == 1


def test_where_coming_is_no_event_nothing_is_told(server: HttpServer) -> None:
    of(server, Manner(hello, logs_in=False, tells=False))
    client = HttpClient(server, user=None)
    assert client.ask("GET", "/whatever").body == b"hello"
    client.leave()
    assert server.told == []
    assert server.service.connections == 0
