"""The token in every form of a page: a page of another server cannot know it."""

import hmac

from mft.protocols.http.exchange import Exchange
from mft.wire.http.head import BadRequest


def token_of(exchange: Exchange) -> str:
    """What forms of a page hold; empty for a client without a web session."""
    web = None if exchange.guest else exchange.client.sign_in.web
    return "" if web is None else web.csrf


def check_token(exchange: Exchange, given: str) -> None:
    """BadRequest(403) for a form that is not from a page of this web session.

    It is needed where a browser shows who it is by a cookie. Credentials in a header come from a
    program, or from a browser that remembers a name and a password: pages hold no token for these,
    and what keeps pages of other servers out is that browsers tell the origin of each POST.
    """
    token = token_of(exchange)
    if not token or "authorization" in exchange.head.fields:
        return
    if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode()):
        raise BadRequest(403, "a form without the token of its session")
