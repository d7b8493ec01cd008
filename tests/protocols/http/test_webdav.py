"""PROPFIND, PROPPATCH and MKCOL; OPTIONS and what of WebDAV is not there."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping

import pytest

from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.vfs.base import FileSystem, Usage
from mft.vfs.memory import MemoryFileSystem
from mft.wire.http.dav import MAX_XML
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_server import Answer, HttpClient, HttpServer
from tests.fakes.instead import Instead
from tests.fakes.run import run

Serve = Callable[..., HttpServer]
Rows = dict[str, dict[str, dict[str, str]]]  # properties of each URL by their status

NOW = 1_000_000_000  # 2001-09-09
DATE = "Sun, 09 Sep 2001 01:46:40 GMT"
EPOCH = "Thu, 01 Jan 1970 00:00:00 GMT"  # when the tree was made
QUOTA = "<D:quota-available-bytes/><D:quota-used-bytes/>"
STAT, STAT_FAILED = events.HTTP_STAT_DONE.number, events.HTTP_STAT_FAILED.number
LIST, LIST_FAILED = events.HTTP_LIST_DONE.number, events.HTTP_LIST_FAILED.number


@pytest.fixture
def server(serve: Serve) -> HttpServer:
    server = serve(began=NOW)
    server.put("/a.txt", b"one")
    run(server.owner().make_directory(VPath.parse("/sub ü")))
    server.put("/sub ü/b&c", b"four")
    return server


def ann(serve: Serve, permissions: str, **options: str) -> HttpClient:
    """Ann with these permissions, in a tree with a file and a folder."""
    one = account("ann", password=CHEAP_HASH, permissions=permissions, **options)
    server = serve(one, began=NOW)
    server.put("/a.txt", b"one")
    run(server.owner().make_directory(VPath.parse("/sub")))
    return HttpClient(server)


def told(answer: Answer) -> Rows:
    """What a multistatus tells; a nested element is told by its name."""
    assert (answer.status, answer.field("Content-Type")) == (207, "application/xml; charset=utf-8")
    rows: Rows = {}
    for one in ET.fromstring(answer.body):
        groups: dict[str, dict[str, str]] = {}
        for propstat in one.findall("{DAV:}propstat"):
            status = (propstat.findtext("{DAV:}status") or "").split()[1]
            found = propstat.findall("{DAV:}prop/*")
            values = {x.tag.removeprefix("{DAV:}"): x[0].tag if len(x) else x.text for x in found}
            groups[status] = {name: value or "" for name, value in values.items()}
        rows[one.findtext("{DAV:}href") or ""] = groups
    return rows


def ask(client: HttpClient, target: str, inner: str = "", depth: str | None = "0") -> Answer:
    """A PROPFIND; nothing of a body without `inner`."""
    body = f'<D:propfind xmlns:D="DAV:" xmlns:a="urn:a">{inner}</D:propfind>'.encode()
    return client.ask("PROPFIND", target, body if inner else None, Depth=depth)


def heard(server: HttpServer, work: Callable[[], object]) -> list[int]:
    """The numbers of what is told of the work, without those of its login."""
    work()
    del server.told[:]
    work()
    return server.numbers()


# What is told of one file or folder.


def test_all_of_a_file_is_told(server: HttpServer, client: HttpClient) -> None:
    head = client.ask("HEAD", "/home/a.txt")
    for inner in ("", "<D:allprop/>"):
        assert told(ask(client, "/home/a.txt", inner)) == {
            "/home/a.txt": {
                "200": {
                    "resourcetype": "",
                    "displayname": "a.txt",
                    "getcontentlength": "3",
                    "getcontenttype": "text/plain",
                    "getetag": head.field("ETag"),
                    "getlastmodified": DATE,
                }
            }
        }


def test_all_of_a_folder_is_told(client: HttpClient) -> None:
    usual = {"resourcetype": "{DAV:}collection", "displayname": "", "getlastmodified": EPOCH}
    assert told(ask(client, "/home/")) == {"/home/": {"200": usual}}
    usual |= {"displayname": "sub ü", "getlastmodified": DATE}
    assert told(ask(client, "/home/sub%20%C3%BC/")) == {"/home/sub%20%C3%BC/": {"200": usual}}


def test_a_folder_without_its_slash_is_told_where_it_is(client: HttpClient) -> None:
    for depth in ("0", "1"):
        answer = ask(client, "/home/sub%20%C3%BC", depth=depth)
        assert answer.field("Content-Location") == "/home/sub%20%C3%BC/"
        assert "/home/sub%20%C3%BC/" in told(answer)
    assert ask(client, "/home/sub%20%C3%BC/").field("Content-Location") is None
    assert ask(client, "/home/a.txt").field("Content-Location") is None


def test_names_of_properties_are_told_without_their_values(client: HttpClient) -> None:
    file = ["resourcetype", "displayname", "getcontentlength", "getcontenttype", "getetag"]
    (groups,) = told(ask(client, "/home/a.txt", "<D:propname/>")).values()
    assert groups == {"200": dict.fromkeys([*file, "getlastmodified"], "")}
    (groups,) = told(ask(client, "/home/", "<D:propname/>")).values()
    names = ("resourcetype", "displayname", "getlastmodified")
    assert groups == {"200": dict.fromkeys(names, "")}


def test_properties_are_told_that_are_asked_for(client: HttpClient) -> None:
    inner = "<D:prop><D:getcontentlength/><a:colour/><D:creationdate/><getetag xmlns=''/></D:prop>"
    missing = {"{urn:a}colour": "", "creationdate": "", "getetag": ""}
    (groups,) = told(ask(client, "/home/a.txt", inner)).values()
    assert groups == {"200": {"getcontentlength": "3"}, "404": missing}
    (groups,) = told(ask(client, "/home/", inner)).values()
    assert groups == {"404": {"getcontentlength": "", **missing}}
    (groups,) = told(ask(client, "/home/", "<D:prop/>")).values()
    assert groups == {"200": {}}


def test_more_is_told_where_it_is_included(client: HttpClient) -> None:
    inner = "<D:allprop/><D:include><a:x/><D:displayname/><D:quota-used-bytes/></D:include>"
    (groups,) = told(ask(client, "/home/a.txt", inner)).values()
    assert groups["404"] == {"{urn:a}x": ""}
    assert len(groups["200"]) == 7
    assert groups["200"]["quota-used-bytes"] == "0"


def test_room_is_told_to_who_asks_for_it(server: HttpServer, client: HttpClient) -> None:
    usage = run(server.owner().usage(VPath()))
    room = str(usage.available_blocks * usage.block_size)
    (groups,) = told(ask(client, "/home/", f"<D:prop>{QUOTA}</D:prop>")).values()
    assert groups == {"200": {"quota-available-bytes": room, "quota-used-bytes": "0"}}
    (groups,) = told(ask(client, "/home/a.txt", "<D:allprop/>")).values()
    assert "quota-available-bytes" not in groups["200"]
    rows = told(ask(client, "/home/", f"<D:prop>{QUOTA}</D:prop>", depth="1"))
    assert {status for groups in rows.values() for status in groups} == {"404"}


async def unknown(path: VPath) -> Usage:
    return Usage(0, 0, 0, 0, 0, 0, 255)


def test_room_that_is_not_known_is_not_told(serve: Serve) -> None:
    def storage(memory: MemoryFileSystem) -> FileSystem:
        return Instead(memory, usage=unknown)

    client = HttpClient(serve(storage=storage))
    (groups,) = told(ask(client, "/home/", f"<D:prop>{QUOTA}</D:prop>")).values()
    assert groups == {"404": {"quota-available-bytes": "", "quota-used-bytes": ""}}


def test_room_is_not_told_to_who_may_only_pass(serve: Serve) -> None:
    client = ann(serve, "allow-traverse")
    inner = f"<D:prop><D:resourcetype/>{QUOTA}</D:prop>"
    (groups,) = told(ask(client, "/home/sub/", inner)).values()
    missing = {"quota-available-bytes": "", "quota-used-bytes": ""}
    assert groups == {"200": {"resourcetype": "{DAV:}collection"}, "404": missing}
    assert client.server.numbers()[-1] == STAT_FAILED
    assert ask(client, "/home/a.txt").status == 403


# What is told of a folder and its members.


def test_a_folder_is_told_with_what_is_in_it(server: HttpServer, client: HttpClient) -> None:
    answer = ask(client, "/home/", depth="1")
    rows = told(answer)
    assert answer.field("Transfer-Encoding") == "chunked"
    assert next(iter(rows)) == "/home/"
    assert set(rows) == {"/home/", "/home/a.txt", "/home/sub%20%C3%BC/"}
    assert rows["/home/sub%20%C3%BC/"]["200"]["resourcetype"] == "{DAV:}collection"
    assert rows["/home/a.txt"] == told(ask(client, "/home/a.txt"))["/home/a.txt"]
    rows = told(ask(client, "/home/sub%20%C3%BC/", "<D:prop><D:displayname/></D:prop>", "1"))
    assert rows["/home/sub%20%C3%BC/b%26c"] == {"200": {"displayname": "b&c"}}


def test_a_member_that_leads_to_a_file_is_told_as_the_file(
    server: HttpServer, client: HttpClient
) -> None:
    run(server.owner().make_link(VPath.parse("/way"), "/a.txt"))
    rows = told(ask(client, "/home/", depth="1"))
    assert rows["/home/way"] == told(ask(client, "/home/way"))["/home/way"]


@pytest.mark.parametrize("target", ["/sub ü", "/none"])
def test_no_member_is_a_folder_that_a_client_would_empty_elsewhere(
    server: HttpServer, client: HttpClient, target: str
) -> None:
    run(server.owner().make_link(VPath.parse("/way"), target))
    rows = told(ask(client, "/home/", depth="1"))
    assert rows["/home/way"]["200"]["resourcetype"] == ""


def test_a_file_has_no_members(client: HttpClient) -> None:
    assert list(told(ask(client, "/home/a.txt", depth="1"))) == ["/home/a.txt"]


def test_a_tag_is_left_out_where_the_listing_does_not_tell_what_it_is_made_of(serve: Serve) -> None:
    server = serve(began=0)
    server.put("/a", b"")
    client = HttpClient(server)
    rows = told(ask(client, "/home/", "<D:prop><D:getetag/></D:prop>", depth="1"))
    assert rows["/home/a"] == {"404": {"getetag": ""}}


def test_a_large_folder_is_streamed(server: HttpServer, client: HttpClient) -> None:
    for number in range(3000):
        server.put(f"/sub ü/{number}", b"")
    rows = told(ask(client, "/home/sub%20%C3%BC/", depth="1"))
    assert len(rows) == 3002


def test_a_whole_tree_is_not_told(client: HttpClient) -> None:
    for depth in ("infinity", None):
        answer = ask(client, "/home/", "<D:allprop/>", depth)
        assert answer.status == 403
        assert answer.field("Content-Type") == "application/xml; charset=utf-8"
        error = ET.fromstring(answer.body)
        assert error.tag == "{DAV:}error"
        assert [one.tag for one in error] == ["{DAV:}propfind-finite-depth"]


# What is refused, and what is told to administrators.


def test_one_event_tells_of_one_question(server: HttpServer, client: HttpClient) -> None:
    path = "/home/sub%20%C3%BC/"
    room = f"<D:prop>{QUOTA}</D:prop>"
    assert heard(server, lambda: ask(client, path)) == [STAT]
    assert heard(server, lambda: ask(client, path, room)) == [STAT]
    assert heard(server, lambda: ask(client, path, depth="1")) == [LIST]
    assert heard(server, lambda: ask(client, "/home/a.txt", depth="1")) == [STAT]
    assert heard(server, lambda: ask(client, "/home/missing")) == [STAT_FAILED]
    assert server.data(STAT_FAILED)[-1]["path"] == "/missing"


def test_what_is_missing_is_missing(client: HttpClient) -> None:
    for depth in ("0", "1"):
        assert ask(client, "/home/missing", depth=depth).status == 404
        assert ask(client, "/home/missing/", depth=depth).status == 404
        assert ask(client, "/home/a.txt/", depth=depth).status == 409


def test_what_may_not_be_seen_is_not_told(serve: Serve) -> None:
    client = ann(serve, "allow-write")
    assert ask(client, "/home/", depth="0").status == 403
    assert ask(client, "/home/", depth="1").status == 403
    client = ann(serve, "allow-traverse")
    assert ask(client, "/home/", depth="0").status == 207
    rows = told(ask(client, "/home/", depth="1"))
    assert set(rows) == {"/home/", "/home/sub/"}
    client = ann(serve, "allow-read")
    assert ask(client, "/home/", depth="0").status == 207
    assert ask(client, "/home/", depth="1").status == 403
    assert client.server.numbers()[-1] == LIST_FAILED


@pytest.mark.parametrize(
    ("fields", "body", "status"),
    [
        ({"Depth": "2"}, None, 400),
        ({"Depth": "0"}, b"<propfind>", 400),
        ({"Depth": "0"}, b'<!DOCTYPE a><propfind xmlns="DAV:"><allprop/></propfind>', 400),
        ({"Depth": "0"}, b" " * (MAX_XML + 1), 413),
    ],
)
def test_what_is_no_question_is_refused(
    client: HttpClient, fields: Mapping[str, str], body: bytes | None, status: int
) -> None:
    assert client.ask("PROPFIND", "/home/", body, **fields).status == status
    assert ask(client, "/home/").status == 207


def test_nothing_is_told_before_the_login(server: HttpServer) -> None:
    client = HttpClient(server, user=None)
    for method in ("PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE"):
        assert client.ask(method, "/home/a.txt", b"", Depth="0").status == 401


# PROPPATCH


def patch(client: HttpClient, target: str, inner: str, **fields: str) -> Answer:
    body = f'<D:propertyupdate xmlns:D="DAV:" xmlns:a="urn:a">{inner}</D:propertyupdate>'
    return client.ask("PROPPATCH", target, body.encode(), **fields)


CHANGE = (
    "<D:set><D:prop><a:x>1</a:x><D:getetag>2</D:getetag></D:prop></D:set>"
    "<D:remove><D:prop><a:y/></D:prop></D:remove>"
)


def test_whatever_a_client_says_of_a_file_is_refused(
    server: HttpServer, client: HttpClient
) -> None:
    refused = {"403": {"{urn:a}x": "", "getetag": "", "{urn:a}y": ""}}
    assert told(patch(client, "/home/a.txt", CHANGE)) == {"/home/a.txt": refused}
    assert told(patch(client, "/home/", CHANGE)) == {"/home/": refused}
    failed = events.HTTP_SETSTAT_FAILED.number
    assert heard(server, lambda: patch(client, "/home/a.txt", CHANGE)) == [failed]
    (data,) = server.data(failed)
    assert data == {
        "path": "/a.txt",
        "real_path": "memory:/a.txt",
        "details": "properties of clients are not kept",
    }


def test_a_change_of_what_is_not_there_is_refused(serve: Serve, client: HttpClient) -> None:
    assert patch(client, "/home/missing", CHANGE).status == 404
    assert patch(client, "/home/a.txt", "").status == 400
    assert patch(client, "/home/a.txt", CHANGE, If_Match='"other"').status == 412
    assert patch(ann(serve, "allow-write"), "/home/a.txt", CHANGE).status == 403


# MKCOL


def test_a_folder_is_made(server: HttpServer, client: HttpClient) -> None:
    made = events.HTTP_MAKE_DIRECTORY_DONE.number
    answer = client.ask("MKCOL", "/home/new%20%C3%BC/")
    assert (answer.status, answer.body) == (201, b"")
    assert answer.field("Server-Path") == "/new%20%C3%BC/"
    assert server.numbers()[-1] == made
    assert client.ask("MKCOL", "/home/plain").status == 201
    assert {"new ü", "plain"} <= set(server.names())


def test_a_folder_is_not_made_again(client: HttpClient) -> None:
    for target in ("/home/sub%20%C3%BC/", "/home/sub%20%C3%BC", "/home/a.txt", "/home/"):
        answer = client.ask("MKCOL", target)
        assert answer.status == 405
        assert "PROPFIND" in (answer.field("Allow") or "")
        assert "MKCOL" not in (answer.field("Allow") or "")


def test_a_folder_is_made_in_a_folder_only(client: HttpClient) -> None:
    assert client.ask("MKCOL", "/home/missing/new").status == 409
    assert client.ask("MKCOL", "/home/a.txt/new").status == 409


def test_a_folder_has_no_body(server: HttpServer, client: HttpClient) -> None:
    assert client.ask("MKCOL", "/home/new", b"<a/>").status == 415
    assert "new" not in server.names()


def test_a_folder_is_made_by_who_may(serve: Serve) -> None:
    client = ann(serve, "allow-read,allow-list,allow-write")
    assert client.ask("MKCOL", "/home/new").status == 403
    assert client.ask("MKCOL", "/home/.mft-x").status == 400


def test_a_folder_is_made_on_condition(server: HttpServer, client: HttpClient) -> None:
    assert client.ask("MKCOL", "/home/new", If_Match="*").status == 412
    assert "new" not in server.names()
    assert client.ask("MKCOL", "/home/new", If_None_Match="*").status == 201
    assert client.ask("MKCOL", "/home/new", If_None_Match="*").status == 412


# What a client finds out first.


def test_options_tell_of_webdav_without_locks(client: HttpClient) -> None:
    for target in ("/home/", "/home/a.txt", "/home/missing"):
        answer = client.ask("OPTIONS", target, Authorization=None)
        assert answer.status == 200
        assert (answer.field("DAV"), answer.field("MS-Author-Via")) == ("1", "DAV")
        allowed = (answer.field("Allow") or "").split(", ")
        assert {"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE"} <= set(allowed)
        assert not {"LOCK", "UNLOCK"} & set(allowed)
    assert client.ask("OPTIONS", "/__mft__/login").field("DAV") is None


def test_nothing_is_locked(client: HttpClient) -> None:
    for method in ("LOCK", "UNLOCK"):
        answer = client.ask(method, "/home/a.txt", b"<lockinfo/>")
        assert answer.status == 405
        assert "PROPFIND" in (answer.field("Allow") or "")


def test_there_is_no_webdav_where_there_are_no_files(client: HttpClient) -> None:
    assert ask(client, "/").status == 308
    assert ask(client, "/home").field("Location") == "/home/"
    assert ask(client, "/__mft__/login").status == 405
    assert ask(client, "/elsewhere").status == 404
