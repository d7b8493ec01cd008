"""Those who talk over a connection have what a line tells them."""

import pytest

from mft.protocols.ftp.control import Control
from mft.protocols.http.client import Client
from mft.protocols.talker import Talker

TOLD = [name for name in vars(Talker) if not name.startswith("_")]


@pytest.mark.parametrize("kind", [Control, Client])
def test_every_talker_can_be_told_everything(kind: type) -> None:
    assert TOLD
    assert [name for name in TOLD if not callable(getattr(kind, name, None))] == []
