"""Where accounts give themselves no second factor."""

import pytest

from mft.auth.own_factors import NO_OWN_FACTORS, OwnFactor
from mft.core.failure import Refused
from tests.fakes.accounts import CODES
from tests.fakes.run import run


def test_there_are_none_and_none_is_kept() -> None:
    assert not NO_OWN_FACTORS.some
    assert NO_OWN_FACTORS.of("ann") is None
    with pytest.raises(Refused):
        run(NO_OWN_FACTORS.keep("ann", OwnFactor(CODES, frozenset(), 1), None))


def test_one_shows_nothing_of_its_secret() -> None:
    own = OwnFactor(CODES, frozenset(), 1)
    assert CODES.secret.reveal() not in f"{own} {own!r}"
