"""`type = ftp`, `ftpse` and `ftpsi`: connections to FTP servers, in clear and over TLS."""

from time import time
from typing import Any, Final

from OpenSSL import SSL
from twisted.logger import Logger

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import VPath
from mft.remote.base import Identity, Parts
from mft.remote.ftp_control import ROOM, Control
from mft.remote.ftp_listing import Times
from mft.remote.ftp_looking import Looks
from mft.remote.ftp_options import FtpServerOptions, FtpsiOptions, FtpsServerOptions
from mft.remote.ftp_session import Session
from mft.remote.ftp_transfer import Channel, Security
from mft.remote.ftp_tree import FtpTree, below
from mft.remote.hosts import addresses, reach
from mft.runtime.buffers import INLET_SIZE, Buffers
from mft.trust.certificates import fingerprint

log = Logger()

KEPT: Final = 4  # free buffers that a location keeps: 2 MiB
MAX_SOFTWARE: Final = 200  # characters of a greeting that people are shown
IN_CLEAR: Final = "in clear"


class FtpConnector:
    """Makes connections to one FTP server."""

    def __init__(self, component: Component, options: FtpServerOptions, parts: Parts) -> None:
        self.component = component
        self._options = options
        self._parts = parts
        self._rooms = Buffers(INLET_SIZE, KEPT)
        self._lines = Buffers(ROOM, KEPT)
        self._times = Times()
        self._context: SSL.Context | None = None

    async def connect(self, folder: str) -> FtpTree:
        """Connect, prove who is who, log in, and learn what the server can do."""
        options, parts = self._options, self._parts
        security = await self._security()
        targets = await addresses(
            parts.reactor, parts.outside, options.address, options.effective_port
        )
        note = self._note if options.debug else None
        secrets = (options.password, options.acct)
        control = Control(parts.reactor, self._lines, secrets, note)
        protocol: Any = control
        await reach(parts.reactor, targets, protocol)
        session = Session(control)
        try:
            await self._begin(session, security)
            tree = self._tree(session, security, folder)
            if folder:
                await tree.enter()
            return tree
        except BaseException:
            control.lose("it was given up")
            raise

    async def _begin(self, session: Session, security: Security | None) -> None:
        options, control = self._options, session.control
        implicit = isinstance(options, FtpsiOptions)
        if security is not None and implicit:
            await control.secure(security.context, security.judge())
        await session.greet()
        if security is not None and not implicit:
            await session.start_tls()
            await control.secure(security.context, security.judge())
        await session.log_in(options.username, options.password, options.acct)
        if security is not None:
            await session.protect(must=not implicit)
        await session.set_up()

    def _tree(self, session: Session, security: Security | None, folder: str) -> FtpTree:
        options = self._options
        base = VPath.parse(folder, VPath.parse(session.folder))
        channel = Channel(
            self._parts.reactor,
            session,
            self._rooms,
            security,
            told_address=not options.ignore_passive_address,
        )
        looks = Looks(
            channel,
            lambda path: below(str(base), path),
            self._times,
            time,
            machine=options.prefer_machine_listing,
        )
        return FtpTree(channel, looks, base, _identity(session))

    async def _security(self) -> Security | None:
        options = self._options
        if not isinstance(options, FtpsServerOptions):
            return None
        if self._context is None:
            try:
                self._context = await self._parts.outside(options.context)
            except ValueError as error:
                raise Refused(Reason.DENIED, "", f"TLS cannot be used: {error}") from None
        pins = frozenset(options.ssl_server_identity)
        return Security(self._context, options.address, pins, options.ftps_reuse_session)

    def _note(self, line: str) -> None:
        log.info("{location} {line}", location=self.component.name, line=line)


def build(component: Component, options: Any, parts: Parts) -> FtpConnector:
    """Make the connector of a location."""
    return FtpConnector(component, options, parts)


def _identity(session: Session) -> Identity:
    software = session.software[:MAX_SOFTWARE]
    engine = session.control.engine
    if engine is None:
        return Identity("", "", f"{software} {IN_CLEAR}".strip())
    shown = fingerprint(engine.peer_certificate)
    return Identity("certificate", shown, f"{software} {engine.cipher}".strip())
