"""What the buttons of a folder's page do."""

from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from mft.core.vpath import VPath
from mft.protocols.http.form_actions import MAX_OFFERED, MAX_SHOWN
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_browser import ENCODED, Browser, buttons, listed, text_of
from tests.fakes.http_server import HttpServer
from tests.fakes.run import run
from tests.fakes.slow import SlowFiles, Slowness


@pytest.fixture
def ann(server: HttpServer) -> Browser:
    browser = Browser(server)
    browser.log_in()
    for name in ("a.txt", "b.txt", "c.txt"):
        server.put(f"/{name}", name.encode())
    make(server, "/sub")
    return browser


def make(server: HttpServer, path: str) -> None:
    run(server.owner().make_directory(VPath.parse(path)))


def test_files_and_folders_are_deleted(server: HttpServer, ann: Browser) -> None:
    server.put("/sub/deep", b"x")
    answer = ann.press("/home/", "delete-members", "a.txt", "sub", "a.txt")
    assert (answer.status, answer.field("Location")) == (303, "/home/?done=deleted&count=2")
    assert server.names() == ["b.txt", "c.txt"]


def test_one_that_cannot_be_done_keeps_no_other(server: HttpServer, ann: Browser) -> None:
    answer = ann.press("/home/", "delete-members", "none", "b.txt", "../x", "")
    assert answer.status == 422
    told = text_of(answer)
    assert "Deleted 1 thing." in told
    assert "3 things could not be done:" in told
    assert "none: it is not there any more" in told
    assert "../x: this is not a name that can be used" in told
    assert listed(answer) == ["sub", "a.txt", "c.txt"]


def test_a_folder_is_made(server: HttpServer, ann: Browser) -> None:
    answer = ann.press("/home/sub/", "create-folder", new_folder=" new one ")
    assert answer.field("Location") == "/home/sub/?done=made&count=1"
    assert server.names("/sub") == ["new one"]
    again = ann.press("/home/sub/", "create-folder", new_folder="new one")
    assert again.status == 422
    assert "new one: something of this name is there already" in text_of(again)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/x", "x\x00", ".mft-x"])
def test_what_is_no_name_makes_no_folder(server: HttpServer, ann: Browser, name: str) -> None:
    answer = ann.press("/home/sub/", "create-folder", new_folder=name)
    assert answer.status in (400, 422)
    assert server.names("/sub") == []


def test_a_file_is_renamed_and_never_over_another(server: HttpServer, ann: Browser) -> None:
    answer = ann.press("/home/", "rename-member", "a.txt", new_name="z.txt")
    assert answer.field("Location") == "/home/?done=renamed&count=1"
    assert server.get("/z.txt") == b"a.txt"
    over = ann.press("/home/", "rename-member", "z.txt", new_name="b.txt")
    assert over.status == 422
    assert "z.txt: something of this name is there already" in text_of(over)
    out = ann.press("/home/", "rename-member", "z.txt", new_name="sub/z.txt")
    assert "z.txt: this is not a name that can be used" in text_of(out)


def test_things_are_moved_by_a_path_from_here_or_from_the_root(
    server: HttpServer, ann: Browser
) -> None:
    make(server, "/sub/in")
    answer = ann.press("/home/", "move-members", "a.txt", "b.txt", target="sub/in")
    assert answer.field("Location") == "/home/?done=moved&count=2"
    assert server.names("/sub/in") == ["a.txt", "b.txt"]
    ann.press("/home/sub/in/", "move-members", "a.txt", target="/")
    assert server.names() == ["a.txt", "c.txt", "sub"]
    harmful = ann.press("/home/", "move-members", "c.txt", target="\u202e<b>")
    assert harmful.status == 422
    assert "this is not a name that can be used" in text_of(harmful)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("none", "none: there is no such folder"),
        ("/none/deep", "/none/deep: there is no such folder"),
        ("c.txt", "c.txt: there is no such folder"),
    ],
)
def test_a_folder_that_is_missing_is_told_once_and_by_its_own_name(
    server: HttpServer, ann: Browser, target: str, told: str
) -> None:
    answer = ann.press("/home/", "move-members", "a.txt", "b.txt", target=target)
    page = text_of(answer)
    assert answer.status == 422
    assert told in page
    assert "This could not be done:" in page
    assert "a.txt:" not in page
    gone = ann.press("/home/", "move-members", "gone", target="sub")
    assert "gone: it is not there any more" in text_of(gone)
    assert server.names() == ["a.txt", "b.txt", "c.txt", "sub"]


