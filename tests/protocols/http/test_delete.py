"""DELETE: files, folders with all that is in them, and links without what they lead to."""

import pytest

from mft.core.vpath import VPath
from mft.events import catalogue as e
from tests.fakes.http_server import HttpClient, HttpServer
from tests.fakes.run import run


def fill(server: HttpServer) -> None:
    """`/file`, and two folders with a file in each."""
    for folder in ("/other", "/folder"):
        run(server.owner().make_directory(VPath.parse(folder)))
    for path in ("/file", "/other/file", "/folder/file"):
        server.put(path, b"data")


def test_a_file_is_removed(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    assert client.ask("DELETE", "/home/file").status == 204
    assert server.names() == ["folder", "other"]
    assert server.numbers().count(e.HTTP_REMOVE_DONE.number) == 1
    assert client.ask("DELETE", "/home/file").status == 404


@pytest.mark.parametrize("target", ["/home/folder", "/home/folder/"])
def test_a_folder_is_removed_with_all_that_is_in_it(
    client: HttpClient, server: HttpServer, target: str
) -> None:
    fill(server)
    run(server.owner().make_link(VPath.parse("/folder/way"), "../other"))
    assert client.ask("DELETE", target).status == 204
    assert server.names() == ["file", "other"]
    assert server.names("/other") == ["file"]


@pytest.mark.parametrize("depth", ["0", "1"])
def test_no_folder_is_removed_without_what_is_in_it(
    client: HttpClient, server: HttpServer, depth: str
) -> None:
    fill(server)
    assert client.ask("DELETE", "/home/folder", Depth=depth).status == 400
    assert server.names("/folder") == ["file"]
    assert client.ask("DELETE", "/home/file", Depth=depth).status == 204
    assert client.ask("DELETE", "/home/folder", Depth="infinity").status == 204


def test_what_an_if_of_webdav_does_not_know_stays(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    tag = client.ask("HEAD", "/home/file").field("ETag")
    for wrong in ('(["other"])', "(<opaquelocktoken:a>)"):
        for method, body in (("DELETE", None), ("PUT", b"new"), ("MOVE", None)):
            answer = client.ask(method, "/home/file", body, If=wrong, Destination="/home/new")
            assert answer.status == 412
    assert client.ask("DELETE", "/home/file", If="(").status == 400
    assert server.get("/file") == b"data"
    assert client.ask("DELETE", "/home/file", If=f"([{tag}])").status == 204


def test_a_link_is_removed_and_not_what_it_leads_to(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    run(server.owner().make_link(VPath.parse("/way"), "folder"))
    assert client.ask("DELETE", "/home/way/").status == 409
    assert client.ask("DELETE", "/home/way").status == 204
    assert server.names("/folder") == ["file"]


@pytest.mark.parametrize(("target", "status"), [("/home/", 403), ("/home/file/", 409)])
def test_what_is_not_removed_is_told(
    client: HttpClient, server: HttpServer, target: str, status: int
) -> None:
    fill(server)
    assert client.ask("DELETE", target).status == status
    assert server.names() == ["file", "folder", "other"]
    assert server.names("/folder") == ["file"]


def test_a_file_is_removed_only_as_its_client_knows_it(
    client: HttpClient, server: HttpServer
) -> None:
    fill(server)
    tag = client.ask("HEAD", "/home/file").field("ETag")
    assert client.ask("DELETE", "/home/file", If_Match='"other"').status == 412
    assert client.ask("DELETE", "/home/none", If_Match="*").status == 412
    assert client.ask("DELETE", "/home/none", If_None_Match=tag).status == 404
    assert client.ask("DELETE", "/home/file", If_Match=tag).status == 204
