"""Faults of ours: the trace goes into the log under an id, and the peer hears the id only."""

from typing import Any, Final
from uuid import uuid4

from twisted.logger import Logger
from twisted.python.failure import Failure

_LOG: Final = Logger("mft.protocols")


def broke(what: str, failure: Any) -> str:
    """Log a fault with its trace, and give the id under which it is found."""
    identity = uuid4().hex[:8]
    found = failure if isinstance(failure, Failure) else Failure(Exception(str(failure)))
    _LOG.failure("{what} broke ({identity})", found, what=what, identity=identity)
    return identity
