"""The area that everybody may see: one account's files, without a login."""

from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred

from mft.config.kinds import Wrong
from mft.protocols.http.options import HttpOptions, PublicName
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_server import HttpClient, HttpServer

Serve = Callable[..., HttpServer]

REFUSED, LOGGED_IN, OPENED, BAD_REQUEST = 40038, 20137, 40007, 40019


def public(serve: Serve, permissions: str = "allow-read, allow-list", **options: str) -> HttpServer:
    """A server whose public area is the tree of `all`; ann has a tree of her own rights."""
    everybody = account("all", password=CHEAP_HASH, permissions=permissions)
    ann = account("ann", password=CHEAP_HASH)
    server = serve(everybody, ann, **{"public_account_uuid": "id-all", **options})
    server.put("/a", b"for all")
    return server


def test_nobody_has_to_log_in(serve: Serve) -> None:
    server = public(serve)
    client = HttpClient(server, user=None)
    assert client.ask("GET", "/public/a").body == b"for all"
    assert [one["name"] for one in client.ask("GET", "/public/").json["content"]] == ["a"]
    (told,) = server.data(LOGGED_IN)
    assert (told["account_name"], told["credentials_type"]) == ("all", "public")
    assert server.numbers().count(OPENED) == 1
    (event,) = [one for one in server.told if one.event.number == OPENED]
    assert event.origin.actor.name == "all"


def test_a_banned_source_is_refused_there_too_and_not_told_each_time(serve: Serve) -> None:
    server = public(serve)
    server.bars()
    assert HttpClient(server, user=None).ask("GET", "/public/a").status == 403
    assert server.data(REFUSED) == []


def test_the_account_may_do_there_what_its_rules_say_and_no_more(serve: Serve) -> None:
    client = HttpClient(public(serve), user=None)
    assert client.ask("PUT", "/public/b", b"1").status == 403
    assert client.ask("DELETE", "/public/a").status == 403


def test_urls_that_are_told_stay_in_the_area(serve: Serve) -> None:
    server = public(serve, "allow-full-control", public_name="drop-box")
    client = HttpClient(server, user=None)
    made = client.ask("PUT", "/drop-box/in/", b"")
    assert made.status == 201
    assert client.ask("GET", "/drop-box/in").field("Location") == "/drop-box/in/"
    assert client.ask("GET", "/drop-box").field("Location") == "/drop-box/"
    put = client.ask("PUT", "/drop-box/in/b", b"1")
    assert (put.status, put.field("Location")) == (201, "/drop-box/in/b")
    found = client.ask("PROPFIND", "/drop-box/in/", None, Depth="1")
    assert b"<D:href>/drop-box/in/b</D:href>" in found.body
    moved = client.ask("MOVE", "/drop-box/in/b", None, Destination="/drop-box/c")
    assert moved.status == 201
    assert client.ask("MOVE", "/drop-box/c", None, Destination="/home/c").status == 502


def test_it_can_be_at_the_top_beside_the_files_of_those_who_log_in(serve: Serve) -> None:
    client = HttpClient(public(serve, public_name="ROOT"), user=None)
    assert client.ask("GET", "/a").body == b"for all"
    assert [one["name"] for one in client.ask("GET", "/").json["content"]] == ["a"]
    assert client.ask("GET", "/home/a").status == 401
    assert client.ask("GET", "/__mft__/nothing").status == 404


@pytest.mark.parametrize(("name", "url"), [("ROOT", "/in/a"), ("public", "/public/in/a")])
def test_a_bad_request_is_told_with_the_path_that_it_named(
    serve: Serve, name: str, url: str
) -> None:
    server = public(serve, "allow-full-control", public_name=name)
    client = HttpClient(server, user=None)
    assert client.ask("PUT", url, b"1", Content_Range="bytes 0-0/10").status == 400
    (told,) = server.data(BAD_REQUEST)
    assert (told["path"], told["uri"]) == ("/in/a", url)


def test_who_logs_in_on_the_same_connection_is_somebody_again(serve: Serve) -> None:
    server = public(serve)
    client = HttpClient(server)
    assert client.ask("GET", "/public/a").status == 200
    assert client.ask("PUT", "/home/b", b"1").status == 201
    assert client.ask("PUT", "/public/b", b"1").status == 403
    assert [one["account_name"] for one in server.data(LOGGED_IN)] == ["all", "ann", "all"]


def test_an_account_that_may_not_act_shows_nothing(serve: Serve) -> None:
    everybody = account("all", password=CHEAP_HASH, enabled="No")
    server = serve(everybody, public_account_uuid="id-all")
    answer = HttpClient(server, user=None).ask("GET", "/public/a")
    assert answer.status == 403
    assert answer.json["errors"][0]["message"] == "Permission denied"
    assert len(server.data(REFUSED)) == 1


def test_a_home_that_cannot_be_opened_is_told_to_nobody_but_the_trail(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = public(serve)
    monkeypatch.setattr(type(server.bus), "healthy", property(lambda bus: False))
    answer = HttpClient(server, user=None).ask("GET", "/public/a")
    assert answer.status == 403
    assert b"journal" not in answer.body


def test_pages_of_other_servers_change_nothing_there(serve: Serve) -> None:
    server = public(serve, "allow-full-control")
    client = HttpClient(server, user=None)
    answer = client.ask("PUT", "/public/b", b"1", Origin="https://evil.example.com")
    assert (answer.status, server.names()) == (400, ["a"])


def test_a_client_that_leaves_during_its_login_has_no_session(serve: Serve) -> None:
    server = public(serve)
    client = HttpClient(server, user=None)
    waiting: Deferred[None] = Deferred()

    async def held() -> None:
        await waiting

    server.holding = held
    client.write(client.head("GET", "/public/a"))
    client.vanish()
    waiting.callback(None)
    client.settle()
    assert len(server.roster) == 0
    assert server.service.connections == 0


def test_without_an_account_there_is_no_such_area(server: HttpServer) -> None:
    assert HttpClient(server, user=None).ask("GET", "/public/a").status == 404
    given = {"name": "web", "type": "http", "port": "0"}
    assert HttpOptions.model_validate(given).public_area is None


@pytest.mark.parametrize("name", ["", "home", "__mft__", "a/b", "a b", "x" * 51])
def test_the_name_of_the_area_is_a_plain_one(name: str) -> None:
    with pytest.raises(Wrong, match="is not a name such as public"):
        PublicName.__metadata__[0].read(name, None)
