"""Uploads of the draft of the IETF: by PUT, and on from there."""

from collections.abc import Callable
from hashlib import sha256

import pytest

from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.wire.http.digests import repr_digest
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.files import interrupt
from tests.fakes.http_server import Answer, HttpClient, HttpServer
from tests.fakes.uploads import ALL, DRAFT_TYPE, TUS_TYPE, add, begun, offset, patch, state

DATA = bytes(range(256)) * 40
SIZE = len(DATA)
HALF = SIZE // 2
INTERIM = b"HTTP/1.1 104 Upload Resumption Supported\r\n"


def put_part(client: HttpClient, data: bytes, **fields: str | None) -> Answer:
    """Begin an upload with its first part."""
    return client.ask("PUT", "/home/a", data, **{"Upload_Complete": "?0", **fields})


def interim(
    client: HttpClient, version: str, *, complete: str, data: bytes = b""
) -> dict[str, str]:
    """Begin a PUT of SIZE bytes, send some of it; the fields of the answer in between."""
    head = client.head(
        "PUT",
        "/home/a",
        Upload_Complete=complete,
        Upload_Draft_Interop_Version=version,
        Content_Length=str(SIZE),
    )
    client.write(head + data)
    received = client.end.received
    if not received.startswith(INTERIM):
        return {}
    text = bytes(received[len(INTERIM) : received.index(b"\r\n\r\n")]).decode()
    del received[: received.index(b"\r\n\r\n") + 4]
    lines = (line.partition(": ") for line in text.split("\r\n"))
    return {name: value for name, _, value in lines}


def test_a_file_comes_in_parts_and_is_there_with_the_last_one(
    server: HttpServer, client: HttpClient
) -> None:
    first = put_part(client, DATA[:100])
    assert first.status == 201
    assert (first.field("Upload-Complete"), first.field("Upload-Offset")) == ("?0", "100")
    assert (first.field("Upload-Limit") or "").startswith("max-age=")
    assert first.field("Upload-Length") is None
    url = first.field("Location") or ""
    assert url.startswith(ALL)
    assert server.names() == []
    second = add(client, url, 100, DATA[100:HALF], ends=False)
    assert (second.status, second.field("Upload-Complete")) == (204, "?0")
    assert state(client, url) == (str(HALF), "?0")
    last = add(client, url, HALF, DATA[HALF:], ends=True)
    assert (last.status, last.field("Upload-Complete")) == (201, "?1")
    assert (last.field("Location"), last.field("Server-Path")) == ("/home/a", "/a")
    assert server.get("/a") == DATA
    assert state(client, url) == (str(SIZE), "?1")


@pytest.mark.parametrize(
    "fields",
    [
        {"Upload_Complete": "0"},
        {"Upload_Complete": "?2"},
        {"Upload_Complete": "false"},
        {"Upload_Complete": ""},
        {"Upload_Complete": None, "Upload_Incomplete": "?1"},
        {"Upload_Complete": None, "Upload_Incomplete": "1"},
    ],
)
def test_half_a_file_is_never_taken_for_all_of_it(
    server: HttpServer, client: HttpClient, fields: dict[str, str | None]
) -> None:
    assert put_part(client, DATA[:HALF], **fields).status == 400
    assert server.names() == []


def test_a_whole_file_in_the_terms_of_an_older_draft_is_one(
    server: HttpServer, client: HttpClient
) -> None:
    assert put_part(client, DATA, Upload_Complete=None, Upload_Incomplete="?0").status == 201
    assert server.get("/a") == DATA


def test_a_first_part_is_held_against_its_digest(server: HttpServer, client: HttpClient) -> None:
    wrong = put_part(client, DATA[:HALF], Content_Digest=repr_digest(bytes(32)))
    assert (wrong.status, server.names()) == (400, [])
    right = repr_digest(sha256(DATA[:HALF]).digest())
    url = put_part(client, DATA[:HALF], Content_Digest=right).field("Location") or ""
    assert state(client, url) == (str(HALF), "?0")


def test_the_end_may_come_by_itself(server: HttpServer, client: HttpClient) -> None:
    url = put_part(client, DATA, Upload_Length=str(SIZE)).field("Location") or ""
    assert state(client, url) == (str(SIZE), "?0")
    assert server.names() == []
    assert add(client, url, SIZE, b"", ends=True).status == 201
    assert server.get("/a") == DATA
    assert add(client, url, SIZE, b"more", ends=False).status == 409
    assert server.get("/a") == DATA


