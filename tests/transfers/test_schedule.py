"""When a transfer runs, in time zones whose clocks change."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from mft.transfers.schedule import ALWAYS, RUN, START, STOP, Schedule, machine_zone

BERLIN = ZoneInfo("Europe/Berlin")
DAYTIME = Schedule.parse("08:00-start, 18:00-stop")


def at(text: str, fold: int = 0, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def told(schedule: Schedule, now: float) -> tuple[str, str]:
    planned = schedule.after(now, BERLIN)
    assert planned is not None
    return datetime.fromtimestamp(planned.at, BERLIN).isoformat(), planned.action


def test_without_entries_it_always_runs():
    assert ALWAYS.is_open(at("2026-03-01T00:00"), BERLIN)
    assert ALWAYS.after(at("2026-03-01T00:00"), BERLIN) is None


@pytest.mark.parametrize(
    ("now", "opened"),
    [
        ("2026-03-01T07:59:59", False),
        ("2026-03-01T08:00:00", True),
        ("2026-03-01T17:59:59", True),
        ("2026-03-01T18:00:00", False),
    ],
)
def test_a_window_of_the_day_opens_and_closes_to_the_second(now, opened):
    assert DAYTIME.is_open(at(now), BERLIN) is opened


def test_the_next_action_is_the_one_after_now():
    assert told(DAYTIME, at("2026-03-01T08:00")) == ("2026-03-01T18:00:00+01:00", STOP)
    assert told(DAYTIME, at("2026-03-01T18:00")) == ("2026-03-02T08:00:00+01:00", START)


def test_a_window_may_go_over_midnight():
    night = Schedule.parse("22:00-start\n06:00-stop")
    assert night.is_open(at("2026-03-02T01:00"), BERLIN)
    assert not night.is_open(at("2026-03-02T12:00"), BERLIN)


def test_days_of_the_week():
    week = Schedule.parse("Monday-08:00-start, FRIDAY-18:00-STOP")
    assert week.is_open(at("2026-03-04T03:00"), BERLIN)  # a Wednesday
    assert not week.is_open(at("2026-03-07T12:00"), BERLIN)
    assert told(week, at("2026-03-07T12:00")) == ("2026-03-09T08:00:00+01:00", START)


def test_days_of_the_month_that_some_months_lack():
    month = Schedule.parse("month_day_31-08:00-start, month_day_last-09:00-stop")
    assert told(month, at("2026-01-31T09:00")) == ("2026-02-28T09:00:00+01:00", STOP)
    assert told(month, at("2026-02-28T09:00")) == ("2026-03-31T08:00:00+02:00", START)
    assert month.is_open(at("2026-03-31T08:30"), BERLIN)


def test_a_time_that_summer_skips_is_when_it_has_skipped_it():
    nightly = Schedule.parse("02:30-start, 04:00-stop")
    assert told(nightly, at("2026-03-29T01:00")) == ("2026-03-29T03:00:00+02:00", START)
    assert not nightly.is_open(at("2026-03-29T01:59:59"), BERLIN)
    assert nightly.is_open(at("2026-03-29T03:00"), BERLIN)


def test_a_window_over_the_end_of_what_is_skipped_is_not_turned_inside_out():
    nightly = Schedule.parse("02:30-start, 03:10-stop")
    assert told(nightly, at("2027-03-27T23:00")) == ("2027-03-28T03:00:00+02:00", START)
    assert told(nightly, at("2027-03-28T03:00")) == ("2027-03-28T03:10:00+02:00", STOP)
    assert told(nightly, at("2027-03-28T03:10")) == ("2027-03-29T02:30:00+02:00", START)
    assert not nightly.is_open(at("2027-03-28T12:00"), BERLIN)


def test_a_window_within_what_is_skipped_is_left_out():
    nightly = Schedule.parse("02:45-stop, 02:15-start")
    assert told(nightly, at("2027-03-27T23:00")) == ("2027-03-28T03:00:00+02:00", STOP)
    assert not nightly.is_open(at("2027-03-28T03:00"), BERLIN)
    assert told(nightly, at("2027-03-28T03:00")) == ("2027-03-29T02:15:00+02:00", START)


def test_what_is_skipped_may_reach_to_midnight():
    nuuk = ZoneInfo("America/Nuuk")  # 2026-03-28, from 23:00
    nightly = Schedule.parse("zone America/Nuuk\n23:30-start, 00:30-stop")
    start, stop = at("2026-03-29T00:00", zone=nuuk), at("2026-03-29T00:30", zone=nuuk)
    assert nightly.after(start - 1, BERLIN) == (start, START)
    assert nightly.after(start, BERLIN) == (stop, STOP)
    assert not nightly.is_open(start - 1, BERLIN)
    assert nightly.is_open(stop - 1, BERLIN)


def test_a_stop_and_a_start_at_the_same_time_stay_open():
    always = Schedule.parse("08:00-start, 08:00-stop")
    assert told(always, at("2026-03-01T07:00")) == ("2026-03-01T08:00:00+01:00", START)
    assert always.is_open(at("2026-03-01T08:00"), BERLIN)


def test_a_time_that_comes_twice_counts_once():
    nightly = Schedule.parse("02:30-start, 04:00-stop")
    first = at("2026-10-25T02:30", fold=0)
    assert told(nightly, first - 1) == ("2026-10-25T02:30:00+02:00", START)
    assert told(nightly, first) == ("2026-10-25T04:00:00+01:00", STOP)


def test_a_cron_runs_at_moments_and_is_never_open():
    cron = Schedule.parse("cron 15 3,4 * * MON-FRI")
    assert cron.only_runs
    assert not cron.is_open(at("2026-03-02T03:15"), BERLIN)
    assert told(cron, at("2026-03-06T04:15")) == ("2026-03-09T03:15:00+01:00", RUN)


def test_a_cron_runs_once_in_the_night_when_the_clock_changes():
    cron = Schedule.parse("cron 30 2 * * *")
    assert told(cron, at("2026-03-28T12:00")) == ("2026-03-29T03:00:00+02:00", RUN)
    assert told(cron, at("2026-03-29T03:00")) == ("2026-03-30T02:30:00+02:00", RUN)
    first = at("2026-10-25T02:30", fold=0)
    assert told(cron, first - 60) == ("2026-10-25T02:30:00+02:00", RUN)
    assert told(cron, first) == ("2026-10-26T02:30:00+01:00", RUN)


@pytest.mark.parametrize(
    ("zone", "hour"),
    [("Europe/Berlin", "2026-10-25T02"), ("America/New_York", "2026-11-01T01")],
)
def test_what_a_cron_says_next_in_the_hour_that_comes_twice_is_never_past(zone, hour):
    clock = ZoneInfo(zone)
    first, second = (at(f"{hour}:00", fold, clock) for fold in (0, 1))
    wanted = at(f"{hour}:30", 0, clock)
    cron = Schedule.parse(f"cron 30 {hour[-2:]} * * *\nzone {zone}")
    for now in range(int(first), int(second) + 3600, 60):  # wherever a restart comes
        planned = cron.after(now, UTC)
        assert planned.at == wanted if now < wanted else planned.at > second + 3600
        assert planned.at > now


NIGHTS = {  # the day before, and the hour that the clock skips or that comes twice
    ("Europe/Berlin", "spring"): ("2026-03-28", 2),
    ("Europe/Berlin", "autumn"): ("2026-10-24", 2),
    ("America/New_York", "spring"): ("2026-03-07", 2),
    ("America/New_York", "autumn"): ("2026-10-31", 1),
    ("UTC", "spring"): ("2026-03-28", 2),
    ("UTC", "autumn"): ("2026-10-24", 2),
}
# What is written for the hour H and the next one; minutes since H o'clock came the first time, with
# the action, in spring, in autumn and when the clock does not change.
FORMS = {
    "{0}:30-start, {1}:10-stop": ("0 start 10 stop", "30 start 130 stop", "30 start 70 stop"),
    "{0}:15-start, {0}:45-stop": ("0 stop", "15 start 45 stop", "15 start 45 stop"),
    "{0}:30-start, {1}:00-stop": ("0 stop", "30 start 120 stop", "30 start 60 stop"),
    "cron 30 {0} * * *": ("0 run", "30 run", "30 run"),
    "cron 0,30 {0} * * *": ("0 run", "0 run 30 run", "0 run 30 run"),
    "cron 30 {0},{1} * * *": ("0 run 30 run", "30 run 150 run", "30 run 90 run"),
    "cron 30 * * * *": (
        "30 run 90 run 150 run",
        "30 run 90 run 150 run",
        "30 run 90 run 150 run",
    ),
    "cron */30 {0} * * *": ("", "0 run 30 run 60 run 90 run", "0 run 30 run"),
}
NIGHT = 180  # minutes


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("zone", "season"), NIGHTS)
def test_the_night_when_the_clock_changes_is_as_the_guide_says(zone, season, form):
    before, hour = NIGHTS[zone, season]
    # By the time of the day before: the first time in autumn, and the end of the skip in spring.
    begins = at(f"{before}T{hour:02}:00", zone=ZoneInfo(zone)) + 86400
    schedule = Schedule.parse(form.format(f"{hour:02}", f"{hour + 1:02}") + f"\nzone {zone}")
    words = FORMS[form][2 if zone == "UTC" else ("spring", "autumn").index(season)].split()
    wanted = [(int(at), action) for at, action in zip(words[::2], words[1::2], strict=True)]
    for minute in range(NIGHT):  # whenever it is started anew
        now = begins + minute * 60 - 1
        rest = [one for one in wanted if one[0] >= minute]
        assert rest_of_night(schedule, now, begins) == rest
        held = [action for after, action in wanted if after < minute]
        if held and not schedule.only_runs:
            assert schedule.is_open(now, UTC) is (held[-1] == START)


def rest_of_night(schedule: Schedule, now: float, begins: float) -> list[tuple[int, str]]:
    """What is planned until the end of the night, one after the other."""
    found: list[tuple[int, str]] = []
    while (planned := schedule.after(now, UTC)) and planned.at < begins + NIGHT * 60:
        assert planned.at > now
        found.append((round((planned.at - begins) / 60), planned.action))
        now = planned.at
    return found


def test_the_first_of_several_crons_is_next():
    cron = Schedule.parse("cron 0 6 * * *\ncron 0 5 1 * *")
    assert told(cron, at("2026-02-28T07:00")) == ("2026-03-01T05:00:00+01:00", RUN)


def test_a_zone_is_that_of_every_time():
    tokyo = Schedule.parse("zone Asia/Tokyo\n08:00-start, 18:00-stop")
    assert tokyo.is_open(at("2026-03-01T08:00", zone=ZoneInfo("Asia/Tokyo")), BERLIN)
    assert not tokyo.is_open(at("2026-03-01T12:00"), BERLIN)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("8 o'clock", "which is not a time such as 08:00-start"),
        ("24:00-start", "no time of the day"),
        ("Mon-08:00-start", "no day of the week"),
        ("month_day_32-08:00-start", "no day of the month"),
        ("month_day_0-08:00-start", "no day of the month"),
        ("08:00-stop", "has no start"),
        ("Monday-08:00-start, month_day_1-08:00-stop", "both days of the week and days"),
        ("cron 1 2 3", "not a cron expression"),
        ("cron 0 0 31 2 *", "never comes true"),
        ("cron 99 0 * * *", "never comes true"),
        ("cron 0 0 * * *\n08:00-start", "both cron expressions and times"),
        ("zone Nowhere/Land\n08:00-start", "not a time zone"),
        ("zone ../../etc/passwd\n08:00-start", "not a time zone"),
        ("08:00-start," * 201, "has more than"),
    ],
)
def test_what_is_no_schedule_is_told(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        Schedule.parse(text)


def test_this_machine_has_a_zone(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert datetime.fromtimestamp(0, machine_zone()).hour == 9
    monkeypatch.setenv("TZ", "Nowhere/Land")
    assert machine_zone() is not None
