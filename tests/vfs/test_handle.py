"""A directory's handle lives as long as one holder."""

import os
from pathlib import Path

import pytest

from mft.vfs.handle import Handle


def test_the_last_holder_closes_it(tmp_path: Path) -> None:
    handle = Handle(os.open(tmp_path, os.O_RDONLY))
    descriptor = handle.descriptor
    assert handle.hold() is handle
    handle.release()
    os.fstat(descriptor)
    handle.release()
    assert handle.descriptor == -1
    with pytest.raises(OSError):
        os.fstat(descriptor)
