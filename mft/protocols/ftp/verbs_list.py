"""Listings over the data connection and over the control connection (RFC 959 4.1.3, RFC 3659 7)."""

import fnmatch
import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.protocols.ftp.bodies import SendingText
from mft.protocols.ftp.replies import COMPLETE, Told
from mft.protocols.ftp.verbs_transfer import way
from mft.protocols.ftp.verbs_tree import stat
from mft.session.listing import GuardedListing
from mft.vfs.base import Entry
from mft.wire.ftp import listing
from mft.wire.ftp.reply import Reply

if TYPE_CHECKING:
    from mft.protocols.ftp.control import Control

MAX_GLOB: Final = 255  # characters of a pattern: what compiles in a millisecond or two
MAX_WRITTEN: Final = 255  # characters of a client's own that stand before each name of NLST
MAX_TOLD: Final = 1000  # entries that STAT tells over the control connection
NO_FOLDER: Final = Reply.of(501, "MLSD is for folders; MLST tells of a file.")  # RFC 3659 7.2.1
_WILD: Final = re.compile(r"[*?\[]")
_OPTION: Final = re.compile(r"-[A-Za-z0-9]+(?: +|$)")

Encode = Callable[["Asked", Sequence[Entry], bool], bytes]  # the last: a path that is no folder
Keep = Callable[[Entry], bool]


class Asked:
    """What a listing is of: a folder, and which of its names."""

    def __init__(self, control: "Control", text: str) -> None:
        self._working = folder = control.parameters.folder
        while found := _OPTION.match(text):  # such as -la: clients send what ls knows
            text = text[found.end() :]
        before, slash, last = text.rpartition("/")
        self._beside = before + slash
        self._whole = f"{text}/" if text and last else text
        self.glob = last if _WILD.search(last) else ""
        if len(self.glob) > MAX_GLOB:
            details = f"a pattern of more than {MAX_GLOB} characters"
            raise Refused(Reason.INVALID, str(folder), details)
        if self.glob:
            self.path = VPath.parse(before or slash, folder)
            pattern = re.compile(fnmatch.translate(last), re.DOTALL)
            self.keep: Keep = lambda entry: pattern.match(entry.name) is not None
        else:
            self.path = VPath.parse(text, folder)
            self.keep = _all

    def before_names(self, *, single: bool) -> str:
        """What makes names paths that RETR takes as they are (RFC 1123 4.1.2.7).

        What the client wrote, unless that is long, for it stands before every name; nothing for
        those in the working folder. `single` is whether the path itself is what is listed.
        """
        written = self._beside if single or self.glob else self._whole
        folder = self.path.parent if single else self.path
        if folder == self._working:
            return ""
        return written if len(written) <= MAX_WRITTEN else f"{str(folder).rstrip('/')}/"


def _all(entry: Entry) -> bool:
    return True


def _local_lines(entries: Sequence[Entry]) -> bytes:
    return listing.list_lines(entries, int(time.time()), time.localtime)


def _lines(asked: Asked, entries: Sequence[Entry], single: bool) -> bytes:
    return _local_lines(entries)


def _name_lines(asked: Asked, entries: Sequence[Entry], single: bool) -> bytes:
    before = asked.before_names(single=single)
    return listing.nlst_lines([before + entry.name for entry in entries])


async def list_(control: "Control", text: str) -> Reply:
    """LIST: lines as of `ls -l`."""
    return await _list(control, "LIST", Asked(control, text), _lines)


async def names(control: "Control", text: str) -> Reply:
    """NLST: names only; those in another folder are told with it, as the client wrote it."""
    return await _list(control, "NLST", Asked(control, text), _name_lines)


async def machine_list(control: "Control", text: str) -> Reply:
    """MLSD: facts of everything in a folder."""
    folder = VPath.parse(text, control.parameters.folder)
    session, facts = control.current, control.parameters.facts

    def encode(asked: Asked, entries: Sequence[Entry], single: bool) -> bytes:
        return listing.mlsd_lines(
            entries,
            facts,
            lambda entry: session.permissions_of(folder.child(entry.name), entry),
        )

    asked = Asked(control, "")
    asked.path = folder
    return await _list(control, "MLSD", asked, encode)


