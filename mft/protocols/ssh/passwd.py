"""The `passwd` command: three lines of the client, the old password and the new one twice.

A one-time code stands at the end of the old one, as when a client logs in.
There is no terminal here, so that nothing is echoed by us; prompts go out for people.
"""

from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.auth.base import PasswordChange
from mft.auth.own_passwords import Fault, NotChanged
from mft.core.failure import Malformed
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.faults import broke
from mft.protocols.password_sentences import NOT_TWICE, password_sentence
from mft.protocols.ssh.channels import Channel
from mft.protocols.talker import Gone
from mft.runtime.bell import Bell
from mft.session.session import Session

if TYPE_CHECKING:
    from mft.protocols.ssh.peer import Peer

COMMAND: Final = b"passwd"
MAX_LINE: Final = 1024  # bytes
MAX_INBOX: Final = 4 * MAX_LINE  # bytes that a client may send ahead; more is not read
CHANGED: Final = "Password changed."
PROMPTS: Final = (b"Old password: ", b"\nNew password: ", b"\nNew password again: ")


class PasswdServer:
    """The far side of one passwd command."""

    def __init__(self, peer: "Peer", channel: Channel, session: Session) -> None:
        self._peer = peer
        self._channel = channel
        self._session = session
        self._inbox = bytearray()
        self._over = False  # nothing more comes
        self._lost = False
        self._ended = False
        self._running: Deferred[None] | None = None
        self._bell = Bell()

    def begin(self) -> None:
        """Start the dialogue; it goes on as lines come."""
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._broke)

    # From the channel.

    def data(self, view: memoryview) -> None:
        """Take bytes of lines; what comes behind the end of the dialogue is dropped."""
        if not self._ended:
            self._inbox += view

    def eof(self) -> None:
        """The client will send no more."""
        self._over = True
        self._bell.ring()

    def turn_ended(self) -> None:
        """Go on with what has come."""
        self._bell.ring()
        self._peer.hold(self._channel, len(self._inbox) > MAX_INBOX)

    def pump(self) -> bool:
        """Nothing is sent but a few words."""
        return False

    def lost(self, details: str) -> None:
        """The channel is gone; a change that has begun is done or refused all the same."""
        self._over = self._lost = True
        self._peer.finish(self._end())
        self._bell.ring()

    async def _end(self) -> None:
        if self._running is not None:
            await self._running

    # The dialogue.

    async def _run(self) -> None:
        said = await self._dialogue()
        self._ended = True
        self._inbox.clear()
        self._peer.hold(self._channel, False)
        if said is not None:
            self._channel.write(f"\n{said}\n".encode())
        self._session.emit(events.SSH_COMMAND_ENDED, p.Command(COMMAND.decode()))
        self._channel.finish(0 if said == CHANGED else 1)

    async def _dialogue(self) -> str | None:
        """What the client is told in the end; None where it has gone."""
        if not self._session.account.allow_own_password_change:
            return password_sentence(NotChanged(Fault.NOT_ALLOWED))
        try:
            old, new, again = [await self._asked(prompt) for prompt in PROMPTS]
            if new != again:
                return NOT_TWICE
            session = self._session
            await session.own.change(session, PasswordChange(Secret(old), Secret(new)))
        except NotChanged as why:
            return password_sentence(why)
        except Malformed as problem:
            told = p.CommandFailed(COMMAND.decode(), str(problem))
            self._session.emit(events.SSH_COMMAND_FAILED, told)
            return f"Not understood: {problem}."
        except Gone:
            return None
        return CHANGED

    async def _asked(self, prompt: bytes) -> str:
        """The client's answer to a prompt; raises Malformed, or Gone when none comes."""
        self._channel.write(prompt)
        while (end := self._inbox.find(b"\n", 0, MAX_LINE)) < 0:
            if len(self._inbox) >= MAX_LINE:
                raise Malformed("a line that is too long")
            if self._over:
                if self._lost or not self._inbox:
                    raise Gone
                end = len(self._inbox)  # the last line may lack its end
                break
            await self._bell.rung()
        line = bytes(self._inbox[:end])
        del self._inbox[: end + 1]
        try:
            return line.removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            raise Malformed("a line that is not UTF-8") from None

    def _broke(self, failure: Failure) -> None:
        identity = broke("a passwd command", failure)
        self._session.emit(events.SSH_MESSAGE_BROKE, p.MessageFailed(0, COMMAND.decode(), identity))
        self._channel.finish(1)
