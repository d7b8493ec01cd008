"""Which function answers which request."""

from collections.abc import Callable

import pytest

from mft.core.secret import Secret
from mft.protocols.http import router
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.router import METHODS, PAGES
from tests.fakes.http_server import LOGIN, LOGOUT, HttpClient, HttpServer

Serve = Callable[..., HttpServer]

REDIRECTED, UNAUTHENTICATED = 40008, 40000


@pytest.fixture
def visitor(server: HttpServer) -> HttpClient:
    """A client that shows nobody."""
    return HttpClient(server, user=None)


@pytest.mark.parametrize("target", ["/", "/?a=b", "/home", "/home?a=b", "http://other.example.com"])
def test_what_is_above_the_files_leads_to_them(
    visitor: HttpClient, server: HttpServer, target: str
) -> None:
    answer = visitor.ask("GET", target)
    assert (answer.status, answer.field("Location"), answer.body) == (302, "/home/", b"")
    assert server.data(REDIRECTED) == [{"uri": target, "redirect_uri": "/home/"}]
    assert server.data(UNAUTHENTICATED) == []


@pytest.mark.parametrize("method", ["PUT", "POST", "PROPFIND", "DELETE"])
def test_a_request_that_is_led_on_stays_what_it_is(visitor: HttpClient, method: str) -> None:
    for target in ("/", "/home"):
        answer = visitor.ask(method, target)
        assert (answer.status, answer.field("Location")) == (308, "/home/")


@pytest.mark.parametrize(
    "target",
    [
        "/homes/",
        "/favicon.ico",
        "/HOME/",
        "/__mft__/",
        "/__mft__/other",
        "/__mft__/login/more",
        "/__other__/login",
        "/login",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "BREW"])
def test_there_is_nothing_else(visitor: HttpClient, target: str, method: str) -> None:
    answer = visitor.ask(method, target, b"" if method == "POST" else None)
    assert answer.status == 404
    assert answer.json["errors"][0] == {"title": "Not Found", "message": "There is nothing here."}


def test_the_target_counts_in_its_absolute_form_too(client: HttpClient, server: HttpServer) -> None:
    server.put("/file", b"bytes")
    assert client.ask("GET", "https://files.example.com/home/file").body == b"bytes"


@pytest.mark.parametrize("target", ["/home/", "/home/file", "/home"])
def test_what_can_be_done_with_files_is_told_to_anybody(visitor: HttpClient, target: str) -> None:
    answer = visitor.ask("OPTIONS", target)
    assert (answer.status, answer.body) == (200, b"")
    allowed = (answer.field("Allow") or "").split(", ")
    assert allowed == [*METHODS, "OPTIONS"]
    assert {"GET", "HEAD", "PUT", "DELETE", "POST"} <= set(allowed)
    assert answer.field("DAV") == "1"


@pytest.mark.parametrize("target", [LOGIN, LOGOUT])
def test_what_can_be_done_with_a_page_of_ours_is_told(visitor: HttpClient, target: str) -> None:
    answer = visitor.ask("OPTIONS", target)
    page = PAGES[target.rpartition("/")[2]]
    assert answer.field("Allow") == ", ".join((*page, "OPTIONS"))


@pytest.mark.parametrize(
    ("method", "status"),
    [("TRACE", 405), ("LOCK", 405), ("PATCH", 405), ("BREW", 405), ("get", 405)],
)
def test_a_method_that_is_not_for_files_is_refused_before_the_login(
    visitor: HttpClient, server: HttpServer, method: str, status: int
) -> None:
    answer = visitor.ask(method, "/home/file")
    assert answer.status == status
    assert ((answer.field("Allow") or "").startswith("GET, ")) is (status == 405)
    assert server.data(UNAUTHENTICATED) == []


@pytest.mark.parametrize(("method", "status"), [("DELETE", 405), ("BREW", 405)])
def test_a_method_that_is_not_for_a_page_is_refused(
    visitor: HttpClient, method: str, status: int
) -> None:
    answer = visitor.ask(method, LOGOUT)
    assert answer.status == status
    assert answer.field("Allow") == ("POST, OPTIONS" if status == 405 else None)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_of_files_is_done_for_nobody(
    visitor: HttpClient, server: HttpServer, method: str
) -> None:
    server.put("/file", b"bytes")
    assert visitor.ask(method, "/home/file", b"").status == 401
    assert server.get("/file") == b"bytes"
    assert len(server.data(UNAUTHENTICATED)) == 1


def test_a_web_session_works_as_long_as_its_request_does(
    client: HttpClient, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = server.service.hub.web_sessions.find(Secret(client.log_in()))
    assert web is not None
    seen: list[bool] = []

    async def look(exchange: Exchange) -> None:
        seen.append(web.working)
        exchange.answer(204)

    monkeypatch.setattr(router, "METHODS", {**METHODS, "GET": look})
    client.wait(10)
    assert client.ask("GET", "/home/").status == 204
    assert seen == [True]
    assert not web.working
    assert web.active == server.reactor.seconds()


# What is below a name of ours.


@pytest.fixture
def things(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thing below a name of ours: it can be looked at."""

    async def look(exchange: Exchange) -> None:
        exchange.answer(200, exchange.session.account.name.encode())

    async def options(exchange: Exchange) -> None:
        exchange.answer(204)

    monkeypatch.setattr(
        router, "BELOW", {"things": lambda names: {"GET": look} if names == ("one",) else {}}
    )
    monkeypatch.setattr(router, "OPTIONS", {"things": options})


@pytest.mark.usefixtures("things")
@pytest.mark.parametrize(
    ("method", "name", "status"),
    [
        ("GET", "one", 401),
        ("GET", "other", 404),
        ("GET", "", 404),
        ("OPTIONS", "one", 204),
        ("OPTIONS", "other", 404),
        ("DELETE", "one", 405),
        ("BREW", "one", 405),
    ],
)
def test_what_is_below_a_name_of_ours_is_for_those_who_have_logged_in(
    visitor: HttpClient, method: str, name: str, status: int
) -> None:
    answer = visitor.ask(method, f"/__mft__/things/{name}")
    assert answer.status == status
    assert answer.field("Allow") == ("GET, OPTIONS" if status == 405 else None)


@pytest.mark.usefixtures("things")
def test_there_the_account_is_known(client: HttpClient) -> None:
    assert client.ask("GET", "/__mft__/things/one").body == b"ann"
    client.log_in()
    assert client.ask("GET", "/__mft__/things/one").body == b"ann"
