"""A session that opens all it can: the limit refuses, and the session goes on."""

import pytest

from mft.wire.sftp import packets
from mft.wire.sftp.attrs import Attrs
from mft.wire.sftp.status import Status
from tests.fakes.sftp_client import SftpClient
from tests.fakes.ssh_client import SshClient

NEW = packets.FOR_WRITING | packets.CREATE
LIMIT = 90007


@pytest.mark.parametrize("kind", ["downloads", "uploads", "listings", "channels"])
def test_two_hundred_handles_are_128(server, kind):
    server.put("/a", b"")
    client = SshClient(server).log_in()
    channels = [SftpClient(client, theirs=n) for n in range(5 if kind == "channels" else 1)]
    handles = []
    for number in range(200):
        sftp = channels[number % len(channels)]
        answer = {
            "downloads": lambda s: s.ask(packets.Open, b"/a", packets.FOR_READING, Attrs()),
            "uploads": lambda s: s.ask(packets.Open, b"/%d" % s._id, NEW, Attrs()),
            "listings": lambda s: s.ask(packets.OpenDir, b"/"),
            "channels": lambda s: s.ask(packets.Open, b"/a", packets.FOR_READING, Attrs()),
        }[kind](sftp)
        if answer.kind == packets.HANDLE:
            handles.append((sftp, answer.text))
        else:
            assert answer.code == Status.FAILURE
    assert len(handles) == 128
    assert len(server.data(LIMIT)) == 72
    sftp, handle = handles[0]
    assert sftp.close_handle(handle) in (0, Status.OK)
    assert sftp.open_to_read("/a")
    client.hang_up()
    assert server.numbers().count(30015) == 1
