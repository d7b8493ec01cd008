"""The kinds of storage that a home or a virtual folder can lie on."""

from collections.abc import Mapping
from typing import Final, Protocol

from mft.vfs.base import FileSystem
from mft.vfs.local import INTERRUPTED_UPLOAD_LIFETIME, LocalFileSystem
from mft.vfs.memory import MemoryFileSystem
from mft.vfs.volume import Volumes


class Storage(Protocol):
    """Open a tree for one owner."""

    def __call__(
        self,
        root: str,
        owner: str,
        volumes: Volumes,
        *,
        file_write_size: int = 0,
        lifetime: float = INTERRUPTED_UPLOAD_LIFETIME,
    ) -> FileSystem:
        """`root` is where it lies; sizes are in bytes, `lifetime` in seconds."""


def in_memory(
    root: str,
    owner: str,
    volumes: Volumes,
    *,
    file_write_size: int = 0,
    lifetime: float = INTERRUPTED_UPLOAD_LIFETIME,
) -> FileSystem:
    """An empty tree of its own, gone when it is closed; for trials."""
    return MemoryFileSystem(owner=owner, file_write_size=file_write_size, lifetime=lifetime)


STORAGE: Final[Mapping[str, Storage]] = {"local": LocalFileSystem, "memory": in_memory}
