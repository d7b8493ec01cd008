"""Pictures of every screen for the guide: `make pictures`."""

import os
import re
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, expect, sync_playwright

from tests.interop.browser import (
    CHROMIUM,
    FOOTNOTES,
    PHONE,
    Site,
    Visitor,
    let_passwords_be_changed,
)
from tests.interop.instance import initialise, start
from tests.interop.web import add_web

IMAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "guide" / "images"
MAX_SIZE: Final = 60_000  # bytes of one picture
MOMENT: Final = 1_790_000_000  # when the newest of the files was changed
DESK: Final = {"width": 780, "height": 500}
FOLDERS: Final = ("Contracts", "Invoices 2026", "Reports")
FILES: Final = (
    ("Annual report.pdf", 2_345_678),
    ("Price list 9.csv", 48_200),
    ("Price list 10.csv", 51_900),
    ("Delivery note.txt", 812),
)


def furnish(home: Path) -> None:
    """What the account has."""
    for name in FOLDERS:
        (home / name).mkdir()
    for number, (name, size) in enumerate(FILES):
        (home / name).write_bytes(bytes(size))
        moment = MOMENT - number * 86_500
        os.utime(home / name, (moment, moment))
    for name in FOLDERS:
        os.utime(home / name, (MOMENT, MOMENT))


def smaller(picture: bytes) -> bytes:
    """The same PNG, its data compressed as far as zlib can (PNG 5.3 and 10.1)."""
    kept, data, at = [picture[:8]], b"", 8
    while at < len(picture):
        size, kind = struct.unpack_from(">I4s", picture, at)
        content = picture[at + 8 : at + 8 + size]
        at += size + 12
        if kind == b"IDAT":
            data += content
            continue
        if kind == b"IEND":
            kept.append(chunk(b"IDAT", zlib.compress(zlib.decompress(data), 9)))
        kept.append(chunk(kind, content))
    return b"".join(kept)


def chunk(kind: bytes, content: bytes) -> bytes:
    """One piece of a PNG."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


class Album:
    """Takes the pictures, of one visitor after the other."""

    def __init__(self, chromium: Browser, site: Site) -> None:
        self._chromium = chromium
        self._site = site

    @contextmanager
    def visitor(self, **options: object) -> Iterator[Visitor]:
        """Somebody with a browser."""
        someone = Visitor(self._chromium, self._site, **{"viewport": DESK, **options})
        yield someone
        someone.leave()

    def take(self, visitor: Visitor, name: str) -> None:
        """Keep what somebody sees."""
        file = IMAGES / f"web-{name}.png"
        visitor.page.evaluate("scrollTo(0, 0)")
        file.write_bytes(smaller(visitor.page.screenshot(animations="disabled")))
        size = file.stat().st_size
        assert size < MAX_SIZE, f"{file.name} has {size} bytes"
        print(f"{file.name}: {size} bytes")

    def screens(self) -> None:
        """The screens that stay as they are."""
        with self.visitor() as ann:
            ann.go("/home/")
            self.take(ann, "login")
            ann.give_password()
            ann.shows(*FOLDERS, *(name for name, _ in FILES_BY_NAME))
            ann.pick("Annual report.pdf", "Delivery note.txt")
            self.take(ann, "folder")
            for question in ("Delete", "Move"):
                ann.press(question)
                expect(ann.page.get_by_role("dialog")).to_be_visible()
                self.take(ann, question.lower())
                ann.page.keyboard.press("Escape")
            ann.page.get_by_label("Select Delivery note.txt").uncheck()
            ann.press("Rename")
            expect(ann.page.get_by_role("dialog")).to_be_visible()
            self.take(ann, "rename")
            ann.page.fill("#new-name", "Price list 9.csv")
            ann.page.press("#new-name", "Enter")
            expect(ann.page.get_by_role("alert")).to_be_visible()
            self.take(ann, "refused")
            ann.page.get_by_role("link", name="Reports").click()
            expect(ann.page.get_by_text("This folder is empty.")).to_be_visible()
            self.take(ann, "empty")
            ann.page.get_by_role("link", name="Recent activity").click()
            expect(ann.page.get_by_role("heading", name="Recent activity")).to_be_visible()
            self.take(ann, "activity")
            ann.page.get_by_role("link", name="Change password").click()
            ann.change_password("wrong", "correct horse battery staple")
            expect(ann.page.get_by_role("alert")).to_be_visible()
            self.take(ann, "password")
            ann.page.get_by_role("link", name="One-time codes").click()
            self.take(ann, "codes")
        with self.visitor(color_scheme="dark", locale="de-DE") as ann:
            ann.log_in()
            self.take(ann, "dark-german")
        with self.visitor(viewport=PHONE) as ann:
            ann.log_in()
            self.take(ann, "phone")

    def uploads(self, files: Path) -> None:
        """Uploads on their way: running, paused, without a connection, and after a new login."""
        with self.visitor() as ann:
            ann.log_in("/home/Reports/")
            session = ann.context.new_cdp_session(ann.page)
            session.send("Network.enable")
            speed = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": 2 << 20}
            session.send("Network.emulateNetworkConditions", {"offline": False, **speed})
            large = [files / f"Scan {number}.tiff" for number in range(1, 4)]
            small = [files / f"Page {number}.txt" for number in range(1, 6)]
            for file in large:
                file.write_bytes(bytes(24 << 20))
            for file in small:
                file.write_bytes(b"x")
            ann.drop(*small, *large)
            for file in large:
                state = ann.page.locator("li", has_text=file.name).locator(".state")
                expect(state).to_have_text(re.compile("Uploading [1-9]"), timeout=30_000)
            ann.press("Pause Scan 2.tiff")
            self.take(ann, "upload")
            self._site.process.kill()
            self._site.process.wait()
            expect(ann.page.get_by_text("The connection is lost").first).to_be_visible()
            self.take(ann, "lost")
            self._site.start()
            expect(ann.page.get_by_role("dialog", name="Log in")).to_be_visible(timeout=30_000)
            self.take(ann, "login-again")
            ann.page.keyboard.press("Escape")
            ann.press("Pause all")


FILES_BY_NAME: Final = sorted(FILES, key=lambda file: (file[0][0], len(file[0]), file[0]))


def main() -> None:
    """Take all of them anew."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        server = initialise(Path(directory) / "pages")
        let_passwords_be_changed(server)
        said = {"languages": "en, de", "login_footnotes": FOOTNOTES}
        site = Site(add_web(server, "https", **said), start(server))
        furnish(site.home)
        chromium = playwright.chromium.launch(executable_path=CHROMIUM)
        try:
            album = Album(chromium, site)
            album.screens()
            album.uploads(Path(directory))
        finally:
            chromium.close()
            site.stop()


if __name__ == "__main__":
    main()