def test_the_url_may_be_had_before_the_first_byte(server: HttpServer, client: HttpClient) -> None:
    answer = put_part(client, b"", Upload_Length=str(SIZE))
    assert (answer.status, answer.field("Upload-Offset")) == (201, "0")
    assert answer.field("Upload-Length") == str(SIZE)
    url = answer.field("Location") or ""
    assert not server.data(events.HTTP_UPLOAD_FAILED.number)
    assert add(client, url, 0, DATA, ends=True).status == 201
    assert server.get("/a") == DATA


def test_a_part_whose_length_nobody_knows_ends_where_it_says_so(
    server: HttpServer, client: HttpClient
) -> None:
    url = put_part(client, DATA[:HALF]).field("Location") or ""
    head = client.head(
        "PATCH",
        url,
        Content_Type=DRAFT_TYPE,
        Upload_Complete="?1",
        Upload_Offset=str(HALF),
        Transfer_Encoding="chunked",
    )
    client.write(head + b"%x\r\n%s\r\n0\r\n\r\n" % (SIZE - HALF, DATA[HALF:]))
    assert client.answer().status == 201
    assert server.get("/a") == DATA


@pytest.mark.parametrize(
    ("at", "data", "fields", "status"),
    [
        (HALF - 1, b"", {}, 409),
        (HALF, b"", {"Upload_Complete": None}, 400),
        (HALF, b"", {"Upload_Complete": "1"}, 400),
        (HALF, b"", {"Upload_Offset": "?1"}, 400),
        (HALF, b"", {"Content_Type": "text/plain"}, 415),
        (HALF, b"", {"Upload_Length": str(SIZE + 1)}, 400),
        (HALF, b"short", {"Upload_Complete": "?1"}, 400),
        (HALF, DATA[HALF:] + b"x", {"Upload_Complete": "?1"}, 400),
        (HALF, DATA[HALF:] + b"x", {}, 413),
    ],
)
def test_a_part_that_does_not_fit_is_refused(
    server: HttpServer,
    client: HttpClient,
    at: int,
    data: bytes,
    fields: dict[str, str | None],
    status: int,
) -> None:
    url = put_part(client, DATA[:HALF], Upload_Length=str(SIZE)).field("Location") or ""
    given = {"Upload_Offset": str(at), "Content_Type": DRAFT_TYPE, "Upload_Complete": "?0"}
    assert client.ask("PATCH", url, data, **{**given, **fields}).status == status
    assert state(HttpClient(server), url) == (str(HALF), "?0")
    assert server.names() == []


def test_an_end_before_the_length_is_refused_and_what_came_is_kept(
    server: HttpServer, client: HttpClient
) -> None:
    url = put_part(client, DATA[:HALF], Upload_Length=str(SIZE)).field("Location") or ""
    head = client.head(
        "PATCH",
        url,
        Content_Type=DRAFT_TYPE,
        Upload_Complete="?1",
        Upload_Offset=str(HALF),
        Transfer_Encoding="chunked",
    )
    client.write(head + b"3\r\nabc\r\n0\r\n\r\n")
    assert client.answer().status == 400
    assert state(client, url) == (str(HALF + 3), "?0")
    assert server.names() == []


def test_a_whole_put_is_told_where_it_may_go_on(server: HttpServer, client: HttpClient) -> None:
    told = interim(client, "8", complete="?1", data=DATA[:HALF])
    url = told["Location"]
    assert told["Upload-Draft-Interop-Version"] == "8"
    assert told["Upload-Limit"].startswith("max-age=")
    client.vanish()
    again = HttpClient(server)
    assert state(again, url) == (str(HALF), "?0")
    assert again.ask("HEAD", url).field("Upload-Length") == str(SIZE)
    assert add(again, url, HALF, DATA[HALF:], ends=True).status == 201
    assert server.get("/a") == DATA


def test_a_whole_put_that_comes_through_is_answered_as_any(
    server: HttpServer, client: HttpClient
) -> None:
    told = interim(client, "6", complete="?1", data=DATA)
    answer = client.answer()
    assert (answer.status, answer.field("Upload-Complete")) == (201, "?1")
    assert server.get("/a") == DATA
    assert state(client, told["Location"]) == (str(SIZE), "?1")


