"""What the connections of one SSH service share: its options, keys, pools, and who is here."""

from collections import Counter
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any, Final
from uuid import uuid4

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mft.core.peer import Address, Component
from mft.protocols.base import ServiceParts
from mft.protocols.ssh.events import NUMBERS
from mft.protocols.ssh.options import SshOptions
from mft.protocols.ssh.packets import Batches
from mft.protocols.ssh.peer import Peer
from mft.runtime.buffers import INLET_SIZE, Buffers
from mft.session.login import Login
from mft.trust.ssh_keys import HostKey
from mft.wire.ssh import names

SOURCE_PREFIX: Final = 64  # bits of an IPv6 address that count as one source


class SigningKey:
    """A host key in the shape in which Conch asks for one."""

    def __init__(self, key: HostKey) -> None:
        self._key = key

    def blob(self) -> bytes:
        """The public key (RFC 4253 6.6)."""
        return self._key.public.blob

    def sign(self, data: bytes, signatureType: bytes) -> bytes:  # noqa: N803 - named by Conch
        """A signature blob with its algorithm's name."""
        return self._key.sign(data, signatureType.decode())


class Hub:
    """Shared by every connection of one service."""

    def __init__(
        self,
        options: SshOptions,
        component: Component,
        host_keys: Sequence[HostKey],
        parts: ServiceParts,
        version: bytes,
        ended: Callable[[], None],
    ) -> None:
        self.options = options
        self.component = component
        self.host_keys = tuple(host_keys)
        self.bus = parts.bus
        self.reactor = parts.reactor
        self.roster = parts.roster
        self.version = version
        self.algorithms = options.algorithms
        self.host_key_algorithms = tuple(
            name
            for name in self.algorithms.host_keys
            if any(name in key.public.algorithms for key in host_keys)
        )
        self.user_key_algorithms = names.USER_KEYS + (
            ("ssh-rsa",) if "ssh-rsa" in self.algorithms.host_keys else ()
        )
        self.inlets = Buffers(INLET_SIZE)
        self.batches = Batches()
        self.password_prompt = _prompt(options.keyboard_interactive_message)
        self.peers: set[Peer] = set()
        self.finishing = 0  # connections that are gone, and whose files are still being closed
        self._unauthenticated: Counter[str] = Counter()
        self._logins = parts.logins
        self._ended = ended
        self._signers = {
            name: SigningKey(key) for key in host_keys for name in key.public.algorithms
        }
        self._log = Logger()

    def host_key(self, algorithm: str) -> SigningKey:
        """The key that signs by this algorithm."""
        return self._signers[algorithm]

    def login(self, peer: Address) -> Login:
        """A login for one connection."""
        return self._logins(peer, self.component, NUMBERS, self.options.maximum_open_files)

    def broke(self, what: str, failure: Any) -> str:
        """Log a fault of ours with its trace, and give the id under which it is found."""
        identity = uuid4().hex[:8]
        found = failure if isinstance(failure, Failure) else Failure(Exception(str(failure)))
        self._log.failure("{what} broke ({identity})", found, what=what, identity=identity)
        return identity

    # Who is here.

    def unauthenticated(self, peer: Address) -> int:
        """How many connections of this source have not logged in yet."""
        return self._unauthenticated[_source(peer)]

    def add(self, peer: Peer) -> None:
        """A connection was accepted."""
        self.peers.add(peer)
        self._unauthenticated[_source(peer.address)] += 1

    def has_logged_in(self, peer: Peer) -> None:
        """A connection has logged in."""
        self._forget_source(peer)

    def forget(self, peer: Peer) -> None:
        """A connection is gone."""
        self.peers.discard(peer)
        if not peer.logged_in:
            self._forget_source(peer)
        self._ended()

    def ending(self, deferred: "Deferred[None]") -> None:
        """Wait for the files of a connection that is gone; `stop` does not end before them."""
        self.finishing += 1

        def finished(result: Any) -> None:
            self.finishing -= 1
            if isinstance(result, Failure):
                self.broke("closing a session", result)
            self._ended()

        deferred.addBoth(finished)

    def _forget_source(self, peer: Peer) -> None:
        source = _source(peer.address)
        self._unauthenticated[source] -= 1
        if self._unauthenticated[source] <= 0:
            del self._unauthenticated[source]


def _source(peer: Address) -> str:
    """What counts as one source: an IPv4 address, or an IPv6 network of 64 bits."""
    ip = ip_address(peer.host)
    return peer.host if ip.version == 4 else str(int(ip) >> SOURCE_PREFIX)


def _prompt(text: str) -> tuple[str, str, str]:
    """Title, instruction and prompt: the last line is the prompt, the first of more the title."""
    lines = text.splitlines() or ["Password:"]
    title = lines[0] if len(lines) > 1 else ""
    return title, "\n".join(lines[1:-1]), lines[-1].rstrip() + " "
