"""What clients were told of interrupted uploads is remembered, and not for ever."""

from mft.core.vpath import VPath
from mft.protocols.ftp.unfinished import MAX_REMEMBERED, Unfinished
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.files import interrupt, put
from tests.fakes.run import run

A, B = VPath.parse("/a"), VPath.parse("/b")


def test_what_is_finished_is_told_as_it_is_and_not_remembered() -> None:
    files, unfinished = MemoryFileSystem(), Unfinished()
    put(files, A, b"whole")
    entry = run(files.stat(A))
    unfinished.tell("ann", A, entry._replace(interrupted=True))
    assert unfinished.tell("ann", A, entry) is entry
    assert unfinished.begin("ann", A) is None


def test_what_was_told_is_known_once_and_for_its_account_and_path() -> None:
    files, unfinished = MemoryFileSystem(), Unfinished()
    interrupt(files, A, b"all")
    assert unfinished.tell("ann", A, run(files.stat(A))).size == 2
    assert unfinished.begin("bob", A) is None
    assert unfinished.begin("ann", B) is None
    assert unfinished.begin("ann", A) == 2
    assert unfinished.begin("ann", A) is None


def test_the_oldest_is_forgotten() -> None:
    files, unfinished = MemoryFileSystem(), Unfinished()
    interrupt(files, A, b"all")
    entry = run(files.stat(A))
    for number in range(MAX_REMEMBERED + 1):
        unfinished.tell(str(number), A, entry)
    assert unfinished.begin("0", A) is None
    assert unfinished.begin("1", A) == 2
