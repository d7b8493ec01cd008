"""What every place promises that keeps second factors which accounts have given themselves."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mft.auth.own_factors import OwnFactor, OwnFactors
from mft.auth.time_codes import TimeCodes, recovery_digest
from mft.daemon.own_factors import OwnFactorFiles
from tests.fakes.accounts import CODES, FactorsInMemory
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

DIGEST = recovery_digest("ABCD-EFGH-IJKL-MNOP") or ""
FIRST = OwnFactor(CODES, frozenset((DIGEST,)), 7)
SECOND = OwnFactor(TimeCodes.fresh(), frozenset(), 8)


def files(directory: Path) -> OwnFactors:
    return OwnFactorFiles(directory, Inline(), Trail())


def memory(directory: Path) -> OwnFactors:
    return FactorsInMemory()


every_place = pytest.mark.parametrize("make", [files, memory])
Make = Callable[[Path], OwnFactors]


@every_place
def test_what_is_kept_is_found_under_its_account_only(make: Make, tmp_path: Path) -> None:
    kept = make(tmp_path)
    assert kept.of("ann") is None
    assert not kept.some
    run(kept.keep("ann", FIRST))
    assert kept.some
    assert kept.of("ann") == FIRST
    assert kept.of("Ann") is None
    assert kept.of("") is None


@every_place
def test_the_last_one_counts_and_may_be_none(make: Make, tmp_path: Path) -> None:
    kept = make(tmp_path)
    for own in (FIRST, SECOND):
        run(kept.keep("ann", own))
    assert kept.of("ann") == SECOND
    run(kept.keep("ann", None))
    assert kept.of("ann") is None
    assert not kept.some
    run(kept.keep("ann", None))
