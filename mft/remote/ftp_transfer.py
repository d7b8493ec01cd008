"""One use of a data connection: opened, its bytes, and the reply that says that all went well."""

from contextlib import suppress
from typing import Any, Final, NamedTuple

from OpenSSL import SSL

from mft.core.failure import Malformed, Reason, Refused
from mft.core.peer import Address, parse_ip
from mft.remote.ftp_data import DataConnection
from mft.remote.ftp_session import Session
from mft.remote.hosts import connect_to
from mft.runtime.buffers import Buffers
from mft.runtime.client_tls import Judge, connecting
from mft.runtime.tls import TlsStart
from mft.vfs.base import Buffers as Views
from mft.wire.ftp.replies import Answer, parse_extended, parse_passive

# Seconds for a server to tell the end of a transfer that was cut; Pure-FTPd tells none.
ABORTED: Final = 10.0


class Security(NamedTuple):
    """What data connections are secured by, as the control connection is."""

    context: SSL.Context
    host: str
    pins: frozenset[str]
    reuse: bool  # whether they take up its session

    def judge(self) -> Judge:
        """Who judges the certificates of one connection."""
        return Judge(self.host, self.pins)


class Channel:
    """Makes the data connections of one session, one at a time."""

    def __init__(
        self,
        reactor: Any,
        session: Session,
        rooms: Buffers,
        security: Security | None,
        *,
        told_address: bool,
    ) -> None:
        """With `told_address` they go where reply 227 says, not where the server is."""
        self.session = session
        self.reactor = reactor
        self._rooms = rooms
        self._security = security
        self._told_address = told_address
        self._extended = True  # whether EPSV is understood

    async def transfer(
        self, command: str, subject: str, *, sends: bool = False, start: int = 0
    ) -> "Transfer":
        """Open a data connection, and have the server use it; bytes go from `start` on.

        Raises Refused with what the server says, or why there is no connection.
        """
        data = await self._connected(sends)
        transfer = Transfer(self.session, data, subject, sends=sends)
        try:
            if start:
                answer = await self.session.ask(f"REST {start}")
                if not (answer.asks or answer.good):
                    raise self.session.refused(answer, subject)
            await transfer.begin(command, self._tls(), self._security)
        except BaseException:
            data.abort()
            raise
        return transfer

    def _tls(self) -> "tuple[TlsStart, Judge] | None":
        security = self._security
        if security is None:
            return None
        judge = security.judge()
        engine = self.session.control.engine
        taken_up = engine.session if engine is not None and security.reuse else None
        return TlsStart(connecting(security.context, judge), taken_up), judge

    async def _connected(self, sends: bool) -> DataConnection:
        extended = self._extended
        target = await self._passive()
        try:
            return await self._connect(target, sends)
        except Refused:
            # Some firewalls understand PASV only, and do not let through what EPSV names.
            if not (extended and self._extended) or ":" in target.host:
                raise
            self._extended = False
            return await self._connect(await self._passive(), sends)

    async def _connect(self, target: Address, sends: bool) -> DataConnection:
        data = DataConnection(self.reactor, self._rooms, sends)
        protocol: Any = data
        here = self.session.control.host.host
        same = (":" in here) == (":" in target.host)
        await connect_to(self.reactor, target, protocol, here if same else "")
        return data

    async def _passive(self) -> Address:
        """Where the server waits for us (RFC 959 4.1.2, RFC 2428 3)."""
        session, peer = self.session, self.session.control.peer
        if self._extended:
            answer = await session.ask("EPSV")
            if answer.code == 229:
                try:
                    return Address(peer.host, parse_extended(answer.lines))
                except Malformed:
                    self._extended = False
            elif answer.code < 500:
                raise session.refused(answer)
            self._extended = False
        if ":" in peer.host:
            raise Refused(Reason.UNSUPPORTED, "", "the server has no EPSV, which IPv6 needs")
        answer = await session.want("PASV")
        try:
            told = parse_passive(answer.lines)
        except Malformed as error:
            raise Refused(Reason.BROKEN, "", f"the server has {error}") from None
        return Address(self._host(told.host), told.port)

    def _host(self, told: str) -> str:
        """The host of a data connection; a server must not send us to our own machine."""
        here = self.session.control.peer.host
        if not self._told_address or told == "0.0.0.0":  # noqa: S104 - one that means none
            return here
        ip = parse_ip(told)
        inward = ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified
        if inward and told != here:
            raise Refused(Reason.DENIED, "", f"the server names {told} for a data connection")
        return told


