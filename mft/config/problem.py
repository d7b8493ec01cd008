"""Problem: what is wrong in a configuration file, where, and what would be right."""

from enum import Enum
from typing import NamedTuple

MAX_SHOWN = 200  # characters of a wrong value in a problem: a path is whole, the rest is cut


class Severity(Enum):
    """Whether the server may start: never with an error, always with warnings."""

    ERROR = "error"
    WARNING = "warning"


class Problem(NamedTuple):
    """One thing to set right. `value` is None when there is none, or when it is a secret.

    `remedy` continues the sentence: after `option = "value"` when there is a value, else after
    the section's name. Line 0 means the file as a whole.
    """

    file: str
    line: int
    section: str
    option: str
    value: str | None
    remedy: str
    severity: Severity = Severity.ERROR

    @property
    def is_error(self) -> bool:
        """Whether the configuration cannot be used before this is set right."""
        return self.severity is Severity.ERROR

    def __str__(self) -> str:
        """Give the one line that an administrator reads: `server.ini:3: [section] sentence`."""
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        mark = "" if self.is_error else "warning: "
        section = f"[{shown(self.section)}] " if self.section else ""
        what = "" if self.value is None else f'{self.option} = "{shown(self.value)}" '
        return f"{where}{mark}{section}{what}{self.remedy}"


def shown(text: str) -> str:
    """Cut text to MAX_SHOWN characters of one line, with anything unprintable escaped."""
    line, newline, _ = text.strip().partition("\n")
    cut = line[:MAX_SHOWN]
    safe = "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut)
    return safe + ("..." if newline or len(line) > MAX_SHOWN else "")
