"""Hundreds of clients that wait on ten passive ports: each gets its own transfer and no other's."""

import contextlib

from mft.events import catalogue as events
from tests.attacks.victim import TEN_PORTS
from tests.system.ftp_client import FtpClient, end

SOURCES, EACH = 100, 5
USED_UP = events.FTP_NO_PASSIVE_PORT.number


def test_five_hundred_sessions_share_ten_ports_and_nothing_else(victim):
    before = victim.memory
    with contextlib.ExitStack() as stack:
        crowd = [
            stack.enter_context(
                FtpClient(victim["ten ports"], source=f"127.1.{each}.{source}").log_in()
            )
            for source in range(1, SOURCES + 1)
            for each in range(1)
            for _ in range(EACH)
        ]
        ports = [client.passive() for client in crowd]
        assert len(set(ports)) <= TEN_PORTS
        names = [victim.name() for _ in crowd]
        # All of them come, and only then the transfers begin, the other way round.
        connections = [
            stack.enter_context(client.connect(port))
            for client, port in zip(crowd, ports, strict=True)
        ]
        for client, name in reversed(list(zip(crowd, names, strict=True))):
            assert client.do(f"STOR {name}").code == 150
        for connection, name in zip(connections, names, strict=True):
            connection.sendall(name.encode())
            end(connection)
        for client, name in zip(crowd, names, strict=True):
            assert client.reply().code == 226
            assert victim.path(name).read_bytes() == name.encode()
        assert victim.memory - before < 64 << 20


def test_a_source_that_waits_on_every_port_gets_no_more_and_others_do(victim):
    service = victim["ten ports"]
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(FtpClient(service).log_in()) for _ in range(TEN_PORTS)]
        taken = {client.passive() for client in many}
        assert len(taken) == TEN_PORTS
        one_more = stack.enter_context(FtpClient(service).log_in())
        for command in ("EPSV", "PASV"):
            assert one_more.do(command).code == 425
        assert victim.tells(USED_UP, one_more.port)["mode"] == "EPSV"
        other = stack.enter_context(FtpClient(service, source="127.0.0.2").log_in())
        name = victim.name()
        assert other.store(f"STOR {name}", b"of another").code == 226
        many[0].close()
        assert one_more.do("NOOP").code == 200
