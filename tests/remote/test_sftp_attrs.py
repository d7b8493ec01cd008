"""Attributes from servers and to them."""

import stat

from mft.remote.sftp_attrs import entry_of, sent_attrs
from mft.vfs.base import Attributes
from mft.wire.sftp.attrs import NOTHING, Attrs


def test_an_entry_is_what_the_server_tells() -> None:
    entry = entry_of("a", Attrs(5, 0o100640, 7, 8, 9, 10))
    assert entry[:7] == ("a", 0o100640, 5, 8, 7, 9, 10)
    assert entry.is_file


def test_without_a_type_the_line_for_people_tells_it() -> None:
    for line, kind in (
        (b"drwxr-xr-x", stat.S_IFDIR),
        (b"lrwx", stat.S_IFLNK),
        (b"prw-", stat.S_IFIFO),
    ):
        assert stat.S_IFMT(entry_of("a", NOTHING, line).mode) == kind
    assert entry_of("a", Attrs(mode=0o640), b"").is_file
    assert entry_of("a", Attrs(mode=stat.S_IFDIR | 0o755), b"-rw-").is_directory


def test_times_are_set_together() -> None:
    assert sent_attrs(Attributes(modified=5)) == Attrs(accessed=5, modified=5)
    assert sent_attrs(Attributes(accessed=4)) == Attrs(accessed=4, modified=4)
    assert sent_attrs(Attributes(accessed=4, modified=5)) == Attrs(accessed=4, modified=5)
    assert sent_attrs(Attributes(size=1, mode=0o600)) == Attrs(size=1, mode=0o600)
