"""Finding out what an account shall not know of: nothing tells whether something is there."""

import pytest

from mft.core.vpath import VPath
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.run import run
from tests.fakes.scp_client import ScpClient
from tests.fakes.ssh_client import SshClient

HIDDEN = "allow-full-control\n    /vault*, deny-full-control"
BELOW = "allow-full-control\n    /vault, deny-full-control\n    /vault/*, allow-write"


def serving(serve, rules, *, there):
    """A server with a folder that its account shall not know of, or without."""
    options = {"permissions": rules, "hide_denied_entries": "yes"}
    server = serve(account("ann", password=CHEAP_HASH, **options))
    if there:
        run(server.owner().make_directory(VPath.parse("/vault")))
    return server


@pytest.mark.parametrize("command", ["scp -t -d", "scp -t", "scp -r -t -d", "scp -r -t", "scp -f"])
@pytest.mark.parametrize("line", [b"C0644 5 other\n", b"D0755 0 other\n"])
def test_a_folder_that_is_hidden_is_answered_as_one_that_is_not_there(serve, command, line):
    """scp asks with -d whether its target is a folder, before it sends anything."""
    said = []
    for there in (True, False):
        server = serving(serve, HIDDEN, there=there)
        scp = ScpClient(SshClient(server).log_in(), f"{command} /vault")
        said.append((scp.say(), scp.status, scp.say(line), scp.eof().status))
        assert server.names() == ["vault"] * there
    assert said[0] == said[1]


def test_who_knows_the_name_of_a_hidden_folder_puts_files_there(serve):
    server = serving(serve, BELOW, there=True)
    scp = ScpClient(SshClient(server).log_in(), "scp -t -d /vault")
    assert scp.say(b"C0644 5 new\n", b"hello\0") == b"\0" * 3
    assert server.get("/vault/new") == b"hello"
