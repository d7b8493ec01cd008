"""Files on their way over the data connection: RETR, STOR, STOU, APPE, and ABOR."""

from typing import TYPE_CHECKING, Final

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.ftp.bodies import SendingText
from mft.protocols.ftp.conversion import Conversion
from mft.protocols.ftp.replies import COMPLETE, Told
from mft.protocols.ftp.verbs_tree import file_path_of, path_of
from mft.protocols.receiving_file import ReceivingFile
from mft.protocols.sending_file import SendingFile
from mft.runtime.buffers import room
from mft.session.files import ReceivedFile, SentFile
from mft.vfs.base import Existing
from mft.wire.ftp.reply import Reply
from mft.wire.ftp.text import ToNetwork

if TYPE_CHECKING:
    from mft.protocols.ftp.control import Control

MOMENT: Final = 0.005  # seconds; ten times what a killed client's two ends came apart by
PIECE: Final = 32 << 10  # bytes of a file that are converted in one go: under a millisecond
OTHER_SIZE: Final = Reply.of(450, "What was told of it was the size of an upload. Ask again.")
GONE_ON: Final = "its client was told of an interrupted upload, and this is a finished file"
NOT_TEXT: Final = Reply.of(504, "Transfers of text begin at their beginning: send TYPE I.")
NOT_A_PART: Final = Reply.of(504, "RANG is for downloads: REST says where an upload goes on.")
NO_WAY: Final = Reply.of(425, "Use PASV, EPSV, PORT or EPRT first.")


def way(control: "Control") -> None:
    """Refuse a transfer for which there is no way to a data connection."""
    if not control.data.chosen:
        raise Told(NO_WAY, "there is no way to a data connection")


def check_start(control: "Control", start: int | None) -> None:
    """Refuse to begin in the middle of text, whose offsets on the wire are others than stored."""
    if start and control.parameters.text:
        raise Told(NOT_TEXT, "an offset in text", Reason.UNSUPPORTED)


def kind(control: "Control") -> str:
    """What kind of transfer it is, for reply 150."""
    return "text" if control.parameters.text else "binary"


# Sending.


async def retrieve(control: "Control", text: str) -> Reply:
    """RETR: send a file, or a part of it."""
    parameters = control.parameters
    span, offset = parameters.take_span(), parameters.take_start()
    check_start(control, offset)
    way(control)
    path = path_of(control, text)
    control.note(events.FTP_DOWNLOAD_ASKED, p.PathOf(str(path), control.current.real_path(path)))
    start, end = span if span is not None else (offset or 0, None)
    told = _told(control, path)
    async with await control.current.download(path, start=start) as sent:
        if told is not None:  # some clients take no more bytes than SIZE has told
            raise Told(OTHER_SIZE, GONE_ON)
        size = sent.entry.size
        last = size if end is None else min(end, size)
        control.say(Reply.of(150, f"Sending {kind(control)} data ({max(0, last - start)} bytes)."))
        await _send(control, sent, start, last)
    return COMPLETE


async def _send(control: "Control", sent: SentFile, start: int, end: int) -> None:
    parameters = control.parameters
    if not parameters.text and not parameters.compressed:
        await control.data.move(SendingFile(sent, start, end, control.hub.blocks))
        return
    text = ToNetwork() if parameters.text else None
    pace = sent.session.download_pace()

    async def made(body: SendingText) -> None:
        at = start
        while at < end:
            piece = await _read(sent, at, min(PIECE, end - at))
            at += len(piece)
            sent.sent(len(piece))
            if pace is not None:
                pace.moved(len(piece))
            await body.send(piece if text is None else text.convert(piece))

    await control.data.move(SendingText(made, compressed=parameters.compressed, pace=pace))


async def _read(sent: SentFile, at: int, size: int) -> bytes:
    data = room(size)
    count = sent.lane.read_into([data], at)
    if not isinstance(count, int):
        count = await sent.lane.read_later([data], at)
    if not count:
        raise Refused(Reason.BROKEN, str(sent.path), "the file became shorter")
    return bytes(data[:count])


# Receiving.


async def store(control: "Control", text: str) -> Reply:
    """STOR: receive a file; from where REST said, it goes on with what is there."""
    return await _store(control, text, *_start_and_size(control))


