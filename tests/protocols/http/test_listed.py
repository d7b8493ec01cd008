"""Folders with links, as clients see them who know none."""

import pytest

from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.protocols.http.listed import STEP
from tests.fakes.http_server import HttpClient, HttpServer
from tests.fakes.run import run

COUNT = 4 * STEP
LISTED = events.HTTP_LIST_DONE.number


@pytest.fixture
def many(server: HttpServer) -> HttpServer:
    """`/links`, in which there are COUNT links to `/file`."""
    server.put("/file", b"data")
    run(server.owner().make_directory(VPath.parse("/links")))
    for number in range(COUNT):
        run(server.owner().make_link(VPath.parse(f"/links/{number}"), "/file"))
    return server


@pytest.mark.parametrize(
    ("method", "fields"),
    [("GET", {}), ("GET", {"Accept": "text/html"}), ("PROPFIND", {"Depth": "1"})],
    ids=["JSON", "page", "WebDAV"],
)
def test_others_have_their_turn_while_links_are_followed(
    many: HttpServer, method: str, fields: dict[str, str]
) -> None:
    client = HttpClient(many)
    client.ask("GET", "/home/file")
    client.end.write(client.head(method, "/home/links/", **fields))
    turns = 0
    while LISTED not in many.numbers():
        client.end.pump()
        many.reactor.turn()
        turns += 1
    assert turns > COUNT // STEP
    client.settle()
    assert client.answer().body.count(b"/links/" if method == "PROPFIND" else b"name") >= COUNT


def test_every_entry_is_there_once(many: HttpServer) -> None:
    content = HttpClient(many).ask("GET", "/home/links/").json["content"]
    assert sorted(one["name"] for one in content) == sorted(map(str, range(COUNT)))
    assert {one["size"] for one in content} == {len(b"data")}
