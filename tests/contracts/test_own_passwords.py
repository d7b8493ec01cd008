"""What every place promises that keeps passwords which accounts have given themselves."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mft.auth.own_passwords import OwnPassword, OwnPasswords, mark_of
from mft.auth.passwords import PasswordHash
from mft.core.failure import Reason, Refused
from mft.daemon.state.own_passwords import OwnPasswordFiles
from tests.fakes.accounts import CHEAP_HASH, KeptInMemory
from tests.fakes.record_table import in_memory
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

HASH = PasswordHash.parse(CHEAP_HASH)
FIRST = OwnPassword(mark_of(HASH), HASH, 1.5, ())
SECOND = FIRST._replace(changed=2, earlier=(HASH, HASH.decoy()._replace(text=CHEAP_HASH)))


def files(directory: Path) -> OwnPasswords:
    return OwnPasswordFiles(directory, Inline(), Trail())


def memory(directory: Path) -> OwnPasswords:
    return KeptInMemory()


def node(directory: Path) -> OwnPasswords:
    made = OwnPasswordFiles(directory, Inline(), Trail())
    made.sharing.use(in_memory())
    return made


every_place = pytest.mark.parametrize("make", [files, memory, node])
Make = Callable[[Path], OwnPasswords]


@every_place
def test_what_is_kept_is_found_under_its_account_only(make: Make, tmp_path: Path) -> None:
    kept = make(tmp_path)
    assert kept.of("ann") is None
    run(kept.keep("ann", FIRST, kept.of("ann")))
    assert kept.of("ann") == FIRST
    assert kept.of("Ann") is None
    assert kept.of("") is None


@every_place
def test_the_last_one_counts(make: Make, tmp_path: Path) -> None:
    kept = make(tmp_path)
    for own in (FIRST, SECOND):
        run(kept.keep("ann", own, kept.of("ann")))
    assert kept.of("ann") == SECOND


@every_place
def test_what_is_no_longer_there_is_not_replaced(make: Make, tmp_path: Path) -> None:
    kept = make(tmp_path)
    run(kept.keep("ann", FIRST, None))
    for before in (None, SECOND):
        with pytest.raises(Refused) as refused:
            run(kept.keep("ann", SECOND, before))
        assert refused.value.reason is Reason.BUSY
    assert kept.of("ann") == FIRST
