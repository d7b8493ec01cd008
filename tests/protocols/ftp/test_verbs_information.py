"""What the server says of itself."""

from collections.abc import Callable
from typing import Any

import pytest

from mft.protocols.ftp.verbs_information import MAX_CLIENT
from mft.wire.ftp.verbs import VERBS
from tests.fakes.ftp_client import CLEAR, EXPLICIT, IMPLICIT, FtpClient, Way
from tests.fakes.ftp_fixtures import every_way
from tests.fakes.ftp_server import FtpServer

Serve = Callable[..., FtpServer]
CLIENT_NAMED = 90032


def features(client: FtpClient) -> list[str]:
    said = client.ask("FEAT")
    assert said.code == 211
    assert (said.lines[0], said.lines[-1]) == ("Features:", "End.")
    return [one.removeprefix(" ") for one in said.lines[1:-1]]


@every_way
def test_features_are_told_to_everybody(server: FtpServer, way: Way) -> None:
    found = features(FtpClient(server, way))
    assert found == sorted(found)
    assert {"EPSV", "MDTM", "REST STREAM", "SIZE", "TVFS", "UTF8", "MODE Z"} <= set(found)
    assert ("AUTH TLS" in found) is way.explicit
    assert ("PROT" in found) is ("PBSZ" in found) is way.secured


@pytest.mark.parametrize(
    ("way", "options", "there"),
    [
        (EXPLICIT, {}, set()),
        (EXPLICIT, {"ftps_force_secured_command_channel": "No"}, {"CCC"}),
        (IMPLICIT, {"ftps_force_secured_command_channel": "No"}, set()),
        (CLEAR, {}, set()),
    ],
)
def test_ccc_is_told_where_it_is_done(
    serve: Serve, way: Way, options: dict[str, str], there: set[str]
) -> None:
    assert set(features(FtpClient(serve(**options), way))) & {"CCC"} == there


@pytest.mark.parametrize(("active", "told"), [("Yes", True), ("No", False)])
def test_eprt_is_told_where_it_is_done(serve: Serve, active: str, told: bool) -> None:
    assert ("EPRT" in features(FtpClient(serve(active_mode=active)))) is told


def test_what_was_chosen_has_a_star(client: FtpClient) -> None:
    assert "MLST type*;size*;modify*;perm*;unique*;UNIX.mode*;" in features(client)
    assert "HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32" in features(client)
    client.say("OPTS MLST size", "OPTS HASH md5")
    assert "MLST type;size*;modify;perm;unique;UNIX.mode;" in features(client)
    assert "HASH SHA-256;SHA-512;SHA-1;MD5*;CRC32" in features(client)


def test_help_names_every_command(client: FtpClient) -> None:
    said = client.ask("HELP")
    assert said.code == 214
    assert set(" ".join(said.lines[1:-1]).split()) == set(VERBS)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_help_tells_the_syntax_of_each(client: FtpClient, verb: str) -> None:
    said = client.ask(f"HELP {verb.lower()} ")
    assert said == (214, (VERBS[verb].help,))


def test_help_of_what_is_not_there(client: FtpClient) -> None:
    assert client.ask("HELP NONSENSE") == (502, ("No such command.",))


def test_small_talk(client: FtpClient) -> None:
    assert client.ask("NOOP") == (200, ("OK.",))
    assert client.ask("NOOP at all") == (200, ("OK.",))
    assert client.ask("SYST") == (215, ("UNIX Type: L8",))


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("OPTS UTF8 ON", (200, ("Names are always UTF-8.",))),
        ("OPTS utf8 on", (200, ("Names are always UTF-8.",))),
        ("OPTS UTF8", (200, ("Names are always UTF-8.",))),
        ("OPTS UTF8 OFF", (501, ("No such option.",))),
        ("OPTS UTF-8 ON", (501, ("No such option.",))),
        ("OPTS MLST size;nonsense;", (200, ("MLST OPTS size;",))),
        ("OPTS HASH", (200, ("SHA-256",))),
        ("OPTS HASH sha-512", (200, ("SHA-512",))),
        ("OPTS HASH MD2", (504, ("No such algorithm.",))),
        ("OPTS LIST -a", (501, ("No such option.",))),
        ("OPTS  ", (501, ("No such option.",))),
        ("LANG", (200, ("Replies are in English.",))),
        ("LANG en", (200, ("Replies are in English.",))),
        ("LANG EN-gb", (200, ("Replies are in English.",))),
        ("LANG fr", (504, ("Only English is spoken here.",))),
    ],
)
def test_options_and_languages(client: FtpClient, line: str, reply: Any) -> None:
    assert client.ask(line) == reply


def test_what_a_client_calls_itself_is_told(client: FtpClient, server: FtpServer) -> None:
    client.say("CLNT NcFTP 3.2.6", "CLNT " + "c" * 1000)
    assert server.data(CLIENT_NAMED)[0] == {"client_version": "NcFTP 3.2.6"}
    assert len(server.data(CLIENT_NAMED)[1]["client_version"]) == MAX_CLIENT
