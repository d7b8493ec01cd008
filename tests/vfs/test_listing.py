"""A directory is read in batches, and only names that a client can use are told."""

import os
from pathlib import Path

from mft.core.failure import Reason
from mft.vfs.listing import BATCH, LocalListing
from mft.vfs.volume import Kind, Volume
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.threads import Inline


def listing(path: Path) -> LocalListing:
    return LocalListing(os.open(path, os.O_RDONLY), Volume(1, Kind.LOCAL, Inline()), "/")


def names(path: Path) -> list[str]:
    opened = listing(path)
    found: list[str] = []
    while batch := run(opened.batch()):
        assert len(batch) <= BATCH
        found += [entry.name for entry in batch]
    run(opened.close())
    return sorted(found)


def test_names_that_no_client_can_use_are_left_out(tmp_path: Path) -> None:
    for name in (b".mft-x", b"new\nline", b"\xff\xfe", b"bell\x07", "\u202eevil".encode()):
        (tmp_path / os.fsdecode(name)).touch()
    for name in ("plain", ".hidden", "Grüße", "日本", "a b"):
        (tmp_path / name).touch()
    assert names(tmp_path) == sorted([".hidden", "Grüße", "a b", "plain", "日本"])
    opened = listing(tmp_path)
    while run(opened.batch()):
        pass
    assert opened.left_out == 4  # a temporary is ours
    run(opened.close())


def test_a_whole_batch_of_hidden_names_is_not_the_end(tmp_path: Path) -> None:
    for number in range(2 * BATCH + 5):
        (tmp_path / f".mft-{number}").touch()
    assert names(tmp_path) == []
    (tmp_path / "visible").touch()
    assert names(tmp_path) == ["visible"]


def test_entries_are_the_files_themselves_never_what_links_lead_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "file").write_bytes(b"12345")
    os.utime(tmp_path / "file", (1000, 2000))
    opened = listing(tmp_path)
    found = {entry.name: entry for entry in run(opened.batch())}
    run(opened.close())
    assert found["link"].is_link
    file = found["file"]
    status = os.stat(tmp_path / "file")
    assert (file.size, file.modified, file.accessed, file.links) == (5, 2000, 1000, 1)
    assert (file.mode, file.unique, file.uid) == (status.st_mode, status.st_ino, status.st_uid)


def test_what_vanishes_meanwhile_is_left_out(tmp_path: Path, monkeypatch) -> None:
    class Gone:
        name = "gone"

        def stat(self, *, follow_symlinks: bool) -> os.stat_result:
            raise FileNotFoundError

    opened = listing(tmp_path)
    opened._names = iter([Gone()])
    assert run(opened.batch()) == []
    opened._names = None
    run(opened.close())


def test_a_closed_listing_ends_and_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    before = os.listdir("/proc/self/fd")
    opened = listing(tmp_path)
    run(opened.batch())
    run(opened.close())
    run(opened.close())
    assert run(opened.batch()) == ()
    assert os.listdir("/proc/self/fd") == before


def test_an_open_directory_is_given_to_a_call_before_it_is_read(tmp_path: Path) -> None:
    given: list[os.stat_result] = []
    opened = listing(tmp_path)
    run(opened.watch(lambda descriptor: given.append(os.fstat(descriptor))))
    assert os.path.samestat(given[0], tmp_path.stat())
    (tmp_path / "late").touch()
    assert [entry.name for entry in run(opened.batch())] == ["late"]
    run(opened.close())
    run(opened.watch(lambda descriptor: given.append(os.fstat(descriptor))))
    assert len(given) == 1


def test_a_directory_is_not_closed_under_a_call(tmp_path: Path) -> None:
    opened = listing(tmp_path)
    held: list[bool] = []

    def slow(descriptor: int) -> None:
        run(opened.close())  # somebody else, meanwhile
        held.append(os.path.samestat(os.fstat(descriptor), tmp_path.stat()))

    before = len(os.listdir("/proc/self/fd"))
    run(opened.watch(slow))
    assert held == [True]
    assert len(os.listdir("/proc/self/fd")) == before - 1


def test_a_directory_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    opened = listing(tmp_path / "file")
    with refused(Reason.NOT_A_DIRECTORY):
        run(opened.batch())
    run(opened.close())
