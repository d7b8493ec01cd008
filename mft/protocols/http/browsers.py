"""Browsers: who wants pages, and where they go to log in, and from there to what they wanted."""

from typing import Final
from urllib.parse import quote, urlencode

from mft.protocols.http.answers import JSON
from mft.wire.http.accept import preferred
from mft.wire.http.head import BadRequest, Head
from mft.wire.http.target import Target, parse_target, quote_path

HTML: Final = "text/html"
HOME: Final = "home"
HOME_PLACE: Final = "/home/"
LOGIN: Final = "/__mft__/login"
STATIC: Final = "/__mft__/static/"
MAX_RETURN: Final = 4 << 10  # characters of a path that is kept through a login


def wants_page(head: Head) -> bool:
    """Whether a client likes a page better than JSON; those that do not say are programs."""
    accept = head.fields.get("accept")
    return accept is not None and preferred(accept, (JSON, HTML)) == HTML


def logs_in_by_page(head: Head, target: Target) -> bool:
    """Whether a client without a session is to be shown the login page.

    `?without-cookies` asks for Basic, and who has shown something wrong is told so.
    """
    if "authorization" in head.fields or target.one("without-cookies") is not None:
        return False
    return wants_page(head)


def login_place(target: Target, notice: str = "") -> str:
    """The login page, which leads on to `target`; `notice` is the key of what it says first."""
    to = quote_path(target.segments, target.folder)
    pairs = {"to": to} if len(to) <= MAX_RETURN and to != HOME_PLACE else {}
    if notice:
        pairs["done"] = notice
    return f"{LOGIN}?{urlencode(pairs, quote_via=quote, safe='/')}" if pairs else LOGIN


def return_place(text: str | None) -> str:
    """Where a login leads: the path in `text`, if it is one of files of ours, else the home."""
    if text is None or not text.startswith("/"):
        return HOME_PLACE
    try:
        target = parse_target(text)
    except BadRequest:
        return HOME_PLACE
    if target.segments[:1] != (HOME,):
        return HOME_PLACE
    return quote_path(target.segments, target.folder)
