"""How a file comes into being."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mft.handlers import dispatcher_copy as module
from tests.fakes.dispatching import Desk
from tests.fakes.run import run

Make = Callable[..., Desk]
REFUSALS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOENT)


@pytest.mark.parametrize("number", REFUSALS)
def test_where_a_file_cannot_have_two_names_it_is_copied(
    desk: Make, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def link(*words: Any, **named: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)
    at = desk("move, *, OUT")
    inode = Path(at.put()).stat().st_ino
    assert at.dispatch()[0] == 20130
    assert (at.out / "a.pdf").stat().st_ino != inode
    assert at.inbox == {}


def test_on_one_disk_a_moved_file_is_the_same_file(desk: Make) -> None:
    at = desk("move, *, OUT")
    told = at.told(at.put())
    inode = (at.home / "in" / "a.pdf").stat().st_ino
    at.handle(told)
    assert (at.out / "a.pdf").stat().st_ino == inode


def test_another_error_of_a_link_is_told(desk: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*words: Any, **named: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "link", link)
    number, data = desk("move, *, OUT").dispatch()
    assert (number, data["details"]) == (20125, "Input/output error")


@pytest.mark.parametrize("rule", ["fail", "skip"])
@pytest.mark.parametrize("action", ["copy", "move"])
def test_a_name_that_is_taken_at_the_last_moment(desk: Make, action: str, rule: str) -> None:
    at = desk(f"{action}, *, OUT", overwrite_rule=rule)
    real = module.os.rename

    def rename_new(source: int, old: str, target: int, new: str, /) -> None:
        if new == "a.pdf":
            (at.out / "a.pdf").write_bytes(b"faster")
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        real(old, new, src_dir_fd=source, dst_dir_fd=target)

    at.made["rename_new"] = rename_new
    assert at.dispatch()[0] == (20125 if rule == "fail" else 20130)
    assert at.files() == {"a.pdf": b"faster"}
    assert at.inbox == {"a.pdf": b"whole"}


def test_a_move_onto_another_name_of_the_same_file(desk: Make) -> None:
    at = desk("move, *, OUT", overwrite_rule="overwrite")
    path = at.put()
    os.link(path, at.out / "a.pdf")
    at.handle(at.told(path))
    assert at.numbers == [20130]
    assert at.files() == {"a.pdf": b"whole"}
    assert at.inbox == {}


def test_a_file_of_zero_bytes_and_one_of_many_blocks(
    desk: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", 7)
    at = desk("copy, *, OUT")
    for name, data in (("empty", b""), ("many", bytes(range(256)))):
        at.dispatch(name, data)
    assert at.files() == {"empty": b"", "many": bytes(range(256))}


def test_a_disk_that_takes_less_than_it_is_given(
    desk: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk("copy, *, OUT")
    handler, told = at.dispatcher(), at.told(at.put(data=bytes(range(100))))
    write, journal = os.write, at.house.journal

    def slowly(fd: int, data: Any) -> int:
        return write(fd, data[:9] if isinstance(data, memoryview) else data)

    assert journal.healthy
    monkeypatch.setattr(os, "write", slowly)
    run(handler.handle_many([told]))
    assert at.files() == {"a.pdf": bytes(range(100))}
