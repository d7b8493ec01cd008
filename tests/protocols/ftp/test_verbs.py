"""Every command in every state: who may say it when, and the code that is the answer."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from mft.protocols.ftp.verbs import ANSWERS
from mft.wire.ftp.verbs import ALIASES, COMMANDS_KNOWN_UNSUPPORTED, VERBS, Argument
from tests.fakes.ftp_client import EXPLICIT, FtpClient
from tests.fakes.ftp_server import FtpServer

OPEN = {
    "ftps_force_secured_command_channel": "No",
    "ftps_force_secured_authentication": "No",
    "ftps_force_secured_data_channel": "No",
    "passive_wait_connection": "No",
}


class Row(NamedTuple):
    """A command with an argument that suits it, and its code in each state."""

    argument: str
    unsecured: int  # in clear where TLS is demanded
    unknown: int  # before the login
    usual: int


TABLE = {
    "USER": Row("ann", 530, 331, 503),
    "PASS": Row("right", 530, 503, 503),
    "ACCT": Row("ann", 530, 202, 202),
    "REIN": Row("", 530, 220, 220),
    "QUIT": Row("", 221, 221, 221),
    "HOST": Row("files.example.com", 220, 220, 503),
    "AUTH": Row("TLS", 234, 234, 234),
    "PBSZ": Row("0", 530, 503, 503),
    "PROT": Row("P", 530, 503, 503),
    "CCC": Row("", 530, 530, 533),
    "TYPE": Row("I", 530, 530, 200),
    "STRU": Row("F", 530, 530, 200),
    "MODE": Row("S", 530, 530, 200),
    "PORT": Row("192,0,2,7,195,80", 530, 530, 200),
    "PASV": Row("", 530, 530, 227),
    "EPRT": Row("|1|192.0.2.7|50000|", 530, 530, 200),
    "EPSV": Row("", 530, 530, 229),
    "REST": Row("0", 530, 530, 350),
    "RANG": Row("0 1", 530, 530, 350),
    "ALLO": Row("1", 530, 530, 200),
    "RETR": Row("/file", 530, 530, 425),
    "STOR": Row("/new", 530, 530, 425),
    "STOU": Row("", 530, 530, 425),
    "APPE": Row("/file", 530, 530, 425),
    "LIST": Row("", 530, 530, 425),
    "NLST": Row("", 530, 530, 425),
    "MLSD": Row("", 530, 530, 425),
    "ABOR": Row("", 530, 530, 226),
    "CWD": Row("/folder", 530, 530, 250),
    "CDUP": Row("", 530, 530, 200),
    "PWD": Row("", 530, 530, 257),
    "MKD": Row("/new", 530, 530, 257),
    "RMD": Row("/folder", 530, 530, 250),
    "DELE": Row("/file", 530, 530, 250),
    "RNFR": Row("/file", 530, 530, 350),
    "RNTO": Row("/new", 530, 530, 503),
    "MLST": Row("/file", 530, 530, 250),
    "SIZE": Row("/file", 530, 530, 213),
    "MDTM": Row("/file", 530, 530, 213),
    "MFMT": Row("20240131235959 /file", 530, 530, 213),
    "MFF": Row("modify=20240131235959; /file", 530, 530, 213),
    "HASH": Row("/file", 530, 530, 213),
    "XCRC": Row("/file", 530, 530, 250),
    "XMD5": Row("/file", 530, 530, 250),
    "XSHA1": Row("/file", 530, 530, 250),
    "XSHA256": Row("/file", 530, 530, 250),
    "XSHA512": Row("/file", 530, 530, 250),
    "AVBL": Row("", 530, 530, 213),
    "STAT": Row("", 530, 530, 211),
    "HELP": Row("", 214, 214, 214),
    "NOOP": Row("", 200, 200, 200),
    "SYST": Row("", 215, 215, 215),
    "FEAT": Row("", 211, 211, 211),
    "OPTS": Row("UTF8 ON", 200, 200, 200),
    "CLNT": Row("me", 200, 200, 200),
    "LANG": Row("en", 200, 200, 200),
    "SITE": Row("HELP", 530, 530, 214),
}
BESIDE = {"STAT": [211], "NOOP": [200], "ABOR": [426, 226]}  # while a transfer runs

every_verb = pytest.mark.parametrize("verb", sorted(VERBS))


def line(verb: str) -> str:
    return f"{verb} {row(verb).argument}".rstrip()


def row(verb: str) -> Row:
    return TABLE[VERBS[verb].name]


@pytest.fixture
def server(serve: Callable[..., FtpServer]) -> FtpServer:
    """A server that knows TLS, and demands it of nobody."""
    made = serve(**{"ftps_explicit_enabled": "Yes", **OPEN})
    made.put("/file", b"some bytes")
    FtpClient(made).arrive().say("MKD /folder", "QUIT")
    return made


@pytest.fixture
def client(server: FtpServer) -> FtpClient:
    return FtpClient(server).arrive()


def test_every_command_has_a_row_and_an_answer() -> None:
    assert set(TABLE) == set(VERBS) - set(ALIASES) == set(ANSWERS)


@every_verb
def test_in_clear_where_tls_is_demanded(serve: Callable[..., FtpServer], verb: str) -> None:
    server = serve(ftps_explicit_enabled="Yes")
    assert FtpClient(server, EXPLICIT).codes(line(verb)) == [row(verb).unsecured]
    assert (10035 in server.numbers()) is (row(verb).unsecured == 530)


@every_verb
def test_before_the_login(server: FtpServer, verb: str) -> None:
    assert FtpClient(server).codes(line(verb)) == [row(verb).unknown]


@every_verb
def test_after_the_login(client: FtpClient, verb: str) -> None:
    assert client.codes(line(verb)) == [row(verb).usual]


@every_verb
def test_in_any_case_of_its_letters(client: FtpClient, verb: str) -> None:
    assert client.codes(line(verb).replace(verb, verb.capitalize(), 1)) == [row(verb).usual]


@every_verb
def test_while_a_transfer_runs(client: FtpClient, verb: str) -> None:
    data = client.connect()
    data.socket.room = 0
    assert client.codes("RETR /file") == [150]
    assert client.codes(line(verb)) == BESIDE.get(verb, [])
    data.socket.room = None
    client.settle()
    after = [] if verb in BESIDE else [row(verb).usual]
    done = [] if verb == "ABOR" else [226]
    assert [one.code for one in client.take()] == done + after


@every_verb
def test_with_an_argument_that_is_missing_or_not_wanted(client: FtpClient, verb: str) -> None:
    known = VERBS[verb]
    wrong = {Argument.NONE: f"{verb} more", Argument.REQUIRED: verb}.get(known.argument)
    if known.after:
        client.say("RNFR /file")
    if wrong is not None:
        assert client.codes(wrong) == [501]


@pytest.mark.parametrize(
    ("before", "then", "code"),
    [
        ("RNFR /file", "RNTO /new", 250),
        ("RNFR /nothing", "RNTO /new", 503),
        ("NOOP", "RNTO /new", 503),
        ("RNFR", "RNTO /new", 503),
        ("RNFR /file\r\n\x01", "RNTO /new", 503),  # a line that is no command
    ],
)
def test_what_must_come_right_before(client: FtpClient, before: str, then: str, code: int) -> None:
    client.say(before)
    assert client.codes(then) == [code]


@pytest.mark.parametrize("between", ["NOOP", "USER", "NONSENSE"])
def test_a_password_comes_right_after_its_name(server: FtpServer, between: str) -> None:
    client = FtpClient(server)
    assert client.codes("USER ann", between, "PASS right")[2] == 503
    client.log_in()


@pytest.mark.parametrize("verb", ["NONSENSE", "XMLST", *sorted(COMMANDS_KNOWN_UNSUPPORTED)])
def test_what_is_no_command_of_ours_is_told(
    client: FtpClient, server: FtpServer, verb: str
) -> None:
    code = 502 if verb in COMMANDS_KNOWN_UNSUPPORTED else 500
    assert client.codes(f"{verb} something") == [code]
    assert server.data(10019) == [{"command": verb}]
