"""`mft init` that is killed: see `killed`."""

from functools import cache
from pathlib import Path

from mft.auth.passwords import BCRYPT, make_hash
from mft.core.secret import Secret
from mft.daemon import initialise as room
from mft.trust.ssh_keys import HostKey
from tests.fakes.killed import arm
from tests.fakes.killed_imports import CALLS


@cache
def _key(kind: str) -> HostKey:
    return HostKey.generate("ed25519")  # whatever is asked for: RSA takes a second


@cache
def _hash(password: str) -> str:
    return make_hash(password, BCRYPT, 4)


class _Keys:
    generate = staticmethod(_key)


def plan(directory: Path) -> room.Plan:
    """What is made."""
    return room.Plan(directory, "node", "ann", Secret("correct horse"), "127.0.0.1", 20000)


def initialise_into(directory: Path, at_call: int) -> None:
    """Make an instance in this process, which ends before a call."""
    room.HostKey, room.make_hash = _Keys, _hash  # type: ignore[misc,assignment]  # quick ones
    room.first_certificate = cache(room.first_certificate)
    arm(at_call, CALLS)
    room.initialise(plan(directory))


def initialise_once(directory: Path) -> None:
    """One to its end, so that everything it needs is there."""
    initialise_into(directory, 0)
