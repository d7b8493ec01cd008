"""A handler inspects the files that events name, tells what it found, and moves nothing."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Occurrence
from mft.handlers.inspecting import VERDICTS, InspectingOptions, InspectionHandler
from mft.inspection.base import Told, Verdict
from tests.fakes.handlers import House, house
from tests.fakes.inspections import Saying
from tests.fakes.occurrences import ALICE
from tests.fakes.run import run

OWN = Component("check-1", "content-check", "no-cards")
FOUND = p.ContentFound("/a", "/srv/a", "a card")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    made = house(tmp_path)
    yield made
    made.journal.close()


def handler(home: House, answer: Any, **options: Any) -> tuple[InspectionHandler, Saying]:
    saying = Saying(answer)
    given = InspectingOptions(name="check", type="content-check", **options)
    return InspectionHandler(OWN, given, home.around, saying), saying


def named(**data: Any) -> Occurrence:
    return Occurrence(1, 1e9, events.SSH_UPLOAD_DONE, data, ALICE)


def test_what_was_found_is_told_as_of_who_sent_the_file(home: House, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("some bytes")
    checking, saying = handler(home, Verdict.rejected("bad", Told(events.CONTENT_FOUND, FOUND)))

    def look() -> None:
        (one,) = saying.seen
        read = memoryview(bytearray(99))
        assert run(one.source.read(read, 5)) == 5
        assert bytes(read[:5]) == b"bytes"
        assert run(one.beside(".sig", 3)) == b"sign"
        assert run(one.beside(".none", 3)) is None
        own = one.source.reopen()
        assert os.read(own, 99) == b"some bytes"
        os.close(own)
        one.go_on()

    (tmp_path / "a.txt.sig").write_text("signature")
    saying.meanwhile = look
    run(checking.start())
    run(checking.handle_many([named(path="/in/a.txt", real_path=str(file))]))
    run(checking.stop())
    (one,) = saying.seen
    assert (one.path, one.real_path, one.size) == ("/in/a.txt", str(file), 10)
    (told,) = home.journal.read()
    assert told.event is events.CONTENT_FOUND
    assert told.origin == ALICE._replace(component=OWN)
    assert file.exists()


def test_the_path_may_be_in_another_key_and_be_several(home: House, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).touch()
    checking, saying = handler(home, Verdict.passed(), source_attribute="files")
    files = [str(tmp_path / "a"), str(tmp_path / "b"), 7]
    run(checking.handle_many([named(path="/x", files=files), named(path="/none"), named(files="")]))
    assert [one.path for one in saying.seen] == files[:2]


def test_a_file_that_is_gone_is_told_and_not_waited_for(home: House, tmp_path: Path) -> None:
    checking, saying = handler(home, Verdict.passed())
    run(checking.handle_many([named(path="/a", real_path=str(tmp_path / "gone"))]))
    assert home.numbers() == [events.INSPECTION_UNABLE.number]
    assert saying.seen == []


def test_an_inspection_that_cannot_be_made_is_tried_again(home: House, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    checking, _ = handler(home, Verdict.unable("no list"))
    assert checking.attempts
    with pytest.raises(Refused) as refused:
        run(checking.handle_many([named(path="/a", real_path=str(tmp_path / "a"))]))
    assert refused.value.reason is Reason.UNINSPECTED


def test_only_regular_files_are_opened(home: House, tmp_path: Path) -> None:
    """Who may send files could otherwise keep a handler busy with what is none."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "file").touch()
    checking, saying = handler(home, Verdict.passed())
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for name in ("pipe", "link", "socket", ".", "file/below"):
            run(checking.handle_many([named(path="/a", real_path=f"{tmp_path}/{name}")]))
    assert saying.seen == []
    told = [one.data["details"] for one in home.journal.read()]
    assert told == ["it is not a regular file"] * 4 + ["it is not there any more"]


def test_a_file_that_cannot_be_read_now_is_tried_again(
    home: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [PermissionError(errno.EACCES, "Permission denied"), Refused(Reason.BUSY, "")]

    def refuse(path: str, flags: int) -> int:
        raise errors.pop()

    checking, _ = handler(home, Verdict.passed())
    monkeypatch.setattr("mft.handlers.inspecting.os.open", refuse)
    for expected in (Refused, PermissionError):
        with pytest.raises(expected):
            run(checking.handle_many([named(path="/a", real_path=str(tmp_path / "a"))]))
    assert home.numbers() == []


def test_verdicts_are_not_inspected_again(home: House, tmp_path: Path) -> None:
    """Two of these handlers with no filter would feed each other for ever."""
    (tmp_path / "a").touch()
    checking, saying = handler(home, Verdict.passed())
    for event in VERDICTS:
        data = {"path": "/a", "real_path": str(tmp_path / "a")}
        run(checking.handle_many([Occurrence(1, 1e9, event, data, ALICE)]))
    assert saying.seen == []
