"""The file manager in Chromium: every screen, with and without JavaScript, by hand and by keys."""

import time
import zipfile
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from mft.auth.time_codes import TimeCodes, step_at
from tests.interop.browser import PHONE, Site, Visitor, ann, chromium, place, site, visitor

__all__ = ["ann", "chromium", "place", "site", "visitor"]
pytestmark = pytest.mark.interop

HOSTILE = (
    "<script>document.title='x'<",
    '"><img src=x onerror=document.title=1>',
    "' onfocus='x' autofocus='",
    "a&amp;b&lt;",
    "-rf",
    "100% {{ 7*7 }} {name}",
    "javascript:alert(1)",
    "?#[x]",
    "\N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}",
    "n" * 255,
)


def make(place: Path, *names: str) -> None:
    for name in names:
        (place / name).write_text(name)


def test_a_login_leads_to_the_page_that_was_asked_for(visitor: Visitor, place: Path) -> None:
    visitor.go(f"/home/{place.name}/")
    visitor.give_password("not this one")
    expect(visitor.page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    visitor.page.get_by_text("Terms of use").click()
    expect(visitor.page.get_by_text("Nothing secret, please.")).to_be_visible()
    visitor.give_password()
    visitor.page.wait_for_url(f"**/home/{place.name}/")
    expect(visitor.page.get_by_text("This folder is empty.")).to_be_visible()
    visitor.press("Log out")
    expect(visitor.page.get_by_role("status").first).to_have_text("You are logged out.")
    visitor.go("/home/")
    expect(visitor.page.get_by_label("Password")).to_be_visible()


def test_folders_are_made_and_opened_and_left(ann: Visitor, place: Path) -> None:
    ann.page.get_by_text("New folder", exact=True).click()
    ann.page.get_by_label("Name of the new folder").fill("in & out")
    ann.press("Create")
    ann.shows("in & out")
    assert (place / "in & out").is_dir()
    ann.page.get_by_role("link", name="in & out").click()
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("in & out")
    assert ann.page.url.endswith("/in%20%26%20out/")
    ann.page.go_back()
    ann.shows("in & out")
    ann.page.get_by_text("New folder", exact=True).click()
    ann.page.get_by_label("Name of the new folder").fill("in & out")
    ann.press("Create")
    told = "in & out: something of this name is there already"
    expect(ann.page.get_by_role("alert").get_by_role("listitem")).to_have_text(told)


def test_a_file_is_renamed_moved_and_deleted(ann: Visitor, place: Path) -> None:
    (place / "sub").mkdir()
    make(place, "a.txt", "b.txt", "c.txt")
    ann.page.reload()
    ann.pick("a.txt")
    ann.press("Rename")
    ann.page.get_by_label("New name").fill("z.txt")
    ann.page.press("#new-name", "Enter")
    ann.shows("sub", "b.txt", "c.txt", "z.txt")
    ann.pick("b.txt", "z.txt")
    ann.press("Move")
    ann.page.get_by_label("Folder to move to").fill("sub")
    ann.page.get_by_role("dialog").get_by_role("button", name="Move").click()
    ann.shows("sub", "c.txt")
    assert sorted(path.name for path in (place / "sub").iterdir()) == ["b.txt", "z.txt"]
    ann.pick("sub")
    ann.press("Delete")
    ann.page.get_by_role("link", name="Cancel").click()
    ann.press("Delete")
    ann.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    ann.shows("c.txt")
    assert not (place / "sub").exists()


def test_a_column_sorts(ann: Visitor, place: Path) -> None:
    for name, size in (("a9", 5), ("a10", 1), ("b", 3)):
        (place / name).write_bytes(bytes(size))
    ann.page.reload()
    ann.shows("a9", "a10", "b")
    ann.page.get_by_role("link", name="Size").click()
    ann.shows("a10", "b", "a9")
    ann.page.get_by_role("link", name="Size").click()
    ann.shows("a9", "b", "a10")
    expect(ann.page.get_by_role("columnheader", name="Size")).to_have_attribute(
        "aria-sort", "descending"
    )


def test_a_selection_and_a_folder_come_as_zip(ann: Visitor, place: Path, tmp_path: Path) -> None:
    make(place, "a.txt", "b.txt", "c.txt")
    ann.page.reload()
    ann.pick("a.txt", "c.txt")
    with ann.page.expect_download() as download:
        ann.press("Download as ZIP")
    download.value.save_as(tmp_path / "some.zip")
    assert sorted(zipfile.ZipFile(tmp_path / "some.zip").namelist()) == ["a.txt", "c.txt"]
    with ann.page.expect_download() as download:
        ann.page.get_by_role("link", name="Download the folder as ZIP").click()
    download.value.save_as(tmp_path / "all.zip")
    assert len(zipfile.ZipFile(tmp_path / "all.zip").namelist()) == 3
    with ann.page.expect_download() as download:
        ann.page.get_by_role("link", name="b.txt").click()
    assert download.value.suggested_filename == "b.txt"


def test_everything_is_done_by_keys(visitor: Visitor, place: Path) -> None:
    (place / "sub").mkdir()
    make(place, "a.txt", "b.txt")
    page, keys = visitor.page, visitor.page.keyboard
    visitor.go(f"/home/{place.name}/")
    expect(page.locator("#username")).to_be_focused()  # without anybody's doing
    keys.type(visitor.site.web.server.account)
    keys.press("Tab")
    keys.type(visitor.site.web.server.password)
    keys.press("Enter")
    visitor.shows("sub", "a.txt", "b.txt")
    keys.press("ArrowDown")
    expect(page.get_by_role("link", name="sub")).to_be_focused()
    keys.press("ArrowDown")
    keys.press("F2")
    expect(page.get_by_label("New name")).to_be_focused()
    keys.type("c.txt")
    keys.press("Enter")
    visitor.shows("sub", "b.txt", "c.txt")
    page.locator("main").focus()
    keys.press("ArrowDown")
    keys.press("End")
    expect(page.get_by_role("link", name="c.txt")).to_be_focused()
    keys.press("ArrowUp")
    keys.press("Space")
    expect(page.get_by_label("Select b.txt")).to_be_checked()
    keys.press("Delete")
    expect(page.get_by_role("link", name="Cancel")).to_be_focused()
    keys.press("Escape")
    keys.press("Delete")
    expect(page.get_by_role("link", name="Cancel")).to_be_focused()
    keys.press("Tab")
    keys.press("Enter")
    visitor.shows("sub", "c.txt")
    page.locator("main").focus()
    keys.press("Home")
    keys.press("Enter")
    page.wait_for_url("**/sub/")
    assert not (place / "b.txt").exists()


def test_everything_works_without_javascript(
    chromium: Browser, site: Site, place: Path, tmp_path: Path
) -> None:
    visitor = Visitor(chromium, site, java_script_enabled=False)
    page = visitor.page
    files = [tmp_path / "one.bin", tmp_path / "two.bin"]
    for file in files:
        file.write_bytes(file.name.encode() * 300_000)
    visitor.log_in(f"/home/{place.name}/")
    page.get_by_label("Files to upload").set_input_files(files)
    visitor.press("Upload")
    expect(page.get_by_role("status").first).to_have_text("Uploaded 2 files.")
    visitor.shows("one.bin", "two.bin")
    assert (place / "two.bin").read_bytes() == files[1].read_bytes()
    page.get_by_text("New folder", exact=True).click()
    page.get_by_label("Name of the new folder").fill("sub")
    visitor.press("Create")
    visitor.pick("one.bin")
    visitor.press("Rename")
    page.get_by_label("New name").fill("three.bin")
    visitor.press("Rename")
    visitor.shows("sub", "three.bin", "two.bin")
    visitor.pick("three.bin")
    visitor.press("Move")
    page.get_by_label("Folder to move to").fill("sub")
    visitor.press("Move")
    visitor.shows("sub", "two.bin")
    visitor.press("Delete")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was selected.")
    visitor.pick("sub", "two.bin")
    with page.expect_download() as download:
        visitor.press("Download as ZIP")
    assert download.value.suggested_filename == f"{place.name}.zip"
    visitor.press("Delete")
    visitor.press("Delete")
    expect(page.get_by_text("This folder is empty.")).to_be_visible()
    assert list(place.iterdir()) == []
    visitor.press("Log out")
    expect(page.get_by_label("Password")).to_be_visible()
    visitor.leave()


def test_names_cannot_harm(ann: Visitor, place: Path) -> None:
    make(place, *(name.replace("/", "") for name in HOSTILE))
    ann.page.reload()
    expect(ann.page.locator("#list tbody a")).to_have_count(len(HOSTILE))
    assert set(ann.names()) == set(HOSTILE)
    ann.fits()
    ann.page.set_viewport_size(PHONE)
    ann.fits()
    ann.page.get_by_label("Select everything").check()
    ann.press("Delete")
    expect(ann.page.get_by_role("dialog").get_by_role("listitem")).to_have_count(len(HOSTILE))
    ann.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(ann.page.get_by_text("This folder is empty.")).to_be_visible()
    assert list(place.iterdir()) == []
    assert ann.page.title() == f"{place.name} - mft"


@pytest.mark.parametrize(("colours", "width"), [("light", 1000), ("dark", 360)])
def test_every_screen_is_open_to_everybody(
    visitor: Visitor, place: Path, colours: Literal["light", "dark"], width: int
) -> None:
    (place / "sub").mkdir()
    make(place, "a.txt", "b.txt")
    page = visitor.page
    page.emulate_media(color_scheme=colours)
    page.set_viewport_size({"width": width, "height": 740})

    def check() -> None:
        visitor.check_access()
        visitor.fits()

    visitor.go(f"/home/{place.name}/")
    check()
    visitor.give_password("wrong")
    expect(page.get_by_role("alert")).to_be_visible()
    check()
    visitor.give_password()
    visitor.shows("sub", "a.txt", "b.txt")
    page.get_by_text("New folder", exact=True).click()
    check()
    visitor.pick("a.txt")
    check()
    for question in ("Rename", "Move", "Delete"):
        visitor.press(question)
        expect(page.get_by_role("dialog")).to_be_visible()
        check()
        page.keyboard.press("Escape")
    visitor.drop(place / "b.txt")
    check()
    page.get_by_role("button", name="Replace").click()
    visitor.told("1 of 1 files uploaded")
    check()
    page.get_by_role("link", name="sub").click()
    expect(page.get_by_text("This folder is empty.")).to_be_visible()
    check()
    page.get_by_role("link", name="Change password").click()
    check()
    visitor.change_password("wrong", "correct horse battery staple")
    expect(page.get_by_role("alert")).to_have_text("The old password is wrong.")
    check()
    visitor.go(f"/home/{place.name}/none/")
    check()


def test_a_password_is_changed(ann: Visitor, site: Site) -> None:
    old, new = site.web.server.password, "correct horse battery staple"
    ann.page.get_by_role("link", name="Change password").click()
    ann.change_password(old, "password1234")
    told = "The new password is too easy to guess. More words make a better one."
    expect(ann.page.get_by_role("alert")).to_have_text(told)
    ann.change_password(old, new)
    expect(ann.page.get_by_role("status").first).to_have_text("Your password was changed.")
    ann.press("Log out")
    ann.go("/home/")
    ann.give_password(old)
    expect(ann.page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    ann.give_password(new)
    ann.page.get_by_role("link", name="Change password").click()
    ann.change_password(new, old)
    expect(ann.page.get_by_role("status").first).to_have_text("Your password was changed.")


def test_one_time_codes_are_set_up_used_and_given_up(ann: Visitor, site: Site) -> None:
    page, password = ann.page, site.web.server.password
    page.get_by_role("link", name="One-time codes").click()
    secret = page.locator("#secret").inner_text().replace(" ", "")
    codes = TimeCodes.parse(f"otpauth://totp/ann?secret={secret}")
    box = page.get_by_role("img", name="QR code").bounding_box()
    assert box is not None
    assert box["width"] == box["height"] > 150
    ann.fits()
    ann.check_access()
    page.get_by_label("The code that it shows now").fill(codes.code(step_at(time.time()) - 1))
    page.get_by_label("Password").fill(password)
    ann.press("Use these codes")
    kept = page.locator("ul.codes code").all_inner_texts()
    assert len(kept) == 10
    ann.check_access()
    page.get_by_role("link", name="I have kept them").click()
    ann.press("Log out")
    ann.go("/home/")
    ann.give_password(password)
    told = "The name, the password or the one-time code is wrong."
    expect(page.get_by_role("alert")).to_have_text(told)
    page.fill("#code", kept[0])
    ann.give_password(password)
    page.get_by_role("link", name="One-time codes").click()
    page.locator("summary", has_text="Give up one-time codes").click()
    form = page.locator("details form")
    form.get_by_label("Password").fill(password)
    form.get_by_label("A code of the present").fill(kept[1])
    ann.check_access()
    ann.press("Give up one-time codes")
    expect(page.get_by_role("status").first).to_have_text("You have no one-time codes any more.")


def test_a_trigger_is_pressed(ann: Visitor, place: Path) -> None:
    make(place, "a.txt")
    ann.page.reload()
    ann.pick("a.txt")
    ann.press("Release")
    expect(ann.page.get_by_role("status").first).to_have_text("Told of 1 thing.")


def test_pages_speak_the_language_of_the_browser(
    chromium: Browser, site: Site, place: Path
) -> None:
    visitor = Visitor(chromium, site, locale="de-AT")
    visitor.go(f"/home/{place.name}/")
    expect(visitor.page.get_by_role("button", name="Anmelden")).to_be_visible()
    visitor.give_password()
    expect(visitor.page.get_by_text("Dieser Ordner ist leer.")).to_be_visible()
    visitor.leave()
