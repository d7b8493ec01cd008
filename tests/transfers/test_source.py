"""What is in a source."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from twisted.internet.task import Clock

from mft.core.failure import Reason, Refused
from mft.core.matching import Expression
from mft.core.vpath import VPath
from mft.transfers import source
from mft.transfers.looking import Seen
from mft.transfers.source import BATCH, MAX_DEPTH, Counted, Wanted, snapshot
from mft.vfs.base import Attributes
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.files import interrupt, put
from tests.fakes.run import run


def tree(*paths: str) -> MemoryFileSystem:
    files = MemoryFileSystem()
    for text in paths:
        path = VPath.parse(text)
        for depth in range(1, len(path.parts)):
            with suppress(Refused):  # it is there
                run(files.make_directory(VPath(path.parts[:depth])))
        put(files, path, b"12345")
        run(files.change(path, Attributes(modified=1000)))
    return files


def parts_of(files: Any, counted: Counted | None = None, **wanted: Any) -> list[Sequence[Seen]]:
    parts: list[Sequence[Seen]] = []

    async def take(part: Sequence[Seen]) -> None:
        parts.append(part)

    run(snapshot(files, Wanted(**wanted), counted or Counted(), take, Clock()))
    return parts


def found(files: Any, **wanted: Any) -> list[str]:
    return sorted(one.path for part in parts_of(files, **wanted) for one in part)


def test_files_are_told_with_size_and_time():
    assert parts_of(tree("/a")) == [[Seen("/a", 5, 1000)]]


def test_folders_below_are_looked_at_when_asked():
    files = tree("/a", "/sub/b", "/sub/two/c")
    assert found(files) == ["/a"]
    assert found(files, recursive=True) == ["/a", "/sub/b", "/sub/two/c"]


def test_names_and_ages_decide():
    files = tree("/a.csv", "/b.tmp")
    assert found(files, source_filter=Expression.parse("*.csv")) == ["/a.csv"]
    assert found(files, youngest=1001) == []
    assert found(files, youngest=1000) == ["/a.csv", "/b.tmp"]


def test_markers_are_known_whatever_the_filter():
    markers = [Expression.parse("*.done"), Expression.parse("*.ok")]
    files = tree("/a.csv", "/b.ok", "/c.txt")
    wanted = {"source_filter": Expression.parse("*.csv"), "markers": markers}
    seen = [one for part in parts_of(files, **wanted) for one in part]
    assert {(one.path, one.marker) for one in seen} == {("/a.csv", 0), ("/b.ok", 2)}


def test_links_and_unfinished_uploads_are_no_files():
    files = tree("/a")
    run(files.make_link(VPath.parse("/link"), "a"))
    interrupt(files, VPath.parse("/b"), b"half")
    assert found(files, recursive=True) == ["/a"]


def test_large_folders_come_in_parts_and_are_counted(monkeypatch):
    monkeypatch.setattr(source, "LARGE", 2 * BATCH)
    files = tree(*(f"/f/{number}" for number in range(2 * BATCH + 1)), "/a")
    counted = Counted()
    parts = parts_of(files, counted, recursive=True)
    assert [len(part) for part in parts] == [BATCH, BATCH, 2]
    assert (counted.files, counted.folders) == (2 * BATCH + 2, 1)
    assert counted.large == [("/f", 2 * BATCH + 1)]


def test_a_folder_that_goes_meanwhile_is_empty_but_the_source_itself_is_refused():
    files = tree("/a", "/sub/b")
    inner = files.list

    async def gone(path: VPath) -> Any:
        if path.name == "sub" or path == missing:
            raise Refused(Reason.NOT_FOUND, str(path))
        return await inner(path)

    missing = None
    files.list = gone  # type: ignore[method-assign] - a server whose folders go
    assert found(files, recursive=True) == ["/a"]
    missing = VPath()
    with pytest.raises(Refused):
        found(files)


def test_a_tree_without_an_end_has_one():
    class Endless(MemoryFileSystem):
        """Every folder has one below it."""

        listed = 0

        async def list(self, path: VPath) -> Any:
            self.listed += 1
            return await super().list(VPath())

    files = Endless()
    run(files.make_directory(VPath.parse("/again")))
    assert found(files, recursive=True) == []
    assert files.listed == MAX_DEPTH + 1


def test_too_many_folders_are_refused(monkeypatch):
    monkeypatch.setattr(source, "MAX_FOLDERS", 10)
    with pytest.raises(Refused) as refused:
        found(tree(*(f"/{number}/a" for number in range(11))), recursive=True)
    assert refused.value.reason is Reason.QUOTA
