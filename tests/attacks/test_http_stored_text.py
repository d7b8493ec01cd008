"""What one user stores and another's browser is shown: not run, no header, no way out."""

import re
from urllib.parse import quote, unquote

import pytest

from tests.interop.web import Web
from tests.system.http_client import Answer, HttpClient

ACTIVE = {
    "page.html": b"<!doctype html><script>alert(1)</script>",
    "page.htm": b"<svg onload=alert(1)>",
    "page.xhtml": b'<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>',
    "image.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "data.xml": b'<?xml-stylesheet href="x.xsl" type="text/xsl"?><a/>',
    "script.js": b"alert(document.cookie)",
    "style.css": b"body{background:url(//evil.example)}",
    "paper.pdf": b"%PDF-1.4 app.alert(1)",
    "app.swf": b"FWS",
    "data.json": b'{"a":"</script><script>alert(1)</script>"}',
    "image.png": b"<script>alert(1)</script>",
    "nothing": b"<script>alert(1)</script>",
    "mail.mht": b"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<script>alert(1)</script>",
    "app.hta": b"<script>new ActiveXObject('x')</script>",
    "sw.mjs": b"self.addEventListener('fetch', x)",
}
NAMES = [
    "<script>alert(1)",
    "<svg onload=alert(1)>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "{{7*7}}${7*7}<%= 7*7 %>#{7*7}",
    "%0d%0aSet-Cookie: a=b",
    "a;filename=evil.html",
    'a"; filename="evil.html',
    "a\\",
    "-->",
    "]]>",
    "&lt;script&gt;alert(1)",
    "\U0001f4a9",
    "Set-Cookie: a=b",
]
# What is shown as something else; somebody with a shell has made them.
MISLEADING = ["\u202egnp.exe", "\u2066a\u2069", "a\nb", "\x1b[31mred"]
INJECTED = [
    "\r\nSet-Cookie: a=b",
    "\nSet-Cookie: a=b",
    "\r\n\r\n<html>",
    "\x00",
    "\x1b[31m",
    "\x7f",
]
PAGE = "text/html,application/xhtml+xml,*/*;q=0.8"


