"""Every way that a client of HTTP comes."""

from collections.abc import Iterator

import pytest

from tests.fakes.http_wire import Wire


@pytest.fixture(params=[False, True], ids=["clear", "tls"])
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    wire = Wire(tls=request.param)
    yield wire
    assert (wire.heads.lent, wire.blocks.lent) == (0, 0), "every buffer is given back"
    wire.close()
