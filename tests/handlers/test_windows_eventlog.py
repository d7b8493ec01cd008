"""The Application log of Windows, with a stand-in for what writes to it: here is no Windows."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mft.config.kinds import Context
from mft.core.failure import Refused
from mft.handlers import windows_eventlog as module
from mft.handlers.windows_eventlog import MAX_TEXT, WindowsEventlog, WindowsEventlogOptions
from tests.fakes.handlers import LOG, house
from tests.fakes.occurrences import told
from tests.fakes.run import run


@pytest.fixture
def home(tmp_path):
    home = house(tmp_path)
    yield home
    home.journal.close()


class Log:
    """What pywin32 has: it keeps what it is given, or fails."""

    def __init__(self) -> None:
        self.sources = []
        self.entries = []
        self.failing = None

    def AddSourceToRegistry(self, name, msgDLL=None, eventLogType="Application"):
        if self.failing:
            raise self.failing
        self.sources.append((name, eventLogType))

    def ReportEvent(self, name, number, eventCategory=0, eventType=1, strings=None, data=None):
        if self.failing:
            raise self.failing
        self.entries.append((name, number, eventType, strings))


@pytest.fixture
def log(monkeypatch):
    made = Log()
    stand_in = SimpleNamespace(
        AddSourceToRegistry=made.AddSourceToRegistry, ReportEvent=made.ReportEvent
    )
    monkeypatch.setitem(sys.modules, "win32evtlogutil", stand_in)
    return made


def options(**given):
    told = {"name": "mft events", "type": "windows-eventlog", **given}
    return WindowsEventlogOptions.model_validate(told, context=Context(Path("/i")))


def wrongs(**given):
    return [(one.option, one.sentence) for one in options(**given).check(Context(Path("/i")))]


def test_every_event_is_an_entry_under_its_number_at_the_level_information(home, log):
    one = WindowsEventlog(LOG, options(), home.around)
    run(one.start())
    run(one.handle_many([told("/a"), told("/b\n" + "x" * 40_000)]))
    run(one.stop())
    assert log.sources == [("mft events", "Application")]
    (name, number, level, strings), (_, _, _, (long,)) = log.entries
    assert (name, number, level) == ("mft events", 30068, 4)
    assert strings[0].startswith('30068 alice 192.0.2.7:51234 Uploaded "/a"')
    assert len(long) == MAX_TEXT
    assert "\n" not in long


def test_a_source_that_may_not_be_registered_is_used_anyway(home, log):
    one = WindowsEventlog(LOG, options(), home.around)
    log.failing = RuntimeError("access is denied")
    run(one.start())
    assert "mft events is not registered: access is denied" in home.log[0]
    log.failing = None
    run(one.handle_many([told()]))
    assert len(log.entries) == 1


def test_a_log_that_takes_nothing_is_tried_again(home, log):
    one = WindowsEventlog(LOG, options(), home.around)
    run(one.start())
    log.failing = RuntimeError("the log is full")
    with pytest.raises(OSError, match="the log is full"):
        run(one.handle_many([told()]))


def test_without_what_writes_to_the_log_it_does_not_start(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "win32evtlogutil", None)
    with pytest.raises(Refused, match=r"mft\[windows\]"):
        run(WindowsEventlog(LOG, options(), home.around).start())


def test_on_another_system_it_is_a_problem_of_the_configuration(monkeypatch):
    monkeypatch.setattr(module, "WINDOWS", False)
    assert wrongs() == [("type", "works on Windows only; syslog is the type for other systems")]
    assert wrongs(enabled=False) == []


def test_the_name_is_one_of_a_source(monkeypatch):
    monkeypatch.setattr(module, "WINDOWS", True)
    assert wrongs() == []
    ((option, sentence),) = wrongs(name="a*b-c")
    assert option == "name"
    assert "must not have * - in it" in sentence
