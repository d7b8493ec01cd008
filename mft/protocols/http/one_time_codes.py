"""One-time codes of whoever has logged in: set up, replaced and given up, on a page or with JSON.

New codes are offered anew each time that the page is asked for, and are in force once a code of
them came back with the password and the name of the offer: what another page was offered in
between changes nothing. Recovery codes are shown in the answer to that, and never again.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import orjson

from mft.auth.base import CodesChange
from mft.auth.kinds import ONE_TIME_CODE
from mft.auth.own_passwords import Fault, NotChanged
from mft.auth.time_codes import new_recovery_codes, recovery_digest
from mft.core.secret import Secret
from mft.protocols.http.answers import as_json
from mft.protocols.http.browsers import HOME_PLACE, wants_page
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
from mft.session.own_credentials import Offer, why_changed
from mft.wire.http.head import BadRequest

REMOVE: Final = "remove"  # the action that gives codes up
BORDER: Final = 4  # light modules around it (ISO/IEC 18004 6.3.8)
_DARK: Final = re.compile(rb"\x01+")
_CHANGES: Final = ({"password", "first", "offer"}, {"password", "action"})  # beside a code
SENTENCES: Final[Mapping[Fault, str]] = {
    Fault.NOT_ALLOWED: "This account may not give itself one-time codes.",
    Fault.TOO_OFTEN: "The password or the code was wrong too often.",
    Fault.WRONG: "The password is wrong.",
    Fault.CODE_WRONG: "The one-time code is missing or wrong, or was used before.",
    Fault.NEW_CODE_WRONG: "That is not a code of the new ones. Is the clock right?",
    Fault.NO_CODES: "This account has no one-time codes.",
    Fault.BUSY: "There is too much to do. Try again in a moment.",
    Fault.BROKEN: "The codes cannot be changed now. The administrator can find out why.",
}


async def show(exchange: Exchange) -> None:
    """GET: whether the account has codes, and new ones that it may take."""
    session = exchange.session
    if not session.account.allow_own_one_time_codes:
        await _refuse(exchange, NotChanged(Fault.NOT_ALLOWED))
        return
    offer = session.own.offer()
    if wants_page(exchange.head):
        await _page(exchange, 200, "", offer)
    else:
        told = {
            "one_time_codes": session.own.has_codes,
            "uri": _uri(exchange, offer),
            "offer": offer.identity,
        }
        exchange.answer_json(200, as_json({"results": [told]}))


async def update(exchange: Exchange) -> None:
    """POST: take the new codes, or give up those that there are."""
    await by_kind(exchange, _by_form, _by_json)


async def _by_form(exchange: Exchange) -> None:
    form = await read_form(exchange)
    check_token(exchange, form.one("csrf"))
    given = CodesChange(Secret(form.one("password")), Secret(form.one("code")))
    if form.one("action") == REMOVE:
        if await _changed(exchange, given):
            exchange.redirect(f"{HOME_PLACE}?done=codes-removed", 303)
        return
    recovery = await _set_up(exchange, given, form.one("offer"), Secret(form.one("first")))
    if recovery:
        pages = exchange.client.hub.pages
        pages.answer(exchange, 200, "recovery_codes.html", recovery=recovery)


async def _by_json(exchange: Exchange) -> None:
    given = _given(await exchange.body.read(MAX_BODY))
    change = CodesChange(Secret(given["password"]), Secret(given.get("code", "")))
    if "action" in given:
        if await _changed(exchange, change):
            exchange.answer_json(200, as_json({"results": [{"one_time_codes": False}]}))
        return
    recovery = await _set_up(exchange, change, given["offer"], Secret(given["first"]))
    if recovery:
        told = {"one_time_codes": True, "recovery_codes": recovery}
        exchange.answer_json(200, as_json({"results": [told]}))


def _given(body: bytes) -> dict[str, str]:
    try:
        given: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest(400, "a body that is not JSON") from None
    if not isinstance(given, dict) or given.keys() - {"code"} not in _CHANGES:
        raise BadRequest(400, "a body without password, and first and offer or action")
    if given.get("action", REMOVE) != REMOVE:
        raise BadRequest(400, "a body with another action than remove")
    if not all(isinstance(one, str) for one in given.values()):
        raise BadRequest(400, "a password or code that is no text")
    return given


async def _set_up(
    exchange: Exchange, given: CodesChange, identity: str, first: Secret
) -> tuple[str, ...]:
    """Put the offered codes in force; recovery codes for them, or none: that has been answered."""
    offer = exchange.session.own.offered(identity)
    if offer is None:
        await _tell(exchange, 409, "not-offered", "This offer is not known: GET another first.")
        return ()
    recovery = new_recovery_codes()
    digests = frozenset(filter(None, map(recovery_digest, recovery)))
    change = given._replace(new=offer.codes, first=first, recovery=digests)
    return recovery if await _changed(exchange, change, offer) else ()


async def _changed(exchange: Exchange, change: CodesChange, offer: Offer | None = None) -> bool:
    """Make a change; where it cannot be, that has been answered."""
    try:
        await exchange.session.own.change(exchange.session, change)
    except NotChanged as why:
        await _refuse(exchange, why, offer)
        return False
    end_others(exchange, why_changed(change), ONE_TIME_CODE)
    return True


async def _refuse(exchange: Exchange, why: NotChanged, offer: Offer | None = None) -> None:
    key = why.fault.name.lower().replace("_", "-")
    await _tell(exchange, STATUSES.get(why.fault, UNUSABLE), key, SENTENCES[why.fault], offer)


async def _tell(
    exchange: Exchange, status: int, key: str, sentence: str, offer: Offer | None = None
) -> None:
    """Say why not; a page offers the same codes as the one before, if they are known."""
    t = exchange.client.hub.pages.words(exchange)
    await tell(exchange, status, t(f"codes.{key}"), sentence, partial(_page, offer=offer))


async def _page(exchange: Exchange, status: int, problem: str, offer: Offer | None) -> None:
    session, own = exchange.session, exchange.session.own
    shown: dict[str, Any] = {"offer": None, "has_codes": False}
    if session.account.allow_own_one_time_codes:
        offer = offer or own.offer()
        uri = _uri(exchange, offer)
        letters = offer.codes.secret.reveal()
        groups = [letters[begin : begin + 4] for begin in range(0, len(letters), 4)]
        size, path = await session.pool(qr_code, uri)
        shown = {
            "offer": {
                "identity": offer.identity,
                "uri": uri,
                "size": size,
                "path": path,
                "secret": " ".join(groups),
            },
            "has_codes": own.has_codes,
        }
    pages = exchange.client.hub.pages
    pages.answer(exchange, status, "one_time_codes.html", problem=problem, **shown)


def _uri(exchange: Exchange, offer: Offer) -> str:
    server = exchange.client.hub.bus.origin.component.name
    return offer.codes.uri(exchange.session.account.name, server)


def qr_code(text: str) -> tuple[int, str]:
    """The modules of a side of a QR code, and an SVG path around the dark ones. Computes."""
    import segno  # for which most processes have no use

    rows = [bytes(row) for row in segno.make_qr(text).matrix_iter(border=BORDER)]
    runs = ((x.start(), len(x[0]), y) for y, row in enumerate(rows) for x in _DARK.finditer(row))
    return len(rows), "".join(f"M{x} {y}h{length}v1h-{length}z" for x, length, y in runs)


methods = methods_of(show, update)
