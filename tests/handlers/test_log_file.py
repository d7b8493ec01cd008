import json
from datetime import datetime, timedelta

import pytest

from mft.config.ini import RawSection, Value
from mft.config.kinds import Context
from mft.config.section import check_section, read_section
from mft.events import catalogue
from mft.events.template import DEFAULT_LINE
from mft.handlers.log_file import LogFile, LogFileOptions
from mft.handlers.subscription import DELAY, Subscription
from tests.fakes.handlers import LOG, house
from tests.fakes.occurrences import ALICE, told, uploaded
from tests.fakes.run import run


@pytest.fixture
def home(tmp_path):
    home = house(tmp_path)
    yield home
    home.journal.close()


def options(**given):
    return LogFileOptions(name="audit", type="local-file", **given)


def read(directory, **given):
    """Options as server.ini gives them, and the sentences of every problem."""
    values = {"name": "audit", "type": "local-file"} | given
    raw = RawSection(
        "event-handlers/log",
        "server.ini",
        1,
        {name: Value(text, "server.ini", 2) for name, text in values.items()},
    )
    problems = []
    found = read_section(LogFileOptions, raw, Context(directory), problems)
    if found is not None:
        check_section(found, raw, Context(directory), problems)
    return found, [str(problem) for problem in problems]


def lines_of(home, *occurrences, **given):
    handler = LogFile(LOG, options(**given), home.around)
    run(handler.start())
    run(handler.handle_many(occurrences))
    run(handler.stop())
    return (home.directory / "log" / "server.log").read_text().splitlines()


def test_the_defaults_are_those_that_operators_know(tmp_path):
    found, problems = read(tmp_path)
    assert problems == []
    assert found.path == "log/server.log"
    assert found.entry_content == DEFAULT_LINE
    assert (found.rotate_at_size, found.rotate_on, found.rotate_count) == (0, None, 0)


def test_every_event_is_one_line(home):
    lines = lines_of(home, told("/a"), told("/b\n20137 forged"), told("/c"))
    assert len(lines) == 3
    assert lines[0].startswith("30068 ")
    assert 'ssh-1 alice 192.0.2.7:51234 Uploaded "/a"' in lines[0]
    assert "\\n20137 forged" in lines[1]


def test_lines_of_json_are_whole_events(home):
    lines = lines_of(home, told("/a\n\u2028"), format="json")
    assert len(lines) == 1
    event = json.loads(lines[0])
    assert event["data"]["path"] == "/a\n\u2028"
    assert event["id"] == "30068"


def test_lines_of_values_have_a_header(home):
    lines = lines_of(home, told("/a,b"), structured_fields=("id", "data.path"))
    assert lines == ["id,data.path", '30068,"/a,b"']


def test_the_name_of_the_machine_may_be_in_the_path(home, monkeypatch):
    monkeypatch.setattr("mft.handlers.log_file.socket.gethostname", lambda: "node/1")
    monkeypatch.setattr("mft.handlers.log_file.socket.getfqdn", lambda: "node.example.com")
    handler = LogFile(LOG, options(path="log/{host.name}-{host.fqdn}.log"), home.around)
    run(handler.start())
    run(handler.stop())
    assert (home.directory / "log" / "node_1-node.example.com.log").is_file()


def delivered(home, count, **given):
    handler = LogFile(LOG, options(**given), home.around)
    subscription = Subscription(handler, options(**given), home.bus, home.around)
    run(subscription.start())
    for index in range(count):
        home.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(f"/{index:04}"), ALICE)
        home.clock.advance(DELAY)
    return subscription


def test_rotations_are_told_and_lose_nothing(home):
    delivered(home, 60, rotate_at_size=4096, rotate_count=0)
    numbers = home.numbers()
    assert numbers.count(catalogue.LOG_ROTATED.number) >= 1
    files = (home.directory / "log").glob("server.log*")
    written = [line for path in files for line in path.read_text().splitlines()]
    assert sorted(line.partition("Uploaded ")[2][1:6] for line in written) == [
        f"/{index:04}" for index in range(60)
    ]
    rotated = next(one for one in home.journal.read() if one.event is catalogue.LOG_ROTATED)
    assert rotated.data["path"].endswith("server.log.1")
    assert rotated.data["source_path"].endswith("server.log")