@pytest.mark.parametrize("question", ["delete", "rename", "move"])
def test_what_is_not_undone_lightly_is_asked_first(
    server: HttpServer, ann: Browser, question: str
) -> None:
    server.put('/<b>"', b"")
    answer = ann.press("/home/", f"ask-{question}", '<b>"', "a.txt")
    page = answer.body.decode()
    assert answer.status == 200
    assert f'data-dialog="{question}"' in page
    assert f'name="csrf" value="{ann.token}"' in page
    assert 'name="selected-members" value="&lt;b&gt;&#34;"' in page
    assert ('value="a.txt"' in page) is (question != "rename"), "one thing is renamed at a time"
    assert len(buttons(answer)) == 1
    assert server.names() == ['<b>"', "a.txt", "b.txt", "c.txt", "sub"]
    assert ann.press("/home/", f"ask-{question}").status == 422


def test_a_question_shows_some_names_and_keeps_all(ann: Browser) -> None:
    names = [f"file {number}" for number in range(MAX_SHOWN + 5)]
    answer = ann.press("/home/", "ask-delete", *names)
    assert "and 5 more" in text_of(answer)
    assert answer.body.decode().count('name="selected-members"') == len(names)


def test_a_move_offers_the_folders_around(server: HttpServer, ann: Browser) -> None:
    make(server, "/sub/in")
    server.put("/sub/file", b"")
    page = ann.press("/home/sub/", "ask-move", "file").body.decode()
    assert '<option value="/"></option>' in page
    assert '<option value="/sub/in"></option>' in page
    for number in range(MAX_OFFERED + 10):
        make(server, f"/sub/in/{number}")
    page = ann.press("/home/sub/in/", "ask-move", "1").body.decode()
    assert page.count("<option") == MAX_OFFERED


def test_a_selection_is_downloaded(ann: Browser) -> None:
    answer = ann.press("/home/", "download-members", "a.txt", "b.txt")
    assert answer.field("Content-Type") == "application/zip"
    assert b"a.txt" in answer.body
    assert b"c.txt" not in answer.body
    nothing = ann.press("/home/", "download-members")
    assert nothing.status == 422
    assert "Nothing was selected." in text_of(nothing)


def test_a_trigger_is_said_to_what_is_there(serve: Callable[..., HttpServer]) -> None:
    server = serve(triggers="Release it, success\nStop, danger, another-group")
    server.put("/a", b"")
    ann = Browser(server)
    ann.log_in()
    answer = ann.press("/home/", "Release it", "a")
    assert answer.field("Location") == "/home/?done=triggered&count=1"
    assert [one["name"] for one in server.data(40043)] == ["Release it"]
    assert ann.press("/home/", "Release it", "none").status == 422
    assert len(server.data(40043)) == 1
    for action in ("Stop", "other", ""):
        assert ann.press("/home/", action, "a").status == 400


def test_a_refusal_is_told_in_words_of_the_reader(serve: Callable[..., HttpServer]) -> None:
    rules = "allow-list, allow-read"
    server = serve(account("ann", password=CHEAP_HASH, permissions=rules), languages="de")
    server.put("/a", b"")
    ann = Browser(server)
    ann.log_in()
    answer = ann.press("/home/", "delete-members", "a")
    assert "a: Sie haben nicht die Berechtigung" in text_of(answer)


def test_a_client_that_leaves_ends_what_is_done_for_it(serve: Callable[..., HttpServer]) -> None:
    slowness = Slowness()
    slowness.slow = False
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    make(server, "/sub")
    make(server, "/other")
    ann = Browser(server)
    ann.log_in()
    slowness.slow = True
    pairs = [("csrf", ann.token), ("action", "delete-members")]
    body = urlencode([*pairs, *(("selected-members", name) for name in ("sub", "other"))])
    fields = {"Content_Type": ENCODED, "Origin": ann.origin, "Content_Length": str(len(body))}
    ann.write(ann.head("POST", "/home/", **fields) + body.encode())
    ann.vanish()
    slowness.let_all_go(ann.settle)
    assert server.names() == ["other", "sub"]
