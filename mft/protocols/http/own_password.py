"""The password of whoever has logged in: changed on a page, or by a program with JSON."""

from typing import Any

import orjson

from mft.auth.base import PasswordChange
from mft.auth.own_passwords import Fault, NotChanged
from mft.core.secret import Secret
from mft.protocols.http.answers import as_json
from mft.protocols.http.browsers import HOME_PLACE
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.form_token import check_token
from mft.protocols.http.forms import read_form
from mft.protocols.http.own_credentials import (
    MAX_BODY,
    STATUSES,
    UNUSABLE,
    by_kind,
    end_others,
    methods_of,
    tell,
)
from mft.protocols.password_sentences import NOT_TWICE, password_sentence
from mft.session.own_credentials import why_changed
from mft.wire.http.head import BadRequest


async def show(exchange: Exchange) -> None:
    """GET: the form, for those who may change their password."""
    if exchange.session.account.allow_own_password_change:
        await _page(exchange, 200, "")
    else:
        await _refuse(exchange, NotChanged(Fault.NOT_ALLOWED))


async def update(exchange: Exchange) -> None:
    """POST: the old password, with a one-time code where there are some, and the new one."""
    await by_kind(exchange, _by_form, _by_json)


async def _by_form(exchange: Exchange) -> None:
    form = await read_form(exchange)
    check_token(exchange, form.one("csrf"))
    new = form.one("new-password")
    if new != form.one("again"):
        await _tell(exchange, UNUSABLE, "differ", NOT_TWICE)
        return
    given = PasswordChange(Secret(form.one("password")), Secret(new), Secret(form.one("code")))
    if await _changed(exchange, given):
        exchange.redirect(f"{HOME_PLACE}?done=password", 303)


async def _by_json(exchange: Exchange) -> None:
    if await _changed(exchange, _given(await exchange.body.read(MAX_BODY))):
        exchange.answer_json(200, as_json({"results": [{"password": "changed"}]}))


def _given(body: bytes) -> PasswordChange:
    try:
        given: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest(400, "a body that is not JSON") from None
    if not isinstance(given, dict):
        raise BadRequest(400, "a body without password and new_password")
    texts = (given.get("password"), given.get("new_password"), given.get("code", ""))
    if not all(isinstance(one, str) for one in texts):
        raise BadRequest(400, "a body without password and new_password, or a code that is no text")
    return PasswordChange(*map(Secret, texts))


async def _changed(exchange: Exchange, change: PasswordChange) -> bool:
    """Change it; where it cannot be, that has been answered."""
    try:
        await exchange.session.own.change(exchange.session, change)
    except NotChanged as why:
        await _refuse(exchange, why)
        return False
    end_others(exchange, why_changed(change))
    return True


async def _refuse(exchange: Exchange, why: NotChanged) -> None:
    t = exchange.client.hub.pages.words(exchange)
    kinds = ", ".join(t(f"password.kind-{kind}") for kind in why.kinds)
    key = why.fault.name.lower().replace("_", "-")
    status = STATUSES.get(why.fault, UNUSABLE)
    await _tell(exchange, status, key, password_sentence(why), least=why.least, kinds=kinds)


async def _tell(exchange: Exchange, status: int, key: str, sentence: str, **values: object) -> None:
    t = exchange.client.hub.pages.words(exchange)
    await tell(exchange, status, t(f"password.{key}", **values), sentence, _page)


async def _page(exchange: Exchange, status: int, problem: str) -> None:
    session, pages = exchange.session, exchange.client.hub.pages
    has_codes = session.account.allow_own_password_change and session.own.has_codes
    pages.answer(exchange, status, "password.html", problem=problem, has_codes=has_codes)


methods = methods_of(show, update)
