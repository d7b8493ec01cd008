"""Logging in and out of a web session, by a form or by JSON."""

from typing import Any, Final

import orjson

from mft.core.failure import Refused
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.http import forms
from mft.protocols.http.answers import JSON, as_json, error_json
from mft.protocols.http.browsers import LOGIN, return_place
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.form_token import check_token
from mft.protocols.http.sign_in import no_cookie, refusal_of, tell_opened, token_cookie
from mft.wire.http.head import BadRequest
from mft.wire.http.target import parse_query

MAX_BODY: Final = 8 << 10  # bytes, before anybody has logged in
WRONG: Final = "The name or the password is wrong."
WRONG_WITH_CODES: Final = "The name, the password or the one-time code is wrong."

Given = tuple[str, Secret, Secret]  # name, password, one-time code; empty where there is none


async def log_in(exchange: Exchange) -> None:
    """POST to login: a name and a password become a web session."""
    client = exchange.client
    if not client.sign_in.allows_origin(exchange, ambient=False):
        return
    kind = exchange.head.media_type
    if kind not in (JSON, forms.ENCODED):
        exchange.refuse(415, "A login is a form or JSON.")
        return
    body = await exchange.body.read(MAX_BODY)
    username, password, code = (_form if kind == forms.ENCODED else _json)(body)
    client.hub.web_sessions.check_room()
    await client.sign_in.leave("another login on this connection")
    result = await client.sign_in.attempt(exchange.source, username, password, code)
    session = result.session
    if session is None:
        client.sign_in.tell_refused(exchange, refusal_of(result, "wrong credentials"))
        with_codes = client.sign_in.takes_codes(exchange.source)
        said = WRONG_WITH_CODES if with_codes else WRONG
        client.sign_in.refuse(exchange, said, barred=result.barred)
        return
    if not client.line.alive or client.leaving:
        await session.close("the client left during its login")
        return
    try:
        client.hub.web_sessions.admit(session.account.uuid)  # others may have logged in meanwhile
    except Refused as refused:
        await session.close(refused.details)
        raise
    web, token = client.hub.web_sessions.begin(session)
    tell_opened(session)
    client.has_logged_in(session)
    await client.hub.web_sessions.share(web, result.seen)
    secure = client.hub.is_secure
    exchange.fields.append(("Set-Cookie", token_cookie(token, secure=secure)))
    if kind == forms.ENCODED:
        exchange.redirect(return_place(exchange.target.one("to")), 303)
    else:
        exchange.answer_json(200, as_json({"results": [{"session": token.reveal()}]}))


def _form(body: bytes) -> Given:
    try:
        pairs = dict(parse_query(body.decode("ascii")))
    except UnicodeDecodeError:
        raise BadRequest(400, "a form that is not encoded") from None
    username, password, code = (pairs.get(name, "") for name in ("username", "password", "code"))
    return username, Secret(password), Secret(code)


def _json(body: bytes) -> Given:
    try:
        given: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest(400, "a body that is not JSON") from None
    given = given if isinstance(given, dict) else {}
    username, password, code = given.get("username"), given.get("password"), given.get("code", "")
    if not isinstance(username, str) or not isinstance(password, str):
        raise BadRequest(400, "a body without username and password")
    if not isinstance(code, str):
        raise BadRequest(400, "a code that is no text")
    return username, Secret(password), Secret(code)


async def log_out(exchange: Exchange) -> None:
    """POST to logout: the web session is over, on every connection."""
    client = exchange.client
    if not await client.sign_in.enter(exchange):
        return
    web, session = client.sign_in.web, exchange.session
    if web is None:
        exchange.answer_json(400, error_json("Bad Request", "There is no web session to end."))
        return
    by_form = exchange.head.media_type == forms.ENCODED
    if by_form:
        check_token(exchange, (await forms.read_form(exchange)).one("csrf"))
    await client.sign_in.leave("logged out")

    def tell() -> None:
        session.emit(events.HTTP_LOGGED_OUT, p.Nothing())

    await client.hub.web_sessions.finish(web, "logged out", tell)
    secure = client.hub.is_secure
    exchange.fields.append(("Set-Cookie", no_cookie(secure=secure)))
    if by_form:
        exchange.redirect(f"{LOGIN}?done=logged-out", 303)
    else:
        exchange.answer(204)