def test_a_log_that_is_emptied_in_place_says_so(home):
    delivered(home, 60, rotate_at_size=4096, rotate_count=-1)
    assert catalogue.LOG_TRUNCATED.number in home.numbers()


def test_a_log_that_cannot_be_written_is_told_and_gets_everything_later(home, monkeypatch):
    with monkeypatch.context() as patch:

        def refuse(self, block):
            raise OSError(28, "No space left on device")

        patch.setattr("mft.handlers.appended.Appended.write", refuse)
        delivered(home, 3)
        assert catalogue.HANDLER_FAILED.number in home.numbers()
    home.clock.advance(100)
    lines = (home.directory / "log" / "server.log").read_text().splitlines()
    assert ["/0000" in lines[0], "/0001" in lines[1], "/0002" in lines[2]] == [True] * 3


@pytest.mark.parametrize(
    ("denied", "event"),
    [(True, catalogue.ROTATION_MISCONFIGURED), (False, catalogue.ROTATION_FAILED)],
)
def test_a_rotation_that_fails_is_an_event(home, monkeypatch, denied, event):
    error = PermissionError(13, "Permission denied") if denied else OSError(5, "Input/output error")

    def refuse(self, target):
        raise error

    monkeypatch.setattr("mft.handlers.appended.Path.rename", refuse)
    monkeypatch.setattr("mft.handlers.cursor.Cursor.save", lambda self, serial: None)
    delivered(home, 40, rotate_at_size=4096)
    assert event.number in home.numbers()


def test_rotation_by_time_needs_no_event(home):
    now = [datetime(2030, 1, 31, 23, 59, 59)]
    when = read(home.directory, rotate_on="00:00 time-of-day")[0].rotate_on
    handler = LogFile(LOG, options(rotate_on=when), home.around, lambda: now[0])
    run(handler.start())
    run(handler.handle_many([told()]))
    now[0] += timedelta(seconds=1)
    home.clock.advance(1.1)
    assert (home.directory / "log" / "server.2030-02-01-00-00.log").is_file()
    assert home.numbers() == [catalogue.LOG_ROTATED.number]
    assert len(home.clock.getDelayedCalls()) == 1  # it waits for the next night
    run(handler.stop())
    assert home.clock.getDelayedCalls() == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"entry_content": "{acount.name}"}, 'did you mean "account.name"'),
        ({"entry_content": "{id"}, "belongs to no name"),
        ({"structured_fields": "id, nmae"}, "there is no"),
        ({"path": ""}, "is not a path"),
        ({"path": "log/{user}.log"}, "neither {host.name} nor {host.fqdn}"),
        ({"rotate_at_size": "100"}, "less than 4096"),
        ({"rotate_at_size": "lots"}, "not a size"),
        ({"rotate_count": "-2"}, "number of files"),
        ({"rotate_on": "weekly"}, "not a time"),
        ({"rotate_on": "1 day-of-month", "rotate_at_size": "1 MiB"}, "with rotate_on"),
        ({"format": "csv"}, "needs structured_fields"),
        ({"format": "json", "structured_fields": "id"}, "format = json"),
        ({"format": "xml"}, "is not one of"),
        ({"user_group": "x"}, "has no option"),
        ({"rotate_each": "1 day-of-month"}, "old name"),
    ],
)
def test_options_that_cannot_be_used_say_why(tmp_path, given, sentence):
    _, problems = read(tmp_path, **given)
    assert len(problems) == 1
    assert sentence in problems[0]


def test_a_log_does_not_stop_itself(tmp_path):
    assert read(tmp_path)[0].fail_after_errors == 0