def _start_and_size(control: "Control") -> tuple[int, int | None]:
    """What REST and ALLO say of an upload; it counts for this one, whatever comes of it."""
    parameters = control.parameters
    start, span, size = parameters.take_start(), parameters.take_span(), parameters.take_size()
    if span is not None:  # what is behind the part would go
        raise Told(NOT_A_PART, "RANG was given for an upload", Reason.UNSUPPORTED)
    check_start(control, start)
    return start or 0, size


async def _store(control: "Control", text: str, start: int, size: int | None) -> Reply:
    way(control)
    path = file_path_of(control, text)
    control.note(events.FTP_UPLOAD_ASKED, p.PathOf(str(path), control.current.real_path(path)))
    told = _told(control, path)
    if start:
        received = await control.current.upload(path, Existing.MODIFY, start=start)
    else:
        received = await control.current.upload(path, Existing.REPLACE)
    return await _receive(control, received, "Send the file.", size, told)


async def append(control: "Control", text: str) -> Reply:
    """APPE: go on behind what is there, as its client was told; after REST the same as STOR."""
    start, size = _start_and_size(control)
    if start:
        return await _store(control, text, start, size)
    way(control)
    path = file_path_of(control, text)
    control.note(events.FTP_APPEND_ASKED, p.PathOf(str(path), control.current.real_path(path)))
    told = _told(control, path)
    received = await control.current.upload(path, Existing.EXTEND, start=told)
    return await _receive(control, received, "Send what is to be appended.", size, told)


def _told(control: "Control", path: VPath) -> int | None:
    """How much of an interrupted upload its client was told is there, until one begins."""
    return control.hub.unfinished.begin(control.current.account.uuid, path)


async def store_unique(control: "Control", text: str) -> Reply:
    """STOU: receive a file under a name of its own; reply 150 tells it (RFC 1123 4.1.2.9)."""
    _, size = _start_and_size(control)
    way(control)
    path = path_of(control, text) if text else control.parameters.folder.child("file")
    received = await control.current.unique_upload(path.parent, path.name)
    words = f"FILE: {_shown(control, received.requested)}"
    return await _receive(control, received, words, size)


def _shown(control: "Control", path: VPath) -> str:
    return path.name if path.parent == control.parameters.folder else str(path)


async def _receive(
    control: "Control",
    received: ReceivedFile,
    words: str,
    size: int | None,
    told: int | None = None,
) -> Reply:
    """Take the bytes, at least so many as ALLO said.

    They are not for a finished file when the client was `told` of an upload.
    """
    parameters, start = control.parameters, received.start
    converts = parameters.text or parameters.compressed
    least = 0 if converts or size is None else size
    conversion = (
        Conversion(text=parameters.text, compressed=parameters.compressed) if converts else None
    )
    async with received:
        if told is not None and received.in_place:
            raise Told(OTHER_SIZE, GONE_ON)
        control.say(Reply.of(150, words))
        body = ReceivingFile(received, start, conversion, control.hub.soon)
        await control.data.move(body)
        _see_that_all_came(body.at, least)
        if not parameters.private and not await _is_alive(control, sure=bool(least)):
            raise Refused(Reason.ABORTED, "", "the client has left")
    return COMPLETE


async def _is_alive(control: "Control", *, sure: bool) -> bool:
    """Whether a client in clear is there, whose data connection has just ended.

    An end of file and a client that died look alike there, but who died closes the control
    connection in the same moment. That moment is waited for, unless ALLO says that all has come.
    """
    if not sure and control.line.still_there:
        await control.hub.pause(MOMENT)
    return control.line.still_there


def _see_that_all_came(came: int, least: int) -> None:
    """Refuse an upload that has fewer bytes, those before it counted, than ALLO said."""
    if came < least:
        details = f"only {came} of the {least} bytes of ALLO are there"
        raise Told(Reply.of(426, "Fewer bytes came than ALLO said."), details)


async def abort(control: "Control", argument: str) -> Reply:
    """ABOR when no transfer runs: forget the way to a data connection (RFC 959 4.1.3)."""
    control.data.close()
    return Reply.of(226, "No transfer is running.")
