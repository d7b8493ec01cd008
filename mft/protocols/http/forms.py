"""Forms of a folder's page: read, checked for their token, done, and answered."""

from collections.abc import Mapping, Sequence
from typing import Final

from mft.core.failure import Refused
from mft.protocols.http import folder_page, folders
from mft.protocols.http.answers import JSON, as_json
from mft.protocols.http.browsers import wants_page
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.folder_page import Notes
from mft.protocols.http.form_actions import ACTIONS, UPLOAD, Form, Outcome, triggered
from mft.protocols.http.form_token import check_token
from mft.protocols.http.upload_form import UploadForm
from mft.protocols.http.words import Words
from mft.protocols.sentences import explained
from mft.wire.http.head import BadRequest
from mft.wire.http.multipart import boundary_of
from mft.wire.http.target import parse_query

MAX_FORM: Final = 1 << 20  # bytes of a form without files: 10,000 names of 100 bytes
MAX_PAIRS: Final = 10_100  # a name each, and what else a form has
MAX_FAILURES: Final = 100  # names that a page tells one by one
ENCODED: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"


async def post(exchange: Exchange) -> None:
    """POST to a folder: a form of our pages, or commands as JSON."""
    kind = exchange.head.media_type
    if kind not in (ENCODED, MULTIPART) or not exchange.target.folder:
        await folders.post(exchange)
    elif kind == MULTIPART:
        await _receive(exchange)
    else:
        await _do(exchange, await read_form(exchange))


async def read_form(exchange: Exchange) -> Form:
    """The fields of an encoded form; raises BadRequest, and Refused(QUOTA) for too much."""
    body = await exchange.body.read(MAX_FORM)
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise BadRequest(400, "a form that is not encoded") from None
    return Form(parse_query(text, MAX_PAIRS))


async def _receive(exchange: Exchange) -> None:
    """A form with files, which are under their names as soon as each has come."""
    boundary = boundary_of(exchange.head.fields.get("content-type") or "")
    if boundary is None:
        raise BadRequest(400, "a form without a boundary")
    received = UploadForm(exchange, boundary)
    await received.run()
    form = Form(received.fields)
    if form.action != UPLOAD:
        await _do(exchange, form)
        return
    check_token(exchange, form.one("csrf"))
    await _tell(exchange, UPLOAD, Outcome("uploaded", received.done, received.failures))


async def _do(exchange: Exchange, form: Form) -> None:
    check_token(exchange, form.one("csrf"))
    action = ACTIONS.get(form.action)
    if action is not None:
        outcome = await action(exchange, form)
    else:
        outcome = await triggered(exchange, form)
    if outcome is not None:
        await _tell(exchange, form.action, outcome)


async def _tell(exchange: Exchange, action: str, outcome: Outcome) -> None:
    """Answer: to a browser with the folder, and why something was not done; else with JSON."""
    if not wants_page(exchange.head):
        _tell_program(exchange, action, outcome)
        return
    t = exchange.client.hub.pages.words(exchange)
    if outcome.failures:
        told = [(name, _why(t, one)) for name, one in outcome.failures[:MAX_FAILURES]]
        problem = t.count("failed", len(outcome.failures))
        notice = t.count(f"done.{outcome.key}", len(outcome.done)) if outcome.done else ""
        await folder_page.show(exchange, 422, Notes(notice, problem, told))
    elif not outcome.done:
        await folder_page.show(exchange, 422, Notes(problem=t("nothing-selected")))
    else:
        here = exchange.place(exchange.path, folder=True)
        exchange.redirect(f"{here}?done={outcome.key}&count={len(outcome.done)}", 303)


def _why(t: Words, refused: Refused) -> str:
    """A reason in the words of a language, and behind it what the administrator has to say."""
    text = t.reason(refused.reason)
    return f"{text}: {refused.told}" if refused.told else text


def _tell_program(exchange: Exchange, action: str, outcome: Outcome) -> None:
    rows: list[Mapping[str, object]] = [
        {"command": action, "target": name, "message": None} for name in outcome.done
    ]
    rows += [
        {"command": action, "target": name, "message": explained(refused)}
        for name, refused in outcome.failures
    ]
    named: Sequence[Mapping[str, object]] = rows
    failed = bool(outcome.failures)
    body = as_json({"errors" if failed else "results": named})
    exchange.answer(422 if failed else 200, body, ("Content-Type", JSON))
