"""What an account may do with an entry, as the letters of the `perm` fact (RFC 3659 7.5.5)."""

from collections.abc import Sequence
from typing import Final

from mft.auth.permissions import Operation, Rules
from mft.core.vpath import ROOT, VPath
from mft.vfs.base import Entry

# A name that a new entry of a folder could have: rules may judge it otherwise than the folder.
ANY_NAME: Final = "new"
Rows = Sequence[tuple[str, Sequence[Operation]]]  # each letter, and what any one of gives it

_FILE: Final[Rows] = (
    ("a", (Operation.WRITE,)),
    ("d", (Operation.DELETE_FILE,)),
    ("f", (Operation.RENAME,)),
    ("r", (Operation.READ,)),
    ("w", (Operation.WRITE,)),
)
_ROOT: Final[Rows] = (
    ("e", (Operation.TRAVERSE, Operation.LIST, Operation.READ_ATTRIBUTES)),
    ("l", (Operation.LIST, Operation.TRAVERSE)),
)
_FOLDER: Final[Rows] = (
    ("d", (Operation.DELETE_FOLDER,)),
    ("f", (Operation.RENAME,)),
    *_ROOT,
)
_WITHIN: Final[Rows] = (
    ("c", (Operation.WRITE,)),
    ("m", (Operation.CREATE_FOLDER,)),
    ("p", (Operation.DELETE_FILE, Operation.DELETE_FOLDER)),
)


class Letters:
    """The letters of one account's rules. They are a hint: what is asked for is judged anew."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._by_path = rules.by_path
        # Without path rules every file has the same letters, and every folder save the root.
        self._of_file = self._file(ROOT)
        self._of_folder = self._folder(ROOT.child(ANY_NAME))

    def of(self, path: VPath, entry: Entry) -> str:
        """The letters of one entry, in the order of the alphabet; a link has those of a file."""
        if entry.is_directory:
            return self._folder(path) if self._by_path or path.is_root else self._of_folder
        return self._file(path) if self._by_path else self._of_file

    def _file(self, path: VPath) -> str:
        return self._those(_FILE, path)

    def _folder(self, path: VPath) -> str:
        own = self._those(_ROOT if path.is_root else _FOLDER, path)
        return "".join(sorted(own + self._those(_WITHIN, path.child(ANY_NAME))))

    def _those(self, rows: Rows, path: VPath) -> str:
        allow = self._rules.allow
        return "".join(letter for letter, any_of in rows if any(allow(one, path) for one in any_of))
