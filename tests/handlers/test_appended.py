import errno
import os
import stat
from datetime import datetime, timedelta

import pytest

from mft.handlers import appended as module
from mft.handlers.appended import Appended, Policy, Rotated, RotationFailed
from mft.handlers.rotation import IN_PLACE, Daily, Monthly

LINE = b"x" * 99 + b"\n"


class Time:
    """A wall clock that is set by hand."""

    def __init__(self):
        self.now = datetime(2030, 1, 31, 12)

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def log(tmp_path, time):
    opened = []

    def make(header=b"", **policy):
        one = Appended(tmp_path / "log" / "server.log", Policy(**policy), header, time)
        one.open()
        opened.append(one)
        return one

    yield make
    for one in opened:
        one.close()


def names(log):
    return sorted(path.name for path in log.path.parent.iterdir())


def test_lines_are_appended_to_what_is_there(log):
    first = log()
    first.write(b"one\n")
    first.close()
    log().write(b"two\n")
    assert first.path.read_bytes() == b"one\ntwo\n"


def test_a_log_is_for_its_owner_and_group(log):
    assert stat.S_IMODE(log().path.stat().st_mode) == 0o640


def test_a_new_file_has_its_header_and_an_old_one_no_second(log):
    first = log(header=b"id\n")
    first.write(b"1\n")
    first.close()
    log(header=b"id\n").write(b"2\n")
    assert first.path.read_bytes() == b"id\n1\n2\n"


def test_rotation_by_size_keeps_the_newest(log):
    one = log(at_size=250, keep=2)
    told = []
    for number in range(12):
        told += one.write(b"%099d\n" % number)
    assert [type(fact) for fact in told] == [Rotated] * 4
    assert told[0] == Rotated(one.path.with_name("server.log.1"), 300)
    assert names(one) == ["server.log", "server.log.1", "server.log.2"]
    assert one.path.with_name("server.log.1").read_bytes().endswith(b"11\n")
    assert one.path.read_bytes() == b""


def test_rotation_by_size_keeps_all_when_it_is_told_to(log):
    one = log(at_size=100)
    for _ in range(5):
        one.write(LINE)
    assert len(names(one)) == 6


def test_rotation_in_place_empties_the_file(log):
    one = log(header=b"id\n", at_size=150, keep=IN_PLACE)
    assert one.write(LINE) == []
    assert one.write(LINE) == [Rotated(None, 203)]
    assert names(one) == ["server.log"]
    assert one.path.read_bytes() == b"id\n"


def test_rotation_by_time_happens_when_it_is_due(log, time):
    one = log(when=Daily(0, 0))
    one.write(b"today\n")
    assert one.due == datetime(2030, 2, 1)
    time.now = datetime(2030, 2, 1, 0, 0, 1)
    assert one.write(b"") == [Rotated(one.path.with_name("server.2030-02-01-00-00.log"), 6)]
    one.write(b"tomorrow\n")
    assert one.path.read_bytes() == b"tomorrow\n"
    assert one.due == datetime(2030, 2, 2)


def test_an_event_after_the_moment_is_in_the_new_file(log, time):
    one = log(when=Monthly(1))
    one.write(b"january\n")
    time.now = datetime(2030, 2, 1, 5)
    one.write(b"february\n")
    assert one.path.read_bytes() == b"february\n"
    assert one.path.with_name("server.log.2030-02-01").read_bytes() == b"january\n"


def test_an_empty_log_is_not_rotated(log, time):
    one = log(header=b"id\n", when=Daily(0, 0))
    time.now += timedelta(days=1)
    assert one.write(b"") == []
    assert names(one) == ["server.log"]


def test_rotation_by_time_keeps_the_newest(log, time):
    one = log(when=Daily(0, 0), keep=2)
    for _ in range(5):
        one.write(LINE)
        time.now += timedelta(days=1)
    one.write(LINE)
    assert len(names(one)) == 3


def test_a_file_that_was_moved_away_is_opened_anew(log):
    one = log(external=True)
    one.write(b"old\n")
    one.path.rename(one.path.with_name("moved"))
    one.write(b"new\n")
    one.path.unlink()
    one.write(b"newer\n")
    assert one.path.read_bytes() == b"newer\n"
    assert one.path.with_name("moved").read_bytes() == b"old\n"


def test_a_block_is_written_whole_or_not_at_all(log, monkeypatch):
    one = log()
    one.write(b"before\n")
    real, calls = os.write, []

    def write(fd, data):
        calls.append(data)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data[:4])

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", write)
        with pytest.raises(OSError, match="space"):
            one.write(b"a block\n")
    assert one.path.read_bytes() == b"before\n"
    one.write(b"a block\n")
    assert one.path.read_bytes() == b"before\na block\n"


@pytest.mark.parametrize(("code", "denied"), [(errno.EACCES, True), (errno.EIO, False)])
def test_a_rotation_that_fails_is_told_and_the_log_goes_on(log, monkeypatch, code, denied):
    one = log(at_size=100)

    def refuse(self, target):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(module.Path, "rename", refuse)
        (told,) = one.write(LINE)
    assert told == RotationFailed(f"{one.path}: {os.strerror(code)}", denied)
    assert one.write(b"x\n") == []  # not with every line
    assert one.path.read_bytes() == LINE + b"x\n"
    assert len(one.write(LINE)) == 1


@pytest.mark.parametrize("keep", [0, IN_PLACE])
def test_a_header_that_a_full_disk_did_not_take_comes_with_the_next_lines(log, monkeypatch, keep):
    one = log(b"a,b\n", at_size=1000, keep=keep)
    write, full = os.write, []

    def takes_no_header(descriptor, data):
        if bytes(data) == b"a,b\n":
            full.append(data)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    monkeypatch.setattr(module.os, "write", takes_no_header)
    (told,) = one.write(LINE * 10)
    assert isinstance(told, RotationFailed)
    assert full
    one.write(b"1,2\n")
    one.write(b"3,4\n")
    assert one.path.read_bytes() == b"a,b\n1,2\n3,4\n"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path, time):
    (tmp_path / "log").write_text("a file is in the way")
    with pytest.raises(OSError, match="exists"):
        Appended(tmp_path / "log" / "server.log", Policy(), b"", time).open()
