"""What Conch says in passing is not logged; what it did not expect is."""

from typing import Any

from twisted.logger import globalLogPublisher

from mft.protocols.ssh.remarks import Remarks


def test_only_surprises_are_logged() -> None:
    logged: list[Any] = []
    globalLogPublisher.addObserver(logged.append)
    try:
        remarks = Remarks()
        remarks.debug("kex alg={alg!r}", alg=b"curve25519-sha256")
        remarks.info("connection lost")
        remarks.warn("{what} came", what="something")
        remarks.error("{what} failed", what="something")
    finally:
        globalLogPublisher.removeObserver(logged.append)
    assert [(one["log_level"].name, one["log_format"]) for one in logged] == [
        ("warn", "{what} came"),
        ("error", "{what} failed"),
    ]
