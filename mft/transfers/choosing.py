"""What a file will be called at its destination, and what becomes of one that is called so."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.transfers.around import MARK, shown
from mft.transfers.names import stamped
from mft.transfers.one_file import OneFile
from mft.transfers.rows import SENDING, SKIPPED
from mft.vfs.base import Entry

FAIL: Final = "fail"
SKIP: Final = "skip"
OVERWRITE: Final = "overwrite"
DISABLE: Final = "disable"
STAMP_ALWAYS: Final = "timestamp-always"
STAMP_NEW: Final = "timestamp-to-new-file"
STAMP_OLD: Final = "timestamp-to-existing-file"
TAKEN: Final = "the destination has a file of the name"
MAX_NAME: Final = 255  # bytes of a name on the disk
MOMENTS: Final = 1000  # later ones that are tried for a name: a second of them


async def choose(file: OneFile) -> None:
    """Give it its names, after which it is `sending`; or it is `skipped`.

    Raises Refused where it can have none: EXISTS, IS_A_DIRECTORY, BUSY, or what the peer says.
    """
    row, rule = file.row, file.around.options.overwrite_rule
    row.final, row.from_top = file.named.path, file.named.from_top
    row.replaces = rule == DISABLE
    seen: dict[VPath, Entry | None] = {}
    if rule == STAMP_ALWAYS:
        row.final = await _with_moment(file)
    elif rule != DISABLE:
        existing = await _look(file, row.final, seen)
        if existing is not None and existing.is_directory:
            raise Refused(Reason.IS_A_DIRECTORY, file.target)
        if existing is not None and not await _may_have(file, row.final, rule):
            row.state, row.error = SKIPPED, TAKEN
            return
    if not await _claims(file, row.final, seen):
        stamped_too = rule in (STAMP_ALWAYS, STAMP_NEW) and row.final != file.named.path
        # Files that were found together have one moment, and may have one name.
        if not stamped_too or not await _claims(file, await _free_moment(file), {}):
            row.begin_anew()
            raise Refused(Reason.BUSY, file.target, "another file is being sent there")


async def _claims(file: OneFile, final: VPath, seen: Mapping[VPath, Entry | None]) -> bool:
    """Whether it has the name and is `sending`: no other file of the queue is on its way there."""
    row = file.row
    row.final = final
    row.temporary = await _temporary_name(file, final, seen)
    row.state = SENDING
    return await file.around.ask(file.around.queue.claim, row)


async def give_way(file: OneFile) -> bool:
    """Somebody else has its name since it was chosen: what the rule says of that is done.

    It has another one then, or may replace what is there, or is `skipped`; False where it has
    failed. Raises Refused.
    """
    row, around = file.row, file.around
    rule = around.options.overwrite_rule
    if rule in (FAIL, DISABLE):
        return False
    if rule == SKIP:
        await file.discard()
        row.state, row.error = SKIPPED, TAKEN
        return True
    if rule == OVERWRITE:
        _replace(file)
    elif rule in (STAMP_ALWAYS, STAMP_NEW):
        row.final = await _free_moment(file)
        _tell_other_name(file)
    if not await around.ask(around.queue.claim, row):
        raise Refused(Reason.BUSY, file.target, "another file is being sent there")
    await file.save()  # on the disk, before it has that name
    return True


async def _look(file: OneFile, final: VPath, seen: dict[VPath, Entry | None]) -> Entry | None:
    """What has the name; and its first temporary one, which is looked at along with it."""
    temporary = _first_temporary(file, final)
    if temporary == final:
        return await file.find(final)
    existing, seen[temporary] = await file.find_both(final, temporary)
    return existing


async def _may_have(file: OneFile, final: VPath, rule: str) -> bool:
    """Whether it may have a name that another has; False leaves it where it is."""
    if rule == FAIL:
        raise Refused(Reason.EXISTS, file.target)
    if rule == OVERWRITE:
        _replace(file)
    elif rule == STAMP_NEW:
        file.row.final = await _with_moment(file)
        _tell_other_name(file)
    elif rule == STAMP_OLD and not file.around.options.destination_temporary_suffix:
        await move_aside(file, final)
    return rule != SKIP


def _replace(file: OneFile) -> None:
    file.row.replaces = True
    told = p.JobNamed(file.target, file.around.options.name)
    file.around.tell(events.TRANSFER_OVERWRITES, told)


def _tell_other_name(file: OneFile) -> None:
    told = p.OtherName(file.path, file.target, file.around.options.name)
    file.around.tell(events.TRANSFER_OTHER_NAME, told)


async def _temporary_name(file: OneFile, final: VPath, seen: Mapping[VPath, Entry | None]) -> VPath:
    """The name until all of it is there: one that nobody else has."""
    temporary = _first_temporary(file, final)
    if temporary == final:
        return final
    taken = seen[temporary] if temporary in seen else await file.find(temporary)
    return temporary if taken is None else _own(file, _stamped(file, final).name, final.parent)


def keeps_name(file: OneFile, *, goes_on: bool) -> bool:
    """Whether the temporary name may be used that the row has.

    Another node may have begun it, and write there yet, later than it should. That is no harm if
    what is there is gone on with, and each byte says where it belongs.
    """
    temporary, final = file.names
    if temporary == final or not file.around.hold.mark:
        return True
    if goes_on and file.destination.places_bytes:
        return True
    if temporary == _own(file, final.name, final.parent):
        return True
    with suppress(Refused):  # it is too long
        return temporary == _own(file, _stamped(file, final).name, final.parent)
    return False


def _first_temporary(file: OneFile, final: VPath) -> VPath:
    """The name until all of it is there, unless somebody has it; `final` where there is none."""
    if not (_suffix(file) or file.named.prefix):
        return final
    return _own(file, final.name, final.parent)


def _suffix(file: OneFile) -> str:
    return file.named.suffix or file.around.options.destination_temporary_suffix


def _own(file: OneFile, name: str, folder: VPath) -> VPath:
    """A temporary name that is that of this transfer.

    Two transfers may look at once and see that another name is free, and then write into one file.
    In a cluster it is also that of this tenure: what a node does too late meets no name of a later
    one.
    """
    prefix, suffix = file.named.prefix, _suffix(file)
    tenure = file.around.hold.mark
    marks = f"{tenure}.{file.around.mark}" if tenure else file.around.mark
    own = f"{prefix}{name}.{marks}{suffix}"
    if len(own.encode()) > MAX_NAME:
        uuid = file.around.component.uuid.encode()
        told = (uuid, name.encode(), *([tenure.encode()] if tenure else ()))
        whole = hashlib.sha256(b"\0".join(told))
        own = f"{prefix}{whole.hexdigest()[: 4 * MARK]}{suffix}"
    return VPath.parse(own, folder)


async def move_aside(file: OneFile, final: VPath) -> None:
    """Give what has the name another one, with a moment in it."""
    if await file.find(final) is None:
        return
    around = file.around
    aside = stamped(final, around.moment(around.now()))
    await around.hold.check()
    await file.destination.rename(final, aside, replace=False)
    there, now = shown(file.folder, final), shown(file.folder, aside)
    around.tell(events.TRANSFER_MOVED_ASIDE, p.MovedAside(there, now, around.options.name))


def _stamped(file: OneFile, final: VPath, later: int = 0) -> VPath:
    """The name with the moment in it when the file was found, or so many ms later."""
    return stamped(final, file.around.moment(file.row.found + later / 1000))


async def _with_moment(file: OneFile) -> VPath:
    """The name with that moment in it; where nothing tells later that it is taken, a free one."""
    final = _stamped(file, file.named.path)
    if _first_temporary(file, final) == final and await file.find(final) is not None:
        return await _free_moment(file)
    return final


async def _free_moment(file: OneFile) -> VPath:
    """The name with a moment in it that nothing there has yet; Refused(EXISTS) for none."""
    first = 1 + file.row.id % MOMENTS  # those that were found together seldom meet
    for later in (0, *range(first, first + MOMENTS)):
        final = _stamped(file, file.named.path, later)
        if final != file.row.final and await file.find(final) is None:
            return final
    raise Refused(Reason.EXISTS, file.target, "it has no free moment for its name")
