"""What a session tells without changing anything, beyond the table of operations."""

import hashlib

import pytest

from mft.core.failure import Reason
from mft.core.vpath import VPath
from mft.events import catalogue as e
from mft.protocols.http.events import NUMBERS
from mft.session.looking import ENTERING, Looking
from mft.session.session import Session
from mft.vfs.base import Existing
from tests.fakes.files import interrupt, put
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import session, tree
from tests.fakes.trail import Trail

FILE = VPath.parse("/here/file")


def test_a_session_looks_by_the_same_gate() -> None:
    assert issubclass(Session, Looking)
    assert len(ENTERING) == len(set(ENTERING))


def test_an_interrupted_upload_is_passed_over_where_only_what_is_finished_counts() -> None:
    files = tree()
    peer = session(files=files, numbers=NUMBERS)
    interrupt(files, FILE, b"half")
    assert run(peer.look(FILE)).size == 4
    assert run(peer.look(FILE, finished=True)).size == len(b"old bytes")


def test_the_digest_of_an_open_file_is_that_of_the_bytes_that_are_sent() -> None:
    files, trail = tree(), Trail()
    peer = session(files=files, trail=trail, numbers=NUMBERS)

    async def replaced() -> bytes:
        async with await peer.download(FILE) as sent:
            async with await peer.upload(FILE, Existing.REPLACE) as received:
                await received.lane.write_later([memoryview(b"new")], 0)
                received.wrote(0, 3)
            return (await peer.checksum_of(sent, "sha256")).value

    assert run(replaced()) == hashlib.sha256(b"old bytes").digest()
    (told,) = [one for one in trail.told if one.event is e.HTTP_CHECKSUM_DONE]
    assert (told.payload.path, told.payload.offset, told.payload.length) == ("/here/file", 0, 9)


@pytest.mark.parametrize("algorithm", ["rot13"])
def test_a_digest_that_cannot_be_made_is_told(algorithm: str) -> None:
    files, trail = tree(), Trail()
    put(files, FILE, b"data")
    peer = session(files=files, trail=trail, numbers=NUMBERS)

    async def asked() -> None:
        async with await peer.download(FILE) as sent:
            await peer.checksum_of(sent, algorithm)

    with refused(Reason.UNSUPPORTED):
        run(asked())
    assert [one.event for one in trail.told].count(e.HTTP_CHECKSUM_FAILED) == 1


def test_a_folder_in_place_of_a_file_is_no_failure_where_either_would_do() -> None:
    trail = Trail()
    peer = session(trail=trail, numbers=NUMBERS)
    with refused(Reason.IS_A_DIRECTORY):
        run(peer.download(FILE.parent, or_folder=True))
    assert trail.told == []
    with refused(Reason.IS_A_DIRECTORY):
        run(peer.download(FILE.parent))
    with refused(Reason.NOT_FOUND):
        run(peer.download(FILE.parent.child("none"), or_folder=True))
    assert [one.event for one in trail.told] == [e.HTTP_READ_OPEN_FAILED] * 2
