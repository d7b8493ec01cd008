"""`clamav`: the file is streamed to clamd (INSTREAM), which says whether it knows it as malware."""

import re
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from mft.config.kinds import Context, Kind, Wrong, duration
from mft.config.section import NamedSection, option
from mft.core.failure import Reason, Refused
from mft.inspection.base import BLOCK, Means, Subject, Verdict
from mft.runtime.buffers import room

PORT: Final = 3310
LONGEST: Final = 3600.0  # seconds
MAX_AT_ONCE: Final = 32  # connections to one clamd: about 300 KiB each, while they are sent to
MAX_ANSWER: Final = 4096  # bytes; the name of what was found is shorter
# A single NUL-terminated answer (clamd(8), "z" commands).
_COMMAND: Final = b"zINSTREAM\0"
_CLEAN: Final = b"stream: OK"
_FOUND: Final = re.compile(rb"stream: (.+) FOUND")
# What AlertExceedsMax tells: it has not looked into all of the file, and has found nothing else.
_UNSEEN: Final = b"Heuristics.Limits.Exceeded"


def _url(text: str, context: Context | None) -> str:
    url = text.strip()
    try:
        parts = urlsplit(url)
        unix = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
        tcp = parts.scheme == "tcp" and parts.hostname and parts.port != 0 and not parts.path
    except ValueError:
        unix = tcp = False
    if not (unix or tcp):
        raise Wrong(f"is not file:///run/clamav/clamd.ctl or tcp://127.0.0.1:{PORT}")
    return url


ClamdUrl = Annotated[str, Kind("where clamd listens", f"tcp://127.0.0.1:{PORT}", _url)]


class ClamdRules(NamedSection):
    """The clamd that is asked, and how patiently."""

    url: ClamdUrl = option(
        "Where clamd listens: file:// and the path of its Unix socket, or tcp:// and host and "
        "port. Over tcp:// the file goes in clear.",
        "file:///run/clamav/clamd.ctl",
        examples=[f"tcp://127.0.0.1:{PORT}"],
        ours=True,
    )
    timeout: Annotated[float, duration(1, LONGEST)] = option(
        "How long clamd may take nothing and say nothing; for a large file, as long as it scans.",
        120.0,
        ours=True,
    )


class ClamdInspection:
    """An `Inspection`: clamd finds nothing in the file. Each has a connection of its own."""

    ending = ""

    def __init__(self, rules: ClamdRules, means: Means) -> None:
        self._rules = rules
        self._clock = means.clock
        self._turns = DeferredSemaphore(MAX_AT_ONCE)

    async def start(self) -> None:
        """Nothing: clamd may come later; until then nothing can be inspected."""

    async def inspect(self, subject: Subject) -> Verdict:
        """Send the file, and read the verdict; further files wait for their turn."""
        await self._turns.acquire()
        try:
            subject.go_on()
            return await self._asked(subject)
        finally:
            self._turns.release()

    async def _asked(self, subject: Subject) -> Verdict:
        talk = Talk(self._clock, self._rules.timeout)
        try:
            await self._endpoint().connect(Factory.forProtocol(lambda: talk))
        except Exception as error:  # whatever keeps us from it, it has seen nothing
            return Verdict.unable(f"clamd cannot be reached: {error}")
        try:
            return _verdict(await self._sent(talk, subject))
        except Refused as refused:
            if refused.reason is not Reason.UNINSPECTED:
                raise
            return Verdict.unable(refused.details)
        finally:
            talk.drop()

    def _endpoint(self) -> Any:
        # Most servers talk to no other, and begin sooner without what that takes.
        from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint

        parts, timeout = urlsplit(self._rules.url), self._rules.timeout
        if parts.scheme == "file":
            return UNIXClientEndpoint(self._clock, parts.path, timeout=timeout)
        return HostnameEndpoint(
            self._clock, parts.hostname or "", parts.port or PORT, timeout=timeout
        )

    async def _sent(self, talk: "Talk", subject: Subject) -> bytes:
        talk.send(_COMMAND)
        buffer, at = room(BLOCK), 0
        while at < subject.size and not talk.answered:  # it answers early when it wants no more
            subject.go_on()
            count = await subject.source.read(buffer[: min(BLOCK, subject.size - at)], at)
            if not count:
                raise Refused(Reason.BROKEN, subject.path, "the file became shorter")
            talk.send(count.to_bytes(4) + bytes(buffer[:count]))
            await talk.taken()
            at += count
        early = talk.answered
        talk.send(bytes(4))
        answer = await talk.answer()
        if early and answer == _CLEAN:
            raise Refused(Reason.UNINSPECTED, "", "clamd answered before it had the file")
        return answer


