"""Who talks over a connection, as the line that carries its bytes sees it."""

from typing import Protocol


class Gone(Exception):  # noqa: N818 - the end of a conversation, not an error
    """There is nobody to talk to any more."""


class Talker(Protocol):
    """What a line tells the one who talks over it."""

    def came(self) -> None:
        """The client is there; now TLS may be begun."""

    def heard(self) -> None:
        """Something came."""

    def tls_ready(self) -> None:
        """TLS is there."""

    def tls_failed(self, details: str) -> None:
        """TLS broke; the connection is about to be closed."""

    def went(self, *, clean: bool) -> None:
        """The client has gone; `clean` when it, or we, closed the connection."""
