"""KEXINIT: what one side offers, and what a client and a server agree on (RFC 4253 7.1)."""

from typing import Final, NamedTuple

from mft.wire.buffer import Reader, Writer
from mft.wire.ssh import names, record
from mft.wire.ssh.numbers import Message

COOKIE: Final = 16  # bytes
LISTS: Final = 10
MAX_TOLD: Final = 600  # characters of a peer's list that are told


class NothingInCommon(Exception):  # noqa: N818 - told to the administrator as it is
    """Both sides are right, but have no algorithm of one kind in common."""

    def __init__(self, kind: str, theirs: list[str], ours: tuple[str, ...]) -> None:
        shown = ", ".join(theirs)
        if len(shown) > MAX_TOLD:
            shown = f"{shown[:MAX_TOLD].rpartition(', ')[0]}, ..."
        super().__init__(f"no {kind} in common: it offers {shown}; we offer {', '.join(ours)}")


class Offer(NamedTuple):
    """One side's KEXINIT."""

    kex: list[str]
    host_keys: list[str]
    ciphers: tuple[list[str], list[str]]  # from client to server, from server to client
    macs: tuple[list[str], list[str]]
    compressions: tuple[list[str], list[str]]
    guesses: bool  # the first message of a guessed key exchange follows

    @classmethod
    def parse(cls, body: bytes | memoryview) -> "Offer":
        """Read what stands after the message's number; raises Malformed."""
        reader = Reader(body)
        reader.take(COOKIE)
        lists = [reader.name_list() for _ in range(LISTS)]
        guesses = reader.boolean()
        reader.u32()
        return cls(
            lists[0],
            lists[1],
            (lists[2], lists[3]),
            (lists[4], lists[5]),
            (lists[6], lists[7]),
            guesses,
        )


class Agreed(NamedTuple):
    """What a client and a server use from here on."""

    kex: str
    host_key: str
    outgoing: record.Suite  # from the client to the server
    incoming: record.Suite
    wrong_guess: bool  # the server's next message is to be passed over


def payload(ours: names.Algorithms, host_keys: tuple[str, ...], cookie: bytes, kex: str) -> bytes:
    """A client's whole KEXINIT message; `kex` are further names between commas, no algorithms."""
    out = Writer(bytes((Message.KEXINIT,)) + cookie)
    lists = (
        (*ours.kex, *kex.split(",")),
        host_keys,
        ours.ciphers,
        ours.ciphers,
        ours.macs,
        ours.macs,
        ("none",),
        ("none",),
        (),
        (),
    )
    for each in lists:
        out.name_list(each)
    out.boolean(False)
    out.u32(0)
    return out.finish()


def agree(theirs: Offer, ours: names.Algorithms, host_keys: tuple[str, ...]) -> Agreed:
    """What our client and a server agree on; the client's order decides. Raises NothingInCommon.

    A cipher that authenticates by itself needs no MAC in common.
    """
    kex = _choose("key exchange", ours.kex, theirs.kex)
    host_key = _choose("host key algorithm", host_keys, theirs.host_keys)
    suites = []
    for ciphers, macs, compressions in zip(
        theirs.ciphers, theirs.macs, theirs.compressions, strict=True
    ):
        cipher = _choose("cipher", ours.ciphers, ciphers)
        mac = "" if cipher in names.AEAD else _choose("MAC", ours.macs, macs)
        _choose("compression", ("none",), compressions)
        suites.append(record.suite(cipher, mac))
    guessed = theirs.kex[:1] == [kex] and theirs.host_keys[:1] == [host_key]
    return Agreed(kex, host_key, suites[0], suites[1], theirs.guesses and not guessed)


def _choose(kind: str, ours: tuple[str, ...], theirs: list[str]) -> str:
    chosen = names.choose(ours, theirs)
    if chosen is None:
        raise NothingInCommon(kind, theirs, ours)
    return chosen
