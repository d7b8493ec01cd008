"""The recent activity of one's own account."""

from collections.abc import Callable

import pytest

from mft.core.failure import Reason, Refused
from mft.protocols.http.activity import TOLD
from mft.protocols.http.words import LANGUAGES, words
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_server import HttpClient, HttpServer

PLACE = "/__mft__/activity"


def test_what_the_account_did_is_told_the_newest_first(server: HttpServer) -> None:
    client = HttpClient(server)
    client.ask("PUT", "/home/a", b"1")
    client.ask("MOVE", "/home/a", None, Destination="/home/b")
    told = client.ask("GET", PLACE).json["activity"]
    assert [(one["what"], one["path"], one["from"]) for one in told] == [
        ("renamed", "/b", "/a"),
        ("uploaded", "/a", ""),
        ("login", "", ""),
    ]
    assert told[0]["address"] == "192.0.2.7"
    assert told[0]["service"] == server.service.component.kind


def test_what_others_did_is_not(serve: Callable[..., HttpServer]) -> None:
    server = serve(account("ann", password=CHEAP_HASH), account("bob", password=CHEAP_HASH))
    HttpClient(server, user="bob").ask("PUT", "/home/secret", b"1")
    told = HttpClient(server).ask("GET", PLACE)
    assert b"secret" not in told.body
    assert [one["what"] for one in told.json["activity"]] == ["login"]


def test_real_paths_are_not_told(server: HttpServer) -> None:
    client = HttpClient(server)
    client.ask("PUT", "/home/a", b"1")
    real = server.data(40017)[0]["real_path"]
    assert real.encode() not in client.ask("GET", PLACE).body.replace(b'"/a"', b"")


@pytest.mark.parametrize("language", LANGUAGES)
def test_browsers_have_a_page_in_their_language(
    serve: Callable[..., HttpServer], language: str
) -> None:
    server = serve(languages="en, de")
    client = HttpClient(server)
    client.ask("PUT", "/home/%3Cb%3E", b"1")
    client.fields |= {"Accept": "text/html", "Accept-Language": language}
    page = client.ask("GET", PLACE)
    text = page.body.decode()
    assert words(language)("activity.uploaded", path="/&lt;b&gt;") in text
    assert "<b>" not in text
    assert "default-src 'none'" in (page.field("Content-Security-Policy") or "")
    assert f'lang="{language}"' in text


def test_a_page_without_anything_says_so(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*asked: object) -> tuple[()]:
        return ()

    monkeypatch.setattr(server.service.hub, "recent", nothing)
    client = HttpClient(server)
    client.fields["Accept"] = "text/html"
    assert words("en")("activity.nothing") in client.ask("GET", PLACE).body.decode()


def test_a_server_that_is_busy_reading_says_so(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*asked: object) -> tuple[()]:
        raise Refused(Reason.BUSY)

    monkeypatch.setattr(server.service.hub, "recent", busy)
    answer = HttpClient(server).ask("GET", PLACE)
    assert (answer.status, answer.field("Retry-After")) == (503, "10")


def test_it_takes_a_login_and_is_only_read(server: HttpServer) -> None:
    assert HttpClient(server, user=None).ask("GET", PLACE).status == 401
    client = HttpClient(server)
    assert client.ask("HEAD", PLACE).status == 200
    assert client.ask("POST", PLACE, b"").status == 405
    assert client.ask("GET", f"{PLACE}/more").status == 404
    options = client.ask("OPTIONS", PLACE)
    assert (options.status, options.field("Allow")) == (204, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_is_told_has_a_text(language: str) -> None:
    t = words(language)
    for key in set(TOLD.values()):
        assert t(f"activity.{key}", path="/a", source="/b")
