"""Who the client is, and how its connections are protected."""

from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.protocols.ftp.verbs_login import CODE_MISSING, MAX_NAME
from mft.session.login import BARRED_SECONDS
from tests.fakes.accounts import CHEAP_HASH, OTPAUTH, account, code_at
from tests.fakes.ftp_client import EXPLICIT, IMPLICIT, FtpClient, Way
from tests.fakes.ftp_fixtures import every_way
from tests.fakes.ftp_server import CLIENT, FtpServer

Serve = Callable[..., FtpServer]

OPENED, LOGIN_DONE, LOGIN_UNKNOWN, LOGIN_FAILED = 10059, 20137, 20136, 20135
LIMIT, QUIT, REINITIALISED, HOST_NAMED, ENDED = 90007, 10066, 90034, 90033, 10034
ACCEPTED, CLEAR_REFUSED, CLEAR_ALREADY, CLEAR_AGAIN = 10024, 10087, 10086, 10085
DATA_TLS_REQUIRED, TLS_REQUIRED = 10036, 10035
SESSION_FAILED, SECOND_FACTOR = 10089, 20127
LOOSE = {"ftps_force_secured_command_channel": "No", "ftps_force_secured_data_channel": "No"}


def greeted(server: FtpServer, way: Way) -> FtpClient:
    """A client that is as far as USER."""
    client = FtpClient(server, way)
    if way.explicit:
        client.secure()
    return client


# Logging in.


@every_way
def test_a_client_logs_in(server: FtpServer, way: Way) -> None:
    client = greeted(server, way)
    assert client.ask("USER ann") == (331, ("Password required.",))
    assert client.ask("PASS right") == (230, ("Logged in.",))
    assert len(server.data(LOGIN_DONE)) == 1
    home = "/homes/ann"
    assert server.data(OPENED) == [{"real_path": home, "virtual_path": "/", "home_folder": home}]
    (here,) = server.roster.describe()
    assert (here["account"], here["address"], here["protocol"]) == ("ann", CLIENT, "ftp")


@every_way
@pytest.mark.parametrize(
    ("name", "password"), [("ann", "wrong"), ("nobody", "right"), ("ann", ""), ("nobody", "")]
)
def test_a_refusal_tells_nothing(server: FtpServer, way: Way, name: str, password: str) -> None:
    client = greeted(server, way)
    assert client.ask(f"USER {name}") == (331, ("Password required.",))
    assert client.ask(f"PASS {password}".rstrip()) == (530, ("Login incorrect.",))
    assert client.codes("PASS right", "PWD") == [503, 530]
    client.log_in()


def test_a_one_time_code_is_appended_to_the_password(serve: Serve) -> None:
    server = serve(account("ann", password=CHEAP_HASH, multi_factor_authentication=OTPAUTH))
    client = FtpClient(server)
    wrong = (530, ("Login incorrect.",))
    assert client.ask("USER ann") == (331, ("Password required.",))
    assert client.ask("PASS right") == wrong, "as any other wrong password"
    assert [one["details"] for one in server.data(SESSION_FAILED)] == [CODE_MISSING]
    for password in ("right000", "right000000", "wrong" + code_at(), code_at()):
        client.ask("USER ann")
        assert client.ask(f"PASS {password}") == wrong
    client = FtpClient(server)
    client.ask("USER ann")
    assert client.ask(f"PASS right{code_at()}") == (230, ("Logged in.",))
    (second,) = server.data(SECOND_FACTOR)
    assert second["credentials_type"] == "password"


def test_attempts_have_a_limit(server: FtpServer) -> None:
    client = FtpClient(server)
    for _ in range(5):
        assert client.codes("USER ann", "PASS wrong") == [331, 530]
    client.say("REIN")  # gives no more of them
    assert client.codes("USER ann") == [331]
    assert client.ask("PASS") == (421, ("Too many login attempts.",))
    assert client.gone
    assert server.data(LIMIT) == [{"name": "maximum_login_attempts", "value": 6}]


def test_a_login_gives_attempts_back(server: FtpServer) -> None:
    client = FtpClient(server)
    for _ in range(3):
        client.say("USER ann", "PASS wrong", "USER ann", "PASS wrong", "USER ann", "PASS wrong")
        client.log_in()
        assert client.codes("REIN") == [220]


def test_nobody_logs_in_twice(client: FtpClient) -> None:
    assert client.ask("USER bob") == (503, ("Already logged in: REIN begins anew.",))
    assert client.ask("PASS right") == (503, ("Already logged in: REIN begins anew.",))


def test_a_session_that_cannot_be_opened_is_a_refusal(server: FtpServer) -> None:
    async def full() -> None:
        raise Refused(Reason.QUOTA, "", "the account has 1 sessions already")

    server.holding = full
    client = FtpClient(server)
    assert client.codes("USER ann", "PASS right") == [331, 530]
    assert server.data(OPENED) == []


