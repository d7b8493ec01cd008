"""What speaks above an SSH transport of ours, and what the transport is told to offer."""

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from mft.core.failure import Refused
from mft.wire.ssh import names

MAX_SHOWN: Final = 200  # characters of a server's text that are told

# Judges a server's key or certificate, and the algorithm that it signed by; raises Refused.
Judge = Callable[[bytes, bytes, bytes, str], None]


class Above(Protocol):
    """What speaks above the packets."""

    def keys_changed(self) -> None:
        """A key exchange is done; the first one says that a login may begin."""

    def message(self, kind: int, payload: memoryview) -> None:
        """A message that is not the transport's own; raises Malformed."""

    def data(self, payload: memoryview) -> None:
        """CHANNEL_DATA after the login; its bytes are good until `turn_ended`."""

    def turn_ended(self) -> None:
        """Everything that came in this turn was taken."""

    def pump(self) -> bool:
        """The socket has taken everything: send more, and tell whether there was more."""

    def lost(self, refused: Refused) -> None:
        """The connection is gone, and this is why."""


class Agreement(NamedTuple):
    """What a transport offers, and how it judges who answers."""

    algorithms: names.Algorithms
    host_keys: tuple[str, ...]  # algorithms, the best first; those of certificates among them
    judge: Judge


def shown(text: bytes) -> str:
    """A server's text as it may stand in a sentence: printable, and not long."""
    plain = text[: MAX_SHOWN * 4].decode("utf-8", "replace")
    if plain.isprintable():
        return plain[:MAX_SHOWN].strip()
    return "".join(one if one.isprintable() else "?" for one in plain)[:MAX_SHOWN].strip()
