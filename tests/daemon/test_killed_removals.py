"""A deletion that is killed before any of its calls is finished, or has not begun."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from mft.events import catalogue as events
from tests.fakes.killed import child, prepare
from tests.fakes.killed_removals import configure, instance, killed_look, look, look_once

MOST_CALLS: Final = 200
WHOLE: Final = {"ann", "ann/in", "ann/in/deep", "ann/in/file"}
JOE: Final = {"joe", "joe/file"}


def left(directory: Path) -> set[str]:
    top = directory / "data"
    return {str(one.relative_to(top)) for one in top.rglob("*")}


def goes_on(directory: Path) -> None:
    """Nothing else happens: it is finished, and told at least once."""
    look(directory)
    assert left(directory) == JOE
    told = (directory / "told").read_text().split()
    assert set(told) == {str(events.HOME_DELETED.number)}
    assert len(told) <= 2
    assert look(directory).told == []


def comes_back(directory: Path) -> None:
    """The account is let in again: it has all of its home, or what it had is gone."""
    configure(directory, "")
    look(directory)
    assert left(directory) in (JOE | WHOLE, JOE)
    assert look(directory).told == []


def is_made_anew(directory: Path) -> None:
    """Somebody makes a home where there is none: it stays."""
    new = directory / "data" / "ann"
    made = not new.exists()
    if made:
        new.mkdir()
        (new / "new").write_text("new")
    look(directory)
    look(directory)
    assert left(directory) == (JOE | {"ann", "ann/new"} if made else JOE)


@pytest.mark.parametrize("then", [goes_on, comes_back, is_made_anew])
def test_a_kill_before_any_call_deletes_all_of_it_or_nothing(
    tmp_path: Path, then: Callable[..., None]
) -> None:
    prepare(look_once, tmp_path / "once")
    whole = []
    for at_call in range(1, MOST_CALLS):
        directory = tmp_path / str(at_call)
        instance(directory)
        ended = child(killed_look, directory, at_call)
        assert left(directory) >= JOE
        whole.append(left(directory) >= WHOLE)
        then(directory)
        if ended:
            assert whole[0]
            assert whole == sorted(whole, reverse=True), "it goes once, and for good"
            return
    raise AssertionError("it never came to its end")