def test_a_banned_source_is_refused_as_by_a_wrong_password(server: FtpServer) -> None:
    server.bars()
    client = FtpClient(server)
    assert client.codes("USER ann") == [331]
    assert client.ask("PASS right") == (530, ("Login incorrect.",))
    assert server.method.hashes.calls == 0


def test_a_banned_source_waits_for_its_refusal_and_nobody_else_does(server: FtpServer) -> None:
    other = FtpClient(server)
    server.bars(late=True)
    client = FtpClient(server)
    assert client.codes("USER ann", "PASS right", "NOOP") == [331]
    assert other.codes("NOOP") == [200]
    assert [one.code for one in client.wait(BARRED_SECONDS)] == [530, 200]


def test_a_banned_source_may_leave_before_its_refusal(server: FtpServer) -> None:
    server.bars(late=True)
    client = FtpClient(server)
    assert client.codes("USER ann", "PASS right") == [331]
    client.vanish()
    server.reactor.advance(BARRED_SECONDS)
    server.reactor.settle()
    assert server.service.connections == 0


@pytest.mark.parametrize("how", ["leave", "end"])
def test_a_client_may_be_gone_when_its_login_is_done(server: FtpServer, how: str) -> None:
    waiting: Deferred[None] = Deferred()

    async def hold() -> None:
        await waiting

    server.holding = hold
    client = FtpClient(server)
    assert client.codes("USER ann", "PASS right") == [331]
    if how == "leave":
        client.leave()
    else:
        server.service.end_all("The service stops.")
    waiting.callback(None)
    client.settle()
    assert client.gone
    assert server.data(OPENED) == []
    assert len(server.roster) == 0
    assert server.numbers()[-1] == ENDED


def test_acct_is_of_no_use(client: FtpClient) -> None:
    assert client.codes("ACCT ann") == [202]


# Leaving, and beginning anew.


def test_quit_is_told(client: FtpClient, server: FtpServer) -> None:
    assert client.codes("QUIT", "PWD") == [221]
    assert client.gone
    assert server.numbers()[-2:] == [QUIT, ENDED]


@every_way
def test_rein_forgets_the_client_and_all_it_has_set(
    client: FtpClient, server: FtpServer, way: Way
) -> None:
    client.say("MKD /folder", "CWD /folder", "TYPE A", "MODE Z", "OPTS MLST", "EPSV ALL")
    assert client.ask("REIN").text == "Ready for a new login."
    assert server.data(REINITIALISED) == [{}]
    assert len(server.roster) == 0
    assert client.codes("PWD") == [530]
    client.log_in()
    assert client.ask("PWD").text.startswith('"/" ')
    assert client.ask("STAT").lines[3] == " TYPE I, STRU F, MODE S"
    assert len(client.ask("MLST").lines[1]) > 20
    assert client.down("NLST") == (b"folder\r\n", [150, 226])  # TLS is as it was
    assert client.passive("PASV") if not way.secured else True


def test_rein_closes_what_is_open(client: FtpClient, server: FtpServer) -> None:
    data = client.connect()
    assert client.codes("REIN") == [220]
    assert data.closed


def test_rein_before_a_login_is_no_harm(server: FtpServer) -> None:
    client = FtpClient(server)
    assert client.codes("USER ann", "REIN", "PASS right") == [331, 220, 503]
    client.log_in()


def test_rein_in_a_transfer_waits_for_it(client: FtpClient, server: FtpServer) -> None:
    server.put("/file", b"x" * 1000)
    data = client.connect()
    data.socket.room = 0
    assert client.codes("RETR /file", "REIN", "PWD") == [150]
    data.socket.room = None
    client.settle()
    assert [one.code for one in client.take()] == [226, 220, 530]
    assert data.received == b"x" * 1000


def test_events_are_of_nobody_again_after_rein(client: FtpClient, server: FtpServer) -> None:
    client.say("REIN", "CLNT me")
    assert server.told[-1].origin.actor.name == "Unknown"


def test_another_may_log_in_after_rein(serve: Serve) -> None:
    server = serve(account("ann", password=CHEAP_HASH), account("bob", password=CHEAP_HASH))
    client = FtpClient(server).arrive()
    client.say("REIN")
    client.log_in("bob")
    (here,) = server.roster.describe()
    assert here["account"] == "bob"


def test_host_comes_before_user(server: FtpServer) -> None:
    client = FtpClient(server)
    assert client.say("HOST files.example.com") == client.greeting
    client.say("HOST " + "h" * 1000)
    assert [len(one["host"]) for one in server.data(HOST_NAMED)] == [17, MAX_NAME]
    assert client.codes("USER ann", "HOST other") == [331, 503]


# AUTH.


