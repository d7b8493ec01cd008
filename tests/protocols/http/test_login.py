"""Logging in and out of a web session, by a form or by JSON."""

import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.core.secret import Secret
from mft.protocols.http.login import MAX_BODY, WRONG, WRONG_WITH_CODES
from tests.fakes.accounts import CHEAP_HASH, OTPAUTH, account, code_at
from tests.fakes.http_server import HOST, LOGIN, LOGOUT, Answer, HttpClient, HttpServer

Serve = Callable[..., HttpServer]

UNAUTHENTICATED, SESSION_OPENED, LOGGED_OUT, BAD_REQUEST = 40000, 40007, 40037, 40019
LOGIN_DONE, LOGIN_TIMEOUT, LIMIT, DISCONNECTED, CLOSED = 20137, 90009, 90007, 40029, 40054
SECOND_FACTOR, LOGIN_FAILED = 20127, 20142
IN_CLEAR = pytest.mark.parametrize("tls", [False], ids=["http"])
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@pytest.fixture
def visitor(server: HttpServer) -> HttpClient:
    """A client that shows nobody."""
    return HttpClient(server, user=None)


def by_json(client: HttpClient, username: object = "ann", password: object = "right") -> Answer:
    """Log in as a program does."""
    body = json.dumps({"username": username, "password": password}).encode()
    return client.ask("POST", LOGIN, body, Content_Type=JSON)


def by_form(client: HttpClient, body: bytes = b"username=ann&password=right") -> Answer:
    """Log in as a browser does."""
    scheme = "https" if client.server.tls else "http"
    return client.ask("POST", LOGIN, body, Content_Type=FORM, Origin=f"{scheme}://{HOST}")


# In.


def coded(serve: Serve) -> HttpClient:
    """A client of a server where ann has one-time codes, and bob has none."""
    ann = account("ann", password=CHEAP_HASH, multi_factor_authentication=OTPAUTH)
    return HttpClient(serve(ann, account("bob", password=CHEAP_HASH)), user=None)


def test_a_one_time_code_comes_in_a_field_of_its_own(serve: Serve) -> None:
    visitor = coded(serve)
    answer = by_form(visitor, b"username=ann&password=right&code=" + code_at().encode())
    assert (answer.status, answer.field("Location")) == (303, "/home/")
    (second,) = visitor.server.data(SECOND_FACTOR)
    assert second["credentials_type"] == "one-time-code"


def test_a_program_gives_it_in_its_json(serve: Serve) -> None:
    visitor = coded(serve)
    given = {"username": "ann", "password": "right", "code": code_at()}
    answer = visitor.ask("POST", LOGIN, json.dumps(given).encode(), Content_Type=JSON)
    assert answer.status == 200
    given["code"] = 123456  # type: ignore[assignment]  # as a program might
    answer = visitor.ask("POST", LOGIN, json.dumps(given).encode(), Content_Type=JSON)
    assert answer.status == 400


def test_it_may_come_with_the_password_instead(serve: Serve) -> None:
    assert by_form(coded(serve), b"username=ann&password=right" + code_at().encode()).status == 303


@pytest.mark.parametrize(
    "body",
    [
        b"username=ann&password=right",
        b"username=ann&password=right&code=",
        b"username=ann&password=right&code=000",
        b"username=ann&password=wrong&code=",
        b"username=eve&password=right&code=",
        b"username=bob&password=wrong",
    ],
)
def test_nobody_hears_which_of_them_was_wrong(serve: Serve, body: bytes) -> None:
    answer = by_form(coded(serve), body)
    assert answer.status == 401
    assert answer.all("Set-Cookie") == []
    text = answer.body.decode()
    assert WRONG_WITH_CODES in text
    assert text == by_form(coded(serve), b"username=bob&password=no").body.decode()


def test_what_was_wrong_is_told_to_the_administrator(serve: Serve) -> None:
    visitor = coded(serve)
    by_form(visitor, b"username=ann&password=right")
    by_form(visitor, b"username=ann&password=right&code=000")
    details = [one["details"] for one in visitor.server.data(UNAUTHENTICATED)]
    assert details == ["the second factor is missing", "wrong credentials"]
    (failed,) = visitor.server.data(LOGIN_FAILED)
    assert failed["details"] == "the one-time code is wrong"


