"""Servers of others over SFTP: the connector, and the tree at its end."""

import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.remote.base import REPLY_TIMEOUT, Identity, OtherIdentityError, Parts, Remote
from mft.remote.sftp_options import SftpOptions
from mft.remote.sftp_session import SftpSession
from mft.remote.sftp_tree import SftpTree
from mft.remote.ssh_above import Agreement
from mft.remote.ssh_connection import SshConnection
from mft.remote.ssh_login import Credentials
from mft.runtime.buffers import INLET_SIZE, Buffers
from mft.runtime.proxied import Target, reach
from mft.runtime.ssh_batches import Batches
from mft.trust.server_identity import Known, algorithms, proved, read_line, refusal
from mft.trust.ssh_certificates import Certificate
from mft.trust.ssh_keys import HostKey, PublicKey

Reach = Callable[..., Coroutine[Any, Any, Any]]  # as mft.runtime.proxied has it

IDENTITY: Final = "SSH host key"


class _HostJudge:
    """Who the server of one connection must be, and who it has proved to be."""

    def __init__(self, where: str, host: str, known: tuple[Known, ...], trusting: bool) -> None:
        self.shown: PublicKey | Certificate | None = None
        self._where = where
        self._host = host
        self.known = known
        self.trusting = trusting  # nothing is known, and what is shown first is trusted

    def __call__(self, blob: bytes, signature: bytes, hashed: bytes, algorithm: str) -> None:
        """Judge one key exchange; raises Refused(DENIED), or Malformed for a wrong signature."""
        shown = proved(blob, signature, hashed, algorithm)
        if self.shown is not None and self.shown.blob != shown.blob:
            details = f"the server changed its key to {shown.fingerprint} while it was connected"
            raise OtherIdentityError(Reason.DENIED, self._where, details)
        if not (self.trusting and isinstance(shown, PublicKey)):
            why = refusal(shown, self.known, self._host, time.time())
            if why is not None:
                raise OtherIdentityError(Reason.DENIED, self._where, why)
        self.shown = shown


class SftpConnector:
    """Makes connections to one location over SFTP."""

    def __init__(
        self, component: Component, options: SftpOptions, parts: Parts, reach: Reach = reach
    ) -> None:
        self.component = component
        self._reach = reach
        self._options = options
        self._parts = parts
        self._target = Target(options.address, options.port, options.proxy)
        self._inlets = Buffers(INLET_SIZE, 1)  # taken for the length of one turn
        self._batches = Batches()

    async def connect(self, folder: str) -> Remote:
        """Connect, see who is there, and log in; paths then begin at `folder`.

        Raises Refused: DENIED where the server's identity or our login is refused.
        """
        options = self._options
        key = await self._key()
        judge = await self._judge()
        offered = algorithms(judge.known, options.algorithms.host_keys)
        agreement = Agreement(options.algorithms, offered, judge)
        where = str(self._target)
        reactor = self._parts.reactor
        connection = SshConnection(reactor, agreement, where, self._inlets, self._batches)
        await self._reach(
            reactor, self._parts.outside, self._target, connection.transport, REPLY_TIMEOUT
        )
        try:
            await connection.keyed()
            shown = judge.shown
            if judge.trusting and isinstance(shown, PublicKey):
                await self._keep(shown)
            old_rsa = "ssh-rsa" in options.algorithms.host_keys
            credentials = Credentials(options.username, options.password, key, old_rsa)
            await connection.log_in(credentials)
            session = SftpSession(reactor, connection, options.ssh_payload_length)
            await session.begin()
            return await SftpTree.rooted(session, folder, self._identity(connection, judge))
        except BaseException as error:
            refused = error if isinstance(error, Refused) else None
            connection.transport.end(refused or connection.transport.refused("given up"))
            raise

    async def _key(self) -> HostKey | None:
        path = self._options.ssh_client_key
        if path is None:
            return None
        word = self._options.ssh_client_key_passphrase or None
        try:
            return await self._parts.disk(HostKey.load, path, word)
        except (OSError, ValueError) as error:
            raise Refused(Reason.BROKEN, str(path), f"the key cannot be used: {error}") from None

    async def _judge(self) -> _HostJudge:
        known = self._options.known
        if self._options.trusts_the_first:
            kept = await self._parts.first_seen.of(self.component.uuid)
            if kept is not None:
                known = (*known, _kept(kept))
        trusting = self._options.trusts_the_first and not known
        return _HostJudge(str(self._target), self._options.address, known, trusting)

    async def _keep(self, shown: PublicKey) -> None:
        """Trust the key from now on."""
        await self._parts.first_seen.keep(self.component.uuid, shown.line())

    def _identity(self, connection: SshConnection, judge: _HostJudge) -> Identity:
        transport = connection.transport
        agreed = transport.agreed
        words = [transport.their_version.decode("ascii", "replace")]
        if agreed is not None:
            suite = agreed.outgoing
            words += [agreed.kex, agreed.host_key, suite.cipher, suite.mac]
        shown = judge.shown
        told = "" if shown is None else shown.fingerprint
        return Identity(IDENTITY, told, ", ".join(word for word in words if word))


def _kept(text: str) -> Known:
    try:
        return read_line(text)
    except ValueError as problem:
        raise Refused(Reason.BROKEN, "", f"what was trusted first {problem}") from None