@pytest.mark.parametrize("way", [EXPLICIT], ids=["explicit"])
@pytest.mark.parametrize(
    ("word", "private"),
    [("TLS", False), ("tls", False), ("TLS-C", False), ("SSL", True), ("TLS-P", True)],
)
def test_auth_has_many_words(serve: Serve, way: Way, word: str, private: bool) -> None:
    server = serve(ftps_force_secured_data_channel="No")
    client = FtpClient(server, way)
    client.secure(word)
    assert server.data(ACCEPTED) == [{}]
    client.log_in()
    assert client.ask("STAT").lines[2].endswith("data: TLS" if private else "data: clear")


@pytest.mark.parametrize("way", [EXPLICIT], ids=["explicit"])
@pytest.mark.parametrize("word", ["GSSAPI", "KERBEROS_V4", "TLS1"])
def test_auth_knows_tls_only(server: FtpServer, way: Way, word: str) -> None:
    client = FtpClient(server, way)
    assert client.codes(f"AUTH {word}") == [504]
    assert server.data(ACCEPTED) == []
    client.arrive()


def test_auth_where_there_is_none(client: FtpClient) -> None:
    assert client.codes("AUTH TLS", "PBSZ 0", "PROT P", "CCC") == [502, 503, 503, 533]


@pytest.mark.parametrize("way", [IMPLICIT], ids=["implicit"])
def test_auth_where_tls_is_there_from_the_beginning(client: FtpClient, way: Way) -> None:
    assert client.codes("AUTH TLS") == [502]


@pytest.mark.parametrize("way", [EXPLICIT], ids=["explicit"])
def test_auth_closes_what_is_open(serve: Serve, way: Way) -> None:
    server = serve(ftps_force_secured_authentication="No", **LOOSE)
    client = FtpClient(server, way)
    client.log_in()
    data = client.connect()
    client.secure()
    assert data.closed
    assert len(server.roster) == 0


# PBSZ and PROT.


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_prot_comes_after_pbsz(server: FtpServer, way: Way) -> None:
    client = greeted(server, way)
    assert client.codes("PROT P") == [503]
    assert client.ask("PBSZ 4096") == (200, ("PBSZ=0",))
    assert client.codes("PROT p", "PROT S", "PROT E", "PROT X") == [200, 536, 536, 504]
    client.log_in()
    client.private = True
    assert client.down("LIST") == (b"", [150, 226])


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_data_must_be_secured_where_that_is_demanded(server: FtpServer, way: Way) -> None:
    client = greeted(server, way)
    assert client.codes("PBSZ 0", "PROT C") == [200, 534]
    client.log_in()
    if way.explicit:
        data = client.connect(private=False)
        for line in ("LIST", "NLST", "MLSD", "RETR /a", "STOR /a", "APPE /a", "STOU"):
            assert client.codes(line) == [521]
        assert not data.closed
        assert server.data(DATA_TLS_REQUIRED) == [{}] * 7


@pytest.mark.parametrize("way", [EXPLICIT], ids=["explicit"])
def test_where_it_is_not_a_client_may_choose(serve: Serve, way: Way) -> None:
    client = FtpClient(serve(ftps_force_secured_data_channel="No"), way)
    client.secure()
    client.log_in()
    assert client.down("LIST") == (b"", [150, 226])
    client.protect()
    assert client.down("LIST") == (b"", [150, 226])
    assert client.codes("PROT C") == [200]
    client.private = False
    assert client.down("LIST") == (b"", [150, 226])


# CCC.


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_ccc_is_refused_where_commands_must_be_secured(
    client: FtpClient, server: FtpServer, way: Way
) -> None:
    assert client.codes("CCC") == [534]
    assert server.data(CLEAR_REFUSED) == [{}]
    assert client.codes("PWD") == [257]


def test_ccc_in_clear_is_told(client: FtpClient, server: FtpServer) -> None:
    assert client.codes("CCC") == [533]
    assert server.data(CLEAR_ALREADY) == [{}]


@pytest.mark.parametrize("way", [EXPLICIT], ids=["explicit"])
def test_after_ccc_data_connections_are_secured_as_before(serve: Serve, way: Way) -> None:
    server = serve(**LOOSE)
    client = FtpClient(server, way).arrive()
    session = client.session
    assert client.codes("CCC") == [200]
    client.control.finish()
    client.control.pump()
    client.control.tls = None
    assert client.codes("PWD") == [257]
    assert server.data(CLEAR_AGAIN) == [{}]
    data = client.connect(session=session)
    client.say("LIST")
    assert data.notified


@pytest.mark.parametrize("way", [EXPLICIT], ids=["explicit"])
def test_only_the_login_must_be_secured_where_only_that_is_demanded(serve: Serve, way: Way) -> None:
    server = serve(**LOOSE)
    client = FtpClient(server, way)
    assert client.codes("FEAT", "USER ann", "PASS right") == [211, 530, 530]
    assert len(server.data(TLS_REQUIRED)) == 2
