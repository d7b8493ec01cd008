"""Logins by the client's certificate: alone, with a password, or in vain."""

from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from mft.config.kinds import Context
from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.protocols.ftp.options import FtpOptions
from mft.protocols.registry import PROTOCOLS
from tests.fakes import pki, tls_peer
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.ftp_client import CLEAR, EXPLICIT, IMPLICIT, FtpClient, Way
from tests.fakes.ftp_server import FtpServer

Serve = Callable[..., FtpServer]
FAILED, DONE, MORE = 20142, 20137, 20126
AUTHORITY = pki.Authority()
BOTH = "password, ssl-certificate"
LOOSE = {
    "ftps_force_secured_command_channel": "No",
    "ftps_force_secured_authentication": "No",
}
OFF = {"enable_password_authentication": "No"}

secured_ways = pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=["explicit", "implicit"])
explicit = pytest.mark.parametrize("way", [EXPLICIT], ids=["explicit"])


class Door:
    """Servers that ask for certificates of one authority, and clients that have one."""

    def __init__(self, serve: Serve, way: Way, folder: Path) -> None:
        self._serve = serve
        self._way = way
        (folder / "ca.pem").write_bytes(AUTHORITY.pem)
        self._asking = {"ssl_certificate_authority": str(folder / "ca.pem")}

    def open(self, service: dict[str, str] | None = None, **ann: str) -> FtpClient:
        """Ann comes with her certificate, to an account of these options."""
        given = {"password": CHEAP_HASH, "allow_certificate_authentication": "Yes", **ann}
        server = self._serve(account("ann", **given), **self._asking, **(service or {}))
        client = FtpClient(server, self._way, tls=context)
        if self._way.explicit:
            client.secure()
        return client


@pytest.fixture
def door(serve: Serve, way: Way, tmp_path: Path) -> Door:
    return Door(serve, way, tmp_path)


context = tls_peer.client_context(identity=AUTHORITY.issue("ann"))


@secured_ways
def test_a_certificate_logs_in_without_a_password(door: Door) -> None:
    client = door.open()
    assert client.ask("USER ann").text == "Logged in."
    assert client.codes("PWD") == [257]
    (done,) = client.server.data(DONE)
    assert (done["credentials_type"], done["username"]) == ("ssl-certificate", "ann")
    assert events.FTP_SESSION_OPENED.number in client.server.numbers()
    assert client.codes("PASS right") == [503]


@secured_ways
def test_an_account_may_want_the_password_as_well(door: Door) -> None:
    client = door.open(required_credentials=BOTH)
    assert client.codes("USER ann", "PASS wrong") == [331, 530]
    assert client.codes("USER ann", "PASS right") == [331, 230]
    assert [one["credentials_type"] for one in client.server.data(DONE)] == ["password"]
    assert len(client.server.data(MORE)) == 2
    assert events.FTP_CERTIFICATE_LOGIN_REFUSED.number not in client.server.numbers()


@explicit
def test_a_refused_certificate_is_told_and_a_password_may_do(door: Door) -> None:
    client = door.open(allow_certificate_authentication="No")
    assert client.codes("USER ann") == [331]
    (told,) = client.server.data(events.FTP_CERTIFICATE_LOGIN_REFUSED.number)
    assert told["username"] == "ann"
    assert told["details"].startswith("CN=ann, signed by CN=authority")
    assert client.codes("PASS right") == [230]
    assert client.server.numbers().count(FAILED) == 1


@explicit
def test_without_passwords_a_refused_certificate_is_the_end(door: Door) -> None:
    client = door.open(OFF, allow_certificate_authentication="No")
    assert client.codes("USER ann", "PASS right") == [530, 530]
    assert client.server.numbers().count(events.FTP_CERTIFICATE_LOGIN_REFUSED.number) == 1
    assert DONE not in client.server.numbers()


@explicit
def test_without_passwords_an_account_that_wants_both_cannot_log_in(door: Door) -> None:
    client = door.open(OFF, required_credentials=BOTH)
    assert client.codes("USER ann", "PASS right") == [530, 530]
    assert client.server.numbers().count(events.FTP_CERTIFICATE_LOGIN_REFUSED.number) == 1
    assert DONE not in client.server.numbers()


@explicit
def test_a_certificate_that_the_service_does_not_take_is_none(door: Door) -> None:
    client = door.open(
        {"enable_ssl_certificate_authentication": "No"}, required_credentials="ssl-certificate"
    )
    assert client.codes("USER ann", "PASS right") == [331, 530]
    told = client.server.data(events.FTP_CERTIFICATE_REQUIRED.number)
    assert told == [{"username": "ann"}]


