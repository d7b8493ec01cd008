"""What every place promises that keeps second factors which accounts have given themselves."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mft.auth.own_factors import OwnFactor, OwnFactors
from mft.auth.time_codes import TimeCodes, recovery_digest
from mft.core.failure import Reason, Refused
from mft.daemon.state.own_factors import OwnFactorFiles
from tests.fakes.accounts import CODES, FactorsInMemory
from tests.fakes.record_table import in_memory
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


def node(directory: Path) -> OwnFactors:
    made = OwnFactorFiles(directory, Inline(), Trail())
    made.sharing.use(in_memory())
    return made


every_place = pytest.mark.parametrize("make", [files, memory, node])
Make = Callable[[Path], OwnFactors]


@every_place
def test_what_is_kept_is_found_under_its_account_only(make: Make, tmp_path: Path) -> None:
    kept = make(tmp_path)
    assert kept.of("ann") is None
    assert not kept.some
    run(kept.keep("ann", FIRST, kept.of("ann")))
    assert kept.some
    assert kept.of("ann") == FIRST
    assert kept.of("Ann") is None
    assert kept.of("") is None


@every_place
def test_the_last_one_counts_and_may_be_none(make: Make, tmp_path: Path) -> None:
    kept = make(tmp_path)
    for own in (FIRST, SECOND):
        run(kept.keep("ann", own, kept.of("ann")))
    assert kept.of("ann") == SECOND
    run(kept.keep("ann", None, kept.of("ann")))
    assert kept.of("ann") is None
    assert not kept.some
    run(kept.keep("ann", None, kept.of("ann")))


@every_place
def test_what_is_no_longer_there_is_not_replaced(make: Make, tmp_path: Path) -> None:
    kept = make(tmp_path)
    run(kept.keep("ann", FIRST, None))
    for before in (None, SECOND):
        with pytest.raises(Refused) as refused:
            run(kept.keep("ann", SECOND, before))
        assert refused.value.reason is Reason.BUSY
    assert kept.of("ann") == FIRST