def harmless(answer: Answer) -> None:
    """What every answer has, so that a browser runs, frames and leaks nothing of it."""
    policy = answer.fields["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.fields["x-content-type-options"] == "nosniff"
    assert answer.fields["referrer-policy"] in ("no-referrer", "same-origin")
    assert answer.fields["cross-origin-opener-policy"] == "same-origin"
    assert answer.fields["cross-origin-resource-policy"] == "same-origin"
    assert "set-cookie" not in answer.fields


@pytest.mark.parametrize("name", ACTIVE)
def test_a_file_is_saved_and_never_shown_as_a_page_of_ours(victim, web: Web, name: str) -> None:
    victim.path(name).write_bytes(ACTIVE[name])
    with HttpClient(web) as client:
        for fields in ({}, {"Accept": PAGE}, {"Range": "bytes=0-4"}, {"Range": "bytes=0-1,3-4"}):
            answer = client.ask("GET", f"/home/{name}", **fields)
            assert answer.status in (200, 206)
            harmless(answer)
            assert answer.fields["content-disposition"].startswith("attachment;")
            assert "sandbox" in answer.fields["content-security-policy"]
            assert "private" in answer.fields["cache-control"]


def test_every_answer_is_harmless_to_a_browser(victim, web: Web) -> None:
    asked = [
        ("GET", "/"),
        ("GET", "/home/"),
        ("GET", "/home/none"),
        ("GET", "/none"),
        ("POST", "/home/"),
        ("OPTIONS", "/home/"),
        ("BREW", "/home/"),
        ("GET", "/home/%00"),
        ("GET", "/__mft__/none"),
        ("DELETE", "/home/none"),
        ("PUT", "/home/new"),
        ("PROPFIND", "/home/new"),
    ]
    for method, target in asked:
        for accept in ("*/*", PAGE):
            with HttpClient(web) as client:
                harmless(client.ask(method, target, b"", Accept=accept))
    with HttpClient(web, name="") as client:
        for target in ("/home/", "/home/x", "/__mft__/login"):
            answer = client.ask("GET", target, Accept=PAGE)
            assert "frame-ancestors 'none'" in answer.fields["content-security-policy"]
            assert "unsafe" not in answer.fields["content-security-policy"]
            assert answer.fields["x-content-type-options"] == "nosniff"
    with HttpClient(web) as client:  # one that is no request at all
        client.put(b"\x16\x03\x01\r\n\r\n")
        harmless(client.answer())


def test_names_are_text_wherever_they_stand(victim, web: Web) -> None:
    folder = victim.path("names")
    folder.mkdir(exist_ok=True)
    with HttpClient(web) as client:
        for name in NAMES:
            target = f"/home/names/{quote(name)}"
            assert client.ask("PUT", target, b"x").status in (200, 201, 204), name
            got = client.ask("GET", target)
            assert got.body == b"x"
            told = got.fields["content-disposition"]
            assert told.isascii()
            assert told.count('"') == 2, told
            assert re.fullmatch(
                r'attachment; filename="[^"\\%;<>]*"(; filename\*=UTF-8\'\'[\w.%~\-]+)?', told
            ), told
        assert {one["name"] for one in client.ask("GET", "/home/names/").json["content"]} >= set(
            NAMES
        )
        page = client.ask("GET", "/home/names/", Accept=PAGE)
        text = page.body.decode()
        assert page.fields["content-type"].startswith("text/html")
        assert "script-src 'unsafe" not in page.fields["content-security-policy"]
        for harmful in (
            "<script>alert",
            "<img src=x",
            "' onmouseover='",
            "49$",
            "\u202e",
            "\u2066",
        ):
            assert harmful not in text, harmful
        assert not re.search(r"href=[\"']?\s*javascript:", text, re.IGNORECASE)
        for link in re.findall(r'href="([^"]*)"', text):
            assert ":" not in link, link
            assert not link.startswith("//"), link


def test_names_that_turn_text_around_are_not_made_and_not_shown(victim, web: Web) -> None:
    folder = victim.path("misleading")
    folder.mkdir(exist_ok=True)
    for name in MISLEADING:
        (folder / name).write_bytes(b"x")
    with HttpClient(web) as client:
        page = client.ask("GET", "/home/misleading/", Accept=PAGE).body.decode()
        text = re.sub(r"<[^>]*>", "", page)  # what a form sends back is what the name really is
        for one in ("\u202e", "\u2066", "\x1b"):
            assert one not in text, ascii(one)
    for name in MISLEADING:
        with HttpClient(web) as client:
            target = f"/home/misleading/new{quote(name)}"
            assert client.ask("PUT", target, b"x").status == 400, name
    assert len(list(folder.iterdir())) == len(MISLEADING)


@pytest.mark.parametrize("text", INJECTED, ids=repr)
def test_no_header_and_no_answer_is_made_of_what_a_client_sends(
    victim, web: Web, text: str
) -> None:
    """Response splitting: by a path, a query, or the target of a command."""
    encoded = quote(text)
    targets = [
        f"/home/a{encoded}",
        f"/home/{encoded}/",
        f"/home/?next={encoded}",
        f"/{encoded}",
        f"/__mft__/login?next={encoded}",
        f"/home/names{encoded}",
        f"http://a/home/x{encoded}",
    ]
    for target in targets:
        for method in ("GET", "PUT", "DELETE"):
            with HttpClient(web) as client:
                answer = client.ask(method, target, b"")
                assert "set-cookie" not in answer.fields
                assert b"\r\n<html>" not in answer.body
    command = b'{"commands":[{"command":"create-folder","target":"a\\r\\nSet-Cookie: a=b"}]}'
    with HttpClient(web) as client:
        answer = client.ask("POST", "/home/", command, Content_Type="application/json")
        assert "set-cookie" not in answer.fields
        assert answer.status == 422


def test_a_redirect_stays_here(victim, web: Web) -> None:
    victim.path("evil.example").mkdir(exist_ok=True)
    victim.path("a:b").mkdir(exist_ok=True)
    targets = [
        "/",
        "//evil.example",
        "/home",
        "/home/evil.example",
        "/home/a:b",
        "/\\evil.example",
        "/%5cevil.example",
        "/home//evil.example",
        "/home/..//evil.example",
        "/?next=//evil.example",
        "http://evil.example",
        "http://evil.example/",
        "http://evil.example/home",
        "/home/evil.example?next=http://evil.example",
    ]
    for target in targets:
        for host in (web.host, "evil.example"):
            with HttpClient(web) as client:
                client.fields["Host"] = host
                answer = client.ask(
                    "GET", target, X_Forwarded_Host="evil.example", X_Forwarded_Proto="x"
                )
                place = answer.fields.get("location", "/home/")
                assert re.match(r"/(home|__mft__)/", place), (target, place)
                assert "\\" not in unquote(place)
    for wanted in (
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/home/../..//evil",
    ):
        with HttpClient(web, name="") as client:
            server = web.server
            form = f"username={server.account}&password={server.password}&next={quote(wanted)}"
            answer = client.ask(
                "POST",
                f"/__mft__/login?next={quote(wanted)}",
                form.encode(),
                Content_Type="application/x-www-form-urlencoded",
            )
            assert answer.fields["location"].startswith("/home/")


def test_nothing_of_our_insides_is_told(victim, web: Web) -> None:
    for method, target in (
        ("GET", "/home/none"),
        ("PUT", "/home/none/none"),
        ("DELETE", "/home/none"),
        ("GET", "/home/in%00"),
        ("POST", "/home/"),
    ):
        with HttpClient(web) as client:
            body = client.ask(method, target, b"").body
        for secret in (str(victim.rig.home), "Traceback", ".py", "Errno", "/tmp"):
            assert secret.encode() not in body
