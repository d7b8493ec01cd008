"""Pages: what they may do in a browser, what they say, and to whom."""

import re

import pytest

from mft.protocols.http.pages import POLICY, as_bytes
from tests.fakes.http_browser import Browser, text_of
from tests.fakes.http_server import HttpServer

ALLOWED = {
    "default-src": "'none'",
    **dict.fromkeys(("script-src", "style-src", "img-src", "connect-src", "form-action"), "'self'"),
    **dict.fromkeys(("frame-ancestors", "base-uri"), "'none'"),
}


@pytest.fixture
def ann(server: HttpServer) -> Browser:
    browser = Browser(server)
    browser.log_in()
    return browser


def test_a_page_may_use_nothing_but_files_of_ours(ann: Browser) -> None:
    assert dict(one.split(" ") for one in POLICY.split("; ")) == ALLOWED
    for target in ("/home/", "/home/none", "/__mft__/login", "/nowhere"):
        answer = ann.ask("GET", target)
        assert answer.all("Content-Security-Policy") == [POLICY]
        assert answer.all("Referrer-Policy") == ["same-origin"]
        assert answer.all("Cache-Control") == ["no-store"]
        assert answer.all("Content-Type") == ["text/html; charset=utf-8"]


def test_no_page_has_code_or_style_within(ann: Browser, server: HttpServer) -> None:
    server.put("/a", b"")
    pages = [ann.ask("GET", one).body.decode() for one in ("/home/", "/x", "/__mft__/login")]
    pages.append(ann.press("/home/", "ask-move", "a").body.decode())
    for page in pages:
        assert re.findall(r"<script[^>]*>", page) == re.findall(
            r'<script type="module" src="/__mft__/static/mft\.js\?v=\w+">', page
        )
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)


@pytest.mark.parametrize(
    ("target", "status", "text"),
    [
        ("/home/none", 404, "There is nothing under this name"),
        ("/nowhere", 404, "There is nothing under this name"),
        ("/home/?done=deleted&count=3", 200, "Deleted 3 things."),
        ("/home/?done=made", 200, "The folder was made."),
        ("/home/?done=moved&count=x", 200, "Moved 1 thing."),
        ("/home/?done=moved&count=%D9%A1", 200, "Moved 1 thing."),
        ("/home/?done=moved&count=99999999", 200, "Moved 1 thing."),
        ("/home/?done=moved&count=9999999", 200, "Moved 1 000 000 things."),
    ],
)
def test_a_page_says_what_happened(ann: Browser, target: str, status: int, text: str) -> None:
    answer = ann.ask("GET", target)
    assert answer.status == status
    assert text in text_of(answer)


def test_a_link_to_a_page_cannot_make_it_say_anything_else(ann: Browser) -> None:
    for key in ("call-us", "reason", "<b>x</b>", "deleted.one"):
        answer = ann.ask("GET", f"/home/?done={key.replace('<', '%3C').replace('>', '%3E')}")
        assert answer.status == 200
        assert 'class="notice"' not in answer.body.decode()


def test_a_status_without_a_text_of_its_own_has_a_common_one(ann: Browser) -> None:
    answer = ann.ask("POST", "/home/", b"x", Content_Type="text/plain", Origin=ann.origin)
    assert answer.status == 415
    assert "does not take this kind" in text_of(answer)
    other = ann.post("/home/", [("x", "y" * (2 << 20))])
    assert other.status == 413
    assert "more than your account may have" in text_of(other)


def test_a_program_is_told_errors_as_json(server: HttpServer) -> None:
    browser = Browser(server)
    browser.log_in()
    del browser.fields["Accept"]
    assert browser.ask("GET", "/home/none").json["errors"][0]["title"] == "Not Found"


def test_who_has_not_logged_in_is_shown_no_account(server: HttpServer, ann: Browser) -> None:
    """Not even on a connection on which another has: it may be a proxy's."""
    ann.ask("GET", "/home/")
    cookie = ann.fields.pop("Cookie")
    answer = ann.ask("GET", "/nowhere")
    assert "ann" not in text_of(answer)
    assert ann.token not in answer.body.decode()
    ann.fields["Cookie"] = cookie
    assert "Logged in as ann" in text_of(ann.ask("GET", "/home/"))


def test_who_shows_a_password_has_no_button_to_log_out(server: HttpServer) -> None:
    browser = Browser(server)
    browser.fields["Authorization"] = "Basic YW5uOnJpZ2h0"
    page = browser.ask("GET", "/home/").body.decode()
    assert "Logged in as ann" in page
    assert "/__mft__/logout" not in page


def test_half_a_character_does_not_break_a_page() -> None:
    assert as_bytes("a\udcff\u00e9") == b"a?\xc3\xa9"
