"""Forms of a folder's page: how they are read, and what their senders are told."""

import pytest
from markupsafe import escape

from mft.protocols.http.forms import MAX_FAILURES, MAX_FORM
from mft.protocols.http.pages import ROWS
from tests.fakes.http_browser import ENCODED, Browser, multipart, text_of
from tests.fakes.http_server import HttpClient, HttpServer


@pytest.fixture
def ann(server: HttpServer) -> Browser:
    browser = Browser(server)
    browser.log_in()
    return browser


def test_a_program_may_send_forms_and_is_told_json(server: HttpServer, client: HttpClient) -> None:
    """`client` shows a password, and likes JSON."""
    body = b"action=create-folder&new-folder=sub"
    answer = client.ask("POST", "/home/", body, Content_Type=ENCODED)
    assert answer.status == 200
    made = {"command": "create-folder", "target": "sub", "message": None}
    assert answer.json == {"results": [made]}
    body = b"action=delete-members&selected-members=sub&selected-members=none"
    answer = client.ask("POST", "/home/", body, Content_Type=ENCODED + "; charset=utf-8")
    assert answer.status == 422
    done, failed = answer.json["errors"]
    assert (done["target"], done["message"]) == ("sub", None)
    assert (failed["target"], failed["message"]) == ("none", "No such file or directory")


def test_any_form_may_come_in_parts(server: HttpServer, ann: Browser) -> None:
    body = multipart(
        ("csrf", None, ann.token.encode()),
        ("action", None, b"create-folder"),
        ("new-folder", None, "Gr\u00fc\u00dfe".encode()),
    )
    answer = ann.ask("POST", "/home/", body, **ann.multipart_fields())
    assert answer.status == 303
    assert server.names() == ["Gr\u00fc\u00dfe"]


def test_a_form_of_parts_needs_the_token_as_well(server: HttpServer, ann: Browser) -> None:
    for action in (b"create-folder", b"upload-file"):
        body = multipart(("action", None, action), ("new-folder", None, b"x"))
        assert ann.ask("POST", "/home/", body, **ann.multipart_fields()).status == 403
    assert server.names() == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"action=%zz", ENCODED, 400),
        ("action=\u00fc".encode(), ENCODED, 400),
        (b"a&" * 11_000, ENCODED, 400),
        (b"a" * (MAX_FORM + 1), ENCODED, 413),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=\x7f", 400),
        (b"x", "text/plain", 415),
        (b"", "", 415),
    ],
)
def test_what_is_no_form_is_refused(ann: Browser, body: bytes, kind: str, status: int) -> None:
    fields = {"Content_Type": kind, "Origin": ann.origin}
    assert ann.ask("POST", "/home/", body, **fields).status == status


def test_a_form_is_for_a_folder(server: HttpServer, ann: Browser) -> None:
    server.put("/a", b"")
    assert ann.press("/home/a", "delete-members", "a").status == 405


def test_commands_are_still_taken(server: HttpServer, ann: Browser) -> None:
    body = b'{"commands": [{"command": "create-folder", "target": "sub"}]}'
    fields = {"Content_Type": "application/json", "Origin": ann.origin}
    assert ann.ask("POST", "/home/", body, **fields).status == 200
    assert server.names() == ["sub"]


def test_of_many_failures_some_are_told(ann: Browser) -> None:
    names = [f"none {number}" for number in range(MAX_FAILURES + 20)]
    answer = ann.press("/home/", "delete-members", *names)
    assert "120 things could not be done:" in text_of(answer)
    assert answer.body.decode().count("<li>none") == MAX_FAILURES


@pytest.mark.parametrize("name", ["a\0b", ROWS, escape(ROWS)])
def test_no_name_that_is_sent_moves_the_rows_of_a_page(
    server: HttpServer, ann: Browser, name: str
) -> None:
    server.put("/a row", b"")
    body = multipart(
        ("csrf", None, ann.token.encode()),
        ("action", None, b"delete-members"),
        ("selected-members", None, name.encode()),
    )
    page = ann.ask("POST", "/home/", body, **ann.multipart_fields()).body.decode()
    failure, row, table = page.index("<li>"), page.index('value="a row"'), page.index("<tbody")
    assert failure < table < row
    assert page.rstrip().endswith("</html>")