async def _list(control: "Control", name: str, asked: Asked, encode: Encode) -> Reply:
    control.parameters.take_start()  # for one transfer, and this is one
    control.parameters.take_span()
    way(control)
    if not asked.glob and name != "MLSD":
        single = await _single(control, asked.path, name)
        if single is not None:
            return await _send_single(control, encode(asked, [single], True))
    entries = await _opened(control, asked, name)
    control.say(Reply.of(150, "Here comes the listing."))
    try:

        async def made(body: SendingText) -> None:
            while batch := await entries.batch():
                kept = batch if asked.keep is _all else [one for one in batch if asked.keep(one)]
                await body.send(encode(asked, kept, False))

        await control.data.move(SendingText(made, compressed=control.parameters.compressed))
    finally:
        await entries.close()
    return COMPLETE


async def _opened(control: "Control", asked: Asked, name: str) -> GuardedListing:
    try:
        return await control.current.list(
            asked.path, what=name, glob=asked.glob, whole=name == "NLST"
        )
    except Refused as refused:
        if name == "MLSD" and refused.reason is Reason.NOT_A_DIRECTORY:
            raise Told(NO_FOLDER, refused.details, refused.reason) from None
        raise


async def _single(control: "Control", path: VPath, name: str) -> Entry | None:
    """The one entry that is listed when the path is no folder."""
    if await control.current.is_folder(path):
        return None
    return (await stat(control, path, name))._replace(name=path.name)


async def _send_single(control: "Control", line: bytes) -> Reply:
    control.say(Reply.of(150, "Here comes the listing."))

    async def made(body: SendingText) -> None:
        await body.send(line)

    await control.data.move(SendingText(made, compressed=control.parameters.compressed))
    return COMPLETE


# Over the control connection.


async def machine_entry(control: "Control", text: str) -> Reply:
    """MLST: facts of one path, with its full name (RFC 3659 7.2)."""
    path = VPath.parse(text, control.parameters.folder)
    entry = await stat(control, path, "MLST")
    letters = control.current.permissions_of(path, entry)
    line = listing.mlsx_line(entry._replace(name=str(path)), control.parameters.facts, letters)
    return Reply.of(250, "Facts:", line, "End.")


async def status(control: "Control", text: str) -> Reply:
    """STAT: of the server and its transfer, or a listing of a path (RFC 959 4.1.3)."""
    if text:
        return await _listed(control, text)
    session, parameters = control.current, control.parameters
    lines = [
        "Status:",
        f"Logged in as {session.account.name}, from {control.address.host}",
        f"Commands: {control.line.encryption}; data: {'TLS' if parameters.private else 'clear'}",
        f"TYPE {'A' if parameters.text else 'I'}, STRU F, "
        f"MODE {'Z' if parameters.compressed else 'S'}",
    ]
    if control.data.moving:
        lines.append(f"A transfer is running: {control.data.moved} bytes so far")
    return Reply.of(211, *lines, "End of status.")


async def _listed(control: "Control", text: str) -> Reply:
    asked = Asked(control, text)
    if not asked.glob and not await control.current.is_folder(asked.path):
        entry = await stat(control, asked.path, "STAT")
        lines = _local_lines([entry._replace(name=asked.path.name)])
        return Reply.of(213, "Status:", *_split(lines), "End.")
    found: list[Entry] = []
    entries = await control.current.list(asked.path, what="STAT", glob=asked.glob)
    try:
        while len(found) <= MAX_TOLD and (batch := await entries.batch()):
            found += [one for one in batch if asked.keep(one)]
    finally:
        await entries.close()
    if len(found) > MAX_TOLD:
        raise Refused(Reason.QUOTA, str(asked.path), f"more than {MAX_TOLD} entries")
    return Reply.of(212, "Listing:", *_split(_local_lines(found)), "End.")


def _split(lines: bytes) -> list[str]:
    return lines.decode().split("\r\n")[:-1]