@explicit
def test_who_has_shown_a_certificate_is_not_asked_for_one(door: Door) -> None:
    client = door.open(
        required_credentials="ssl-certificate", allow_certificate_authentication="No"
    )
    assert client.codes("USER ann", "PASS right") == [331, 530]
    assert not client.server.data(events.FTP_CERTIFICATE_REQUIRED.number)


@pytest.mark.parametrize("required", ["ssl-certificate", BOTH])
@pytest.mark.parametrize("way", [CLEAR], ids=["clear"])
def test_an_account_that_needs_a_certificate_is_told_to_have_come_without(
    serve: Serve, way: Way, required: str
) -> None:
    server = serve(account("ann", password=CHEAP_HASH, required_credentials=required))
    client = FtpClient(server, way)
    assert client.codes("USER ann", "PASS wrong") == [331, 530]
    assert not server.data(events.FTP_CERTIFICATE_REQUIRED.number)
    assert client.codes("USER ann", "PASS right") == [331, 530]
    assert server.data(events.FTP_CERTIFICATE_REQUIRED.number) == [{"username": "ann"}]
    assert DONE not in server.numbers()


@pytest.mark.parametrize("way", [EXPLICIT._replace(options=LOOSE)], ids=["explicit"])
def test_in_clear_there_is_no_certificate(
    door: Door, serve: Serve, way: Way, tmp_path: Path
) -> None:
    asking = {"ssl_certificate_authority": str(tmp_path / "ca.pem")}
    server = serve(account("ann", allow_certificate_authentication="Yes"), **asking, **OFF)
    client = FtpClient(server, way, tls=context)
    assert client.codes("USER ann") == [530]
    assert server.data(events.FTP_CERTIFICATE_REQUIRED.number) == [{"username": "ann"}]
    client.secure()
    assert client.codes("USER ann") == [230]


@explicit
def test_a_session_that_cannot_be_opened_is_told_and_the_answer_is_the_usual_one(
    door: Door,
) -> None:
    async def fails() -> None:
        raise Refused(Reason.NOT_FOUND, "/homes/ann", "is missing")

    client = door.open()
    client.server.holding = fails
    assert client.codes("USER ann") == [331]
    said = client.ask("PASS right")
    assert (said.code, said.text) == (530, "Login incorrect.")
    told = client.server.data(events.FTP_SESSION_FAILED.number)
    assert told == [{"details": "/homes/ann: is missing"}] * 2


@secured_ways
def test_a_client_that_leaves_during_its_login_leaves_no_session(door: Door) -> None:
    waiting: Deferred[None] = Deferred()

    async def held() -> None:
        await waiting

    client = door.open()
    client.server.holding = held
    assert client.codes("USER ann") == []
    client.vanish()
    waiting.callback(None)
    client.settle()
    assert len(client.server.roster) == 0
    assert events.FTP_SESSION_OPENED.number not in client.server.numbers()


# What the options must leave.


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"enable_ssl_certificate_authentication": "No"}, ""),
        ({**OFF, "enable_ssl_certificate_authentication": "No"}, "leaves no way to log in"),
        (OFF, "leaves certificates, for which there is no ssl_certificate_authority"),
        ({**OFF, "ssl_certificate_authority": "ca.pem"}, ""),
        (
            {**OFF, "ssl_certificate_authority": "ca.pem", "ftps_explicit_enabled": "No"},
            "leaves certificates, for which there is no ssl_certificate_authority",
        ),
    ],
)
def test_some_way_to_log_in_must_be_left(
    tmp_path: Path, options: dict[str, str], sentence: str
) -> None:
    (tmp_path / "ca.pem").write_bytes(AUTHORITY.pem)
    given = {"name": "partners", "type": "ftp", "port": "0", **options}
    found = FtpOptions.model_validate(given, context=Context(tmp_path))
    wrongs = list(found.check(Context(tmp_path)))
    assert [str(one) for one in wrongs] == ([sentence] if sentence else [])
    assert all(one.option == "enable_password_authentication" for one in wrongs)


def test_each_type_of_service_has_a_port_of_its_own_as_example() -> None:
    ports = {name: kind.options.model_fields["port"].examples for name, kind in PROTOCOLS.items()}
    assert ports == {
        "ssh": ["10022"],
        "ftp": ["10021"],
        "ftpsi": ["10990"],
        "http": ["10080"],
        "https": ["10443"],
        "http-redirect": ["80"],
        "health": ["10081"],
    }
