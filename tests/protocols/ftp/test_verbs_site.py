"""SITE: what clients expect beyond the standards."""

from collections.abc import Callable

import pytest

from mft.auth.time_codes import PERIOD
from mft.protocols.ftp.verbs_site import SITE_ANSWERS
from mft.wire.ftp.verbs import SITE, Argument
from tests.fakes.accounts import CHEAP_HASH, OTPAUTH, account, code_at
from tests.fakes.ftp_client import FtpClient
from tests.fakes.ftp_server import FtpServer

Serve = Callable[..., FtpServer]

CHANGED, COPIED, COPY_FAILED = 10097, 90025, 90026
PASSWORD_CHANGED, PASSWORD_NOT_CHANGED = 20085, 20086
MOMENT = "20240131235959"


def test_every_command_has_an_answer() -> None:
    assert set(SITE_ANSWERS) == set(SITE)


@pytest.mark.parametrize("name", sorted(SITE))
def test_each_has_its_syntax_and_minds_its_argument(client: FtpClient, name: str) -> None:
    assert client.ask(f"SITE HELP {name.lower()}") == (214, (SITE[name].help,))
    if SITE[name].argument is Argument.REQUIRED:
        assert client.codes(f"SITE {name}") == [501]


def test_help_names_them_all(client: FtpClient) -> None:
    said = client.ask("SITE HELP")
    assert said.code == 214
    assert set(" ".join(said.lines[1:-1]).split()) == set(SITE)
    assert client.codes("SITE HELP NONSENSE") == [502]


@pytest.mark.parametrize(("line", "code"), [("EXEC id", 500), ("?", 501), ("  ", 501)])
def test_what_is_no_command_of_site(client: FtpClient, line: str, code: int) -> None:
    assert client.codes(f"SITE {line}") == [code]


def test_bits_are_set(client: FtpClient, server: FtpServer) -> None:
    server.put("/file", b"some bytes")
    assert client.codes("SITE CHMOD 4640 file") == [200]
    assert "UNIX.mode=0640;" in client.ask("MLST /file").lines[1]
    assert server.data(CHANGED)[0]["attributes"] == "UNIX.mode"
    assert client.codes("SITE CHMOD u+x file", "SITE CHMOD 640 /nothing") == [501, 550]


@pytest.mark.parametrize(
    "line",
    [f"SITE UTIME {MOMENT} file", f"SITE UTIME file {MOMENT} {MOMENT} {MOMENT} UTC"],
)
def test_times_are_set(client: FtpClient, server: FtpServer, line: str) -> None:
    server.put("/file", b"some bytes")
    assert client.codes(line) == [200]
    assert client.ask("MDTM file").text == MOMENT
    assert server.data(CHANGED)[0]["attributes"] == "modify"
    assert client.codes("SITE UTIME now file") == [501]


def test_idleness_is_told_and_shortened(client: FtpClient) -> None:
    assert client.ask("SITE IDLE").text == "Idle clients are sent away after 300 seconds."
    assert client.ask("SITE IDLE 60").text == "Idle clients are sent away after 60 seconds."
    assert client.wait(59) == []
    assert [one.code for one in client.wait(1)] == [421]


@pytest.mark.parametrize(
    ("limit", "seconds", "code"),
    [
        ("300", "9", 501),
        ("300", "10", 200),
        ("300", "300", 200),
        ("300", "301", 501),
        ("300", "-1", 501),
        ("5", "5", 200),
        ("5", "4", 501),
        ("5", "10", 501),
    ],
)
def test_idleness_keeps_to_the_limit_of_the_service(
    serve: Serve, limit: str, seconds: str, code: int
) -> None:
    client = FtpClient(serve(idle_connection_timeout=limit)).arrive()
    assert client.codes(f"SITE IDLE {seconds}") == [code]


def test_files_are_copied(client: FtpClient, server: FtpServer) -> None:
    server.put("/one file", b"some bytes")
    assert client.codes('SITE COPY "one file" /copy') == [250]
    assert server.get("/copy") == b"some bytes"
    (told,) = server.data(COPIED)
    assert told["path"] == "/copy"
    assert client.codes("SITE COPY /nothing /other", "SITE COPY /copy") == [550, 501]
    assert len(server.data(COPY_FAILED)) == 1


def test_what_is_refused_always(client: FtpClient, server: FtpServer) -> None:
    assert client.codes("SITE SYMLINK /file /link") == [502]
    assert server.names() == []


def test_whoever_knows_the_old_password_has_another(client: FtpClient, server: FtpServer) -> None:
    assert client.codes('SITE PSWD right "a new pass word of mine"') == [200]
    assert len(server.data(PASSWORD_CHANGED)) == 1
    wrong = client.ask("SITE PSWD right correct-horse-battery-staple")
    assert wrong == (550, ("The old password is wrong.",))
    assert len(server.data(PASSWORD_NOT_CHANGED)) == 1
    assert client.codes("REIN", "USER ann", "PASS right") == [220, 331, 530]
    assert client.codes("USER ann", "PASS a new pass word of mine") == [331, 230]
    assert client.codes("SITE PSWD old", "SITE PSWD") == [501, 501]


def test_a_one_time_code_stands_at_the_end_of_the_old_password(serve: Serve) -> None:
    coded = account("ann", password=CHEAP_HASH, multi_factor_authentication=OTPAUTH)
    server = serve(coded)
    client = FtpClient(server)
    client.log_in(password="right" + code_at())
    told = "The one-time code is missing or wrong, or was used before; it may stand at the end of "
    for old in ("right", "right000000", "right" + code_at()):
        said = client.ask(f'SITE PSWD {old} "a new pass word of mine"')
        assert said == (550, (f"{told}the old password.",))
    old = "right" + code_at(server.method.now + PERIOD)
    assert client.codes(f'SITE PSWD {old} "a new pass word of mine"') == [200]


def test_a_password_that_is_easy_to_guess_is_not_taken(client: FtpClient) -> None:
    assert client.ask("SITE PSWD right password1234").code == 550


def test_a_password_that_cannot_be_kept_is_an_error_of_ours(
    client: FtpClient, server: FtpServer
) -> None:
    server.method.own.fails = OSError(28, "No space left on device")
    said = client.ask('SITE PSWD right "a new pass word of mine"')
    assert said.code == 451
    assert "space" not in " ".join(said.lines)
