"""Services that start: all that cannot are told at once."""

import errno
import os
from pathlib import Path
from typing import Any, cast

import pytest

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.daemon.life import StartFailed
from mft.daemon.starting import listen, why
from mft.events import catalogue as events
from tests.fakes.run import run
from tests.fakes.trail import Trail


class Starting:
    """A service that lacks something, whose port is taken, or that has all it needs."""

    def __init__(self, name: str, said: list[str], fails_at: str = "") -> None:
        self.component = Component(f"{name}-1", "ftp", name)
        self._said = said
        self._fails_at = fails_at

    def _do(self, what: str) -> None:
        self._said.append(f"{self.component.name} {what}")
        if self._fails_at == what:
            raise Refused(Reason.BROKEN, self.component.name, f"cannot {what}")

    async def prepare(self) -> None:
        self._do("prepare")

    def bind(self) -> None:
        self._do("bind")


def test_services_are_ready_before_they_listen(tmp_path: Path) -> None:
    said: list[str] = []
    trail = Trail()
    services = [Starting("one", said), Starting("two", said)]
    run(listen(cast(Any, services), cast(Any, trail), tmp_path / "server.ini"))
    assert said == ["one prepare", "one bind", "two prepare", "two bind"]
    assert trail.told == []


def test_all_that_cannot_start_are_told_and_none_of_them_listens(tmp_path: Path) -> None:
    said: list[str] = []
    trail = Trail()
    services = [
        Starting("one", said, "prepare"),
        Starting("two", said, "bind"),
        Starting("three", said),
    ]
    with pytest.raises(StartFailed) as failed:
        run(listen(cast(Any, services), cast(Any, trail), tmp_path / "server.ini"))
    assert failed.value.problems == (
        "[services/one-1] one: cannot prepare",
        "[services/two-1] two: cannot bind",
    )
    assert said == ["one prepare", "two prepare", "two bind", "three prepare", "three bind"]
    assert trail.events == [events.SERVICE_START_FAILED] * 2
    assert [told.payload.service_name for told in trail.told] == ["one", "two"]


@pytest.mark.parametrize(
    ("option", "reason", "sentence"),
    [
        (
            "port = 10021",
            Reason.BUSY,
            '3: [services/two-1] port = "10021" cannot be had: two: taken',
        ),
        ("", Reason.BUSY, "1: [services/two-1] port cannot be had: two: taken"),
        (
            "address = 192.0.2.7",
            Reason.INVALID,
            '3: [services/two-1] address = "192.0.2.7" cannot be had: two: taken',
        ),
    ],
)
def test_an_address_that_cannot_be_had_is_told_with_its_line(
    tmp_path: Path, option: str, reason: Reason, sentence: str
) -> None:
    class Taken(Starting):
        def bind(self) -> None:
            raise Refused(reason, "two", "taken")

    file = tmp_path / "server.ini"
    file.write_text(f"[services/two-1]\ntype = ftp\n{option}\nname = two\n")
    with pytest.raises(StartFailed) as failed:
        run(listen(cast(Any, [Taken("two", [])]), cast(Any, Trail()), file))
    assert failed.value.problems == (f"server.ini:{sentence}",)


def test_a_folder_that_cannot_be_used_is_told_with_who_it_is_for() -> None:
    denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/srv/mft/state/run")
    assert why(denied) == (
        "/srv/mft/state/run: Permission denied "
        f"(for the account with number {os.geteuid()}, as which it runs)"
    )
    there = FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), "/srv/mft/log")
    assert why(there) == "/srv/mft/log: is there, and is no folder"
    assert why(Refused(Reason.BUSY, "/srv/mft/log/journal", "in use")) == (
        "/srv/mft/log/journal: in use"
    )
