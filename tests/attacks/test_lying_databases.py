"""Whoever answers at a database's port gets neither the password nor the server's patience."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from mft.config.kinds import Context
from mft.resources.database_options import MysqlOptions, PostgresqlOptions
from mft.resources.event_store import EventStore
from mft.resources.trouble import Trouble

PASSWORD = "the-password-that-nobody-gets"
MODELS = {"mysql": MysqlOptions, "postgresql": PostgresqlOptions}
CLIENT_SSL = 0x800

Answer = Callable[[socket.socket], None]


@contextmanager
def listening(answer: Answer) -> Iterator[tuple[int, bytearray]]:
    """A port at which everybody gets this answer; and what they have sent."""
    heard = bytearray()
    ended = threading.Event()

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError):
            answer(client)
            client.settimeout(0.05)
            while not ended.is_set():
                with suppress(TimeoutError):
                    data = client.recv(65536)
                    heard.extend(data)
                    if not data:
                        return

    def accept(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                threads.append(threading.Thread(target=serve, args=(client,)))
                threads[-1].start()

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepting = threading.Thread(target=accept, args=(server,))
        accepting.start()
        yield server.getsockname()[1], heard
        ended.set()
        server.shutdown(socket.SHUT_RDWR)
        for thread in (accepting, *threads):
            thread.join()


def options(kind: str, port: int, **given: str) -> Any:
    told = {
        "name": "audit",
        "port": str(port),
        "username": "mft",
        "password": PASSWORD,
        "database": "audit",
        "timeout": "1",
        **given,
    }
    return MODELS[kind].model_validate(told, context=Context(Path("/instance")))


def trouble(kind: str, answer: Answer, **given: str) -> tuple[str, bytes]:
    """What is said of such a database, and what it was sent; every call must end."""
    with listening(answer) as (port, heard):
        store = EventStore(options(kind, port, **given))
        try:
            with pytest.raises(Trouble) as raised:
                store.prepare()
        finally:
            store.close()
        assert PASSWORD.encode() not in heard
        assert PASSWORD not in str(raised.value)
        return str(raised.value), bytes(heard)


def silence(client: socket.socket) -> None:
    """Nothing is said."""


def garbage(client: socket.socket) -> None:
    client.sendall(bytes(range(256)) * 64)


def flood(client: socket.socket) -> None:
    """A packet that has no end."""
    client.settimeout(0.5)
    with suppress(OSError):
        for _ in range(64):
            client.sendall(b"\xff\xff\xff\x00" + b"\n" * (1 << 20))


def hanging_up(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("answer", [silence, garbage, flood, hanging_up])
@pytest.mark.parametrize("kind", MODELS)
def test_whoever_is_no_database_is_no_fault_of_an_event(kind: str, answer: Answer) -> None:
    trouble(kind, answer)


# PostgreSQL.


def without_tls(client: socket.socket) -> None:
    client.recv(8)  # the request for TLS
    client.sendall(b"N")


def asking_postgresql(client: socket.socket) -> None:
    """Ask for the password in clear."""
    client.recv(4096)
    client.sendall(b"R" + struct.pack("!II", 8, 3))


def test_no_tls_is_no_connection_to_postgresql() -> None:
    said, _ = trouble("postgresql", without_tls, secure_connection="Yes")
    assert "SSL" in said


def test_postgresql_is_never_told_the_password_in_clear() -> None:
    trouble("postgresql", asking_postgresql)


# MySQL.


def greeting(capabilities: int) -> bytes:
    """The first packet of a server of MySQL (protocol 10)."""
    body = b"\x0a8.0.0\x00" + struct.pack("<I", 1) + b"12345678\x00"
    body += struct.pack("<HBHH", capabilities & 0xFFFF, 45, 2, capabilities >> 16)
    body += bytes([21]) + bytes(10) + b"123456789012\x00" + b"mysql_native_password\x00"
    return struct.pack("<I", len(body))[:3] + b"\x00" + body


WITHOUT_TLS = 0x000FF7FF & ~CLIENT_SSL


def without_tls_mysql(client: socket.socket) -> None:
    client.sendall(greeting(WITHOUT_TLS))


def asking_mysql(plugin: bytes) -> Answer:
    """Ask for the password in clear, by the plugins that do."""

    def answer(client: socket.socket) -> None:
        client.sendall(greeting(WITHOUT_TLS))
        client.recv(4096)
        body = b"\xfe" + plugin + b"\x00\x04password: \x00"
        client.sendall(struct.pack("<I", len(body))[:3] + b"\x02" + body)

    return answer


def test_no_tls_is_no_connection_to_mysql() -> None:
    said, heard = trouble("mysql", without_tls_mysql, secure_connection="Yes")
    assert "SSL is required" in said
    assert b"mft" not in heard


@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog"])
def test_mysql_is_never_told_the_password_in_clear(plugin: bytes) -> None:
    said, _ = trouble("mysql", asking_mysql(plugin))
    assert "asks for the password in clear; use TLS" in said
