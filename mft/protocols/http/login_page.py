"""The login page."""

from mft.protocols.http.exchange import Exchange


async def show(exchange: Exchange) -> None:
    """GET: the form, and what has happened before it."""
    pages = exchange.client.hub.pages
    pages.log_in(exchange, 200, notice=pages.notice(exchange))
