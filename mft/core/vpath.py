"""VPath: a path as a client sees it; absolute, normal, and unable to climb out."""

from typing import NamedTuple

from mft.core.failure import Reason, Refused

RESERVED_PREFIX = ".mft-"  # names of ours (product.md, "Uploads, exactly")
MAX_NAME_BYTES = 255  # what local file systems take for one name
MAX_PATH_BYTES = 4096  # longer text is refused before it is split: at most 2048 parts
# Text that reorders what an operator reads in a log (Unicode TR 36, "bidirectional text spoofing").
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


_AS_OF_FOLDERS = ("/", "/.", "/..")


def check_name(name: str) -> None:
    """Refuse a name that no client may use: reserved, too long, or with control characters."""
    if name.isascii() and name.isprintable():
        if len(name) > MAX_NAME_BYTES:
            raise Refused(Reason.INVALID, name, "name longer than 255 bytes")
    elif len(name.encode(errors="surrogatepass")) > MAX_NAME_BYTES:
        raise Refused(Reason.INVALID, name, "name longer than 255 bytes")
    elif any(_hostile(character) for character in name):
        raise Refused(Reason.INVALID, name, "name with control or reordering characters")
    if name.startswith(RESERVED_PREFIX):
        raise Refused(Reason.INVALID, name, "reserved name")


def _hostile(character: str) -> bool:
    code = ord(character)
    return code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or character in _REORDERING


class VPath(NamedTuple):
    """An absolute virtual path as a tuple of names; `..` is applied, and stops at the root."""

    parts: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str | bytes, base: "VPath | None" = None) -> "VPath":
        """Read a peer's text, relative to `base`; raises Refused(INVALID) for what is no path.

        Bytes must be UTF-8. Empty text and `.` mean `base` itself; repeated slashes count once.
        """
        if len(text) > MAX_PATH_BYTES:
            raise Refused(Reason.INVALID, "", "path longer than 4096 bytes")
        if isinstance(text, bytes):
            try:
                text = text.decode()
            except UnicodeDecodeError:
                raise Refused(Reason.INVALID, repr(text), "path is not UTF-8") from None
        parts: list[str] = [] if base is None or text.startswith("/") else list(base.parts)
        for name in text.split("/"):
            if name in ("", "."):
                continue
            if name == "..":
                if parts:
                    parts.pop()
                continue
            check_name(name)
            parts.append(name)
        return cls(tuple(parts))

    @classmethod
    def parse_file(cls, text: str | bytes, base: "VPath | None" = None) -> "VPath":
        """Read the path of what is no folder; Refused(IS_A_DIRECTORY) for text that ends as of one.

        A client that sends files to `inbox/` means a folder: where that is missing, each of its
        files would replace the one before.
        """
        path = cls.parse(text, base)
        as_text = text.decode() if isinstance(text, bytes) else text
        if as_text.endswith(_AS_OF_FOLDERS):
            raise Refused(Reason.IS_A_DIRECTORY, str(path), "a path that ends in a slash")
        return path

    @property
    def name(self) -> str:
        """The last name, or the empty string for the root."""
        return self.parts[-1] if self.parts else ""

    @property
    def parent(self) -> "VPath":
        """The directory that holds this path; the root is its own parent."""
        return VPath(self.parts[:-1])

    @property
    def is_root(self) -> bool:
        """Whether this is `/`."""
        return not self.parts

    def member(self, text: str) -> "VPath":
        """The path of an entry that a peer names; raises Refused(INVALID) for any other path."""
        path = VPath.parse(text, self)
        if path != self.child(text):
            raise Refused(Reason.INVALID, text, "not a name in this folder")
        return path

    def child(self, name: str) -> "VPath":
        """The path of an entry that a listing of this directory named."""
        return VPath((*self.parts, name))

    def within(self, folder: "VPath") -> bool:
        """Whether this is `folder` or lies below it."""
        return self.parts[: len(folder.parts)] == folder.parts

    def __str__(self) -> str:
        return "/" + "/".join(self.parts)


ROOT = VPath()
