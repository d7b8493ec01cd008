"""Who asks: by a password, by a token, by a certificate; and what is answered to anybody else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.protocols.http.sign_in import OTHER_ORIGIN, WRONG
from mft.session.login import BARRED_SECONDS
from tests.fakes import pki, tls_peer
from tests.fakes.accounts import CHEAP_HASH, OTPAUTH, account, code_at
from tests.fakes.http_server import HOST, LOGIN, HttpClient, HttpServer, basic

Serve = Callable[..., HttpServer]

UNAUTHENTICATED, SESSION_OPENED, OTHER_ORIGIN_TOLD, LIMIT = 40000, 40007, 90045, 90007
LOGIN_DONE, LOGIN_UNKNOWN, LOGIN_FAILED, MORE_NEEDED = 20137, 20021, 20142, 20126
CLOSED, DISCONNECTED, ENDED = 40054, 40029, 90012
TLS_ONLY = pytest.mark.parametrize("tls", [True], ids=["https"])
IN_CLEAR = pytest.mark.parametrize("tls", [False], ids=["http"])
BASIC = 'Basic realm="mft", charset="UTF-8"'
SESSION = 'Session realm="mft"'
HOMES = {"real_path": "/homes/ann", "virtual_path": "/", "home_folder": "/homes/ann"}


def two(serve: Serve, **options: Any) -> HttpServer:
    """A server with ann and bob."""
    return serve(
        account("ann", password=CHEAP_HASH), account("bob", password=CHEAP_HASH), **options
    )


def details(server: HttpServer) -> list[str]:
    """Why requests were not let in."""
    return [one["details"] for one in server.data(UNAUTHENTICATED)]


# By a password.


def test_a_password_lets_in_and_is_judged_once(client: HttpClient, server: HttpServer) -> None:
    for _ in range(3):
        assert client.ask("GET", "/home/").status == 200
    assert server.data(SESSION_OPENED) == [HOMES]
    (done,) = server.data(LOGIN_DONE)
    assert (done["account_name"], done["credentials_type"]) == ("ann", "password")
    (here,) = server.roster.describe()
    kind = "https" if server.tls else "http"
    assert (here["account"], here["protocol"], here["service"]) == ("ann", kind, "web")


def test_a_one_time_code_at_the_end_of_the_password_is_judged_once_too(serve: Serve) -> None:
    server = serve(account("ann", password=CHEAP_HASH, multi_factor_authentication=OTPAUTH))
    client = HttpClient(server, user=None)
    assert client.ask("GET", "/home/", Authorization=basic("ann", "right")).status == 401
    assert details(server) == ["the second factor is missing"]
    given = basic("ann", "right" + code_at())
    for _ in range(3):
        assert client.ask("GET", "/home/", Authorization=given).status == 200
    elsewhere = HttpClient(server, user=None)
    assert elsewhere.ask("GET", "/home/", Authorization=given).status == 401, "once is once"
    assert len(server.data(LOGIN_DONE)) == 1


def test_another_name_on_the_same_connection_is_another_session(serve: Serve) -> None:
    server = two(serve)
    client = HttpClient(server)
    assert client.ask("PUT", "/home/of-ann", b"x").status == 201
    assert client.ask("GET", "/home/", Authorization=basic("bob")).status == 200
    assert [one["account"] for one in server.roster.describe()] == ["bob"]
    assert [one["account_name"] for one in server.data(LOGIN_DONE)] == ["ann", "bob"]
    assert client.ask("GET", "/home/", Authorization=basic("bob", "wrong")).status == 401
    assert len(server.roster) == 0
    assert client.ask("GET", "/home/").status == 200
    assert len(server.data(LOGIN_DONE)) == 3


def test_without_credentials_a_connection_is_nobodys_again(
    client: HttpClient, server: HttpServer
) -> None:
    client.ask("GET", "/home/")
    assert client.ask("GET", "/home/", Authorization=None).status == 401
    assert len(server.roster) == 0


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (None, "no credentials"),
        (basic("ann", "wrong"), "wrong credentials"),
        (basic("nobody"), "wrong credentials"),
        (basic("ann", ""), "no name or no password"),
        (basic(""), "no name or no password"),
        ("Basic !!!", "credentials of another kind"),
        ("Basic", "credentials of another kind"),
        ("Bearer abc", "credentials of another kind"),
        ("Negotiate abc", "credentials of another kind"),
        ("Session abc", "no such web session"),
    ],
)
def test_whatever_is_wrong_is_answered_in_the_same_words(
    server: HttpServer, given: str | None, why: str
) -> None:
    client = HttpClient(server)
    server.put("/secret", b"x")
    for target in ("/home/secret", "/home/missing"):
        answer = client.ask("GET", target, Authorization=given)
        assert answer.status == 401
        assert answer.json == {"errors": [{"title": "Unauthorized", "message": WRONG}]}
        assert answer.all("WWW-Authenticate") == [SESSION, BASIC]
        assert answer.field("Server-Path") is None
    assert [one["uri"] for one in server.data(UNAUTHENTICATED)] == ["/home/secret", "/home/missing"]
    assert details(server) == [why] * 2
    assert server.data(SESSION_OPENED) == []


def test_an_unknown_name_and_a_wrong_password_are_the_same_answer(server: HttpServer) -> None:
    answers = [
        HttpClient(server, user=name, password="wrong").ask("GET", "/home/")
        for name in ("ann", "nobody")
    ]
    one, other = (
        [field for field in answer.fields if field[0] != "Date"] + [("", answer.body.decode())]
        for answer in answers
    )
    assert one == other
    assert server.method.hashes.calls == 2
    assert len(server.data(LOGIN_FAILED)) == len(server.data(LOGIN_UNKNOWN)) == 1


def test_a_banned_source_is_refused_in_the_same_words_and_not_told_each_time(
    server: HttpServer,
) -> None:
    def answer(password: str) -> tuple[int, bytes, list[str]]:
        given = HttpClient(server, user="ann", password=password).ask("GET", "/home/")
        return given.status, given.body, given.all("WWW-Authenticate")

    wrong = answer("wrong")
    told = len(server.data(UNAUTHENTICATED))
    server.bars()
    assert answer("right") == answer("wrong") == wrong
    assert server.method.hashes.calls == 1
    assert len(server.data(UNAUTHENTICATED)) == told


def test_a_banned_source_is_refused_at_connection_where_the_service_says_so(serve: Serve) -> None:
    refusing = serve(block_source_at_connection="yes")
    assert refusing.accept() is not None
    refusing.bars()
    assert refusing.accept() is None


def test_a_name_and_a_password_may_have_any_letters(serve: Serve) -> None:
    server = serve(account("Zoë", password=CHEAP_HASH))
    client = HttpClient(server, user="Zoë")
    assert client.ask("GET", "/home/").status == 200


@pytest.mark.parametrize(
    ("options", "fields", "expected"),
    [
        ({}, {}, [SESSION, BASIC]),
        ({"announce_session_authentication": "No"}, {}, [BASIC]),
        ({}, {"Sec_Fetch_Mode": "navigate"}, [SESSION, BASIC]),
        ({}, {"Sec_Fetch_Mode": "cors"}, [SESSION]),
        ({"announce_session_authentication": "No"}, {"Sec_Fetch_Mode": "same-origin"}, [SESSION]),
    ],
)
@IN_CLEAR
def test_a_script_does_not_make_its_browser_ask(
    serve: Serve, options: dict[str, str], fields: dict[str, str], expected: list[str]
) -> None:
    answer = HttpClient(serve(**options), user=None).ask("GET", "/home/", **fields)
    assert answer.all("WWW-Authenticate") == expected


@pytest.mark.parametrize(
    ("target", "fields", "place"),
    [
        ("/home/", {}, "/__mft__/login"),
        ("/home/a%20b/?c=d", {}, "/__mft__/login?to=/home/a%2520b/"),
        ("/home/", {"Cookie": "NAME=stale"}, "/__mft__/login?done=ended"),
    ],
)
def test_a_browser_without_a_session_is_sent_to_the_login(
    server: HttpServer, target: str, fields: dict[str, str], place: str
) -> None:
    client = HttpClient(server, user=None)
    given = {name: value.replace("NAME", cookie_of(server)) for name, value in fields.items()}
    answer = client.ask("GET", target, Accept="text/html", **given)
    assert (answer.status, answer.field("Location")) == (303, place)
    assert answer.all("WWW-Authenticate") == []
    assert [one["uri"] for one in server.data(UNAUTHENTICATED)] == [target]


def test_a_browser_may_be_made_to_ask_for_a_password_itself(server: HttpServer) -> None:
    client = HttpClient(server, user=None)
    answer = client.ask("GET", "/home/?without-cookies", Accept="text/html")
    assert (answer.status, BASIC in answer.all("WWW-Authenticate")) == (401, True)


def test_attempts_have_a_limit(serve: Serve) -> None:
    server = serve(maximum_login_attempts="3")
    client = HttpClient(server, password="wrong")
    for _ in range(2):
        answer = client.ask("GET", "/home/")
        assert (answer.status, answer.field("Connection")) == (401, None)
    client.write(client.head("GET", "/home/") * 5)
    answer = client.answer()
    assert (answer.status, answer.field("Connection")) == (401, "close")
    assert client.closed
    assert not client.end.received
    assert server.data(LIMIT) == [{"name": "maximum_login_attempts", "value": 3}]
    assert server.method.hashes.calls == 3


def test_asking_without_credentials_is_no_attempt(serve: Serve) -> None:
    client = HttpClient(serve(maximum_login_attempts="2"), user=None)
    for _ in range(5):
        assert client.ask("GET", "/home/").status == 401
    assert not client.closed


def test_attempts_of_who_is_banned_end_no_connection_and_tell_nothing(serve: Serve) -> None:
    server = serve(maximum_login_attempts="2")
    server.bars()
    client = HttpClient(server)
    for _ in range(5):
        answer = client.ask("GET", "/home/")
        assert (answer.status, answer.field("Connection")) == (401, None)
    assert server.data(LIMIT) == server.data(UNAUTHENTICATED) == []
    assert server.method.hashes.calls == 0


def test_a_banned_source_waits_for_its_refusal_and_nobody_else_does(serve: Serve) -> None:
    server = serve()
    other, token = HttpClient(server, user=None), HttpClient(server).log_in()
    server.bars(late=True)
    client = HttpClient(server)
    client.write(client.head("GET", "/home/"))
    assert not client.end.received
    other.show(token)
    assert other.ask("GET", "/home/").status == 200
    client.wait(BARRED_SECONDS)
    assert client.answer().status == 401


def test_a_login_gives_attempts_back(serve: Serve) -> None:
    client = HttpClient(serve(maximum_login_attempts="2"))
    for _ in range(3):
        assert client.ask("GET", "/home/", Authorization=basic("ann", "wrong")).status == 401
        assert client.ask("GET", "/home/").status == 200


def test_guessing_tokens_is_an_attempt_as_well(serve: Serve) -> None:
    client = HttpClient(serve(maximum_login_attempts="2"))
    client.ask("GET", "/home/", Authorization="Session abc")
    client.ask("GET", "/home/", Authorization="Session abd")
    assert client.closed


def test_a_session_that_cannot_be_opened_is_a_refusal_like_any_other(server: HttpServer) -> None:
    async def full() -> None:
        raise Refused(Reason.QUOTA, "", "the account has 1 sessions already")

    server.holding = full
    answer = HttpClient(server).ask("GET", "/home/")
    assert answer.status == 401
    assert answer.json["errors"][0]["message"] == WRONG
    assert details(server) == ["the account has 1 sessions already"]
    assert server.data(SESSION_OPENED) == []


def test_nobody_logs_in_while_the_journal_cannot_be_written(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = HttpClient(server)
    with monkeypatch.context() as patch:
        patch.setattr(type(server.bus), "healthy", False)
        assert client.ask("GET", "/home/").status == 401
    assert details(server) == ["the audit journal cannot be written"]
    assert client.ask("GET", "/home/").status == 200


def test_nothing_is_changed_while_the_journal_cannot_be_written(
    client: HttpClient, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.ask("GET", "/home/")
    monkeypatch.setattr(type(server.bus), "healthy", False)
    answer = client.ask("PUT", "/home/file", b"x")
    assert (answer.status, answer.json["errors"][0]["message"]) == (500, "Internal error")
    assert client.ask("GET", "/home/").status == 200
    assert server.names() == []


# Leaving during the login.


class Held:
    """What a login waits for."""

    def __init__(self, server: HttpServer) -> None:
        self._waiting: Deferred[None] = Deferred()
        server.holding = self._wait

    async def _wait(self) -> None:
        await self._waiting

    def let_go(self, client: HttpClient) -> None:
        self._waiting.callback(None)
        client.settle()


@pytest.mark.parametrize("how", ["vanish", "end"])
def test_who_has_gone_when_the_login_is_done_leaves_no_session(
    server: HttpServer, how: str
) -> None:
    held = Held(server)
    client = HttpClient(server)
    client.write(client.head("GET", "/home/") * 2)
    if how == "vanish":
        client.vanish()
    else:
        server.service.end_all("The service stops.")
    held.let_go(client)
    assert client.closed
    assert len(server.roster) == 0
    assert len(server.data(LOGIN_DONE)) == 1, "the second request is not served"
    assert SESSION_OPENED not in server.numbers()
    assert DISCONNECTED not in server.numbers()
    assert server.numbers()[-1] == CLOSED


# By a token.


def test_a_token_lets_in_on_every_connection(client: HttpClient, server: HttpServer) -> None:
    token = client.log_in()
    other = HttpClient(server, user=None)
    other.show(token)
    for one in (client, other, client):
        assert one.ask("GET", "/home/").status == 200
    assert len(server.data(LOGIN_DONE)) == len(server.data(SESSION_OPENED)) == 1
    assert len(server.roster) == 1


def cookie_of(server: HttpServer) -> str:
    return "__Host-mft" if server.tls else "mft"


def test_a_cookie_lets_in_under_its_own_name_only(client: HttpClient, server: HttpServer) -> None:
    token = client.log_in()
    name = cookie_of(server)
    for value, status in (
        (f"{name}={token}", 200),
        (f"a=b; {name}={token}; c=d", 200),
        (f"x{name}={token}", 401),
        (f"{name}={token}; {name}={token}", 401),
        (f"{name}=", 401),
        (f'{name}="{token}"', 401),
        ("mft=x" if server.tls else f"__Host-mft={token}", 401),
    ):
        assert client.ask("GET", "/home/", Authorization=None, Cookie=value).status == status


def test_what_stands_in_authorization_counts_and_not_the_cookie(
    client: HttpClient, server: HttpServer
) -> None:
    cookie = f"{cookie_of(server)}={client.log_in()}"
    assert client.ask("GET", "/home/", Authorization="Session x", Cookie=cookie).status == 401
    assert client.ask("GET", "/home/", Authorization="Other x", Cookie=cookie).status == 401


def test_a_connection_changes_from_a_web_session_to_a_password_and_back(
    client: HttpClient, server: HttpServer
) -> None:
    token = client.log_in()
    for given in (f"Session {token}", basic("ann"), f"Session {token}", None):
        status = 200 if given else 401
        assert client.ask("GET", "/home/", Authorization=given).status == status
    assert len(server.roster) == 1, "the web session goes on"


@IN_CLEAR
def test_events_of_a_web_session_are_of_whom_each_request_is_from(serve: Serve) -> None:
    server = serve(client_forwarded_header="X-Forwarded-For", trusted_proxies="192.0.2.0/24")
    client = HttpClient(server)
    client.log_in()
    for host in ("198.51.100.4", "198.51.100.5"):
        client.ask("PUT", f"/home/{host}/", X_Forwarded_For=host)
        assert server.told[-1].origin.peer.host == host
        assert server.told[-1].origin.actor.name == "ann"


def test_a_session_that_ends_while_a_connection_turns_to_it_lets_nobody_in(
    serve: Serve,
) -> None:
    closing: Deferred[None] = Deferred()

    class Slow:
        """A tree that takes a while to be left."""

        def __init__(self, memory: Any) -> None:
            self._memory = memory

        def __getattr__(self, name: str) -> Any:
            return getattr(self._memory, name)

        async def close(self) -> None:
            await closing

    server = serve(storage=Slow)
    browser, client = HttpClient(server), HttpClient(server)
    token = browser.log_in()
    client.ask("GET", "/home/")
    client.write(client.head("GET", "/home/", Authorization=f"Session {token}"))
    browser.ask("POST", "/__mft__/logout", b"")
    closing.callback(None)
    client.settle()
    assert client.answer().status == 401
    assert details(server)[-1] == "the web session has just ended"


# Pages of other servers.


def changing(client: HttpClient, **fields: str | None) -> int:
    """Make a folder; the status."""
    return client.ask("PUT", "/home/made/", **fields).status


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"Origin": "SCHEME://files.example.com"}, 201),
        ({"Referer": "SCHEME://files.example.com/home/"}, 201),
        ({"Sec_Fetch_Site": "same-origin"}, 201),
        ({"Origin": "https://evil.example.com"}, 400),
        ({"Origin": "null"}, 400),
        ({"Referer": "https://evil.example.com/files.example.com"}, 400),
        ({"Sec_Fetch_Site": "cross-site"}, 400),
        ({}, 400),
    ],
)
def test_with_a_cookie_a_change_must_come_from_a_page_of_ours(
    client: HttpClient, server: HttpServer, fields: dict[str, str], status: int
) -> None:
    cookie = f"{cookie_of(server)}={client.log_in()}"
    scheme = "https" if server.tls else "http"
    given: dict[str, str | None] = {
        name: value.replace("SCHEME", scheme) for name, value in fields.items()
    }
    answer = client.ask("PUT", "/home/made/", Authorization=None, Cookie=cookie, **given)
    assert answer.status == status
    if status == 201:
        assert server.data(OTHER_ORIGIN_TOLD) == []
        return
    assert answer.json["errors"][0]["message"] == OTHER_ORIGIN
    (told,) = server.data(OTHER_ORIGIN_TOLD)
    assert (told["uri"], bool(told["details"])) == ("/home/made/", True)
    assert server.names() == []
    assert client.ask("GET", "/home/", Authorization=None, Cookie=cookie, **given).status == 200


def test_a_program_that_shows_its_credentials_itself_need_not_say_where_it_is(
    client: HttpClient,
) -> None:
    assert changing(client) == 201
    client.log_in()
    assert client.ask("DELETE", "/home/made/").status == 204


@pytest.mark.parametrize("target", ["/home/made/", LOGIN])
def test_a_page_of_another_server_is_refused_whatever_it_shows(
    client: HttpClient, server: HttpServer, target: str
) -> None:
    answer = client.ask("POST", target, b"{}", Origin="https://evil.example.com")
    assert answer.status == 400
    assert len(server.data(OTHER_ORIGIN_TOLD)) == 1
    assert server.data(LOGIN_DONE) == []


@IN_CLEAR
def test_behind_a_proxy_the_accepted_hosts_count(serve: Serve) -> None:
    server = serve(accepted_origins="public.example.com, other.example.com:8443")
    client = HttpClient(server)
    for origin, status in (
        ("https://public.example.com", 201),
        ("https://other.example.com:8443", 409),  # it is there by now
        ("https://other.example.com", 400),
        (f"https://{HOST}", 400),
    ):
        assert changing(client, Origin=origin) == status


# By a certificate.

AUTHORITY = pki.Authority()
BOTH = "password, ssl-certificate"


class Door:
    """Ann comes with her certificate to a service that asks for one."""

    def __init__(self, serve: Serve, folder: Path) -> None:
        self._serve = serve
        self._context = tls_peer.client_context(identity=AUTHORITY.issue("ann"))
        (folder / "ca.pem").write_bytes(AUTHORITY.pem)
        self._asking = {"ssl_certificate_authority": str(folder / "ca.pem")}

    def open(self, service: dict[str, str] | None = None, **ann: str) -> HttpClient:
        """She shows no password by herself; the account has these options."""
        given = {"password": CHEAP_HASH, "allow_certificate_authentication": "Yes", **ann}
        server = self._serve(account("ann", **given), **self._asking, **(service or {}))
        return HttpClient(server, user=None, certificate=self._given)

    def _given(self) -> SSL.Context:
        return self._context


@pytest.fixture
def door(serve: Serve, tmp_path: Path) -> Door:
    return Door(serve, tmp_path)


def kinds(client: HttpClient) -> list[str]:
    """By what was logged in."""
    return [one["credentials_type"] for one in client.server.data(LOGIN_DONE)]


@TLS_ONLY
def test_a_certificate_lets_in_and_is_judged_once(door: Door) -> None:
    client = door.open()
    for _ in range(3):
        assert client.ask("GET", "/home/").status == 200
    assert kinds(client) == ["ssl-certificate"]
    assert client.server.data(SESSION_OPENED) == [HOMES]
    assert [one["account"] for one in client.server.roster.describe()] == ["ann"]


@TLS_ONLY
def test_a_certificate_that_does_not_do_is_tried_once(door: Door) -> None:
    client = door.open(allow_certificate_authentication="No")
    for _ in range(3):
        assert client.ask("GET", "/home/").status == 401
    assert len(client.server.data(LOGIN_FAILED)) == 1
    assert details(client.server) == ["the certificate does not do", *["no credentials"] * 2]


@TLS_ONLY
def test_where_a_certificate_does_not_do_a_password_may(door: Door) -> None:
    client = door.open(allow_certificate_authentication="No")
    assert client.ask("GET", "/home/", Authorization=basic("ann")).status == 200
    assert client.ask("GET", "/home/", Authorization=basic("ann", "wrong")).status == 401
    assert kinds(client) == ["password"]


@TLS_ONLY
def test_a_certificate_of_another_does_not_keep_a_password_from_doing(
    serve: Serve, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_bytes(AUTHORITY.pem)
    server = two(serve, ssl_certificate_authority=str(tmp_path / "ca.pem"))
    context = tls_peer.client_context(identity=AUTHORITY.issue("ann"))
    client = HttpClient(server, user="bob", certificate=lambda: context)
    assert client.ask("GET", "/home/").status == 200
    assert [one["account"] for one in server.roster.describe()] == ["bob"]


@TLS_ONLY
def test_an_account_may_want_the_password_as_well(door: Door) -> None:
    client = door.open(required_credentials=BOTH)
    assert client.ask("GET", "/home/").status == 401
    assert client.ask("GET", "/home/", Authorization=basic("ann", "wrong")).status == 401
    assert kinds(client) == []
    assert client.ask("GET", "/home/", Authorization=basic("ann")).status == 200
    assert kinds(client) == ["password"]
    assert len(client.server.data(MORE_NEEDED)) == 3


@TLS_ONLY
def test_a_certificate_and_a_password_begin_a_web_session(door: Door) -> None:
    client = door.open(required_credentials=BOTH)
    client.log_in()
    assert client.ask("GET", "/home/").status == 200
    assert kinds(client) == ["password"]


@TLS_ONLY
def test_without_the_certificate_the_password_is_not_enough(serve: Serve) -> None:
    server = serve(account("ann", password=CHEAP_HASH, required_credentials=BOTH))
    assert HttpClient(server).ask("GET", "/home/").status == 401
    assert server.data(LOGIN_DONE) == []


@TLS_ONLY
def test_a_certificate_that_the_service_does_not_take_is_none(door: Door) -> None:
    client = door.open({"enable_ssl_certificate_authentication": "No"})
    assert client.ask("GET", "/home/").status == 401
    assert details(client.server) == ["no credentials"]
    assert client.ask("GET", "/home/", Authorization=basic("ann")).status == 200
    assert kinds(client) == ["password"]


@TLS_ONLY
def test_what_else_is_shown_counts_and_not_the_certificate(door: Door) -> None:
    client = door.open()
    assert client.ask("GET", "/home/", Authorization="Bearer abc").status == 401
    assert kinds(client) == []


@TLS_ONLY
def test_who_leaves_during_a_login_by_certificate_leaves_no_session(door: Door) -> None:
    client = door.open()
    held = Held(client.server)
    client.write(client.head("GET", "/home/"))
    client.vanish()
    held.let_go(client)
    assert len(client.server.roster) == 0
    assert SESSION_OPENED not in client.server.numbers()


@TLS_ONLY
def test_a_certificate_may_do_later_when_no_session_could_be_opened(door: Door) -> None:
    async def full() -> None:
        raise Refused(Reason.QUOTA, "", "the account has 1 sessions already")

    client = door.open()
    client.server.holding = full
    assert client.ask("GET", "/home/").status == 401
    assert client.ask("GET", "/home/", Authorization=basic("ann")).status == 401
    client.server.holding = None
    assert client.ask("GET", "/home/").status == 200
    assert details(client.server) == ["the account has 1 sessions already"] * 2
    assert len(client.server.data(LOGIN_FAILED)) == 2
