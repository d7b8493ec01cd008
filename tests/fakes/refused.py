"""Expect a refusal for a reason."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mft.core.failure import Reason, Refused


@contextmanager
def refused(*reasons: Reason) -> Iterator[None]:
    """What runs inside must be refused, for one of these reasons when any are given."""
    with pytest.raises(Refused) as raised:
        yield
    assert not reasons or raised.value.reason in reasons, raised.value
