"""What Conch remarks on a connection: five lines at each login, and rare surprises."""

from typing import Any

from twisted.logger import Logger

_log = Logger()


class Remarks:
    """Stands where Conch has its logger; events tell what an administrator needs to know."""

    def debug(self, *_: Any, **__: Any) -> None:
        """Forget it."""

    def info(self, *_: Any, **__: Any) -> None:
        """Forget it."""

    def warn(self, remark: str, **facts: Any) -> None:
        """Log what Conch did not expect."""
        _log.warn(remark, **facts)

    def error(self, remark: str, **facts: Any) -> None:
        """Log what Conch could not do."""
        _log.error(remark, **facts)
