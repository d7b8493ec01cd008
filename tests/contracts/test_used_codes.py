"""What every place promises that keeps which one-time codes accounts have used."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mft.auth.used_codes import Used, UsedCodes
from mft.daemon.state.used_codes import UsedCodeFiles
from tests.fakes.accounts import UsedInMemory
from tests.fakes.record_table import in_memory
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

FIRST = Used("mark", 7, ("a",))


def files(directory: Path) -> UsedCodes:
    return UsedCodeFiles(directory, Inline(), Trail())


def memory(directory: Path) -> UsedCodes:
    return UsedInMemory()


def node(directory: Path) -> UsedCodes:
    made = UsedCodeFiles(directory, Inline(), Trail())
    made.sharing.use(in_memory())
    return made


every_place = pytest.mark.parametrize("make", [files, memory, node])
Make = Callable[[Path], UsedCodes]


@every_place
def test_what_is_kept_is_found_under_its_account_only(make: Make, tmp_path: Path) -> None:
    kept = make(tmp_path)
    assert run(kept.look("ann")) == Used()
    run(kept.take("ann", lambda _: FIRST))
    assert run(kept.look("ann")) == FIRST
    assert run(kept.look("Ann")) == run(kept.look("")) == Used()


@every_place
def test_the_last_word_counts(make: Make, tmp_path: Path) -> None:
    kept = make(tmp_path)
    run(kept.take("ann", lambda _: FIRST))
    run(kept.take("ann", lambda _: FIRST._replace(step=8)))
    assert run(kept.look("ann")).step == 8


@every_place
def test_what_is_used_up_is_not_taken_and_that_is_told(make: Make, tmp_path: Path) -> None:
    kept = make(tmp_path)
    assert run(kept.take("ann", lambda _: FIRST)) == FIRST
    assert run(kept.take("ann", lambda used: None if used == FIRST else used)) is None
    assert run(kept.look("ann")) == FIRST


@every_place
def test_wrong_codes_are_counted(make: Make, tmp_path: Path) -> None:
    kept = make(tmp_path)
    kept.slips.add("ann", 0)
    assert not kept.slips.too_many("ann", 0)
