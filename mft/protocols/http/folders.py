"""Folders by URL: listed as JSON, made, and worked on by commands."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final

import orjson

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.http.answers import JSON, as_json
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.listed import batch_of
from mft.protocols.http.trees import remove_any
from mft.protocols.http.triggers import triggers_of
from mft.protocols.http.zip_answer import send_zip, wants_zip
from mft.protocols.sentences import explained
from mft.runtime.ending import Ending
from mft.session.session import Session
from mft.vfs.base import Entry
from mft.wire.http.head import BadRequest
from mft.wire.http.target import quote_path

MAX_COMMANDS_BODY: Final = 1 << 20  # bytes of commands as JSON
MAX_TARGETS: Final = 10_000  # names in all commands of one request


async def show(exchange: Exchange) -> None:
    """GET of a folder: what is in it, in no order, streamed; or all of it as a ZIP."""
    path = exchange.path
    if wants_zip(exchange):
        await send_zip(exchange, path)
        return
    listing = await exchange.session.list(path)
    try:
        where = ("Server-Path", quote_path(path.parts, folder=True))
        await exchange.stream(200, ("Content-Type", JSON), where)
        await exchange.send(b'{"content":[')
        separator = b""
        while entries := await batch_of(exchange, listing, folders=False):
            rows = orjson.dumps(list(map(_row, entries)))
            await exchange.send(separator + rows[1:-1])
            separator = b","
            turn = Ending()  # others have theirs before the next entries
            exchange.client.hub.soon(turn.succeed)
            await turn
        await exchange.send(b"]}\n")
        await exchange.finish()
    finally:
        await listing.close()


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "is_directory": entry.is_directory,
        "modified": float(entry.modified),
        "size": entry.size,
    }


async def make(exchange: Exchange) -> None:
    """PUT of a path that ends in a slash: make the folder."""
    if not exchange.body.done:
        raise BadRequest(400, "a folder has no body")
    await exchange.session.make_directory(exchange.path)
    where = quote_path(exchange.path.parts, folder=True)
    exchange.answer(201, b"", ("Server-Path", where))


async def post(exchange: Exchange) -> None:
    """POST to a folder: commands, each on one or more names in it."""
    if not exchange.target.folder:
        exchange.refuse(405, "Commands are for folders.", ("Allow", "GET, HEAD, PUT, DELETE"))
        return
    if exchange.head.media_type != JSON:
        exchange.refuse(415, "Commands are JSON.")
        return
    session = exchange.session
    has = triggers_of(session.account, exchange.client.hub.options.triggers)
    triggers = has.keys() - COMMANDS.keys()  # a name of ours is always the command
    commands = _commands(await exchange.body.read(MAX_COMMANDS_BODY), {*COMMANDS, *triggers})
    done = []
    triggered: dict[str, list[str]] = {}
    for command, name in commands:
        work = COMMANDS.get(command, _exists)
        message = await _do(session, work, exchange.path, name)
        done.append({"command": command, "target": name, "message": message})
        if command in triggers and message is None:
            triggered.setdefault(command, []).append(str(exchange.path.child(name)))
    for label, paths in triggered.items():
        session.emit(events.HTTP_TRIGGERED, p.Triggered(label, paths))
    failed = any(one["message"] is not None for one in done)
    exchange.answer_json(422 if failed else 200, as_json({"errors" if failed else "results": done}))


def _commands(body: bytes, known: Collection[str]) -> list[tuple[str, str]]:
    """Each command with each of its names; BadRequest for anything else."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest(400, "a body that is not JSON") from None
    commands = given.get("commands") if isinstance(given, dict) else None
    if not isinstance(commands, list) or not commands:
        raise BadRequest(400, "a body without a list of commands")
    found = [pair for one in commands for pair in _command(one, known)]
    if len(found) > MAX_TARGETS:
        raise BadRequest(400, f"more than {MAX_TARGETS} targets")
    return found


def _command(given: Any, known: Collection[str]) -> list[tuple[str, str]]:
    command = given.get("command") if isinstance(given, dict) else None
    if not isinstance(command, str) or command not in known:
        raise BadRequest(400, "a command that is not known here")
    targets = given.get("target")
    names = [targets] if isinstance(targets, str) else targets
    if not isinstance(names, list) or not names or not all(isinstance(one, str) for one in names):
        raise BadRequest(400, "a command without names of targets")
    return [(command, name) for name in names]


Do = Callable[[Session, VPath], Awaitable[None]]


async def _do(session: Session, work: Do, folder: VPath, name: str) -> str | None:
    """Do one command; why it could not be done, in words, or None."""
    try:
        await work(session, folder.member(name))
    except Refused as refused:
        if refused.reason is Reason.ABORTED:
            raise
        return explained(refused)
    return None


async def _make(session: Session, path: VPath) -> None:
    await session.make_directory(path)


async def _make_if_missing(session: Session, path: VPath) -> None:
    if await session.leads_to_folder(path):
        told = p.PathOf(str(path), session.real_path(path))
        session.emit(events.HTTP_FOLDER_THERE, told)
    else:
        await session.make_directory(path)


async def _exists(session: Session, path: VPath) -> None:
    await session.look(path)


COMMANDS: Final[Mapping[str, Do]] = {
    "delete": remove_any,
    "create-folder": _make,
    "create-folder-if-missing": _make_if_missing,
}