def _verdict(answer: bytes) -> Verdict:
    if answer == _CLEAN:
        return Verdict.passed()
    found = _FOUND.fullmatch(answer)
    if found is not None:
        name = found[1].decode("ascii", "backslashreplace")
        if found[1].startswith(_UNSEEN):
            return Verdict.unable(f"the file is over a limit of clamd ({name})")
        return Verdict.rejected(f"clamd found {name}")
    shown = answer.decode("ascii", "backslashreplace")[:200]
    if "size limit exceeded" in shown:
        return Verdict.unable(f"the file is larger than StreamMaxLength of clamd ({shown})")
    return Verdict.unable(f"clamd says: {shown}")


class Talk(Protocol):
    """One connection to clamd: a stream of blocks out, one answer in."""

    def __init__(self, clock: Any, timeout: float) -> None:
        self._clock = clock
        self._timeout = timeout
        self._timer: IDelayedCall | None = None
        self._answer = bytearray()
        self._ended = ""
        self._full = False
        self._waiter: Deferred[None] | None = None

    @property
    def answered(self) -> bool:
        """Whether there is an answer, or none will come."""
        return bool(self._ended) or b"\0" in self._answer

    def send(self, data: bytes) -> None:
        """Send something; `taken` waits for it."""
        if not self._ended and self.transport is not None:
            self.transport.write(data)
            self._alive()

    async def taken(self) -> None:
        """Wait until clamd has taken enough of what was sent for more, or has answered."""
        while self._full and not self.answered:
            await self._wait()

    async def answer(self) -> bytes:
        """The answer; Refused(UNINSPECTED) where none comes."""
        while not self.answered:
            await self._wait()
        line, end, _ = bytes(self._answer).partition(b"\0")
        if not end:
            raise Refused(Reason.UNINSPECTED, "", self._ended)
        return line.strip()

    def drop(self) -> None:
        """End the connection, however far it is."""
        self._stop_timer()
        if not self._ended and self.transport is not None:
            self._ended = "dropped"
            self.transport.abortConnection()  # type: ignore[attr-defined]  # of TCP and Unix

    # From the reactor.

    def connectionMade(self) -> None:
        """Ask to be told when clamd takes nothing for now."""
        if self.transport is not None:
            self.transport.registerProducer(self, True)  # type: ignore[attr-defined]  # as above
        self._alive()

    def dataReceived(self, data: bytes) -> None:
        """Take a piece of the answer."""
        self._answer += data[: MAX_ANSWER - len(self._answer)]
        if len(self._answer) == MAX_ANSWER and not self.answered:
            self._break_off(f"clamd says more than {MAX_ANSWER} bytes")
        else:
            self._alive()
            self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """No answer will come any more."""
        self._stop_timer()
        # One that does not want more may be gone before its answer to that has come.
        hint = "; or is the file larger than its StreamMaxLength?"
        self._ended = self._ended or f"clamd has gone: {reason.getErrorMessage()}{hint}"
        self._wake()

    def pauseProducing(self) -> None:
        """Clamd takes nothing for now."""
        self._full = True

    def resumeProducing(self) -> None:
        """It takes more."""
        self._full = False
        self._alive()
        self._wake()

    def stopProducing(self) -> None:
        """It never takes more."""
        self._full = False
        self._wake()

    def _alive(self) -> None:
        self._stop_timer()
        self._timer = self._clock.callLater(self._timeout, self._silent)

    def _silent(self) -> None:
        self._break_off(f"clamd was silent for {self._timeout:.15g} s")

    def _break_off(self, sentence: str) -> None:
        self._stop_timer()
        if self.transport is not None and not self._ended:
            self.transport.abortConnection()  # type: ignore[attr-defined]  # of TCP and Unix
        self._ended = self._ended or sentence
        self._wake()

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    async def _wait(self) -> None:
        self._waiter = Deferred()
        await self._waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)
