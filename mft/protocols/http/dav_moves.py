"""COPY and MOVE of WebDAV: a file or folder under another name (RFC 4918 9.8, 9.9)."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from mft.auth.permissions import Operation
from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.files import server_path
from mft.protocols.http.status import STATUS
from mft.protocols.http.trees import PartlyCopied, copy_tree, remove_any
from mft.protocols.http.webdav import TYPE, is_as_expected
from mft.protocols.sentences import explained
from mft.session.session import Clear, Session
from mft.vfs.base import Entry, Existing
from mft.wire.http import dav
from mft.wire.http.dav import Depth, parse_depth, parse_destination, parse_overwrite
from mft.wire.http.head import BadRequest


class _Change(NamedTuple):
    """What is to be under another name, which operations that takes, and what is there now."""

    source: VPath
    target: VPath
    overwrite: bool
    takes: tuple[Operation, Operation]  # on the source, and on the target
    from_folder: bool
    there: Entry | None


async def copy(exchange: Exchange) -> None:
    """COPY: a file, or a folder with what is in it; by `Depth: 0` without (9.8)."""
    depth = parse_depth(exchange.head.fields)
    if depth is Depth.MEMBERS:
        raise BadRequest(400, "a copy of Depth 1")
    session = exchange.session
    is_folder = await session.leads_to_folder(exchange.path)
    takes = (
        (Operation.READ_ATTRIBUTES, Operation.CREATE_FOLDER)
        if is_folder
        else (Operation.READ, Operation.WRITE)
    )
    change = await _change(exchange, takes, from_folder=is_folder)
    if is_folder:
        await _do(exchange, change, lambda clear: _copy_folder(session, change, depth, clear))
        return
    if session.account.amend_write_name:
        change = change._replace(there=None)  # the copy gets a name that nothing has
    how = Existing.REPLACE if change.overwrite else Existing.REFUSE
    copy = session.copy
    await _do(exchange, change, lambda clear: copy(change.source, change.target, how, clear))


async def _copy_folder(
    session: Session, change: _Change, depth: Depth, clear: Clear | None
) -> None:
    if clear is not None:
        await clear()
    if depth is not Depth.ALL:
        await session.make_directory(change.target)
        return
    # Where nothing may be made, that is all that is told: not whether a link leads there.
    allowed = session.account.rules.allow(Operation.CREATE_FOLDER, change.target)
    if allowed and await _may_be_below(session, change.target, change.source):
        raise BadRequest(403, "a Destination that may be in the source")
    await copy_tree(session, change.source, change.target)


async def move(exchange: Exchange) -> None:
    """MOVE: a file, or a folder with all that is in it (9.9)."""
    session = exchange.session
    entry = await _known(session, exchange.path)
    is_folder = entry is not None and entry.is_directory
    if is_folder and parse_depth(exchange.head.fields) is not Depth.ALL:
        raise BadRequest(400, "a folder that is to be moved without what is in it")
    takes = (Operation.RENAME, Operation.RENAME)
    change = await _change(exchange, takes, from_folder=is_folder)
    rename = session.rename
    await _do(
        exchange,
        change,
        lambda clear: rename(change.source, change.target, replace=change.overwrite, clear=clear),
    )


async def _change(
    exchange: Exchange, takes: tuple[Operation, Operation], *, from_folder: bool
) -> _Change:
    """What a request asks for; raises BadRequest, of status 502 for what is not under our names."""
    fields, source = exchange.head.fields, exchange.path
    hosts = (exchange.head.host, *exchange.client.hub.origins)
    destination = parse_destination(fields, hosts)
    area = exchange.area
    if destination.segments[: len(area)] != area:
        raise BadRequest(502, "a Destination that is not among the files")
    target = VPath.parse("/".join(destination.segments[len(area) :]))
    if source.within(target) or target.within(source):
        raise BadRequest(403, "a Destination that is the source, holds it, or is in it")
    session = exchange.session
    there = await session.entry_at(target)
    # Of what is hidden nobody hears whether it is there: all of it is refused.
    is_there = session.account.hides(target) or (there is not None and there.is_directory)
    if destination.folder and not (from_folder or is_there):
        # Where that folder is missing, each file that is moved there would replace the one before.
        raise BadRequest(409, "a file that is to be where a folder belongs")
    return _Change(source, target, parse_overwrite(fields), takes, from_folder, there)


async def _do(
    exchange: Exchange, change: _Change, work: Callable[[Clear | None], Awaitable[object]]
) -> None:
    """Do it, in place of what is there where that is asked for, and answer.

    `work` is given what removes what is there, where it cannot be replaced in one step.
    """
    if not await is_as_expected(exchange):
        return
    session = exchange.session
    try:
        await work(await _clearing(session, change))
    except PartlyCopied as partly:
        _tell_partly(exchange, partly)
        return
    except Refused as refused:
        status = await _status(session, change, refused.reason)
        if status is None:
            raise
        exchange.refuse(status, explained(refused))
        return
    status = 201 if change.there is None else 204
    exchange.answer(status, b"", server_path(change.target, folder=change.from_folder))


def _tell_partly(exchange: Exchange, partly: PartlyCopied) -> None:
    """Answer with what a copy has stopped at, which is in the folder that was asked for (9.8.5)."""
    href = exchange.place(partly.path, folder=partly.folder)
    row = dav.failed(href, STATUS[partly.reason], explained(partly))
    exchange.answer(207, dav.BEGIN + row + dav.END, TYPE)


_TAKEN: Final = frozenset((Reason.EXISTS, Reason.IS_A_DIRECTORY))


async def _status(session: Session, change: _Change, reason: Reason) -> int | None:
    """The status of a refusal, where it is another than everywhere (9.8.5, 9.9.4)."""
    if reason in _TAKEN and not change.overwrite:
        return 412
    if reason is Reason.NOT_FOUND and await _known(session, change.source) is not None:
        return 409  # it is the folder of the target that is missing
    return None


async def _known(session: Session, path: VPath) -> Entry | None:
    """What is under a path, where the account may know of it at all."""
    return None if session.account.hides(path) else await session.entry_at(path)


async def _clearing(session: Session, change: _Change) -> Clear | None:
    """What removes what a file or folder cannot replace: a folder, or what a folder replaces.

    None where nothing is in the way, or it would be refused then.
    """
    there, rules = change.there, session.account.rules
    if there is None or not (change.overwrite and (change.from_folder or there.is_directory)):
        return None
    paths = (change.source, change.target)
    if not all(map(rules.allow, change.takes, paths)):
        return None
    if await session.entry_at(change.source) is None:
        return None
    if not await _are_apart(session, *paths):
        raise BadRequest(403, "a Destination that may hold the source, or be in it")
    return lambda: remove_any(session, change.target)


async def _may_be_below(session: Session, path: VPath, folder: VPath) -> bool:
    """Whether a path may lead into a folder by another name; behind a link may be anything."""
    found = await session.entry_at(folder)
    number = found.unique if found is not None else 0
    for length in range(1, len(path.parts)):
        above = await session.entry_at(VPath(path.parts[:length]))
        if above is not None and (above.is_link or (number and above.unique == number)):
            return True
    return False


async def _are_apart(session: Session, *paths: VPath) -> bool:
    """Whether neither of two paths leads into the other by another name.

    Files are told apart by their number only: two volumes may have the same one, which refuses
    what could be done. Behind a link may be anything.
    """
    ways = []
    for path in paths:
        way = [await session.entry_at(VPath(path.parts[: n + 1])) for n in range(len(path.parts))]
        if any(entry is None or entry.is_link for entry in way[:-1]):
            return False
        ways.append([entry.unique for entry in way if entry is not None and entry.unique])
    first, second = ways
    return not (first[-1:] and first[-1] in second) and not (second[-1:] and second[-1] in first)
