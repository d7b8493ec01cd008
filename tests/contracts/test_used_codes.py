"""What every place promises that keeps which one-time codes accounts have used."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mft.auth.used_codes import Used, UsedCodes
from mft.daemon.used_codes import UsedCodeFiles
from tests.fakes.accounts import UsedInMemory
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

FIRST = Used("mark", 7, ("a",))


def files(directory: Path) -> UsedCodes:
    return UsedCodeFiles(directory, Inline(), Trail())


def memory(directory: Path) -> UsedCodes:
    return UsedInMemory()


every_place = pytest.mark.parametrize("make", [files, memory])
Make = Callable[[Path], UsedCodes]


@every_place
def test_what_is_kept_is_found_under_its_account_only(make: Make, tmp_path: Path) -> None:
    kept = make(tmp_path)
    assert kept.of("ann") == Used()
    run(kept.keep("ann", FIRST))
    assert kept.of("ann") == FIRST
    assert kept.of("Ann") == kept.of("") == Used()


@every_place
def test_the_last_word_counts(make: Make, tmp_path: Path) -> None:
    kept = make(tmp_path)
    run(kept.keep("ann", FIRST))
    run(kept.keep("ann", FIRST._replace(step=8)))
    assert kept.of("ann").step == 8


@every_place
def test_wrong_codes_are_counted(make: Make, tmp_path: Path) -> None:
    kept = make(tmp_path)
    kept.slips.add("ann", 0)
    assert not kept.slips.too_many("ann", 0)
