"""How files of this machine are beside those of an archive."""

import os
from pathlib import Path

from mft.daemon.archives.outside import are_there, how_it_is


def test_the_same_others_and_missing_ones_are_told_apart(tmp_path: Path) -> None:
    place = tmp_path / "x"
    assert how_it_is(place, b"text") == "is missing"
    place.write_bytes(b"text")
    assert how_it_is(place, b"text") == ""
    assert how_it_is(place, b"tex") == "differs"
    assert how_it_is(place, b"text and more") == "differs"
    assert how_it_is(place, b"") == "differs"


def test_what_is_no_file_differs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert how_it_is(tmp_path / "fifo", b"") == "differs"
    assert how_it_is(tmp_path / "fifo" / "below", b"") == "cannot be read: Not a directory"


def test_files_of_packages_are_there_or_missing(tmp_path: Path) -> None:
    there = are_there(("/bin/sh", f"{tmp_path}/none"))
    assert there == [(Path("/bin/sh"), ""), (tmp_path / "none", "is missing")]
