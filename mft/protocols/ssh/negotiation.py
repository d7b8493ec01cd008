"""What a key exchange agrees on, and what it leaves behind (RFC 4253 7.1, 7.2)."""

from collections.abc import Sequence

from mft.wire.ssh import groups, names, record


class Keys:
    """Where Conch puts derived keys; makes sealer and opener of them."""

    def __init__(self, outgoing: record.Suite, incoming: record.Suite) -> None:
        self.outgoing = outgoing
        self.incoming = incoming

    def setKeys(  # noqa: N802 - called by Conch
        self,
        out_iv: bytes,
        out_key: bytes,
        in_iv: bytes,
        in_key: bytes,
        out_mac: bytes,
        in_mac: bytes,
    ) -> None:
        """Take the derived keys, each longer than needed (RFC 4253 7.2)."""
        self.sealer = record.sealer(self.outgoing, out_key, out_iv, out_mac)
        self.opener = record.opener(self.incoming, in_key, in_iv, in_mac)


class Group:
    """The Diffie-Hellman group that a client is given, as Conch asks its factory for it."""

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def getDHPrime(self, _: int) -> tuple[int, int]:  # noqa: N802 - called by Conch
        """Generator and prime."""
        return groups.GENERATOR, groups.prime(self._bits)


def nothing_in_common(
    lists: Sequence[list[str]], ours: names.Algorithms, host_keys: Sequence[str]
) -> tuple[str, list[str], list[str]] | None:
    """The first kind of algorithm that both sides do not share, with both lists; None if all do.

    `lists` are the ten name-lists of the client's KEXINIT. A cipher that authenticates by itself
    needs no MAC in common.
    """
    offered: list[tuple[str, list[str], Sequence[str]]] = [
        ("key exchange", lists[0], ours.kex),
        ("host key", lists[1], host_keys),
        ("cipher", lists[2], ours.ciphers),
        ("cipher", lists[3], ours.ciphers),
        ("compression", lists[6], ("none",)),
        ("compression", lists[7], ("none",)),
    ]
    for ciphers, macs in ((lists[2], lists[4]), (lists[3], lists[5])):
        if names.choose(ciphers, ours.ciphers) not in names.AEAD:
            offered.append(("MAC", macs, ours.macs))
    for kind, theirs, mine in offered:
        if names.choose(theirs, mine) is None:
            return kind, theirs, list(mine)
    return None