def test_who_has_no_codes_leaves_the_field_empty_or_not(serve: Serve) -> None:
    for code in (b"", b"123456"):
        assert by_form(coded(serve), b"username=bob&password=right&code=" + code).status == 303


def test_a_program_logs_in_by_json(visitor: HttpClient, server: HttpServer) -> None:
    answer = by_json(visitor)
    assert answer.status == 200
    token = answer.json["results"][0]["session"]
    assert list(answer.json) == ["results"]
    (done,) = server.data(LOGIN_DONE)
    assert (done["account_name"], done["credentials_type"]) == ("ann", "password")
    homes = {"real_path": "/homes/ann", "virtual_path": "/", "home_folder": "/homes/ann"}
    assert server.data(SESSION_OPENED) == [homes]
    assert visitor.ask("GET", "/home/", Authorization=f"Session {token}").status == 200
    assert visitor.ask("GET", "/home/").status == 401, "no token, no session"


def test_a_browser_logs_in_by_a_form_and_gets_a_cookie(
    visitor: HttpClient, server: HttpServer
) -> None:
    answer = by_form(visitor)
    assert (answer.status, answer.field("Location"), answer.body) == (303, "/home/", b"")
    cookie = answer.field("Set-Cookie")
    assert cookie is not None
    value, *parts = cookie.split("; ")
    assert value.startswith("__Host-mft=" if server.tls else "mft=")
    secure = {"Secure"} if server.tls else set()
    assert set(parts) == {"Path=/", "HttpOnly", "SameSite=Strict"} | secure
    assert visitor.ask("GET", "/home/", Cookie=value).status == 200


@pytest.mark.parametrize(
    ("to", "place"),
    [
        ("/home/a%20b/", "/home/a%20b/"),
        ("https://evil.example.com/home/", "/home/"),
        ("//evil.example.com", "/home/"),
        ("/__mft__/logout", "/home/"),
        ("/home/../x", "/home/"),
    ],
)
def test_a_login_leads_on_to_files_of_ours_only(visitor: HttpClient, to: str, place: str) -> None:
    target = f"{LOGIN}?to={quote(to, safe='')}"
    body = b"username=ann&password=right"
    answer = visitor.ask("POST", target, body, Content_Type=FORM, Sec_Fetch_Site="same-origin")
    assert (answer.status, answer.field("Location")) == (303, place)


@IN_CLEAR
def test_behind_a_proxy_with_tls_the_cookie_is_for_https_only(serve: Serve) -> None:
    server = serve(accepted_origins=HOST)
    cookie = by_json(HttpClient(server, user=None)).field("Set-Cookie")
    assert cookie is not None
    assert cookie.startswith("__Host-mft=")
    assert cookie.endswith("; Secure")
    clear = serve(accepted_origins=f"http, {HOST}")
    cookie = by_json(HttpClient(clear, user=None)).field("Set-Cookie")
    assert cookie is not None
    assert cookie.startswith("mft=")


@pytest.mark.parametrize("path", [LOGIN, "/__chsps__/login"])
def test_the_old_name_of_the_page_answers_too(visitor: HttpClient, path: str) -> None:
    body = b"username=ann&password=right"
    assert visitor.ask("POST", path, body, Content_Type=FORM).status == 303


def test_a_name_and_a_password_may_have_any_letters(serve: Serve) -> None:
    client = HttpClient(serve(account("Zoë & Co.", password=CHEAP_HASH)), user=None)
    assert by_form(client, b"username=Zo%C3%AB+%26+Co.&password=right").status == 303
    assert by_json(client, "Zoë & Co.").status == 200


def test_the_kind_of_a_body_may_have_parameters(visitor: HttpClient) -> None:
    body = b"username=ann&password=right"
    given = "Application/X-WWW-Form-Urlencoded; charset=UTF-8"
    assert visitor.ask("POST", LOGIN, body, Content_Type=given).status == 303


def test_a_login_ends_the_session_that_the_connection_had(
    client: HttpClient, server: HttpServer
) -> None:
    client.ask("GET", "/home/")
    client.log_in()
    assert len(server.roster) == 1


def test_who_has_logged_in_may_be_idle_for_longer(visitor: HttpClient, server: HttpServer) -> None:
    by_json(visitor)
    visitor.wait(299)
    assert not visitor.closed
    assert server.data(LOGIN_TIMEOUT) == []


# Not in.


