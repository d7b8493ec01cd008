"""Chromium without a window, and an instance of its own for it, which may be started anew."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.interop.instance import Server, initialise, start, stop
from tests.interop.web import Web, add_web

CHROMIUM: Final = "/usr/bin/chromium-headless-shell"
ARGUMENTS: Final = ("--disable-gpu", "--disable-software-rasterizer")  # drawn by the processor
DESK: Final = {"width": 1000, "height": 700}
PHONE: Final = {"width": 360, "height": 740}
FOOTNOTES: Final = "\n ".join(
    ("Terms of use", "What you may send", "Nothing secret, please.", "What is here is looked at.")
)
STANDARDS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Site:
    """A service, and the process that serves it."""

    web: Web
    process: "subprocess.Popen[bytes]"

    @property
    def home(self) -> Path:
        """Where the account's files are."""
        return self.web.server.home

    def stop(self) -> None:
        """End the server."""
        stop(self.web.server, self.process)

    def start(self) -> None:
        """Start it again."""
        self.process = start(self.web.server)


def let_passwords_be_changed(server: Server) -> None:
    """Allow it to the account, with one-time codes, and that it has an earlier one again."""
    config = server.directory / "conf" / "server.ini"
    text = config.read_text().replace("[server]\n", "[server]\npassword_history = 0\n")
    allowed = "[groups/DEFAULT_GROUP]\nallow_own_password_change = Yes\n"
    allowed += "allow_own_one_time_codes = Yes\n"
    config.write_text(text.replace("[groups/DEFAULT_GROUP]\n", allowed))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance whose pages speak English and German."""
    server = initialise(tmp_path_factory.mktemp("mft") / "pages")
    let_passwords_be_changed(server)
    said = {"languages": "en, de", "login_footnotes": FOOTNOTES, "triggers": "Release, success"}
    made = Site(add_web(server, "https", **said), start(server))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium: Browser, site: Site) -> Iterator["Visitor"]:
    """Somebody who has not logged in."""
    someone = Visitor(chromium, site)
    yield someone
    someone.leave()


@pytest.fixture
def ann(visitor: "Visitor", place: Path) -> "Visitor":
    """The account, in a fresh folder of its own."""
    visitor.log_in(f"/home/{place.name}/")
    return visitor


@pytest.fixture
def place(site: Site, request: pytest.FixtureRequest) -> Path:
    """A fresh folder of the account's home."""
    name = re.sub(r"\W+", "-", request.node.name)[:60].strip("-")
    made = site.home / name
    made.mkdir()
    return made


class Visitor:
    """One browser with one page, which must not break."""

    def __init__(self, chromium: Browser, site: Site, **options: Any) -> None:
        self.site = site
        self.base = site.web.url("")
        given = {"viewport": DESK, "locale": "en-GB", "timezone_id": "UTC", **options}
        self.context: BrowserContext = chromium.new_context(ignore_https_errors=True, **given)
        self.context.set_default_timeout(15_000)
        self.broken: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.broken.append(str(error)))
        self.page.on("console", self._said)

    def _said(self, message: Any) -> None:
        if "Content Security Policy" in message.text:
            self.broken.append(message.text)

    def leave(self) -> None:
        """Close the browser; nothing may have broken in it."""
        self.context.close()
        assert self.broken == []

    def go(self, path: str) -> None:
        """Open a page."""
        self.page.goto(self.base + path)

    def log_in(self, path: str = "/home/") -> None:
        """Ask for a page, and log in on the way."""
        self.go(path)
        self.give_password()
        self.page.wait_for_url(f"**{path}")

    def give_password(self, password: str = "") -> None:
        """Fill and send the login form."""
        server = self.site.web.server
        self.page.fill("#username", server.account)
        self.page.fill("#password", password or server.password)
        self.page.press("#password", "Enter")

    def change_password(self, old: str, new: str) -> None:
        """Fill and send the form that changes the password."""
        self.page.get_by_label("Old password").fill(old)
        self.page.get_by_label("New password", exact=True).fill(new)
        self.page.get_by_label("New password again").fill(new)
        self.press("Change it")

    def names(self) -> list[str]:
        """What the page lists."""
        return self.page.locator("#list tbody a").all_inner_texts()

    def shows(self, *names: str) -> None:
        """Wait until the page lists exactly these, in this order."""
        expect(self.page.locator("#list tbody a")).to_have_text(list(names))

    def pick(self, *names: str) -> None:
        """Select entries."""
        for name in names:
            self.page.get_by_label(f"Select {name}", exact=True).check()

    def press(self, name: str) -> None:
        """Press a button, by what it says."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def drop(self, *paths: Path) -> None:
        """Drop files or folders of the disk on the page, as from a file manager."""
        session = self.context.new_cdp_session(self.page)
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            event = {"type": kind, "x": 200, "y": 300, "data": data}
            session.send("Input.dispatchDragEvent", event)
        session.detach()

    def told(self, text: str, timeout: float = 15_000) -> None:
        """Wait until the list of uploads says something of all of them."""
        expect(self.page.locator("#uploads .told")).to_have_text(text, timeout=timeout)

    def check_access(self) -> None:
        """Nothing that axe finds keeps anybody from using the page."""
        found = Axe().run(self.page, options={"runOnly": {"type": "tag", "values": STANDARDS}})
        assert found.violations_count == 0, found.generate_report()

    def fits(self) -> None:
        """The page is no wider than the window."""
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert width <= self.page.evaluate("window.innerWidth")
