"""Uploads in Chromium: many at once, watched, paused, and continued whatever happens between."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.interop.browser import Site, Visitor, ann, chromium, place, site, visitor
from tests.interop.relay import Relay
from tests.interop.trees import content

__all__ = ["ann", "chromium", "place", "site", "visitor"]
pytestmark = pytest.mark.interop

MANY = 200
BIG = 8 << 20
SLOW = 2 << 20  # bytes a second
FAST = -1  # without a limit


def throttle(visitor: Visitor, speed: int) -> None:
    """What the network of the browser does for requests from now on: bytes a second."""
    session = visitor.context.new_cdp_session(visitor.page)
    session.send("Network.enable")
    limits = {"latency": 0, "downloadThroughput": speed, "uploadThroughput": speed}
    session.send("Network.emulateNetworkConditions", {"offline": False, **limits})


def online(visitor: Visitor) -> None:
    """The browser says that its network is back, so that nothing waits for the next attempt."""
    visitor.page.evaluate("dispatchEvent(new Event('online'))")


def begin(visitor: Visitor, file: Path) -> None:
    """Upload a file slowly, until a part of it is there."""
    file.write_bytes(content(BIG))
    throttle(visitor, SLOW)
    visitor.drop(file)
    state = visitor.page.locator("#uploads li .state")
    expect(state).to_have_text(re.compile("Uploading [1-9][0-9]? %"))


def finish(visitor: Visitor, place: Path) -> None:
    """See that it comes to its end, and is what was sent."""
    visitor.told("1 of 1 files uploaded", timeout=30_000)
    visitor.shows("big.bin")
    assert (place / "big.bin").read_bytes() == content(BIG)


def test_two_hundred_files_and_a_folder_are_dropped(
    ann: Visitor, place: Path, tmp_path: Path
) -> None:
    files = [tmp_path / f"file {number}.txt" for number in range(MANY)]
    for file in files:
        file.write_text(file.name)
    tree = tmp_path / "tree"
    (tree / "in" / "side").mkdir(parents=True)
    (tree / "in" / "side" / "deep & #1.bin").write_bytes(content(3 << 20))
    (tree / "shallow").write_text("x")
    ann.drop(*files, tree)
    expect(ann.page.locator("#uploads li").first).to_be_visible()
    ann.told(f"{MANY + 2} of {MANY + 2} files uploaded", timeout=60_000)
    expect(ann.page.locator("#announcer")).to_have_text(f"All {MANY + 2} files are uploaded.")
    expect(ann.page.locator("#list tbody a")).to_have_count(MANY + 1)
    assert (place / "file 7.txt").read_text() == "file 7.txt"
    sent = place / "tree" / "in" / "side" / "deep & #1.bin"
    assert sent.read_bytes() == content(3 << 20)
    ann.press("Close")
    expect(ann.page.locator("#uploads")).to_be_hidden()


def test_an_upload_is_paused_and_continued(ann: Visitor, place: Path, tmp_path: Path) -> None:
    begin(ann, tmp_path / "big.bin")
    ann.press("Pause big.bin")
    expect(ann.page.locator("#uploads li .state")).to_have_text("Paused")
    assert not (place / "big.bin").exists()
    ann.press("Resume big.bin")
    expect(ann.page.locator("#uploads li .state")).to_have_text(re.compile("Uploading [1-9]"))
    ann.press("Pause all")
    throttle(ann, FAST)
    ann.press("Resume all")
    finish(ann, place)


def test_an_upload_goes_on_after_the_connection_was_lost(
    visitor: Visitor, site: Site, place: Path, tmp_path: Path
) -> None:
    relay = Relay((site.web.server.address, site.web.port))
    visitor.base = f"https://127.0.0.1:{relay.port}"
    visitor.log_in(f"/home/{place.name}/")
    begin(visitor, tmp_path / "big.bin")
    throttle(visitor, FAST)
    relay.cut()
    state = visitor.page.locator("#uploads li .state")
    expect(state).to_have_text(re.compile("The connection is lost"))
    relay.mend()
    online(visitor)
    finish(visitor, place)
    relay.cut()


def test_an_upload_goes_on_after_the_server_was_restarted(
    ann: Visitor, place: Path, site: Site, tmp_path: Path
) -> None:
    begin(ann, tmp_path / "big.bin")
    throttle(ann, FAST)
    site.process.kill()
    site.process.wait()
    state = ann.page.locator("#uploads li .state")
    expect(state).to_have_text(re.compile("The connection is lost"))
    site.start()
    online(ann)
    dialog = ann.page.get_by_role("dialog", name="Log in")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_text("what is being uploaded")).to_be_visible()
    ann.check_access()
    ann.give_password("wrong")
    expect(dialog.get_by_role("alert")).to_be_visible()
    ann.give_password()
    expect(dialog).to_be_hidden()
    finish(ann, place)
    told = (site.web.server.directory / "log" / "server.log").read_text()
    assert f'Upload of "/{place.name}/big.bin" goes on after ' in told


def test_an_upload_is_continued_by_the_next_page(ann: Visitor, place: Path, tmp_path: Path) -> None:
    begin(ann, tmp_path / "big.bin")
    ann.page.on("dialog", lambda dialog: dialog.accept())
    throttle(ann, FAST)
    ann.page.reload()
    ann.drop(tmp_path / "big.bin")
    state = ann.page.locator("#uploads li .state")
    expect(state).to_have_text(re.compile("Uploading [1-9]"))
    finish(ann, place)


def test_what_is_there_is_replaced_only_when_asked(
    ann: Visitor, place: Path, tmp_path: Path
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("new")
    (place / "a.txt").write_text("old")
    ann.page.reload()
    ann.drop(tmp_path / "a.txt", tmp_path / "b.txt")
    ann.press("Leave them out")
    ann.told("1 of 1 files uploaded")
    ann.shows("a.txt", "b.txt")
    assert (place / "a.txt").read_text() == "old"
    ann.page.locator("#files").set_input_files([tmp_path / "a.txt"])
    ann.press("Replace")
    ann.told("2 of 2 files uploaded")
    assert (place / "a.txt").read_text() == "new"


def test_a_name_that_cannot_be_used_is_told_as_that(
    ann: Visitor, place: Path, tmp_path: Path
) -> None:
    for folder, name in ((".", "line\nbreak"), ("so\nso", "a.txt")):
        (tmp_path / "new" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "new" / folder / name).write_text("x")
    ann.page.locator("#tree").set_input_files(tmp_path / "new")
    told = ann.page.locator("#uploads li .state")
    expect(told).to_have_text(["This name cannot be used"] * 2)
    assert list((place / "new").iterdir()) == []


def test_a_folder_that_has_gone_is_told_as_that(ann: Visitor, place: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    place.rmdir()
    ann.page.locator("#files").set_input_files([tmp_path / "a.txt"])
    told = ann.page.locator("#uploads li .state")
    expect(told).to_have_text("The folder is not there any more")


def test_a_refused_upload_says_why(ann: Visitor, place: Path, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("x")
    (place / "sub").write_text("a file")
    ann.page.locator("#tree").set_input_files(tmp_path / "sub")
    told = ann.page.locator("#uploads li .state")
    expect(told).to_have_text("Something of this name is there already")
    (place / "sub").unlink()
    ann.press("Try sub/a.txt again")
    ann.told("1 of 1 files uploaded")
    assert (place / "sub" / "a.txt").read_text() == "x"