@pytest.mark.parametrize(
    ("name", "password"),
    [("ann", "wrong"), ("nobody", "right"), ("", "right"), ("ann", ""), ("a\0b", "c\nd")],
)
def test_what_is_wrong_is_answered_in_the_same_words(
    visitor: HttpClient, server: HttpServer, name: str, password: str
) -> None:
    answer = by_json(visitor, name, password)
    assert answer.status == 401
    assert answer.json == {"errors": [{"title": "Unauthorized", "message": WRONG}]}
    assert answer.field("Set-Cookie") is None
    assert len(answer.all("WWW-Authenticate")) == 2
    assert server.data(UNAUTHENTICATED) == [{"uri": LOGIN, "details": "wrong credentials"}]
    assert len(server.roster) == 0
    assert by_json(visitor).status == 200


def test_every_name_costs_the_same(visitor: HttpClient, server: HttpServer) -> None:
    for name, password in (("ann", "wrong"), ("nobody", "wrong"), ("", ""), ("\0", "right")):
        before = server.method.hashes.calls
        by_json(visitor, name, password)
        assert server.method.hashes.calls == before + 1


def test_attempts_have_a_limit(visitor: HttpClient, server: HttpServer) -> None:
    for _ in range(5):
        assert by_json(visitor, "ann", "wrong").field("Connection") is None
    answer = by_form(visitor, b"username=ann&password=wrong")
    assert (answer.status, answer.field("Connection")) == (401, "close")
    assert visitor.closed
    assert server.data(LIMIT) == [{"name": "maximum_login_attempts", "value": 6}]


