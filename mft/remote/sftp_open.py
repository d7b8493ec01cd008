"""What reading and writing a remote file have in common."""

from typing import Final

from mft.core.failure import Refused
from mft.remote.sftp_attrs import entry_of, sent_attrs
from mft.remote.sftp_session import SftpSession
from mft.vfs.base import Attributes, Entry
from mft.wire.sftp import packets, responses

LEAST_UNDER_WAY: Final = 2 << 20  # bytes of one file under way, either direction
MOST_UNDER_WAY: Final = 16 << 20  # 160 MB/s at a round trip of 100 ms; 16 MiB of memory a file
WANTED_SPEED: Final = 400_000_000  # bytes a second that this should allow, up to the most


def under_way(session: SftpSession) -> int:
    """How many bytes may be under way at a time, for the length of the way."""
    wanted = int(session.round_trip() * WANTED_SPEED)
    return min(max(wanted, LEAST_UNDER_WAY), MOST_UNDER_WAY)


async def open_entry(session: SftpSession, handle: bytes, subject: str) -> Entry:
    """What an open file is now."""
    reply = await session.ask(packets.FStat, handle, subject=subject)
    if not isinstance(reply, responses.AttrsReply):
        raise session.broken("an answer to FSTAT that is none")
    return entry_of("", reply.attrs)


def seen_in(answer: responses.Reply | Refused) -> Entry | None:
    """What the answer to a STAT tells, without a name; None for another answer, or for none."""
    return entry_of("", answer.attrs) if isinstance(answer, responses.AttrsReply) else None


async def change_open(
    session: SftpSession, handle: bytes, attributes: Attributes, subject: str
) -> None:
    """Set attributes of an open file."""
    await session.ask(packets.FSetStat, handle, sent_attrs(attributes), subject=subject)


def split(views: list[memoryview], size: int) -> tuple[list[memoryview], list[memoryview]]:
    """The first bytes of views, and the rest."""
    first: list[memoryview] = []
    for at, view in enumerate(views):
        if len(view) >= size:
            return [*first, view[:size]], [view[size:], *views[at + 1 :]]
        first.append(view)
        size -= len(view)
    return first, []


def rest(views: list[memoryview], size: int) -> list[memoryview]:
    """What is left of views behind so many bytes, without empty ones."""
    return [view for view in split(views, size)[1] if len(view)]
