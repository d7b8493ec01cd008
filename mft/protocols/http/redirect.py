"""A service that answers every request with the place to go to instead."""

from functools import partial

from mft.core.peer import Component
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.base import ServiceParts
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.hub import Manner
from mft.protocols.http.options import RedirectOptions
from mft.protocols.http.service import HttpService
from mft.wire.http.target import quote_path


class RedirectService(HttpService):
    """One `[services/ID]` section of type http-redirect."""

    def __init__(self, component: Component, options: RedirectOptions, parts: ServiceParts) -> None:
        """Know where to."""
        manner = Manner(partial(redirect, options.redirect_url), logs_in=False)
        super().__init__(component, options.as_http(), parts, manner)
        self.options = options


async def redirect(url: str, exchange: Exchange) -> None:
    """Send one client to `url`; a request other than GET and HEAD is asked to be sent again."""
    _, mark, query = exchange.head.target.partition("?")
    path = quote_path(exchange.target.segments, exchange.target.folder)
    location = url + path.removeprefix("/") + mark + query if url.endswith("/") else url
    exchange.client.emit(events.HTTP_REDIRECTED, p.Redirected(exchange.uri, location))
    exchange.redirect(location, 302 if exchange.head.method in ("GET", "HEAD") else 307)