BAD = {
    "nothing": (JSON, b""),
    "no JSON": (JSON, b"{"),
    "a list": (JSON, b"[1]"),
    "no password": (JSON, b'{"username": "ann"}'),
    "a number": (JSON, b'{"username": "ann", "password": 1}'),
    "no UTF-8": (JSON, b'{"username": "\xff", "password": "right"}'),
    "half a letter": (JSON, b'{"username": "\\ud800", "password": "right"}'),
    "raw letters": (FORM, "username=Zoë&password=right".encode()),
    "a bad escape": (FORM, b"username=%zz&password=right"),
    "many pairs": (FORM, b"a=b&" * 100),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_login_is_a_bad_request(
    visitor: HttpClient, server: HttpServer, name: str
) -> None:
    kind, body = BAD[name]
    assert visitor.ask("POST", LOGIN, body, Content_Type=kind).status == 400
    (told,) = server.data(BAD_REQUEST)
    assert (told["path"], told["uri"]) == ("", LOGIN)
    assert server.method.hashes.calls == 0


def test_a_form_without_a_name_is_a_wrong_one(visitor: HttpClient) -> None:
    assert by_form(visitor, b"").status == 401


@pytest.mark.parametrize("kind", [None, "text/plain", "multipart/form-data; boundary=x", ""])
def test_a_login_of_another_kind_is_not_understood(visitor: HttpClient, kind: str | None) -> None:
    assert visitor.ask("POST", LOGIN, b"{}", Content_Type=kind).status == 415


def test_a_login_is_small(visitor: HttpClient, server: HttpServer) -> None:
    padding = b" " * (MAX_BODY - len(b'{"username":"ann","password":"right"}'))
    body = b'{"username":"ann","password":"right"}' + padding
    assert visitor.ask("POST", LOGIN, body, Content_Type=JSON).status == 200
    assert visitor.ask("POST", LOGIN, body + b" ", Content_Type=JSON).status == 413
    assert len(server.data(LOGIN_DONE)) == 1


def test_there_are_as_many_web_sessions_as_there_may_be(serve: Serve) -> None:
    server = serve(maximum_web_sessions="1")
    client = HttpClient(server)
    token = client.log_in()
    answer = by_json(client)
    assert (answer.status, answer.field("Retry-After")) == (503, "10")
    assert len(server.data(LOGIN_DONE)) == 1, "nobody was asked for a password"
    client.show(token)
    client.ask("POST", LOGOUT, b"")
    assert by_json(client).status == 200


class Held:
    """What every login waits for."""

    def __init__(self, server: HttpServer) -> None:
        self._waiting: Deferred[None] = Deferred()
        server.holding = self._wait

    async def _wait(self) -> None:
        await self._waiting

    def let_go(self, *clients: HttpClient) -> None:
        self._waiting.callback(None)
        for client in clients:
            client.settle()


def test_of_logins_at_one_time_only_as_many_begin_as_there_may_be(serve: Serve) -> None:
    server = serve(maximum_web_sessions="1")
    clients = [HttpClient(server, user=None) for _ in range(2)]
    held = Held(server)
    body = b'{"username":"ann","password":"right"}'
    for client in clients:
        client.write(
            client.head("POST", LOGIN, Content_Type=JSON, Content_Length=str(len(body))) + body
        )
    held.let_go(*clients)
    assert [client.answer().status for client in clients] == [200, 503]
    assert len(server.roster) == len(server.data(SESSION_OPENED)) == 1


@pytest.mark.parametrize("how", ["vanish", "end"])
def test_who_has_gone_when_the_login_is_done_has_no_session(
    visitor: HttpClient, server: HttpServer, how: str
) -> None:
    held = Held(server)
    body = b"username=ann&password=right"
    visitor.write(
        visitor.head("POST", LOGIN, Content_Type=FORM, Content_Length=str(len(body))) + body
    )
    if how == "vanish":
        visitor.vanish()
    else:
        server.service.end_all("The service stops.")
    held.let_go(visitor)
    assert len(server.roster) == 0
    assert SESSION_OPENED not in server.numbers()
    assert DISCONNECTED not in server.numbers()
    assert server.numbers()[-1] == CLOSED


def test_a_session_that_cannot_be_opened_is_a_refusal_like_any_other(
    visitor: HttpClient, server: HttpServer
) -> None:
    async def full() -> None:
        raise Refused(Reason.QUOTA, "", "the account has 1 sessions already")

    server.holding = full
    answer = by_json(visitor)
    assert answer.json["errors"][0]["message"] == WRONG
    assert server.data(UNAUTHENTICATED)[0]["details"] == "the account has 1 sessions already"


# Out.


def test_logging_out_takes_the_cookie_away(client: HttpClient, server: HttpServer) -> None:
    client.log_in()
    answer = client.ask("POST", LOGOUT, b"")
    assert (answer.status, answer.body) == (204, b"")
    cookie = answer.field("Set-Cookie")
    assert cookie is not None
    assert cookie.startswith("__Host-mft=;" if server.tls else "mft=;")
    assert "; Max-Age=0" in cookie
    assert server.data(LOGGED_OUT) == [{}]
    names = {one.event.number: one.origin.actor.name for one in server.told}
    assert names[LOGGED_OUT] == "ann"
    assert len(server.roster) == 0
    assert client.ask("POST", LOGOUT, b"").status == 401
    assert len(server.data(LOGGED_OUT)) == 1


def test_a_form_of_ours_logs_a_browser_out(visitor: HttpClient, server: HttpServer) -> None:
    cookie = (by_form(visitor).field("Set-Cookie") or "").partition(";")[0]
    web = server.service.hub.web_sessions.find(Secret(cookie.partition("=")[2]))
    assert web is not None
    given = {
        "Cookie": cookie,
        "Content_Type": FORM,
        "Sec_Fetch_Site": "same-origin",
    }
    assert visitor.ask("POST", LOGOUT, b"csrf=guessed", **given).status == 403
    assert server.data(LOGGED_OUT) == []
    answer = visitor.ask("POST", LOGOUT, f"csrf={web.csrf}".encode(), **given)
    assert (answer.status, answer.field("Location")) == (303, f"{LOGIN}?done=logged-out")
    assert "; Max-Age=0" in (answer.field("Set-Cookie") or "")
    assert server.data(LOGGED_OUT) == [{}]


def test_a_page_of_another_server_logs_nobody_out(visitor: HttpClient, server: HttpServer) -> None:
    cookie = (by_form(visitor).field("Set-Cookie") or "").partition(";")[0]
    assert visitor.ask("POST", LOGOUT, b"", Cookie=cookie).status == 400
    assert visitor.ask("GET", "/home/", Cookie=cookie).status == 200
    assert server.data(LOGGED_OUT) == []


def test_who_shows_a_password_each_time_has_nothing_to_end(
    client: HttpClient, server: HttpServer
) -> None:
    answer = client.ask("POST", LOGOUT, b"")
    assert answer.status == 400
    assert answer.json["errors"][0]["message"] == "There is no web session to end."
    assert server.data(LOGGED_OUT) == []
