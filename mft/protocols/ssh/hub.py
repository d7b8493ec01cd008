"""What the connections of one SSH service share: its options, keys, pools, and who is here."""

from collections.abc import Sequence

from mft.core.peer import Address, Component
from mft.protocols.base import ServiceParts
from mft.protocols.presence import Presence
from mft.protocols.ssh.events import NUMBERS
from mft.protocols.ssh.options import SshOptions
from mft.protocols.ssh.peer import Peer
from mft.protocols.ssh.revoked import Revoked
from mft.runtime.buffers import INLET_SIZE, Buffers
from mft.runtime.ssh_batches import Batches
from mft.session.login import Login
from mft.session.opening import Limits
from mft.trust.ssh_keys import HostKey
from mft.wire.ssh import names


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
        parts: ServiceParts,
        version: bytes,
    ) -> None:
        """`use` gives it its host keys, before the first connection comes."""
        self.options = options
        self.component = component
        self.host_keys: tuple[HostKey, ...] = ()
        self.host_key_algorithms: tuple[str, ...] = ()
        self.bus = parts.bus
        self.reactor = parts.reactor
        self.roster = parts.roster
        self.version = version
        self.algorithms = options.algorithms
        self.user_key_algorithms = names.USER_KEYS + (
            ("ssh-rsa",) if "ssh-rsa" in self.algorithms.host_keys else ()
        )
        self.inlets = Buffers(INLET_SIZE)
        self.batches = Batches()
        self.password_prompt = _prompt(options.keyboard_interactive_message)
        self.presence: Presence[Peer] = Presence()
        self.revoked = Revoked(options.ssh_revoked_keys, component, parts)
        self._logins = parts.logins
        self._signers: dict[str, SigningKey] = {}

    def use(self, host_keys: Sequence[HostKey]) -> None:
        """Be known to clients by these keys."""
        self.host_keys = tuple(host_keys)
        self._signers = {
            name: SigningKey(key) for key in host_keys for name in key.public.algorithms
        }
        self.host_key_algorithms = tuple(
            name for name in self.algorithms.host_keys if name in self._signers
        )

    def host_key(self, algorithm: str) -> SigningKey:
        """The key that signs by this algorithm."""
        return self._signers[algorithm]

    def login(self, peer: Address) -> Login:
        """A login for one connection."""
        options = self.options
        limits = Limits(options.maximum_open_files, options.maximum_sessions_per_source)
        return self._logins(peer, self.component, NUMBERS, limits)


def _prompt(text: str) -> tuple[str, str, str]:
    """Title, instruction and prompt: the last line is the prompt, the first of more the title."""
    lines = text.splitlines() or ["Password:"]
    title = lines[0] if len(lines) > 1 else ""
    return title, "\n".join(lines[1:-1]), lines[-1].rstrip() + " "
