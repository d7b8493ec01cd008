"""The password of whoever has logged in: changed on a page, or by a program with JSON."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson

from mft.auth.base import PasswordChange
from mft.auth.own_passwords import Fault, NotChanged
from mft.core.secret import Secret
from mft.protocols.http.answers import JSON, as_json
from mft.protocols.http.browsers import HOME_PLACE, wants_page
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.form_token import check_token
from mft.protocols.http.forms import ENCODED, read_form
from mft.protocols.password_sentences import NOT_TWICE, password_sentence
from mft.wire.http.head import BadRequest

MAX_BODY: Final = 8 << 10  # bytes of JSON
STATUSES: Final = {Fault.NOT_ALLOWED: 403, Fault.TOO_OFTEN: 403, Fault.BUSY: 503, Fault.BROKEN: 500}


async def show(exchange: Exchange) -> None:
    """GET: the form, for those who may change their password."""
    if exchange.session.account.allow_own_password_change:
        _page(exchange, 200)
    else:
        _refuse(exchange, NotChanged(Fault.NOT_ALLOWED))


async def update(exchange: Exchange) -> None:
    """POST: the old password, and the new one."""
    kind = exchange.head.media_type
    if kind == ENCODED:
        await _by_form(exchange)
    elif kind == JSON:
        await _by_json(exchange)
    else:
        exchange.refuse(415, "A change of a password is a form or JSON.")


async def _by_form(exchange: Exchange) -> None:
    form = await read_form(exchange)
    check_token(exchange, form.one("csrf"))
    new = form.one("new-password")
    if new != form.one("again"):
        _tell(exchange, 422, "differ", NOT_TWICE)
    elif await _changed(exchange, Secret(form.one("password")), Secret(new)):
        exchange.redirect(f"{HOME_PLACE}?done=password", 303)


async def _by_json(exchange: Exchange) -> None:
    old, new = _passwords(await exchange.body.read(MAX_BODY))
    if await _changed(exchange, old, new):
        exchange.answer_json(200, as_json({"results": [{"password": "changed"}]}))


def _passwords(body: bytes) -> tuple[Secret, Secret]:
    try:
        given: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest(400, "a body that is not JSON") from None
    names = ("password", "new_password")
    old, new = (given.get(name) if isinstance(given, dict) else None for name in names)
    if not isinstance(old, str) or not isinstance(new, str):
        raise BadRequest(400, "a body without password and new_password")
    return Secret(old), Secret(new)


async def _changed(exchange: Exchange, old: Secret, new: Secret) -> bool:
    """Change it; where it cannot be, that has been answered.

    Whoever else has logged in to this account's web sessions must do so again.
    """
    try:
        await exchange.session.own.change(exchange.session, PasswordChange(old, new))
    except NotChanged as why:
        _refuse(exchange, why)
        return False
    client = exchange.client
    account, web = exchange.session.account.uuid, client.sign_in.web
    client.hub.web_sessions.end_others(account, web, "the password was changed")
    if web is None:  # Basic is judged once for a connection: on this one the old password counts
        exchange.close_after()
    return True


def _refuse(exchange: Exchange, why: NotChanged) -> None:
    t = exchange.client.hub.pages.words(exchange)
    kinds = ", ".join(t(f"password.kind-{kind}") for kind in why.kinds)
    key = why.fault.name.lower().replace("_", "-")
    status = STATUSES.get(why.fault, 422)
    _tell(exchange, status, key, password_sentence(why), least=why.least, kinds=kinds)


def _tell(exchange: Exchange, status: int, key: str, sentence: str, **values: object) -> None:
    """Say why not: to a browser on the page, by the text of a key, and to a program as JSON."""
    if wants_page(exchange.head):
        t = exchange.client.hub.pages.words(exchange)
        _page(exchange, status, t(f"password.{key}", **values))
    else:
        exchange.refuse(status, sentence)


def _page(exchange: Exchange, status: int, problem: str = "") -> None:
    exchange.client.hub.pages.answer(exchange, status, "password.html", problem=problem)


async def options(exchange: Exchange) -> None:
    """OPTIONS: it can be read and changed."""
    exchange.answer(204, b"", ("Allow", "GET, HEAD, POST, OPTIONS"))


_ALL: Final = {"GET": show, "HEAD": show, "POST": update}


def methods(names: tuple[str, ...]) -> Mapping[str, Callable[[Exchange], Awaitable[None]]]:
    """The functions for the methods on it; none for what would be below it."""
    return {} if names else _ALL
