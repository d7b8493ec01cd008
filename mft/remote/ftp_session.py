"""A session at an FTP server: its login, what it can do, and its commands one at a time."""

from collections.abc import Mapping
from typing import Final

from mft.core.failure import Malformed, Reason, Refused
from mft.core.secret import Secret
from mft.remote.base import REPLY_TIMEOUT
from mft.remote.ftp_control import Control
from mft.remote.ftp_refusal import UNKNOWN, refusal
from mft.wire.ftp.replies import Answer, parse_features, parse_path

CLIENT: Final = "mft"  # what CLNT tells
MAX_WAITS: Final = 5  # greetings that ask for patience (120), of REPLY_TIMEOUT each


class Session:
    """Asks, and refuses what the server refuses. Subjects are paths, as events show them."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self.features: Mapping[str, str] = {}
        self.software = ""  # the greeting
        self.system = ""  # what SYST says
        self.folder = "/"  # where the login leads to

    async def ask(
        self, command: str, secret: Secret | None = None, patience: float = REPLY_TIMEOUT
    ) -> Answer:
        """Send a command, and give its reply, whatever it is."""
        return await self.control.ask(command, secret, patience)

    async def want(self, command: str, subject: str = "") -> Answer:
        """Send a command that must succeed; raises Refused with what the server says."""
        answer = await self.ask(command)
        if not answer.good:
            raise self.refused(answer, subject)
        return answer

    async def may(self, command: str) -> bool:
        """Send a command that need not succeed: whether it did."""
        return (await self.ask(command)).good

    def refused(self, answer: Answer, subject: str = "") -> Refused:
        """What a reply that is not good means."""
        return refusal(answer, subject, self.control.shown(answer))

    def has(self, feature: str) -> bool:
        """Whether FEAT names a feature."""
        return feature in self.features

    # The first words.

    async def greet(self) -> None:
        """Wait for the greeting."""
        answer = await self.control.reply()
        for _ in range(MAX_WAITS):
            if not answer.preliminary:
                break
            answer = await self.control.reply()
        if not answer.good:
            raise Refused(Reason.BUSY, "", self.control.shown(answer))
        self.software = str(answer).partition(" ")[2]

    async def start_tls(self) -> None:
        """Ask for TLS (RFC 4217 4); what it is made of comes next."""
        answer = await self.ask("AUTH TLS")
        if answer.code not in (234, 334):
            raise Refused(Reason.UNSUPPORTED, "", f"no TLS here: {self.control.shown(answer)}")

    async def log_in(self, username: str, password: Secret, acct: Secret) -> None:
        """Say who we are; Refused(DENIED) where that is not enough."""
        answer = await self.ask(f"USER {username}")
        if answer.code == 331:
            answer = await self.ask("PASS", password)
        if answer.code == 332:
            if not acct:
                raise Refused(Reason.DENIED, "", "the server asks for an account: acct is empty")
            answer = await self.ask("ACCT", acct)
        if not answer.good:
            # 4yz may be better another time; what is refused for good is not tried again.
            reason = Reason.BUSY if answer.code < 500 and answer.code != 430 else Reason.DENIED
            raise Refused(reason, "", f"the login is refused: {self.control.shown(answer)}")

    async def protect(self, *, must: bool) -> None:
        """Ask for TLS on data connections (RFC 4217 9); with `must`, nothing else will do.

        Servers of implicit TLS, which is older than that, may know of no other way.
        """
        await self.ask("PBSZ 0")
        answer = await self.ask("PROT P")
        if must and not answer.good:
            shown = self.control.shown(answer)
            raise Refused(Reason.UNSUPPORTED, "", f"no TLS for data connections: {shown}")

    async def set_up(self) -> None:
        """Learn what the server can do, and agree on bytes and UTF-8."""
        answer = await self.ask("FEAT")
        self.features = parse_features(answer.lines) if answer.good else {}
        if self.has("CLNT"):
            await self.may(f"CLNT {CLIENT}")
        if self.has("UTF8"):
            await self.may("OPTS UTF8 ON")
        if self.has("MLST"):
            await self._choose_facts()
        system = await self.ask("SYST")
        self.system = " ".join(system.lines) if system.good else ""
        await self.want("TYPE I")
        await self._where()

    async def _choose_facts(self) -> None:
        """Let MLSD tell what is needed: some facts are left out unless they are asked for."""
        told = {name.rstrip("*").lower() for name in self.features["MLST"].split(";")}
        wanted = [name for name in ("type", "size", "modify", "UNIX.mode") if name.lower() in told]
        await self.may(f"OPTS MLST {''.join(f'{name};' for name in wanted)}")

    async def _where(self) -> None:
        answer = await self.ask("PWD")
        if answer.code in UNKNOWN:
            return
        if not answer.good:
            shown = self.control.shown(answer)
            raise Refused(Reason.BROKEN, "", f"the login leads nowhere: {shown}")
        try:
            self.folder = parse_path(answer.lines)
        except Malformed as error:
            raise Refused(Reason.BROKEN, "", f"the server has {error}") from None
