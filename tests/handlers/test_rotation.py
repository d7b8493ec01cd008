import os
from datetime import datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from mft.handlers import rotation as module
from mft.handlers.rotation import (
    Daily,
    Monthly,
    RotateOn,
    dated_files,
    dated_name,
    make_room,
    next_moment,
)


def read(text):
    return TypeAdapter(RotateOn).validate_python(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("00:00 time-of-day", Daily(0, 0)),
        ("23:59 Time-Of-Day", Daily(23, 59)),
        ("1 day-of-month", Monthly(1)),
        ("31 day-of-month", Monthly(31)),
        ("Disabled", None),
        ("", None),
    ],
)
def test_a_time_of_rotation_is_read(text, moment):
    assert read(text) == moment


@pytest.mark.parametrize(
    "text", ["24:00 time-of-day", "12:60 time-of-day", "0 day-of-month", "32 day-of-month", "daily"]
)
def test_what_is_no_time_of_rotation_is_refused(text):
    with pytest.raises(ValidationError):
        read(text)


@pytest.mark.parametrize(
    ("when", "now", "following"),
    [
        (Daily(3, 30), datetime(2030, 1, 31, 3, 29), datetime(2030, 1, 31, 3, 30)),
        (Daily(3, 30), datetime(2030, 1, 31, 3, 30), datetime(2030, 2, 1, 3, 30)),
        (Monthly(1), datetime(2030, 1, 31, 12), datetime(2030, 2, 1)),
        (Monthly(1), datetime(2030, 12, 1), datetime(2031, 1, 1)),
        (Monthly(31), datetime(2030, 1, 31, 0, 0, 1), datetime(2030, 2, 28)),
        (Monthly(30), datetime(2028, 2, 1), datetime(2028, 2, 29)),
    ],
)
def test_the_next_moment(when, now, following):
    assert next_moment(when, now) == following


def test_dated_names_are_free_and_say_when(tmp_path):
    log = tmp_path / "server.log"
    now = datetime(2030, 1, 31, 3, 30)
    assert dated_name(log, Monthly(31), now).name == "server.log.2030-01-31"
    first = dated_name(log, Daily(3, 30), now)
    assert first.name == "server.2030-01-31-03-30.log"
    first.touch()
    assert dated_name(log, Daily(3, 30), now).name == "server.2030-01-31-03-30.log.1"


def test_only_rotated_files_are_found_newest_first(tmp_path):
    log = tmp_path / "server.log"
    names = [
        "server.2030-01-31-03-30.log",
        "server.log.2030-02-01",
        "server.2030-02-02-03-30.log.1",
    ]
    for age, name in enumerate(names):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000 + age, 1000 + age))
    for other in (
        "server.log",
        "server.log.1",
        "server.log.2030-02-01.gz",
        "xserver.log.2030-02-01",
    ):
        (tmp_path / other).touch()
    assert [path.name for path in dated_files(log)] == names[::-1]


def contents(directory):
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_room_is_made_by_moving_every_file_on(tmp_path):
    log = tmp_path / "server.log"
    for number in (1, 2, 3, 5):
        (tmp_path / f"server.log.{number}").write_text(str(number))
    assert make_room(log, keep=0) == tmp_path / "server.log.1"
    assert contents(tmp_path) == {
        "server.log.2": "1",
        "server.log.3": "2",
        "server.log.4": "3",
        "server.log.5": "5",
    }


def test_no_file_gives_its_place_where_all_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_ROTATED", 4)
    log = tmp_path / "server.log"
    for number in (1, 2):
        (tmp_path / f"server.log.{number}").write_text(str(number))
    assert make_room(log, keep=0) == tmp_path / "server.log.1"
    (tmp_path / "server.log.1").write_text("0")
    with pytest.raises(OSError, match="3 rotated files; move some away"):
        make_room(log, keep=0)
    assert [(tmp_path / f"server.log.{n}").read_text() for n in (1, 2, 3)] == ["0", "1", "2"]


def test_room_is_made_by_dropping_what_is_too_many(tmp_path):
    log = tmp_path / "server.log"
    for number in (1, 2, 3, 4):
        (tmp_path / f"server.log.{number}").write_text(str(number))
    make_room(log, keep=2)
    assert contents(tmp_path) == {"server.log.2": "1"}
