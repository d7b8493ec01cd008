"""TYPE, STRU, MODE, the offsets, and the ways to a data connection."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.ftp_client import FtpClient, Way
from tests.fakes.ftp_fixtures import every_way
from tests.fakes.ftp_server import CLIENT, CLIENT_6, HERE, HERE_6, FtpServer

Serve = Callable[..., FtpServer]

TYPE_UNKNOWN, TYPE_CHANGED, TYPE_IGNORED = 10080, 10081, 10082
REFUSED = 10026
PORT = "PORT 192,0,2,7,195,80"


# Types, structures, modes.


@every_way
@pytest.mark.parametrize(
    ("text", "shown"),
    [("A", "A"), ("a", "A"), ("A N", "A"), ("I", "I"), ("L 8", "I"), ("l  8", "I"), ("U", "I")],
)
def test_a_type_is_chosen(server: FtpServer, way: Way, text: str, shown: str) -> None:
    server.tell_requests = True
    client = FtpClient(server, way).arrive()
    assert client.codes(f"TYPE {text}") == [200]
    assert client.ask("STAT").lines[3].startswith(f" TYPE {shown},")
    assert server.data(TYPE_CHANGED) == [{"type": " ".join(text.upper().split())}]


@pytest.mark.parametrize("text", ["E", "L 7", "A T", "A C", "X" * 100])
def test_other_types_are_not_known(client: FtpClient, server: FtpServer, text: str) -> None:
    assert client.codes(f"TYPE {text}") == [504]
    assert server.data(TYPE_UNKNOWN) == [{"type": text[:16]}]


def test_text_may_be_ignored(serve: Serve) -> None:
    server = serve(ignore_ascii_data_type="Yes")
    server.tell_requests = True
    client = FtpClient(server).arrive()
    server.put("/file", b"one\n")
    assert client.codes("TYPE A") == [200]
    assert client.down("RETR /file") == (b"one\n", [150, 226])
    assert server.data(TYPE_IGNORED) == [{"type": "A"}]
    assert server.data(TYPE_CHANGED) == []


@pytest.mark.parametrize(("ignore", "sent"), [("No", b"one\r\n"), ("Yes", b"one\n")])
def test_text_may_be_the_default(serve: Serve, ignore: str, sent: bytes) -> None:
    server = serve(ascii_data_type_as_default="Yes", ignore_ascii_data_type=ignore)
    server.put("/file", b"one\n")
    client = FtpClient(server).arrive()
    assert client.down("RETR /file")[0] == sent
    client.say("TYPE I")
    assert client.down("RETR /file")[0] == b"one\n"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("STRU F", 200),
        ("STRU f", 200),
        ("STRU R", 504),
        ("STRU P", 504),
        ("MODE S", 200),
        ("MODE z", 200),
        ("MODE B", 504),
        ("MODE C", 504),
        ("REST 0", 350),
        ("REST -1", 501),
        ("REST 9223372036854775807", 350),
        ("REST 9223372036854775808", 501),
        ("REST ten", 501),
        ("RANG 1 0", 350),
        ("RANG 2 1", 501),
        ("RANG 1", 501),
        ("ALLO 10", 200),
        ("ALLO 10 R 5", 200),
        ("ALLO  ", 200),
        ("ALLO much", 501),
    ],
)
def test_parameters_have_a_grammar(client: FtpClient, line: str, code: int) -> None:
    assert client.codes(line) == [code]


def test_text_begins_at_its_beginning(client: FtpClient) -> None:
    assert client.codes("TYPE A", "REST 5", "REST 0") == [200, 504, 350]
    assert client.codes("TYPE I", "REST 5") == [200, 350]


def test_rang_can_be_taken_back(client: FtpClient) -> None:
    assert client.ask("RANG 1 2") == (350, ("The next download is of this range.",))
    assert client.ask("RANG 1 0") == (350, ("The next download is whole.",))


# Active.


@every_way
@pytest.mark.parametrize(
    ("line", "code", "details"),
    [
        ("PORT 192,0,2,8,195,80", 504, "only 192.0.2.7 and ports from 1024 are connected to"),
        ("PORT 127,0,0,1,195,80", 504, "only 192.0.2.7 and ports from 1024 are connected to"),
        ("PORT 192,0,2,7,3,255", 504, "only 192.0.2.7 and ports from 1024 are connected to"),
        ("EPRT |1|192.0.2.8|50000|", 504, "only 192.0.2.7 and ports from 1024 are connected to"),
        ("EPRT |1|192.0.2.7|1023|", 504, "only 192.0.2.7 and ports from 1024 are connected to"),
        ("EPRT |2|2001:db8::7|50000|", 504, ""),
        ("PORT 192,0,2,7,195", 501, "not six numbers with commas between them"),
        ("PORT 192,0,2,7,256,0", 501, "a number is greater than 255"),
        ("PORT 192,0,2,7,0,0", 501, "port 0"),
        ("EPRT 192.0.2.7", 501, ""),
        ("EPRT |3|192.0.2.7|50000|", 522, "a network protocol that is not known"),
        ("PORT " + "1" * 1000, 501, ""),
    ],
)
def test_addresses_of_others_and_of_nobody_are_refused(
    client: FtpClient, server: FtpServer, line: str, code: int, details: str
) -> None:
    assert client.codes(line) == [code]
    (told,) = server.data(REFUSED)
    kind, _, argument = line.partition(" ")
    assert (told["kind"], told["address"]) == (kind, argument[:100])
    assert details in told["details"]
    assert client.codes("LIST") == [425]
    assert server.out == []


@every_way
def test_port_1024_is_no_port_of_others(client: FtpClient, server: FtpServer) -> None:
    assert client.codes("PORT 192,0,2,7,4,0") == [200]
    assert client.codes("EPRT |1|192.0.2.7|1024|") == [200]
    assert server.data(REFUSED) == []


def test_where_there_is_no_active_mode(serve: Serve) -> None:
    server = serve(active_mode="No")
    client = FtpClient(server).arrive()
    assert client.codes(PORT, "EPRT |1|192.0.2.7|50000|", "LIST") == [502, 502, 425]
    assert client.down("LIST") == (b"", [150, 226])
    assert server.out == []


# Passive.


@every_way
def test_pasv_tells_address_and_port(client: FtpClient) -> None:
    assert client.ask("PASV") == (227, ("Entering Passive Mode (192,0,2,1,156,64).",))


@every_way
def test_epsv_tells_the_port(client: FtpClient) -> None:
    assert client.ask("EPSV") == (229, ("Entering Extended Passive Mode (|||40000|).",))


@pytest.mark.parametrize(
    ("host", "line", "code"),
    [
        (CLIENT, "EPSV 1", 229),
        (CLIENT, "EPSV 2", 522),
        (CLIENT_6, "EPSV 2", 229),
        (CLIENT_6, "EPSV", 229),
        (CLIENT_6, "EPSV 1", 522),
        (CLIENT, "EPSV 3", 522),
        (CLIENT, "EPSV nothing", 501),
        (CLIENT_6, "PASV", 425),
    ],
)
def test_each_family_has_its_ways(server: FtpServer, host: str, line: str, code: int) -> None:
    client = FtpClient(server, host=host).arrive()
    assert client.codes(line) == [code]
    told = {"address": HERE_6, "kind": "PASV", "details": "there is no IPv4 address to tell"}
    assert server.data(REFUSED) == ([told] if line == "PASV" else [])


@every_way
def test_a_client_of_ipv6_moves_data(server: FtpServer, way: Way) -> None:
    client = FtpClient(server, way, host=CLIENT_6).arrive()
    assert client.up("STOR /file", b"some bytes") == [150, 226]
    assert client.down("RETR /file") == (b"some bytes", [150, 226])
    (first, _) = server.data(10030)
    assert (first["host_address"], first["peer_address"]) == (HERE_6, CLIENT_6)


def test_epsv_all_is_a_promise(client: FtpClient) -> None:
    assert client.codes("EPSV all") == [200]
    for line in ("PASV", PORT, "EPRT |1|192.0.2.7|50000|"):
        assert client.ask(line) == (501, ("Only EPSV may be used after EPSV ALL.",))
    assert client.down("LIST") == (b"", [150, 226])


def test_the_address_is_that_for_the_clients_network(serve: Serve) -> None:
    told = "192.0.2.0/24 198.51.100.1\n203.0.113.5"
    server = serve(passive_address=told)
    near, far = FtpClient(server).arrive(), FtpClient(server, host="198.51.100.9").arrive()
    assert near.ask("PASV").text.startswith("Entering Passive Mode (198,51,100,1,")
    assert far.ask("PASV").text.startswith("Entering Passive Mode (203,0,113,5,")
    assert client_port(near, server) == client_port(far, server)  # one port serves both


def client_port(client: FtpClient, server: FtpServer) -> Any:
    return next(one.port for one in server.listeners.offers if one.host == client.host)


def test_without_one_it_is_where_the_client_has_come_to(client: FtpClient) -> None:
    assert client.ask("PASV").text.startswith(f"Entering Passive Mode ({HERE.replace('.', ',')},")
