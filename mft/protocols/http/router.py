"""Which function answers which request: a row for each method, and each of our own pages."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.http import files, folders, login
from mft.protocols.http.answers import PLAIN
from mft.protocols.http.exchange import Exchange
from mft.wire.http.target import quote_path

HOME: Final = "home"  # where the files of an account are
OWN: Final = "__mft__"  # what is ours, and no file
OWN_NAMES: Final = frozenset((OWN, "__chsps__"))  # the old name answers too

Serve = Callable[[Exchange], Awaitable[None]]

# Methods on files and folders; those of folders differ by what stands under the name.
METHODS: Final[Mapping[str, Serve]] = {
    "GET": files.get,
    "HEAD": files.head,
    "PUT": files.put,
    "DELETE": files.delete,
    "POST": folders.post,
}
# Our own pages, by name and method; none of them needs a session.
PAGES: Final[Mapping[str, Mapping[str, Serve]]] = {
    "login": {"POST": login.log_in},
    "logout": {"POST": login.log_out},
}
KNOWN: Final = frozenset(("GET", "HEAD", "PUT", "DELETE", "POST", "OPTIONS", "PATCH", "TRACE"))


async def serve(exchange: Exchange) -> None:
    """Answer one request; raises Refused and BadRequest for what is to be told as an error."""
    segments = exchange.target.segments
    method = exchange.head.method
    if not segments:
        _redirect(exchange, f"/{HOME}/")
    elif segments[0] in OWN_NAMES:
        await _own(exchange, segments[1:])
    elif segments[0] != HOME:
        exchange.refuse(404, "There is nothing here.")
    elif method == "OPTIONS":
        _options(exchange, METHODS)
    elif method not in METHODS:
        _unknown_method(exchange, METHODS)
    elif len(segments) == 1 and not exchange.target.folder:
        _redirect(exchange, f"/{HOME}/")
    elif await exchange.client.sign_in.enter(exchange):
        await _within_session(exchange)


async def _within_session(exchange: Exchange) -> None:
    web = exchange.client.sign_in.web
    if web is None:
        await METHODS[exchange.head.method](exchange)
        return
    web.begin()
    try:
        await METHODS[exchange.head.method](exchange)
    finally:
        web.done()


async def _own(exchange: Exchange, names: tuple[str, ...]) -> None:
    page = PAGES.get("/".join(names))
    if page is None:
        exchange.refuse(404, "There is nothing here.")
    elif exchange.head.method == "OPTIONS":
        _options(exchange, page)
    elif exchange.head.method not in page:
        _unknown_method(exchange, page)
    else:
        await page[exchange.head.method](exchange)


def _allowed(methods: Mapping[str, Serve]) -> tuple[str, str]:
    return "Allow", ", ".join((*methods, "OPTIONS"))


def _options(exchange: Exchange, methods: Mapping[str, Serve]) -> None:
    exchange.answer(200, b"", _allowed(methods), ("Content-Type", PLAIN))


def _unknown_method(exchange: Exchange, methods: Mapping[str, Serve]) -> None:
    if exchange.head.method in KNOWN:
        exchange.refuse(405, "This cannot be done here.", _allowed(methods))
    else:
        exchange.refuse(501, "This method is not known here.")


def _redirect(exchange: Exchange, path: str) -> None:
    exchange.client.emit(events.HTTP_REDIRECTED, p.Redirected(exchange.uri, path))
    exchange.redirect(path)


def location(exchange: Exchange, *, folder: bool) -> str:
    """The path of the URL that a request should have had, or that it has made."""
    return quote_path((HOME, *exchange.path.parts), folder)
