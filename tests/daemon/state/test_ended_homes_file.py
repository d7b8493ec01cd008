"""state/ended-homes.json keeps what must not be forgotten, and is believed only whole."""

from pathlib import Path
from typing import Any

import pytest

from mft.daemon.state.ended_homes_file import FILE, Begun, EndedHomesFile, Seen, read_ended_homes
from mft.events import catalogue as events
from mft.vfs.removal import Folder
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

SEEN = Seen("/srv/ann", 7, 1.9e9, 1.9e9 + 1, 12, 3600.0, told=True)
BEGUN = Begun("ann-1", "ann", "/srv/ann", ".mft-ended-1", 7)


@pytest.fixture
def trail() -> Trail:
    return Trail()


@pytest.fixture
def file(tmp_path: Path, trail: Any) -> EndedHomesFile:
    return EndedHomesFile(tmp_path, Inline(), trail)


def test_what_was_written_is_read_again(tmp_path: Path, file: EndedHomesFile) -> None:
    assert read_ended_homes(tmp_path / FILE) == ({}, [])
    file.seen["ann-1"] = SEEN
    assert run(file.begin(BEGUN))
    assert read_ended_homes(tmp_path / FILE) == ({"ann-1": SEEN}, [BEGUN])
    emptying = run(file.empties(BEGUN))
    assert emptying == BEGUN._replace(emptying=True)
    assert read_ended_homes(tmp_path / FILE) == ({"ann-1": SEEN}, [emptying])
    run(file.end(BEGUN._replace(emptying=True)))
    assert read_ended_homes(tmp_path / FILE) == ({"ann-1": SEEN}, [])
    assert BEGUN.folder == Folder("/srv/ann", ".mft-ended-1", 7)


def test_a_home_that_is_gone_is_seen_anew(tmp_path: Path, file: EndedHomesFile) -> None:
    file.seen["ann-1"] = SEEN
    run(file.begin(BEGUN))
    run(file.end(BEGUN, gone=True))
    assert read_ended_homes(tmp_path / FILE) == ({}, [])


def test_what_cannot_be_written_has_not_begun(
    tmp_path: Path, file: EndedHomesFile, trail: Trail
) -> None:
    state = tmp_path.rename(tmp_path.with_name("elsewhere"))
    assert not run(file.begin(BEGUN))
    assert file.begun == []
    assert trail.events == [events.ENDED_HOMES_UNWRITTEN]
    state.rename(tmp_path)
    assert run(file.begin(BEGUN))
    tmp_path.rename(state)
    assert run(file.empties(BEGUN)) is None
    assert file.begun == [BEGUN]
    state.rename(tmp_path)


def test_nothing_is_written_when_nothing_has_changed(tmp_path: Path, file: EndedHomesFile) -> None:
    assert run(file.save())
    assert not (tmp_path / FILE).exists()


WHOLE = (
    '{"account": "a", "name": "a", "home": "/srv/a", "aside": ".mft-ended-1", "inode": 7,'
    ' "emptying": true}'
)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "1",
        '{"seen": {}}',
        '{"seen": {"ann-1": {}}, "begun": []}',
        '{"seen": {}, "begun": [{}]}',
        f'{{"seen": {{}}, "begun": [{WHOLE.replace(".mft", "../.mft")}]}}',
        f'{{"seen": {{}}, "begun": [{WHOLE.replace(".mft-ended-1", "joe")}]}}',
        f'{{"seen": {{}}, "begun": [{WHOLE.replace("/srv/a", "srv/a")}]}}',
        f'{{"seen": {{}}, "begun": [{WHOLE.replace("7", "null")}]}}',
    ],
)
def test_a_damaged_one_is_put_aside_and_told(tmp_path: Path, trail: Any, text: str) -> None:
    (tmp_path / FILE).write_text(f'{{"seen": {{}}, "begun": [{WHOLE}]}}')
    assert len(EndedHomesFile(tmp_path, Inline(), trail).begun) == 1
    (tmp_path / FILE).write_text(text)
    damaged = EndedHomesFile(tmp_path, Inline(), trail)
    assert (damaged.seen, damaged.begun) == ({}, [])
    assert trail.events == [events.ENDED_HOMES_UNREADABLE]
    assert (tmp_path / f"{FILE}.damaged").exists()
