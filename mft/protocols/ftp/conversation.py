"""What is said over a control connection: commands are taken one by one, and answered.

While a transfer runs, ABOR, STAT and NOOP are answered beside it; everything else waits.
"""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.failure import Malformed, Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.faults import broke
from mft.protocols.ftp.replies import refusal
from mft.protocols.ftp.verbs import ANSWERS
from mft.protocols.talker import Gone
from mft.wire.ftp.command import Bad, Command, is_http, shown
from mft.wire.ftp.reply import Reply
from mft.wire.ftp.verbs import NEEDS_DATA_TLS, NEEDS_TLS, VERBS, judge

if TYPE_CHECKING:
    from mft.protocols.ftp.control import Control

MAX_BAD: Final = 100  # lines that are no commands, or unknown ones


class Conversation:
    """One client's commands."""

    def __init__(self, control: "Control") -> None:
        self._control = control
        self.working = False  # whether a command is being done
        self._command = Command("")
        self._last = ""
        self._bad = 0

    @property
    def shown(self) -> str:
        """The command that is being done, for the administrator: no secret is in it."""
        return shown(self._command)

    async def run(self) -> None:
        """Greet, and answer until the client, or we, have enough."""
        control = self._control
        try:
            if control.hub.options.implicit:
                await control.handshake()
            control.say(control.hub.greeting)
            while not control.leaving:
                command = await control.line.next()
                self.working = True
                await self._serve(command)
                self.working = False
                control.heard()  # its quiet begins with the answer
        except Gone:
            return
        except Exception:
            identity = broke("an FTP connection", Failure())
            control.emit(events.FTP_CONNECTION_BROKE, p.Details(identity))
            control.end(f"Internal error {identity}.")

    async def _serve(self, command: Command | Bad) -> None:
        if isinstance(command, Bad):
            self._last = ""
            self._is_bad(Reply.of(500, f"Not understood: {command.value}."))
            return
        self._command = command
        refused = self._judge(command)
        if refused is not None:
            self._last = ""
            self._refuse(command, refused)
            return
        verb = VERBS[command.verb]
        self._last = verb.name
        work = self._do(verb.name, command.argument)
        self._say(await (self._beside(work) if verb.data else work))

    def _say(self, reply: Reply | None) -> None:
        """Send a reply, unless the command has answered itself."""
        if reply is not None:
            self._control.say(reply)

    def _judge(self, command: Command) -> Reply | None:
        options, secured = self._control.hub.options, self._control.line.is_secured
        needs_login_tls = command.verb in ("USER", "PASS", "ACCT") and not options.clear_login
        left = self._control.logged_in and options.leaves_tls  # CCC was allowed
        return judge(
            command,
            logged_in=self._control.logged_in,
            secure_enough=secured or left or (options.clear_commands and not needs_login_tls),
            data_secure_enough=self._control.parameters.private or options.clear_data,
            last=self._last,
        )

    def _refuse(self, command: Command, reply: Reply) -> None:
        if reply is NEEDS_TLS:
            self._control.emit(events.FTP_TLS_REQUIRED, p.Nothing())
        elif reply is NEEDS_DATA_TLS:
            self._control.emit(events.FTP_DATA_TLS_REQUIRED, p.Nothing())
        elif reply.code in (500, 502):
            self._control.emit(events.FTP_COMMAND_UNSUPPORTED, p.Command(command.verb))
            if command.verb not in VERBS and is_http(command):
                # A page has sent its browser here: what follows may be commands of its choice.
                self._control.end("This is no web server.")
            else:
                self._is_bad(reply)
            return
        self._control.say(reply)

    def _is_bad(self, reply: Reply) -> None:
        self._bad += 1
        if self._bad <= MAX_BAD:
            self._control.say(reply)
            return
        self._control.emit(
            events.LIMIT_REACHED, p.LimitReached("lines that are no commands", MAX_BAD)
        )
        self._control.end("Too many lines that are no commands.")

    async def _do(self, name: str, argument: str) -> Reply | None:
        """Do a command; refusals and faults are replies as well."""
        try:
            return await ANSWERS[name](self._control, argument)
        except Refused as refused:
            return refusal(refused)
        except Malformed as problem:
            return Reply.of(501, f"Not understood: {problem}.")
        except Gone:
            raise
        except Exception:
            identity = broke("an FTP command", Failure())
            self._control.emit(events.FTP_COMMAND_BROKE, p.LineFailed(self.shown, identity))
            return Reply.of(451, f"Internal error {identity}.")

    # Beside a transfer.

    async def _beside(self, work: Coroutine[Any, Any, Reply | None]) -> Reply | None:
        """Let a transfer run, and answer what may be answered meanwhile."""
        line = self._control.line
        transfer = Deferred.fromCoroutine(work)
        result: list[Reply | Failure | None] = []
        transfer.addBoth(result.append)
        transfer.addCallback(lambda _: line.wake())
        aborted = False
        while not result:
            command = line.peek() if line.alive and not aborted else None
            if isinstance(command, Command) and _may_be_beside(command):
                line.take()
                aborted = await self._answer_beside(command)
                continue
            # A client that has left ends the transfer, which is waited for all the same.
            await line.stirred()
        ended = result[0]
        if isinstance(ended, Failure):
            ended.raiseException()
        if not aborted:
            return ended
        self._say(ended)
        return Reply.of(226, "The transfer was aborted.")

    async def _answer_beside(self, command: Command) -> bool:
        """Answer one command while a transfer runs; whether it ends the transfer."""
        if command.verb == "ABOR":
            self._control.data.abort("the client aborted the transfer")
            return True
        self._say(await self._do(VERBS[command.verb].name, command.argument))
        return False


def _may_be_beside(command: Command) -> bool:
    verb = VERBS.get(command.verb)
    return verb is not None and verb.in_transfer
