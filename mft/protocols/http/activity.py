"""The recent activity of one's own account, over every protocol."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from mft.events import catalogue as events
from mft.events.model import Event, Occurrence
from mft.protocols.http.answers import as_json
from mft.protocols.http.browsers import wants_page
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.words import iso

MOST: Final = 200  # of the last things that an account did

# What people are told of, and the key of the text for it.
TOLD: Final[Mapping[Event[Any], str]] = {
    events.LOGIN_DONE: "login",
    events.PASSWORD_CHANGED: "password",
    events.FTP_UPLOAD_DONE: "uploaded",
    events.SSH_UPLOAD_DONE: "uploaded",
    events.HTTP_UPLOAD_DONE: "uploaded",
    events.FTP_UPLOAD_FAILED: "upload-failed",
    events.SSH_UPLOAD_FAILED: "upload-failed",
    events.HTTP_UPLOAD_FAILED: "upload-failed",
    events.FTP_DOWNLOAD_DONE: "downloaded",
    events.SSH_DOWNLOAD_DONE: "downloaded",
    events.HTTP_DOWNLOAD_DONE: "downloaded",
    events.FTP_DOWNLOAD_FAILED: "download-failed",
    events.SSH_DOWNLOAD_FAILED: "download-failed",
    events.HTTP_DOWNLOAD_FAILED: "download-failed",
    events.FTP_REMOVE_DONE: "removed",
    events.SSH_REMOVE_DONE: "removed",
    events.HTTP_REMOVE_DONE: "removed",
    events.FTP_REMOVE_DIRECTORY_DONE: "removed",
    events.SSH_REMOVE_DIRECTORY_DONE: "removed",
    events.HTTP_REMOVE_DIRECTORY_DONE: "removed",
    events.FTP_MAKE_DIRECTORY_DONE: "made",
    events.SSH_MAKE_DIRECTORY_DONE: "made",
    events.HTTP_MAKE_DIRECTORY_DONE: "made",
    events.FTP_RENAME_DONE: "renamed",
    events.SSH_RENAME_DONE: "renamed",
    events.HTTP_RENAME_DONE: "renamed",
}
NUMBERS: Final = frozenset(event.number for event in TOLD)
_KEYS: Final = {event.number: key for event, key in TOLD.items()}


async def show(exchange: Exchange) -> None:
    """GET: the last things that the account of this session did, the newest first."""
    account = exchange.session.account.uuid
    found = await exchange.client.hub.recent(account, NUMBERS, MOST)
    if wants_page(exchange.head):
        pages = exchange.client.hub.pages
        rows = [{**_row(one), "moment": int(one.time)} for one in found]
        pages.answer(exchange, 200, "activity.html", told=rows)
    else:
        exchange.answer_json(200, as_json({"activity": [_row(one) for one in found]}))


def _row(told: Occurrence) -> dict[str, str]:
    """One thing, without what is of the server's inside: its real path."""
    source = str(told.data.get("from", ""))
    return {
        "time": iso(int(told.time)),
        "what": _KEYS[told.event.number],
        "path": str(told.data.get("path", "")),
        "from": source,
        "address": told.origin.peer.host,
        "service": told.origin.component.kind,
    }


async def options(exchange: Exchange) -> None:
    """OPTIONS: it can be read."""
    exchange.answer(204, b"", ("Allow", "GET, HEAD, OPTIONS"))


_ALL: Final = {"GET": show, "HEAD": show}


def methods(names: tuple[str, ...]) -> Mapping[str, Callable[[Exchange], Awaitable[None]]]:
    """The functions for the methods on it; none for what would be below it."""
    return {} if names else _ALL
