"""Folders and files without their bytes: names, facts, checksums (RFC 959 4.1.3, RFC 3659)."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.ftp.replies import DONE, THERE_ALREADY, Told
from mft.vfs.base import Attributes, Entry
from mft.wire.ftp import digest, facts
from mft.wire.ftp.reply import Reply, quoted

if TYPE_CHECKING:
    from mft.protocols.ftp.control import Control


def path_of(control: "Control", text: str) -> VPath:
    """The path that a client means, seen from its working folder."""
    return VPath.parse(text, control.parameters.folder)


def file_path_of(control: "Control", text: str) -> VPath:
    """The same for what is no folder: Refused for a path that ends in a slash."""
    return VPath.parse_file(text, control.parameters.folder)


async def change_folder(control: "Control", text: str) -> Reply:
    """CWD: go to a folder."""
    path = path_of(control, text)
    await control.current.enter(path)
    control.parameters.folder = path
    return Reply.of(250, f"{quoted(str(path))} is the working folder now.")


async def parent_folder(control: "Control", text: str) -> Reply:
    """CDUP: go to the folder above."""
    reply = await change_folder(control, "..")
    return Reply(200, reply.lines)


async def working_folder(control: "Control", text: str) -> Reply:
    """PWD: where the client is."""
    control.note(events.FTP_WORKING_FOLDER_TOLD, p.Nothing())
    return Reply.of(257, f"{quoted(str(control.parameters.folder))} is the working folder.")


async def make_folder(control: "Control", text: str) -> Reply:
    """MKD: make a folder; of one that is there clients expect to hear 550."""
    path = path_of(control, text)
    try:
        await control.current.make_directory(path)
    except Refused as refused:
        if refused.reason is not Reason.EXISTS:
            raise
        raise Told(THERE_ALREADY, refused.details, refused.reason) from None
    return Reply.of(257, f"{quoted(str(path))} has been made.")


async def remove_folder(control: "Control", text: str) -> Reply:
    """RMD: remove an empty folder."""
    await control.current.remove_directory(path_of(control, text))
    return DONE


async def delete(control: "Control", text: str) -> Reply:
    """DELE: remove a file."""
    await control.current.remove(path_of(control, text))
    return DONE


async def rename_from(control: "Control", text: str) -> Reply:
    """RNFR: what is to be renamed."""
    control.parameters.renaming = None  # what an earlier one named counts no more
    path = path_of(control, text)
    await control.current.renamable(path)
    control.parameters.renaming = path
    return Reply.of(350, "And the new name?")


async def rename_to(control: "Control", text: str) -> Reply:
    """RNTO: its new name; a file that has it is replaced."""
    source, control.parameters.renaming = control.parameters.renaming, None
    if source is None:
        return Reply.of(503, "RNTO must come right after RNFR.")
    folder = await control.current.is_folder(source, follow=False)
    target = (path_of if folder else file_path_of)(control, text)
    await control.current.rename(source, target, replace=True)
    return DONE


# Facts.


async def stat(control: "Control", path: VPath, what: str) -> Entry:
    """What a client is told of a path: of an interrupted upload never all that is there."""
    session = control.current
    entry = await session.stat(path, what=what)
    return control.hub.unfinished.tell(session.account.uuid, path, entry)


async def size(control: "Control", text: str) -> Reply:
    """SIZE: the bytes that are stored, also for text (RFC 3659 4).

    Of an interrupted upload it is where APPE, or STOR after REST, goes on.
    """
    path = path_of(control, text)
    entry = await stat(control, path, "size")
    if not entry.is_file:
        raise Refused(Reason.IS_A_DIRECTORY, str(path))
    return Reply.of(213, str(entry.size))


async def modification(control: "Control", text: str) -> Reply:
    """MDTM: when a file was changed; some clients set it this way as well."""
    if found := facts.parse_mdtm_set(text):
        time, name = found
        await _set(control, path_of(control, name), Attributes(modified=time), "modify")
        return Reply.of(213, facts.format_time(time))
    entry = await control.current.stat(path_of(control, text), what="modify")
    return Reply.of(213, facts.format_time(entry.modified))


async def set_modification(control: "Control", text: str) -> Reply:
    """MFMT: set when a file was changed."""
    time, name = facts.parse_mfmt(text)
    path = path_of(control, name)
    await _set(control, path, Attributes(modified=time), "modify")
    return Reply.of(213, f"Modify={facts.format_time(time)}; {path}")


async def set_facts(control: "Control", text: str) -> Reply:
    """MFF: set the facts `modify` and `UNIX.mode`."""
    try:
        found, name = facts.parse_mff(text)
    except facts.UnknownFact as problem:
        return Reply.of(504, f"{problem}.")
    path = path_of(control, name)
    attributes = Attributes(
        modified=facts.parse_time(found["modify"]) if "modify" in found else None,
        mode=facts.parse_mode(found["UNIX.mode"]) & 0o777 if "UNIX.mode" in found else None,
    )
    if attributes.mode is not None:
        found["UNIX.mode"] = f"{attributes.mode:04o}"  # what is set: special bits are not
    await _set(control, path, attributes, ", ".join(found))
    told = "".join(f"{fact}={value};" for fact, value in found.items())
    return Reply.of(213, f"{told} {path}")


async def _set(control: "Control", path: VPath, attributes: Attributes, what: str) -> None:
    await control.current.change(path, attributes, what=what)


async def available(control: "Control", text: str) -> Reply:
    """AVBL: the bytes that are free below a path."""
    usage = await control.current.usage(path_of(control, text), what="AVBL")
    return Reply.of(213, str(usage.available_blocks * usage.block_size))


# Checksums.


# The session's names of what HASH names.
_OURS: Final = {name: name.replace("-", "").lower() for name in digest.ALGORITHMS}


async def hash_(control: "Control", text: str) -> Reply:
    """HASH: by the algorithm that OPTS HASH chose, of the range that RANG gave."""
    path, algorithm = path_of(control, text), control.parameters.algorithm
    start, end = control.parameters.take_span() or (0, None)
    found = await control.current.checksum(path, _OURS[algorithm], start, end)
    told = digest.hash_text(algorithm, found.start, found.end, found.value.hex(), str(path))
    return Reply.of(213, told)


def checksum(verb: str) -> Callable[["Control", str], Awaitable[Reply]]:
    """XCRC, XMD5, XSHA*: one function for each algorithm."""
    algorithm = digest.BY_VERB[verb]

    async def do(control: "Control", text: str) -> Reply:
        asked = digest.parse_range(text)
        path = path_of(control, asked.path)
        found = await control.current.checksum(path, _OURS[algorithm], asked.start, asked.end)
        return Reply.of(250, found.value.hex().upper())

    return do
