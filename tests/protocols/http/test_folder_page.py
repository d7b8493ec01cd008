"""The page of a folder."""

import time
from collections.abc import Callable

import pytest

from mft.auth.account import DAY
from mft.core.vpath import VPath
from mft.protocols.http import folder_page
from mft.protocols.http.folder_page import MAX_SORTED
from tests.fakes import files
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_browser import Browser, buttons, listed, text_of
from tests.fakes.http_server import HttpServer
from tests.fakes.run import run

HOSTILE = (
    "<script>alert(1)<",
    '" onfocus="x" autofocus="',
    "'><img src=x>",
    "&lt;b&gt;",
    "-rf",
    "{{ 7*7 }}{% x %}{name}",
    "javascript:alert(1)",
    "?#a%2f..;",
    "\N{WAVING HAND SIGN}\u00e9",
    "n" * 255,
)


@pytest.fixture
def ann(server: HttpServer) -> Browser:
    browser = Browser(server)
    browser.log_in()
    return browser


def make(server: HttpServer, path: str) -> None:
    run(server.owner().make_directory(VPath.parse(path)))


def test_a_folder_is_listed_with_the_way_to_it(server: HttpServer, ann: Browser) -> None:
    make(server, "/a b")
    make(server, "/a b/c")
    server.put("/a b/f.txt", b"x" * 1500)
    answer = ann.ask("GET", "/home/a%20b/")
    page = answer.body.decode()
    assert answer.field("Server-Path") == "/a%20b/"
    assert listed(answer) == ["c", "f.txt"]
    assert '<a class="folder" href="c/">' in page
    assert '<a class="file" href="f.txt">' in page
    assert '<li><a href="/home/">Files</a></li>' in page
    assert "1.5 kB" in text_of(answer)
    assert '<time datetime="1970-01-01T00:00:00Z">1970-01-01 00:00</time>' in page
    deeper = ann.ask("GET", "/home/a%20b/c/").body.decode()
    assert '<li><a href="/home/a%20b/">a b</a></li>' in deeper
    assert "This folder is empty." in deeper
    assert server.numbers().count(40034) >= 2


def test_a_folder_is_json_for_programs_and_a_zip_for_whoever_asks(ann: Browser) -> None:
    assert ann.ask("GET", "/home/", Accept="application/json").json == {"content": []}
    assert ann.ask("GET", "/home/", Accept=None).json == {"content": []}
    assert ann.ask("GET", "/home/?zip").field("Content-Type") == "application/zip"


def test_a_link_is_shown_as_what_it_leads_to(server: HttpServer, ann: Browser) -> None:
    run(server.owner().make_directory(VPath.parse("/aim")))
    run(server.owner().make_link(VPath.parse("/way"), "/aim"))
    assert 'class="folder" href="way/"' in ann.ask("GET", "/home/").body.decode()


def test_a_file_is_sent_to_a_browser_as_to_anybody(server: HttpServer, ann: Browser) -> None:
    server.put("/a.html", b"<script>")
    answer = ann.ask("GET", "/home/a.html")
    assert answer.body == b"<script>"
    assert (answer.field("Content-Disposition") or "").startswith("attachment")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_nothing_but_a_name(server: HttpServer, ann: Browser, name: str) -> None:
    server.put("/" + name, b"x")
    answer = ann.ask("GET", "/home/")
    assert listed(answer) == [name]
    page = answer.body.decode()
    for harmful in ("<script>alert", "<img", '" onfocus', "49"):
        assert harmful not in page.partition("<tbody>")[2].partition("<time")[0]
    href = page.partition('<a class="file" href="')[2].partition('"')[0]
    assert ann.ask("GET", f"/home/{href}").body == b"x"


def test_columns_sort(server: HttpServer, ann: Browser) -> None:
    for name, size in (("a", 3), ("b", 1), ("c", 2)):
        server.put(f"/{name}", bytes(size))
    assert listed(ann.ask("GET", "/home/?sort=size")) == ["b", "c", "a"]
    answer = ann.ask("GET", "/home/?sort=size&order=desc")
    assert listed(answer) == ["a", "c", "b"]
    assert 'class="size" aria-sort="descending"' in answer.body.decode()
    assert 'href="/home/?sort=size&amp;order=asc"' in answer.body.decode()


def test_a_folder_of_many_entries_is_streamed_as_it_is_read(
    server: HttpServer, ann: Browser
) -> None:
    count = MAX_SORTED + 1200
    tree = server.owner()
    for number in range(count):
        files.put(tree, VPath((f"{number:05}",)), b"")
    answer = ann.ask("GET", "/home/")
    assert sorted(listed(answer)) == [f"{number:05}" for number in range(count)]
    assert "There are more than 2 000 entries here" in text_of(answer)
    assert "?sort=" not in answer.body.decode()
    pieces = answer.raw.count(b"\r\n") // 2
    assert pieces > count / folder_page.STEP, "it comes in many pieces"


def test_as_many_as_are_sorted_are(server: HttpServer, ann: Browser) -> None:
    tree = server.owner()
    for number in range(MAX_SORTED):
        files.put(tree, VPath((f"{number}",)), b"")
    found = listed(ann.ask("GET", "/home/"))
    assert found == [str(number) for number in range(MAX_SORTED)]


