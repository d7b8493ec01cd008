"""Ways around the rules of paths: what a rule keeps from an account stays kept from it.

A rule is about a path, and whoever changes the path of a thing, or reaches it by a handle instead
of its path, must not get more than the rules say.
"""

import pytest

from mft.core.failure import Reason
from mft.core.vpath import VPath
from mft.protocols.ssh.events import NUMBERS
from mft.vfs.base import Attributes, Existing
from tests.fakes.files import get, put
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import session, shape, tree
from tests.fakes.trail import Trail

FILE, THERE = VPath.parse("/here/file"), VPath.parse("/there/file")
HERE, ELSEWHERE = VPath.parse("/here"), VPath.parse("/elsewhere")
INNER = VPath.parse("/here/full/inner")
FULL = "allow-full-control"


@pytest.mark.parametrize(
    "rule",
    [
        "/here/*, deny-full-control",
        "/here/full, deny-full-control",  # a folder in it
        "/here/full/*, allow-write",  # and what is deeper
        "*/inner, allow-read",
        "m/^.here.full.inner.secret$/, deny-full-control",
        "/elsewhere/full/inner/secret, deny-full-control",  # where it would be
        "/ELSEWHERE/full*, allow-read, allow-list",
    ],
)
def test_a_folder_takes_nothing_with_it_that_may_not_be_renamed(rule: str) -> None:
    files, trail = tree(), Trail()
    put(files, INNER.child("secret"), b"kept from her")
    before = shape(files)
    peer = session(FULL, rule, files=files, trail=trail)
    with refused(Reason.DENIED):
        run(peer.rename(HERE, ELSEWHERE, replace=True))
    assert shape(files) == before
    assert trail.events == [NUMBERS.rename.failed]
    assert "line 2" in trail.told[0].payload.details


# Attributes by a handle.


@pytest.mark.parametrize("how", [Existing.EXTEND, Existing.MODIFY])
@pytest.mark.parametrize(
    "attributes", [Attributes(mode=0o777), Attributes(modified=1), Attributes(size=1, accessed=1)]
)
def test_a_handle_changes_no_attributes_that_its_name_may_not(
    how: Existing, attributes: Attributes
) -> None:
    files, trail = tree(), Trail()
    before = shape(files)
    peer = session("allow-read, allow-write", files=files, trail=trail)
    received = run(peer.upload(FILE, how))
    with refused(Reason.DENIED):
        run(peer.change_open(received, attributes))
    assert NUMBERS.set_attributes.failed in trail.events
    run(received.close())
    assert shape(files) == before
    assert run(files.stat(FILE)).modified != 1


def test_what_is_sent_brings_its_attributes_and_a_file_is_cut_by_who_may_write_it() -> None:
    files = tree()
    peer = session("allow-read, allow-write", files=files)
    for path in (FILE, HERE.child("new")):
        received = run(peer.upload(path, Existing.REPLACE))
        run(peer.change_open(received, Attributes(mode=0o640, modified=1)))
        run(received.close())
        assert run(files.stat(path)).modified == 1
        assert run(files.stat(path)).mode & 0o777 == 0o640
    received = run(peer.upload(THERE, Existing.MODIFY))
    run(peer.change_open(received, Attributes(size=3)))
    run(received.close())
    assert get(files, THERE) == b"old"
