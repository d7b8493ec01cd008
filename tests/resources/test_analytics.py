"""What the process uses: samples, and triggers that are told once."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mft.core.peer import Component
from mft.events.payloads import UsageSample
from mft.resources.analytics import Analytics, AnalyticsOptions, Meter
from tests.fakes.handlers import House, house
from tests.fakes.run import run

COMPONENT = Component("watch-1", "analytics", "watch")
CALM = UsageSample(1.5, 1000, 5000, 10, 20, 8, 2, 10**9, 10**9)


@pytest.fixture
def home(tmp_path: Path) -> Any:
    made = house(tmp_path)
    yield made
    made.journal.close()


class Measured:
    """Samples that a test decides."""

    def __init__(self) -> None:
        self.now = CALM
        self.fails: OSError | None = None

    def __call__(self, folder: str) -> UsageSample:
        if self.fails is not None:
            raise self.fails
        return self.now


def watching(home: House, measured: Measured, **options: Any) -> Analytics:
    made = AnalyticsOptions.model_validate({"name": "watch", "type": "analytics", **options})
    return Analytics(COMPONENT, made, home.around, measured)


def test_a_sample_is_told_each_interval(home: House) -> None:
    one = watching(home, Measured(), monitor_interval="60")
    run(one.start())
    for _ in range(3):
        home.clock.advance(60)
    run(one.stop())
    home.clock.advance(600)
    assert home.numbers() == [20079] * 3
    assert next(iter(home.journal.read())).data["memory_resident"] == 1000


@pytest.mark.parametrize(
    ("trigger", "beyond"),
    [
        ({"memory_resident_trigger": "2000"}, {"memory_resident": 2000}),
        ({"memory_virtual_trigger": "6000"}, {"memory_virtual": 7000}),
        ({"connection_count_trigger": "11"}, {"connection_count": 11}),
        ({"file_count_trigger": "21"}, {"file_count": 30}),
        ({"thread_count_trigger": "9"}, {"thread_count": 9}),
        ({"disk_free_trigger": "1000"}, {"disk_free": 999}),
    ],
)
def test_what_crosses_a_trigger_is_told_once_and_when_it_is_over(
    home: House, trigger: dict[str, str], beyond: dict[str, Any]
) -> None:
    measured = Measured()
    one = watching(home, measured, **trigger)
    run(one.sample())
    measured.now = CALM._replace(**beyond)
    run(one.sample())
    run(one.sample())
    measured.now = CALM
    run(one.sample())
    assert [number for number in home.numbers() if number != 20079] == [20080, 90262]
    (crossed,) = [told for told in home.journal.read() if told.event.number == 20080]
    assert crossed.data["triggers"] == next(iter(trigger))


def test_what_cannot_be_measured_is_told_once(home: House) -> None:
    measured = Measured()
    one = watching(home, measured)
    measured.fails = OSError("no /proc")
    run(one.sample())
    run(one.sample())
    measured.fails = None
    run(one.sample())
    assert home.numbers() == [20084, 20079]


def test_this_process_is_measured(tmp_path: Path) -> None:
    meter = Meter()
    first = meter(str(tmp_path))
    assert first.memory_resident > 10 << 20
    assert first.memory_virtual >= first.memory_resident
    assert first.thread_count >= 1
    assert first.disk_free > 0
    left, right = os.pipe()
    more = meter(str(tmp_path))
    assert more.file_count == first.file_count + 2
    assert more.connection_count == first.connection_count, "a pipe is no connection"
    os.close(left)
    os.close(right)


def test_a_folder_that_is_gone_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        Meter()(str(tmp_path / "none"))


@pytest.mark.parametrize("of", ["certificate", "account", "password"])
@pytest.mark.parametrize(
    ("value", "sentence"),
    [("-1", "is shorter than 0"), ("366d", "is longer than 31536000"), ("soon", "not a duration")],
)
def test_a_warning_comes_within_a_year_before_an_end(of: str, value: str, sentence: str) -> None:
    given = {"name": "watch", "type": "analytics", f"{of}_expiration_warning": value}
    with pytest.raises(ValidationError, match=sentence):
        AnalyticsOptions.model_validate(given)
