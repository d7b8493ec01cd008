"""What pages share on which an account changes what it logs in with."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from mft.auth.own_passwords import Fault
from mft.protocols.http.answers import JSON
from mft.protocols.http.browsers import wants_page
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.forms import ENCODED

MAX_BODY: Final = 8 << 10  # bytes of JSON
STATUSES: Final = {Fault.NOT_ALLOWED: 403, Fault.TOO_OFTEN: 403, Fault.BUSY: 503, Fault.BROKEN: 500}
UNUSABLE: Final = 422  # the status of every other fault: what was given does not do

Serve = Callable[[Exchange], Awaitable[None]]
Page = Callable[[Exchange, int, str], Awaitable[None]]  # answers with a status and a problem


async def by_kind(exchange: Exchange, by_form: Serve, by_json: Serve) -> None:
    """Serve a change by what it comes as."""
    kind = exchange.head.media_type
    if kind == ENCODED:
        await by_form(exchange)
    elif kind == JSON:
        await by_json(exchange)
    else:
        exchange.refuse(415, "A change is a form or JSON.")


async def tell(exchange: Exchange, status: int, problem: str, sentence: str, page: Page) -> None:
    """Say why not: to a browser on the page, in its language, and to a program as JSON."""
    if wants_page(exchange.head):
        await page(exchange, status, problem)
    else:
        exchange.refuse(status, sentence)


def end_others(exchange: Exchange, why: str, *proved: str) -> None:
    """Let whoever else has logged in to the account's web sessions do so again.

    `proved` are the kinds of credential that came with the change.
    """
    client = exchange.client
    web = client.sign_in.web
    uuid = exchange.session.account.uuid
    client.hub.web_sessions.end_others(uuid, web, why, frozenset(proved))
    if web is None:  # Basic is judged once for a connection: on this one what was before counts
        exchange.close_after()


async def options(exchange: Exchange) -> None:
    """OPTIONS: it can be read and changed."""
    exchange.answer(204, b"", ("Allow", "GET, HEAD, POST, OPTIONS"))


def methods_of(show: Serve, update: Serve) -> Callable[[tuple[str, ...]], Mapping[str, Serve]]:
    """The functions for the methods on such a page; none for what would be below it."""
    known = {"GET": show, "HEAD": show, "POST": update}
    return lambda names: {} if names else known
