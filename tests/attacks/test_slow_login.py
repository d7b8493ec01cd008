"""Peers that connect and then take their time: the login has a clock that nothing winds up."""

import pytest

from mft.runtime.connection import LAST_WORDS
from mft.wire.ssh.numbers import Code, Message
from tests.fakes.ssh_client import SshClient, disconnects

TIMEOUT, CLOSED = 90009, 30015


def _nothing(client):
    return client


def _version(client):
    client.say_version()
    client.settle()
    return client


STATES = [_nothing, _version, SshClient.greet, SshClient.service]


@pytest.mark.parametrize("state", STATES)
def test_a_login_that_is_not_done_in_time_ends(server, state):
    client = state(SshClient(server))
    server.reactor.advance(59)
    client.settle()
    assert client.open
    server.reactor.advance(1.5)
    assert disconnects(client.answers()) == [Code.BY_APPLICATION]
    assert not client.open
    assert len(server.data(TIMEOUT)) == 1
    assert server.numbers().count(CLOSED) == 1


def test_bytes_one_by_one_do_not_wind_the_clock_up(server):
    client = SshClient(server)
    client.settle()
    for second in range(62):
        client.raw(b"S"[:1] if second else b"")
        server.reactor.advance(1)
        client.settle()
    assert not client.open
    assert len(server.data(TIMEOUT)) == 1


def test_messages_do_not_wind_the_clock_up(server):
    client = SshClient(server).service()
    for _ in range(62):
        client.send(Message.IGNORE, b"")
        server.reactor.advance(1)
    client.settle()
    assert not client.open


@pytest.mark.parametrize("state", STATES)
def test_a_peer_that_does_not_take_our_last_words_is_cut_off(server, state):
    client = state(SshClient(server))
    client.socket.room = 0
    server.reactor.advance(61)
    server.reactor.settle()
    server.reactor.advance(LAST_WORDS + 0.1)
    server.reactor.settle()
    assert not client.open
    assert server.numbers().count(CLOSED) == 1
    assert not server.service.hub.presence.peers
    assert not server.reactor.getDelayedCalls()


def test_a_login_ends_the_clock(server):
    client = SshClient(server).log_in()
    server.reactor.advance(200)
    client.send(Message.IGNORE, b"")
    assert client.open


@pytest.mark.parametrize("reads", [True, False])
def test_a_session_without_traffic_ends(serve, reads):
    server = serve(idle_connection_timeout="100")
    client = SshClient(server).log_in()
    for _ in range(5):
        server.reactor.advance(90)
        client.send(Message.IGNORE, b"")
    assert client.open
    client.socket.room = None if reads else 0
    server.reactor.advance(101)
    server.reactor.settle()
    server.reactor.advance(LAST_WORDS + 0.1)
    server.reactor.settle()
    assert not client.open
    assert server.numbers().count(CLOSED) == 1
    assert not server.reactor.getDelayedCalls()
