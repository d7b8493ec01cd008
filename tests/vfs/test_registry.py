"""Every kind of storage opens with the same arguments."""

from pathlib import Path

import pytest

from mft.core.vpath import VPath
from mft.vfs.registry import STORAGE
from mft.vfs.volume import Volumes
from tests.fakes.files import get, put
from tests.fakes.run import run
from tests.fakes.threads import Inline


@pytest.mark.parametrize("kind", STORAGE)
def test_each_kind_of_storage_takes_a_file(kind: str, tmp_path: Path) -> None:
    files = STORAGE[kind](
        str(tmp_path), "alice", Volumes(Inline(), io="inline"), file_write_size=100, lifetime=60.0
    )
    put(files, VPath.parse("/a"), b"content")
    assert get(files, VPath.parse("/a")) == b"content"
    run(files.close())
