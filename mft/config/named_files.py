"""Which files belong to the configuration because a value names them: what another node needs.

A kind whose values name files says by one of these functions which of them are read, and so have to
be where server.ini is. Homes, logs and databases are data: their kinds say `as_data`. A law test
finds kinds that name files and say nothing.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any


def as_data(value: Any) -> Iterable[Path]:
    """None: what the value names is data, which is nobody's configuration."""
    return ()


def as_paths(value: Any) -> Iterable[Path]:
    """A path, or every path among several values; text of PEM, URLs and secrets are none."""
    values = value if isinstance(value, tuple) else (value,)
    return tuple(one for one in values if isinstance(one, Path))


def as_program(words: Any) -> Iterable[Path]:
    """A program by its whole path, and the files that its arguments name."""
    named = bool(words) and words[0].startswith("/") and "{" not in words[0]
    return (*([Path(words[0])] if named else []), *as_arguments(words[1:]))


def as_arguments(words: Any) -> Iterable[Path]:
    """Words that are whole paths of files, such as a script that an interpreter is given."""
    paths = (Path(word) for word in words if word.startswith("/") and "{" not in word)
    return tuple(path for path in paths if _is_file(path))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a word that no file system takes
        return False