class Transfer:
    """A transfer under way; its end must be read, finished or aborted."""

    def __init__(
        self, session: Session, data: DataConnection, subject: str, *, sends: bool
    ) -> None:
        self.over = False  # its final reply has come, or none will
        self._session = session
        self._data = data
        self._subject = subject
        self._sends = sends
        self._all_sent = False
        self._final: Answer | None = None

    async def begin(
        self, command: str, tls: tuple[TlsStart, Judge] | None, security: Security | None
    ) -> None:
        """Send the command, and wait until the server is ready; raises Refused."""
        control = self._session.control
        control.send(command)
        control.changed = self._heard
        try:
            if tls is not None:
                await self._data.secure(*tls)
                self._compare(tls[0])
            answer = await control.reply()
        except Refused as refused:
            raise await self._why(refused) from None
        except BaseException:
            control.changed = None
            control.lose("it was given up in the middle of a command")
            raise
        if answer.preliminary:
            self._data.listen()
            return
        if not answer.good:
            self._end()
            raise self._session.refused(answer, self._subject)
        self._final = answer

    def _compare(self, engine: TlsStart) -> None:
        """Whoever answers on a port of the server must be the server."""
        known = self._session.control.engine
        if known is None or engine.peer_certificate != known.peer_certificate:
            details = "the certificate of the data connection is not that of the control connection"
            raise Refused(Reason.DENIED, self._subject, details)

    def _heard(self) -> None:
        """Something has come on the control connection while bytes move."""
        control = self._session.control
        answer = control.next
        if not control.alive:
            self._data.fail(Refused(Reason.ABORTED, self._subject, "the connection is lost"))
        elif answer is None or answer.preliminary:
            return
        elif not answer.good:
            self._data.fail(self._session.refused(answer, self._subject))
        elif self._sends and not self._all_sent:
            details = "the server says that it has everything before it was sent"
            self._data.fail(Refused(Reason.ABORTED, self._subject, details))

    def expect(self, count: int) -> None:
        """So many bytes are to be read."""
        self._data.expect(count)

    async def read(self, views: Views) -> int:
        """Fill the views: fewer bytes only at an end that server and connection agree on."""
        try:
            count = await self._data.fill(views)
        except Refused as refused:
            raise await self._why(refused) from None
        if count < sum(map(len, views)):
            self._data.close()  # some servers say nothing before our side of TLS has ended as well
            await self._conclude()
        return count

    async def write(self, views: Views) -> None:
        """Send the views."""
        try:
            await self._data.put(views)
        except Refused as refused:
            raise await self._why(refused) from None

    async def finish(self) -> None:
        """Say that all is sent, and wait until the server says that it has it."""
        self._all_sent = True
        self._data.finish()
        await self._conclude()

    async def _conclude(self) -> None:
        control = self._session.control
        control.changed = None
        answer = self._final
        try:
            while answer is None or answer.preliminary:
                answer = await control.reply()
        finally:
            self._end()
        self._final = answer
        if not answer.good:
            raise self._session.refused(answer, self._subject)

    @property
    def words(self) -> str:
        """What the server said at its end."""
        return "" if self._final is None else self._final.text

    async def _why(self, refused: Refused) -> Refused:
        """What the server says of a transfer that broke counts more than how it broke."""
        try:
            await self.abort()
        except Refused:
            return refused
        answer = self._final
        if answer is None or answer.good or refused.reason is Reason.DENIED:
            return refused
        return self._session.refused(answer, self._subject)

    async def abort(self) -> None:
        """Cut the data connection, and hear the server out; Refused when that cannot be."""
        if self.over:
            return
        control = self._session.control
        control.changed = None
        self._data.abort()
        self.over = True
        while self._final is None or self._final.preliminary:
            self._final = await control.reply(ABORTED)

    async def drop(self) -> None:
        """Cut it, if it is not over; the connection may be lost by that."""
        with suppress(Refused):
            await self.abort()

    def _end(self) -> None:
        self.over = True
        self._session.control.changed = None
        self._data.close()
