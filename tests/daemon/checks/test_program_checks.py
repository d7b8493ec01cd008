"""Root is told where it could not start the server, and nobody else is."""

from pathlib import Path

import pytest

from mft.config.ini import read
from mft.config.kinds import Context
from mft.daemon.checks.program_checks import check_programs
from mft.daemon.reading import Reading

PROGRAM = "[event-handlers/scan]\nname = scan\ntype = external-executable\n"
INSPECTION = "[resources/look]\nname = look\ntype = inspection-program\n"
DISPATCHER = "[event-handlers/out]\nname = out\ntype = file-dispatcher\n"
AS_ROOT = "[server]\nname = s\nallow_root = yes\n"
PATH = "executable_path = /bin/true\n"


def told(folder: Path, text: str, who: int) -> list[str]:
    path = folder / "server.ini"
    path.write_text(text)
    reading = Reading(Context(folder), [])
    for raw in read(path, reading.problems).values():
        reading.take(raw)
    check_programs(reading, lambda: who)
    return [str(one) for one in reading.problems if "never run as root" in str(one)]


def test_root_is_warned_of_a_program_that_would_run_as_root(tmp_path: Path) -> None:
    (warned,) = told(tmp_path, AS_ROOT + PROGRAM + PATH, 0)
    assert warned.startswith('server.ini:7: warning: [event-handlers/scan] executable_path = "/bin')


@pytest.mark.parametrize("family", ["resources", "event-handlers"])
def test_root_is_warned_of_an_inspection_that_would_run_as_root(
    tmp_path: Path, family: str
) -> None:
    text = INSPECTION.replace("resources", family)
    (warned,) = told(tmp_path, AS_ROOT + text + PATH, 0)
    assert warned.startswith(f'server.ini:7: warning: [{family}/look] executable_path = "/bin')


def test_root_is_warned_of_a_rule_that_runs_a_program(tmp_path: Path) -> None:
    rules = "dispatch_rules =\n    delete, *.tmp\n    execute, *, /bin/true\n"
    fallback = "fallback_rule = execute, /bin/false\n"
    found = told(tmp_path, AS_ROOT + DISPATCHER + rules + fallback, 0)
    assert [one.partition(" [event-handlers/out] ")[2].split(" = ")[0] for one in found] == [
        "dispatch_rules",
        "fallback_rule",
    ]


@pytest.mark.parametrize(
    ("text", "who"),
    [
        (AS_ROOT + PROGRAM + PATH, 1000),
        (PROGRAM + PATH, 0),
        ("[server]\nname = s\naccount = nobody\n" + PROGRAM + PATH, 0),
        (AS_ROOT + PROGRAM + PATH + "enabled = no\n", 0),
        (AS_ROOT + INSPECTION + PATH + "enabled = no\n", 0),
        (AS_ROOT + "[event-handlers/log]\nname = log\ntype = local-file\n", 0),
    ],
    ids=[
        "somebody else",
        "root is refused anyway",
        "an account",
        "not enabled",
        "an inspection that is not enabled",
        "another type",
    ],
)
def test_nobody_else_is(tmp_path: Path, text: str, who: int) -> None:
    assert told(tmp_path, text, who) == []
