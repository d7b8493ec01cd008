"""One `scp -t` or `scp -f` command: the legacy protocol over one session.

One coroutine owns the exchange of lines; the bytes of files go past it, from packets to the file
and from the file to packets. An upload is committed when all of the announced size has come, and
after it the client's zero byte or the end of its channel.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.failure import Malformed, Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.faults import broke
from mft.protocols.incoming import Incoming
from mft.protocols.sentences import explained
from mft.protocols.ssh.channels import Channel
from mft.protocols.ssh.scp_sending import Sending
from mft.runtime.bell import Bell
from mft.session.files import ReceivedFile
from mft.session.session import Session
from mft.vfs.base import Attributes, Entry, Existing
from mft.wire import scp

if TYPE_CHECKING:
    from mft.protocols.ssh.peer import Peer

T = TypeVar("T")

MAX_INBOX: Final = 64 << 10  # bytes that a client may send ahead; more is not read until needed
MAX_DEPTH: Final = 64  # folders within folders; each that is being sent holds a listing open


class ScpServer:
    """The far side of one scp command."""

    def __init__(
        self, peer: "Peer", channel: Channel, session: Session, command: scp.ScpCommand
    ) -> None:
        self._peer = peer
        self._channel = channel
        self._session = session
        self._command = command
        self._shown = "scp -t" if command.sink else "scp -f"
        self._inbox = bytearray()
        self._eof = False
        self._lost: str | None = None
        self._running: Deferred[None] | None = None
        self._bell = Bell()
        self._problems = 0
        self._receiving: ReceivedFile | None = None
        self._at = 0
        self._left = 0  # bytes of the file in progress that have not moved yet
        self._sending: Sending | None = None
        self._incoming = Incoming(lambda request, failed: None, self._resumed, self._broke, session)

    def begin(self) -> None:
        """Start the exchange; it goes on as bytes come."""
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._broke)

    # From the channel.

    def data(self, view: memoryview) -> None:
        """Take bytes: of the file in progress, or of the exchange."""
        if self._receiving is not None and self._left:
            count = min(self._left, len(view))
            self._incoming.add(self._receiving, self._at, view[:count], None)
            self._at += count
            self._left -= count
            view = view[count:]
        self._inbox += view

    def eof(self) -> None:
        """The client will send no more."""
        self._eof = True
        self._bell.ring()

    def turn_ended(self) -> None:
        """Write what was borrowed, and go on."""
        self._incoming.flush()
        if not self._left or self._sending is not None:
            self._bell.ring()
        self._throttle()

    def pump(self) -> bool:
        """Send the next block of the file in progress."""
        return self._sending is not None and self._sending.pump()

    def lost(self, details: str) -> None:
        """The channel is gone: the coroutine hears of it where it waits."""
        self._lost = details
        self._incoming.flush()
        self._throttle()
        self._peer.finish(self._ended())
        self._bell.ring()

    async def _ended(self) -> None:
        """Wait until the exchange has ended, and whatever file it had open."""
        if self._running is not None:
            await self._running

    # Waiting.

    async def _more(self) -> None:
        """Wait for anything to happen; raises Refused(ABORTED) when nothing will any more.

        Who waits for bytes of the client asks for its end first: after that none will come.
        """
        if self._lost is None:
            self._throttle()
            await self._bell.rung()
        if self._lost is not None:
            raise Refused(Reason.ABORTED, "", self._lost)

    async def _taken(self, take: Callable[[bytearray], tuple[T, int] | None]) -> T:
        """Take one line or answer off the inbox, as soon as it is whole."""
        while True:
            if found := take(self._inbox):
                del self._inbox[: found[1]]
                return found[0]
            if self._eof:
                raise Refused(Reason.ABORTED, "", "the client ended in the middle")
            await self._more()

    async def _has_more(self) -> bool:
        """Wait for the next line to begin; False when the client is done."""
        while not self._inbox:
            if self._eof:
                return False
            await self._more()
        return True

    def _throttle(self) -> None:
        crowded = len(self._inbox) > MAX_INBOX and self._lost is None
        self._peer.hold(self._channel, crowded or self._incoming.full)

    def _resumed(self) -> None:
        self._throttle()
        self._bell.ring()

    # The exchange.

    async def _run(self) -> None:
        try:
            path = VPath.parse(self._command.path)
            if self._command.sink:
                await self._sink(path)
            else:
                await self._answered()
                await self._send(path, await self._session.stat(path), 0)
        except Refused as refused:
            self._problem(refused)
        except Malformed as problem:
            self._problems += 1
            self._session.emit(
                events.SSH_COMMAND_FAILED, p.CommandFailed(self._shown, str(problem))
            )
            self._channel.write(scp.fatal("protocol error"))
        self._session.emit(events.SSH_COMMAND_ENDED, p.Command(self._shown))
        self._session.emit(events.SCP_CLOSED, p.Nothing())
        self._channel.finish(1 if self._problems else 0)

    def _broke(self, failure: Failure) -> None:
        identity = broke("an scp command", failure)
        self._session.emit(events.SCP_BROKE, p.Details(identity))
        self._channel.finish(1)

    def _problem(self, refused: Refused) -> None:
        self._problems += 1
        self._channel.write(scp.warning(explained(refused)))

    # Receiving.

    async def _sink(self, path: VPath) -> None:
        folder = await self._session.is_folder(path)
        if self._command.target_is_directory and not folder:
            # Of what is hidden nobody hears whether it is there: what is sent will be refused.
            if not self._session.account.hides(path):
                raise Refused(Reason.NOT_A_DIRECTORY, str(path))
            folder = True
        self._channel.write(scp.OK)
        await self._receive_into(path, folder=folder, depth=0)

    async def _receive_into(self, path: VPath, *, folder: bool, depth: int) -> None:
        """Take entries for a folder, or for the one name that `path` is, up to their end."""
        times: scp.Times | None = None
        while await self._has_more():
            line = scp.parse_line(await self._taken(scp.take_line))
            if isinstance(line, scp.End):
                if not depth:
                    raise Malformed("the end of a folder that was not begun")
                self._channel.write(scp.OK)
                return
            if isinstance(line, scp.Answer):
                self._problems += 1
                if line.code == 2:
                    raise Refused(Reason.ABORTED, str(path), "the client gave up")
            elif isinstance(line, scp.Times):
                times = line
                self._channel.write(scp.OK)
            else:
                await self._receive_one(path, line, times, depth, inside=folder)
                times = None
        if depth:
            raise Refused(Reason.ABORTED, str(path), "the client ended inside a folder")

    async def _receive_one(
        self,
        path: VPath,
        line: scp.File | scp.Directory,
        times: scp.Times | None,
        depth: int,
        *,
        inside: bool,
    ) -> None:
        try:
            if inside:
                path = VPath.parse(line.name, path)
            if isinstance(line, scp.File):
                if not inside:
                    path = VPath.parse_file(self._command.path)
                await self._receive_file(path, line, times)
            else:
                await self._receive_folder(path, line, times, depth)
        except Refused as refused:
            if refused.reason is Reason.ABORTED:
                raise
            self._problem(refused)

    async def _receive_folder(
        self, path: VPath, line: scp.Directory, times: scp.Times | None, depth: int
    ) -> None:
        if not self._command.recursive or depth >= MAX_DEPTH:
            raise Malformed("a folder that was not asked for, or too deep")
        # What is hidden is not there: making it is refused, whatever is there.
        if self._session.account.hides(path) or not await self._session.is_folder(path):
            await self._session.make_directory(path, mode=line.mode & 0o777)
        self._channel.write(scp.OK)
        await self._receive_into(path, folder=True, depth=depth + 1)
        if times is not None and self._command.preserve:
            await self._session.change(path, _times(times))

    async def _receive_file(self, path: VPath, line: scp.File, times: scp.Times | None) -> None:
        received = await self._session.upload(path, Existing.REPLACE, mode=line.mode & 0o777)
        async with received:
            self._channel.write(scp.OK)
            await self._content(received, line.size)
            # libssh2 sends the end of its channel instead of the zero byte; the announced size has
            # come whole, and a cut connection sends neither.
            if await self._has_more() and (await self._taken(scp.take_answer)).code:
                raise Refused(Reason.ABORTED, str(path), "the client could not read its file")
            if received.failure is None and times is not None and self._command.preserve:
                await self._session.change_open(received, _times(times))
        self._channel.write(scp.OK)

    async def _content(self, received: ReceivedFile, size: int) -> None:
        """Take the bytes of one file; what is in the inbox already is the beginning."""
        first = bytes(self._inbox[:size])
        del self._inbox[:size]
        if first:
            self._incoming.add(received, 0, memoryview(first), None)
        self._receiving, self._at, self._left = received, len(first), size - len(first)
        try:
            self._incoming.begins()
            self._incoming.flush()
            while self._left or self._incoming.writing:
                if self._left and self._eof:
                    raise Refused(Reason.ABORTED, "", "the client ended inside a file")
                await self._more()
        except Refused:  # the file is cut now: not while something of it is still written
            self._receiving, self._left = None, 0
            self._incoming.flush()
            await self._incoming.settled()
            raise
        finally:
            self._receiving, self._left = None, 0
            self._incoming.flush()

    # Sending.

    async def _answered(self) -> None:
        """The client's answer to a line of ours; Refused(ABORTED) when it gives up."""
        answer = await self._taken(scp.take_answer)
        if answer.code:
            self._problems += 1
            reason = Reason.ABORTED if answer.code == 2 else Reason.REJECTED
            raise Refused(reason, "", answer.message.decode("utf-8", "replace"))

    async def _send(self, path: VPath, entry: Entry, depth: int) -> None:
        if entry.is_directory:
            if not self._command.recursive:
                raise Refused(Reason.IS_A_DIRECTORY, str(path))
            await self._send_folder(path, entry, depth)
        elif entry.is_file:
            await self._send_file(path)
        else:
            raise Refused(Reason.UNSUPPORTED, str(path), "neither a file nor a folder")

    async def _send_one(self, path: VPath, entry: Entry, depth: int) -> None:
        try:
            await self._send(path, entry, depth)
        except Refused as refused:
            if refused.reason is Reason.ABORTED:
                raise
            if refused.reason is not Reason.REJECTED:  # the client knows what it rejected
                self._problem(refused)

    async def _send_folder(self, path: VPath, entry: Entry, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise Refused(Reason.INVALID, str(path), f"more than {MAX_DEPTH} folders deep")
        listing = await self._session.list(path)
        try:
            await self._tell_times(entry)
            await self._line(scp.Directory(entry.mode & 0o777, path.name.encode() or b"home"))
            while batch := await listing.batch():
                for child in batch:
                    if child.is_directory or child.is_file:
                        await self._send_one(path.child(child.name), child, depth + 1)
        finally:
            await listing.close()
        await self._line(scp.End())

    async def _send_file(self, path: VPath) -> None:
        async with await self._session.download(path) as sent:
            entry = sent.entry
            await self._tell_times(entry)
            await self._line(scp.File(entry.mode & 0o777, entry.size, path.name.encode()))
            sending = self._sending = Sending(self._peer.hub, self._channel, sent, self._sent_some)
            try:
                while not sending.done:
                    self._peer.wake()
                    await self._more()
                if sending.cut:
                    raise Refused(Reason.BROKEN, str(path), "the file became shorter")
            finally:
                sending.stop()
                self._sending = None
            self._channel.write(scp.OK)
            await self._answered()

    def _sent_some(self) -> None:
        self._bell.ring()
        self._peer.wake()

    async def _tell_times(self, entry: Entry) -> None:
        if self._command.preserve:
            await self._line(scp.Times(entry.modified, entry.accessed))

    async def _line(self, line: scp.Line) -> None:
        self._channel.write(scp.encode_line(line))
        await self._answered()


def _times(times: scp.Times) -> Attributes:
    return Attributes(accessed=times.accessed, modified=times.modified)
