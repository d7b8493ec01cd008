"""The data channel of one session: where its next data connection comes from, and its use.

A client chooses the way (PASV, EPSV, PORT, EPRT) and gets one connection by it. Whatever else comes
from another address, or is asked for towards another address, is refused and told.
"""

from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.core.peer import UNKNOWN, Address, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.ftp.data_connection import Body, DataConnection
from mft.protocols.ftp.line import CLEAR
from mft.protocols.ftp.replies import NO_DATA, NO_REUSE, OTHER_CERTIFICATE, Told
from mft.runtime.connecting import connect
from mft.runtime.listeners import Offer
from mft.wire.ftp.address import Endpoint

if TYPE_CHECKING:
    from mft.protocols.ftp.control import Control

ANY_OF: Final = ("0.0.0.0", "::")  # noqa: S104 - where connections of ours begin: IPv4, IPv6
DATA: Final = "data"
NO_CERTIFICATE: Final = "none"


class DataChannel:
    """The one data connection that a session may have."""

    def __init__(self, control: "Control") -> None:
        self._control = control
        self._mode = ""  # the command that chose the way
        self._offer: Offer | None = None
        self._target: Endpoint | None = None
        self._connection: DataConnection | None = None
        self._arrival: Deferred[None] | None = None
        self._connecting: Deferred[Any] | None = None
        self._timer: Any = None
        self._seen = 0
        self._due = 0.0
        self.moving = False  # whether a transfer uses it

    # The way.

    def passive(self, mode: str) -> int:
        """Wait on a port for the client, and give the port; raises Refused(BUSY)."""
        self.close()
        control, options = self._control, self._control.hub.options
        self._mode = mode
        try:
            self._offer = control.hub.listeners.wait(
                self._place,
                options.passive_port_range,
                control.address.host,
                self,
                control.hub.proxies,
            )
        except Refused as refused:
            ports = options.passive_port_range
            control.emit(
                events.FTP_NO_PASSIVE_PORT,
                p.NoPassivePort(mode, f"{ports.start} - {ports.stop - 1}", refused.details),
            )
            raise
        port = self._offer.port
        control.note(events.FTP_PASSIVE_LISTENING, p.Port(port))
        control.note(events.FTP_PASSIVE_WAITING, p.DataAddress(mode, control.line.host.host, port))
        self._watch()
        return port

    @property
    def _place(self) -> str:
        """The address of ours that a client comes to, by a proxy or by itself."""
        control = self._control
        return control.hub.options.address if control.is_proxied else control.line.host.host

    def active(self, mode: str, target: Endpoint) -> None:
        """Connect to the client when the next transfer begins."""
        self.close()
        self._mode, self._target = mode, target

    @property
    def chosen(self) -> bool:
        """Whether there is a way to the next data connection."""
        return bool(self._offer or self._target or self._connection)

    # From the port that listens.

    def take(self, peer: Address) -> Any:
        """The client has come."""
        self._offer = None
        hub = self._control.hub
        return DataConnection(self, peer, hub.blocks)

    def stranger(self, peer: Address) -> None:
        """Somebody else came to the port."""
        control = self._control
        port = self._offer.port if self._offer else 0
        control.hub.bus.emit(
            events.FTP_STRANGER_REFUSED,
            p.Stranger(control.line.host.host, port, control.address.host),
            Origin(UNKNOWN, peer, control.hub.component),
        )

    def untold(self, proxy: Address, details: str) -> None:
        """A proxy came to the port, and has not told whose connection it is."""
        component = self._control.hub.component
        origin = Origin(UNKNOWN, proxy, component)
        self._control.hub.bus.emit(events.PROXY_HEADER_WRONG, p.Details(details), origin)

    # From the connection.

    def came(self, connection: DataConnection) -> None:
        """The connection is there."""
        self._connection = connection
        context = self._control.data_context
        if context is not None:
            connection.secure(context, self._control.session_id)
        self._control.note(events.FTP_DATA_OPENED, p.Endpoints(*connection.host, *connection.peer))
        self._arrived()

    def went(self, connection: DataConnection) -> None:
        """It has gone unused; whoever asks for a transfer hears of it then."""
        self._tell_end(connection, None, None)

    def secured(self, connection: DataConnection) -> None:
        """Its TLS is there: is it the client's?"""
        control = self._control
        if control.hub.options.ftps_require_session_reuse and not connection.resumed:
            details = "the TLS session is not one of the control connection"
            control.emit(
                events.FTP_TLS_NOT_REUSED, p.CommandFailed(control.conversation.shown, details)
            )
            raise Told(NO_REUSE, details)
        if connection.peer_certificate != control.peer_certificate:
            details = "the client's certificate is not that of the control connection"
            self.insecure(details)
            raise Told(OTHER_CERTIFICATE, details)
        control.note(
            events.FTP_TLS_READY, p.ChannelReady(DATA, connection.cipher, control.certificate)
        )

    def insecure(self, details: str) -> None:
        """Its TLS broke."""
        self._control.emit(events.FTP_TLS_FAILED, p.ChannelFailed(DATA, details))

    # Waiting for it.

    def _arrived(self) -> None:
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            arrival.callback(None)

    async def arrival(self) -> None:
        """Wait until the client has come to the passive port, or will not any more."""
        if self._offer is not None and self._connection is None:
            self._arrival = Deferred()
            await self._arrival

    async def _opened(self) -> DataConnection:
        target, self._target = self._target, None
        if target is not None:
            await self._connect(target)
        else:
            await self.arrival()
        connection = self._connection
        if connection is not None and connection.refused is not None:
            raise connection.refused
        if connection is None or not connection.alive:
            raise Told(NO_DATA, "the client did not connect, or has left")
        return connection

    async def _connect(self, target: Endpoint) -> None:
        control, options = self._control, self._control.hub.options
        # By which of our addresses the client can be reached says no proxy.
        ours = ANY_OF[":" in target.host] if control.is_proxied else control.line.host.host
        source = Address(ours, options.active_source_port)
        ends = (target.host, target.port, *source)
        protocol: Any = DataConnection(self, Address(*target), control.hub.blocks)
        self._connecting = Deferred.fromCoroutine(
            connect(
                control.hub.reactor,
                source,
                Address(*target),
                protocol,
                options.idle_data_connection_timeout,
            )
        )
        try:
            await self._connecting
        except Refused as refused:
            control.emit(events.FTP_ACTIVE_FAILED, p.ActiveFailed(*ends, refused.details))
            raise Told(NO_DATA, refused.details) from None
        finally:
            self._connecting = None
        control.note(events.FTP_ACTIVE_CONNECTED, p.ActiveConnected(*ends))

    # Its use.

    async def move(self, body: Body) -> None:
        """Let a transfer use the data connection to its end; raises Refused when it breaks."""
        control = self._control
        self.moving = True
        began = control.hub.reactor.seconds()
        try:
            connection = await self._opened()
            self._watch()
            try:
                await connection.run(body, control.data_context, control.session_id)
            except Refused as refused:
                self._tell_end(connection, began, refused)
                raise
            self._tell_end(connection, began, None)
        finally:
            self.moving = False
            self.close()

    def _tell_end(
        self, connection: DataConnection, began: float | None, refused: Refused | None
    ) -> None:
        """Tell the one closing event of a data connection; `began` is None where nobody used it."""
        if connection.told_end:
            return
        connection.told_end = True
        control = self._control
        now = control.hub.reactor.seconds()
        duration = max(now - (now if began is None else began), 1e-6)
        facts = (
            connection.cipher or CLEAR,
            connection.received,
            connection.sent,
            int(connection.moved / duration),
            round(duration, 3),
            *connection.host,
            *connection.peer,
            control.certificate,
        )
        if refused is None:
            control.emit(events.FTP_DATA_CLOSED, p.DataClosed(*facts))
        else:
            control.emit(events.FTP_DATA_BROKE, p.DataBroke(*facts, refused.details))

    def abort(self, details: str) -> None:
        """End the transfer that runs, if one does, and forget the way."""
        if self.moving and self._connection is not None:
            self._connection.fail(Refused(Reason.ABORTED, "", details))
        else:
            self.close()

    def close(self) -> None:
        """Forget the way, and close a connection that nobody uses."""
        if self._offer is not None:
            self._offer.cancel()
            self._offer = None
        self._target = None
        if self._connecting is not None:
            self._connecting.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            self._tell_end(connection, None, None)
        self._arrived()

    @property
    def moved(self) -> int:
        """Bytes that the connection has moved."""
        return 0 if self._connection is None else self._connection.moved

    # Its clock.

    def _watch(self) -> None:
        """Time begins anew. A timer that runs is left to ring, and looks how much is left."""
        hub = self._control.hub
        self._seen = self._connection.moved if self._connection else 0
        self._due = hub.reactor.seconds() + hub.options.idle_data_connection_timeout
        if self._timer is None:
            self._timer = hub.reactor.callLater(
                hub.options.idle_data_connection_timeout, self._rang
            )

    def stop(self) -> None:
        """Close everything, for good."""
        self.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rang(self) -> None:
        self._timer = None
        offer, connection = self._offer, self._connection
        left = self._due - self._control.hub.reactor.seconds()
        if left > 0 and (offer or connection):
            self._timer = self._control.hub.reactor.callLater(left, self._rang)
        elif connection is not None:
            self._look_at(connection)
        elif offer is not None:
            self._nobody_came(offer)

    def _look_at(self, connection: DataConnection) -> None:
        session = self._control.session
        waited = session is not None and session.has_waited()
        moves = connection.busy or connection.moved != self._seen or waited
        if moves and self.moving:
            self._watch()
            return
        ends = p.Endpoints(*connection.host, *connection.peer)
        self._control.emit(events.FTP_DATA_IDLE, ends)
        self.abort("nothing moved on the data connection for too long")

    def _nobody_came(self, offer: Offer) -> None:
        host = self._control.line.host.host
        told = p.DataAddressFailed(self._mode, host, offer.port, "it was given up")
        self._control.emit(events.FTP_PASSIVE_UNUSED, told)
        self.close()
