"""Which command lines are served, and by what."""

from types import SimpleNamespace

import pytest

from mft.protocols.ssh.commands import command_server
from mft.protocols.ssh.passwd import PasswdServer
from mft.protocols.ssh.scp import ScpServer
from tests.fakes.sessions import session


def served(line: bytes, *, scp: bool = True) -> type | None:
    peer = SimpleNamespace(hub=SimpleNamespace(options=SimpleNamespace(scp=scp)))
    found = command_server(peer, None, session(), line)
    return None if found is None else type(found)


@pytest.mark.parametrize("line", [b"scp -t /a", b"scp -r -f /a", b"scp -t -- -a"])
def test_scp_is_served_where_it_is_on(line: bytes) -> None:
    assert served(line) is ScpServer
    assert served(line, scp=False) is None


@pytest.mark.parametrize("line", [b"passwd", b" passwd\n"])
def test_passwd_always_is(line: bytes) -> None:
    assert served(line) is served(line, scp=False) is PasswdServer


@pytest.mark.parametrize("line", [b"", b"id", b"passwd x", b"scp", b"scp -x /a", b"\xff", b"sh"])
def test_nothing_else_is(line: bytes) -> None:
    assert served(line) is None
