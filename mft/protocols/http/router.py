"""Which function answers which request: a row for each method, and each of our own pages."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from mft.core.vpath import ROOT
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.http import (
    activity,
    dav_moves,
    files,
    folder_page,
    forms,
    login,
    login_page,
    one_time_codes,
    own_credentials,
    own_password,
    static_files,
    uploads,
    webdav,
)
from mft.protocols.http.answers import PLAIN, Fields
from mft.protocols.http.exchange import Exchange

HOME: Final = "home"  # where the files of an account are
OWN: Final = "__mft__"  # what is ours, and no file
OWN_NAMES: Final = frozenset((OWN, "__chsps__"))  # the old name answers too

Serve = Callable[[Exchange], Awaitable[None]]
Enter = Callable[[Exchange], Awaitable[bool]]

# Methods on files and folders; those of folders differ by what stands under the name.
METHODS: Final[Mapping[str, Serve]] = {
    "GET": folder_page.get,
    "HEAD": files.head,
    "PUT": files.put,
    "DELETE": files.delete,
    "POST": forms.post,
    "PROPFIND": webdav.propfind,
    "PROPPATCH": webdav.proppatch,
    "MKCOL": webdav.mkcol,
    "COPY": dav_moves.copy,
    "MOVE": dav_moves.move,
}
# Our own pages, by name and method; none of them needs a session.
PAGES: Final[Mapping[str, Mapping[str, Serve]]] = {
    "login": {"GET": login_page.show, "HEAD": login_page.show, "POST": login.log_in},
    "logout": {"POST": login.log_out},
}
# What pages are drawn with, by its exact name.
STATIC: Final[Mapping[str, Mapping[str, Serve]]] = {
    name: {"GET": static_files.get, "HEAD": static_files.get} for name in static_files.NAMES
}
# What is below a name of ours, for those who have logged in: its methods, by the names below.
BELOW: Final[Mapping[str, Callable[[tuple[str, ...]], Mapping[str, Serve]]]] = {
    "tus": uploads.methods,
    "activity": activity.methods,
    "password-update": own_password.methods,
    "one-time-codes": one_time_codes.methods,
}
# What these say to OPTIONS, for everybody.
OPTIONS: Final[Mapping[str, Serve]] = {
    "tus": uploads.options,
    "activity": activity.options,
    "password-update": own_credentials.options,
    "one-time-codes": own_credentials.options,
}


async def serve(exchange: Exchange) -> None:
    """Answer one request; raises Refused and BadRequest for what is to be told as an error."""
    segments = exchange.target.segments
    public = exchange.client.hub.options.public_area
    if segments[:1] and segments[0] in OWN_NAMES:
        await _own(exchange, segments[1:])
    elif segments[:1] == (HOME,):
        await _area(exchange, (HOME,), exchange.client.sign_in.enter)
    elif public is not None and segments[: len(public)] == public:
        await _area(exchange, public, exchange.client.sign_in.enter_public)
    elif segments:
        exchange.refuse(404, "There is nothing here.")
    else:
        _redirect(exchange, f"/{HOME}/")


async def _area(exchange: Exchange, area: tuple[str, ...], enter: Enter) -> None:
    """Files by URL: those below a name, for whom `enter` lets in."""
    exchange.area = area
    method = exchange.head.method
    if method == "OPTIONS":
        _options(exchange, METHODS, (*webdav.ANNOUNCED, uploads.ANNOUNCED))
    elif method not in METHODS:
        _unknown_method(exchange, METHODS)
    elif exchange.target.segments == area and not exchange.target.folder:
        _redirect(exchange, exchange.place(ROOT, folder=True))
    elif await enter(exchange):
        await _within_session(exchange, METHODS)


async def _within_session(exchange: Exchange, methods: Mapping[str, Serve]) -> None:
    web = exchange.client.sign_in.web
    if web is None:
        await methods[exchange.head.method](exchange)
        return
    web.begin()
    try:
        await methods[exchange.head.method](exchange)
    finally:
        web.done()


async def _below(exchange: Exchange, names: tuple[str, ...]) -> None:
    exchange.area = (HOME,)
    methods = BELOW[names[0]](names[1:])
    if not methods:
        exchange.refuse(404, "There is nothing here.")
    elif exchange.head.method == "OPTIONS":
        await OPTIONS[names[0]](exchange)
    elif exchange.head.method not in methods:
        _unknown_method(exchange, methods)
    elif await exchange.client.sign_in.enter(exchange):
        await _within_session(exchange, methods)


async def _own(exchange: Exchange, names: tuple[str, ...]) -> None:
    if names and names[0] in BELOW:
        await _below(exchange, names)
        return
    page = PAGES.get("/".join(names)) or STATIC.get("/".join(names))
    if page is None:
        static_files.missing(exchange, names)
    elif exchange.head.method == "OPTIONS":
        _options(exchange, page)
    elif exchange.head.method not in page:
        _unknown_method(exchange, page)
    else:
        await page[exchange.head.method](exchange)


def _allowed(methods: Mapping[str, Serve]) -> tuple[str, str]:
    return "Allow", ", ".join((*methods, "OPTIONS"))


def _options(exchange: Exchange, methods: Mapping[str, Serve], more: Fields = ()) -> None:
    exchange.answer(200, b"", _allowed(methods), ("Content-Type", PLAIN), *more)


def _unknown_method(exchange: Exchange, methods: Mapping[str, Serve]) -> None:
    exchange.refuse(405, "This cannot be done here.", _allowed(methods))


def _redirect(exchange: Exchange, path: str) -> None:
    exchange.client.emit(events.HTTP_REDIRECTED, p.Redirected(exchange.uri, path))
    exchange.lead_on(path)