@pytest.mark.parametrize(
    ("permissions", "offered", "uploads"),
    [
        (
            "allow-full-control",
            {
                *("upload-file", "create-folder", "download-members"),
                *("ask-rename", "ask-move", "ask-delete"),
            },
            True,
        ),
        ("allow-list, allow-read", {"download-members"}, False),
        ("allow-list, allow-write", {"upload-file"}, True),
        ("allow-list", set(), False),
    ],
)
def test_what_may_not_be_done_is_not_offered(
    serve: Callable[..., HttpServer], permissions: str, offered: set[str], uploads: bool
) -> None:
    server = serve(account("ann", password=CHEAP_HASH, permissions=permissions))
    server.put("/a", b"")
    ann = Browser(server)
    ann.fields["Authorization"] = "Basic YW5uOnJpZ2h0"
    answer = ann.ask("GET", "/home/")
    assert set(buttons(answer)) == offered
    assert ("data-upload" in answer.body.decode()) is uploads
    assert ("multipart/form-data" in answer.body.decode()) is uploads


def test_everything_is_offered_where_rules_judge_single_names(
    serve: Callable[..., HttpServer],
) -> None:
    rules = "allow-full-control\n/home/*, deny-full-control"
    server = serve(account("ann", password=CHEAP_HASH, permissions=rules))
    server.put("/a", b"")
    ann = Browser(server)
    ann.log_in()
    assert "ask-delete" in buttons(ann.ask("GET", "/home/"))


def test_triggers_are_offered_to_those_who_have_them(serve: Callable[..., HttpServer]) -> None:
    server = serve(triggers="Release <it>, success\nStop, danger, another-group")
    server.put("/a", b"")
    ann = Browser(server)
    ann.log_in()
    page = ann.ask("GET", "/home/").body.decode()
    assert 'class="success" name="action" value="Release &lt;it&gt;"' in page
    assert "Stop" not in page


def test_a_folder_that_may_not_be_listed_is_a_page_that_says_so(
    serve: Callable[..., HttpServer],
) -> None:
    server = serve(account("ann", password=CHEAP_HASH, permissions="allow-read"))
    ann = Browser(server)
    ann.fields["Authorization"] = "Basic YW5uOnJpZ2h0"
    answer = ann.ask("GET", "/home/")
    assert answer.status == 403
    assert "You may not do this." in text_of(answer)


def test_a_folder_without_its_slash_is_led_to(server: HttpServer, ann: Browser) -> None:
    make(server, "/sub")
    answer = ann.ask("GET", "/home/sub")
    assert (answer.status, answer.field("Location")) == (302, "/home/sub/")


@pytest.mark.parametrize(("name", "root"), [("public", "/public/"), ("ROOT", "/")])
def test_the_area_for_everybody_has_pages_of_its_own(
    serve: Callable[..., HttpServer], name: str, root: str
) -> None:
    bob = account("bob", password=CHEAP_HASH, permissions="allow-full-control")
    server = serve(bob, public_account_uuid="id-bob", public_name=name)
    run(server.owner("bob").make_directory(VPath.parse("/sub")))
    guest = Browser(server)
    answer = guest.ask("GET", f"{root}sub/")
    page = answer.body.decode()
    assert answer.status == 200
    assert f'data-here="{root}sub/"' in page
    assert f'data-root="{root}"' in page
    assert "data-resumable" not in page
    assert f'<li><a href="{root}">Files</a></li>' in page
    assert "bob" not in page
    assert 'href="/__mft__/login"' in page
    made = guest.press(f"{root}sub/", "create-folder", new_folder="x")
    assert made.field("Location") == f"{root}sub/?done=made&count=1"


# Passwords that end soon.


def ending(serve: Callable[..., HttpServer], left: float, group: str = "DEFAULT_GROUP") -> Browser:
    """Ann, whose password has so many days left of ten."""
    now = time.time()
    server = serve(
        account(
            "ann",
            password=CHEAP_HASH,
            password_lifetime="10",
            last_password_update=str(int(now - (10 - left) * DAY)),
            group=group,
        )
    )
    server.method.now = now
    browser = Browser(server)
    browser.log_in()
    return browser


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (9.5, "Your password lets you in for 9 more days. Change it before."),
        (1.5, "Your password lets you in for 1 more day. Change it before."),
        (0.5, "Your password lets you in only today. Change it now."),
    ],
)
def test_a_folder_tells_of_a_password_that_ends_soon(
    serve: Callable[..., HttpServer], left: float, told: str
) -> None:
    ann = ending(serve, left)
    page = ann.ask("GET", "/home/")
    assert told in text_of(page)
    given = [("csrf", ann.token), ("password", "right")]
    given += [(name, "correct horse battery staple") for name in ("new-password", "again")]
    assert ann.post("/__mft__/password-update", given).status == 303
    assert "lets you in" not in text_of(ann.ask("GET", "/home/"))


def test_who_cannot_change_it_is_told_who_can(serve: Callable[..., HttpServer]) -> None:
    page = ending(serve, 2.5, "FIXED").ask("GET", "/home/")
    told = "Your password lets you in for 2 more days. Then an administrator must set another."
    assert told in text_of(page)
    assert "password-update" not in page.body.decode()


def test_nothing_is_told_of_a_password_that_has_weeks(serve: Callable[..., HttpServer]) -> None:
    lasting = {"password_lifetime": "3650", "created": "2026-01-01"}
    server = serve(account("ann", password=CHEAP_HASH, **lasting))
    browser = Browser(server)
    browser.log_in()
    assert "lets you in" not in text_of(browser.ask("GET", "/home/"))