def test_a_put_that_asks_for_nothing_is_told_nothing(
    server: HttpServer, client: HttpClient
) -> None:
    answer = client.ask("PUT", "/home/a", DATA)
    assert (answer.status, answer.field("Upload-Complete")) == (201, None)


def test_a_put_that_hangs_is_ended_by_who_goes_on(server: HttpServer, client: HttpClient) -> None:
    url = interim(client, "8", complete="?1", data=DATA[:HALF])["Location"]
    assert state(HttpClient(server), url) == (str(HALF), "?0")
    client.settle()
    assert client.closed


@pytest.mark.parametrize("version", ["5", "9", "eight"])
def test_other_versions_of_the_draft_are_told_nothing_in_between(
    server: HttpServer, client: HttpClient, version: str
) -> None:
    assert interim(client, version, complete="?0", data=DATA) == {}
    assert client.answer().status == 201


def test_a_client_of_http_1_0_is_told_nothing_in_between(
    server: HttpServer, client: HttpClient
) -> None:
    head = client.head(
        "PUT", "/home/a", Upload_Complete="?1", Upload_Draft_Interop_Version="8", Content_Length="3"
    )
    client.write(head.replace(b"HTTP/1.1", b"HTTP/1.0") + b"abc")
    assert client.answer().status == 201


def test_who_asks_what_files_take_is_told_of_the_draft(client: HttpClient) -> None:
    answer = client.ask("OPTIONS", "/home/a", Authorization=None)
    assert answer.field("Accept-Patch") == DRAFT_TYPE


def test_conditions_hold_for_a_first_part(server: HttpServer, client: HttpClient) -> None:
    server.put("/a", b"before")
    assert put_part(client, DATA, If_None_Match="*").status == 412
    assert put_part(client, DATA, If_Match='"x"').status == 412
    assert server.get("/a") == b"before"
    tag = client.ask("HEAD", "/home/a").field("ETag")
    assert put_part(client, DATA, If_Match=tag).status == 201


def test_what_was_left_before_is_not_part_of_a_new_put(
    server: HttpServer, client: HttpClient
) -> None:
    interrupt(server.owner(), VPath.parse("/a"), DATA)
    assert put_part(client, b"").field("Upload-Offset") == "0"
    assert state(client, put_part(client, b"abc").field("Location") or "") == ("3", "?0")


def test_an_upload_of_the_draft_is_given_up_by_delete(
    server: HttpServer, client: HttpClient
) -> None:
    url = put_part(client, DATA).field("Location") or ""
    assert client.ask("DELETE", url).status == 204
    assert state(client, url) == ("0", "?0")


def test_each_may_go_on_with_what_the_other_has_begun(
    server: HttpServer, client: HttpClient
) -> None:
    url = put_part(client, DATA[:HALF], Upload_Length=str(SIZE)).field("Location") or ""
    assert offset(client, url) == str(HALF)
    assert patch(client, url, HALF, DATA[HALF:]).status == 204
    assert server.get("/a") == DATA
    url = begun(client, "b", SIZE)
    patch(client, url, 0, DATA[:HALF])
    assert add(client, url, HALF, DATA[HALF:], ends=True).status == 201
    assert server.get("/b") == DATA


def test_tus_does_not_end_an_upload_whose_length_nobody_has_told(
    server: HttpServer, client: HttpClient
) -> None:
    url = put_part(client, DATA[:HALF]).field("Location") or ""
    assert patch(client, url, HALF, DATA[HALF:]).field("Upload-Offset") == str(SIZE)
    assert server.names() == []
    assert offset(client, url) == str(SIZE)


def test_a_part_of_tus_needs_tus(server: HttpServer, client: HttpClient) -> None:
    url = put_part(client, DATA[:HALF]).field("Location") or ""
    answer = client.ask("PATCH", url, b"", Content_Type=TUS_TYPE, Upload_Offset=str(HALF))
    assert answer.status == 412


def test_a_put_over_the_limit_of_the_account_is_refused_before_its_body(
    serve: Callable[..., HttpServer],
) -> None:
    client = HttpClient(serve(account("ann", password=CHEAP_HASH, file_write_size="10")))
    assert put_part(client, b"", Upload_Length="11").status == 413
    assert interim(client, "8", complete="?1", data=DATA) == {}
    assert client.answer().status == 413
