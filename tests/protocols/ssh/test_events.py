"""What a session does is told under its own number: asked for, done, and failed."""

import pytest

from mft.core.failure import Reason, Refused
from mft.events import catalogue as e
from mft.runtime.connection import LAST_WORDS
from mft.wire.sftp import extended, packets
from mft.wire.sftp.attrs import Attrs
from mft.wire.ssh.numbers import Message
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.scp_client import ScpClient
from tests.fakes.sftp_client import SftpClient
from tests.fakes.slow import SlowFiles, Slowness
from tests.fakes.ssh_client import SshClient

NEW = packets.FOR_WRITING | packets.CREATE | packets.TRUNCATE
MODE = Attrs(mode=0o600)
# A request that succeeds, the same for a path where it cannot, and the events of both.
OPERATIONS = [
    (packets.Stat, (b"/a",), (b"/no",), e.SSH_STAT_ASKED, e.SSH_STAT_DONE, e.SSH_STAT_FAILED),
    (packets.LStat, (b"/a",), (b"/no",), e.SSH_STAT_ASKED, e.SSH_STAT_DONE, e.SSH_STAT_FAILED),
    (
        packets.Remove,
        (b"/a",),
        (b"/d",),
        e.SSH_REMOVE_ASKED,
        e.SSH_REMOVE_DONE,
        e.SSH_REMOVE_FAILED,
    ),
    (
        packets.Rename,
        (b"/a", b"/b"),
        (b"/no", b"/b"),
        e.SSH_RENAME_ASKED,
        e.SSH_RENAME_DONE,
        e.SSH_RENAME_FAILED,
    ),
    (
        packets.MkDir,
        (b"/new", MODE),
        (b"/no/new", MODE),
        e.SSH_MAKE_DIRECTORY_ASKED,
        e.SSH_MAKE_DIRECTORY_DONE,
        e.SSH_MAKE_DIRECTORY_FAILED,
    ),
    (
        packets.RmDir,
        (b"/d",),
        (b"/a",),
        e.SSH_REMOVE_DIRECTORY_ASKED,
        e.SSH_REMOVE_DIRECTORY_DONE,
        e.SSH_REMOVE_DIRECTORY_FAILED,
    ),
    (
        packets.SetStat,
        (b"/a", MODE),
        (b"/no", MODE),
        e.SSH_SETSTAT_ASKED,
        e.SSH_SETSTAT_DONE,
        e.SSH_SETSTAT_FAILED,
    ),
    (
        packets.ReadLink,
        (b"/link",),
        (b"/a",),
        e.SSH_READ_LINK_ASKED,
        e.SSH_READ_LINK_DONE,
        e.SSH_READ_LINK_FAILED,
    ),
    (
        packets.SymLink,
        (b"a", b"/link2"),
        (b"../../etc", b"/link3"),
        e.SSH_MAKE_LINK_ASKED,
        e.SSH_MAKE_LINK_DONE,
        e.SSH_MAKE_LINK_FAILED,
    ),
    (packets.RealPath, (b"/x/..",), None, e.SSH_REAL_PATH_ASKED, None, None),
    (
        extended.CheckFileName,
        (b"/a", b"md5", 0, 0, 0),
        (b"/a", b"crc32", 0, 0, 0),
        None,
        e.SSH_CHECKSUM_DONE,
        e.SSH_CHECKSUM_FAILED,
    ),
]
IDS = [row[0].__name__ for row in OPERATIONS]


def furnished(server):
    server.put("/a", b"some bytes")
    sftp = SftpClient(SshClient(server).log_in())
    sftp.ask(packets.MkDir, b"/d", MODE)
    sftp.ask(packets.SymLink, b"a", b"/link")
    server.told.clear()
    return sftp


def of(server, *events):
    """Those of the events that were told, in order."""
    wanted = {event.number for event in events if event}
    return [number for number in server.numbers() if number in wanted]


def numbers(*events):
    return [event.number for event in events if event]


@pytest.mark.parametrize(("make", "good", "bad", "asked", "done", "failed"), OPERATIONS, ids=IDS)
def test_an_operation_tells_how_it_ended_once(server, make, good, bad, asked, done, failed):
    sftp = furnished(server)
    if bad is not None:
        assert sftp.ask(make, *bad).code not in (0, None)
        assert of(server, asked, done, failed) == numbers(failed)
    server.told.clear()
    sftp.ask(make, *good)
    assert of(server, asked, done, failed) == numbers(done)


@pytest.mark.parametrize(("make", "good", "bad", "asked", "done", "failed"), OPERATIONS, ids=IDS)
def test_what_is_asked_for_is_told_where_that_is_wanted(
    server, make, good, bad, asked, done, failed
):
    server.tell_requests = True
    sftp = furnished(server)
    sftp.ask(make, *good)
    assert of(server, asked, done, failed) == numbers(asked, done)


@pytest.mark.parametrize(
    ("make", "good", "bad", "asked", "done", "failed"),
    [row for row in OPERATIONS if row[5] and row[0] is not extended.CheckFileName],
    ids=[row[0].__name__ for row in OPERATIONS if row[5] and row[0] is not extended.CheckFileName],
)
def test_what_is_not_permitted_fails_and_changes_nothing(
    serve, make, good, bad, asked, done, failed
):
    server = serve(account("ann", password=CHEAP_HASH, permissions="deny-full-control"))
    server.put("/a", b"some bytes")
    sftp = SftpClient(SshClient(server).log_in())
    answer = sftp.ask(make, *good)
    assert answer.code == 3
    assert of(server, asked, done, failed) == numbers(failed)
    assert server.names() == ["a"]


def test_a_listing_tells_its_end(server):
    server.tell_requests = True
    sftp = furnished(server)
    handle = sftp.ask(packets.OpenDir, b"/d").text
    assert of(server, e.SSH_LIST_ASKED, e.SSH_LIST_DONE) == numbers(e.SSH_LIST_ASKED)
    sftp.ask(packets.ReadDir, handle)
    assert of(server, e.SSH_LIST_DONE) == numbers(e.SSH_LIST_DONE)
    sftp.ask(packets.OpenDir, b"/no")
    assert of(server, e.SSH_LIST_FAILED) == numbers(e.SSH_LIST_FAILED)


def test_attributes_by_handle_have_events_of_their_own(serve):
    server = serve(ignore_create_permissions="yes")
    sftp = furnished(server)
    reading, writing = sftp.open_to_read("/a"), sftp.open_to_write("/b")
    sftp.ask(packets.FStat, reading)
    sftp.ask(packets.FSetStat, reading, MODE)
    sftp.ask(packets.FSetStat, writing, MODE)
    assert of(
        server, e.SSH_FSTAT_DONE, e.SSH_FSETSTAT_UNSUPPORTED, e.SSH_FSETSTAT_IGNORED
    ) == numbers(e.SSH_FSTAT_DONE, e.SSH_FSETSTAT_UNSUPPORTED, e.SSH_FSETSTAT_IGNORED)


def test_a_copy_tells_how_it_ended(server):
    sftp = furnished(server)
    source, target = sftp.open_to_read("/a"), sftp.open_to_write("/b")
    sftp.ask(extended.CopyData, source, 0, 0, target, 0)
    sftp.ask(extended.CopyData, source, 0, 0, target, 1 << 62)
    assert of(server, e.SSH_COPY_DONE, e.SSH_COPY_FAILED) == numbers(
        e.SSH_COPY_DONE, e.SSH_COPY_FAILED
    )


def test_requests_that_we_do_not_know_are_told(server):
    sftp = furnished(server)
    sftp.ask(packets.Unsupported, 99)
    sftp.ask(packets.Unsupported, packets.EXTENDED, b"unheard-of@example.com")
    assert server.data(e.SFTP_REQUEST_UNSUPPORTED.number) == [{"details": "request type 99"}]
    assert server.data(e.SFTP_EXTENSION_UNSUPPORTED.number) == [
        {"request_type": "unheard-of@example.com"}
    ]


def test_a_session_tells_its_keys_and_its_command(server):
    client = SshClient(server).log_in()
    (told,) = server.data(e.SSH_HOST_KEYS_ANNOUNCED.number)
    assert told["details"].startswith("SHA256:")
    ScpClient(client, "scp -f /no").say(b"\0")
    assert of(server, e.SSH_COMMAND_STARTED, e.SSH_COMMAND_ENDED) == numbers(
        e.SSH_COMMAND_STARTED, e.SSH_COMMAND_ENDED
    )


# Disks that fail.


def test_reads_writes_and_attributes_that_fail_are_told(serve):
    slowness = Slowness()
    slowness.slow = False
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    sftp = furnished(server)
    reading, writing = sftp.open_to_read("/a"), sftp.open_to_write("/b")
    slowness.slow = True
    for make, fields in (
        (packets.Read, (reading, 0, 5)),
        (packets.Write, (writing, 0, memoryview(b"x"))),
        (packets.FStat, (reading,)),
    ):
        sftp.begin(make, *fields)
        sftp.take()
        slowness.fail(Refused(Reason.BROKEN, "", "the disk is gone"))
    assert [answer.code for answer in sftp.take()] == [4, 4, 4]
    failures = (e.SSH_READ_FAILED, e.SSH_WRITE_FAILED, e.SSH_FSTAT_FAILED)
    assert of(server, *failures) == numbers(*failures)
    assert server.data(e.SSH_READ_FAILED.number)[0]["details"] == "the disk is gone"


# Faults of ours.


def broken(*args, **kwargs):
    raise RuntimeError("a fault of ours")


def test_a_request_that_breaks_is_answered_and_told_and_the_session_goes_on(server, faults):
    sftp = furnished(server)
    (peer,) = server.service.hub.presence.peers
    peer.session.stat = broken
    answer = sftp.ask(packets.Stat, b"/a")
    assert answer.code == 4
    (told,) = server.data(e.SFTP_REQUEST_BROKE.number)
    assert told["details"].encode() in answer.body  # the id under which the log has the trace
    assert len(faults) == 1
    faults.clear()
    assert sftp.ask(packets.RealPath, b"/").kind == packets.NAME


def test_a_message_that_breaks_ends_the_connection_and_is_told(server, faults):
    client = SshClient(server).log_in()
    (peer,) = server.service.hub.presence.peers
    peer.channels.message = broken
    answers = client.send(Message.GLOBAL_REQUEST, "x", True)
    assert answers[-1][0] == Message.DISCONNECT
    assert b"a fault of ours" not in b"".join(answers)
    assert len(server.data(e.SSH_MESSAGE_BROKE.number)) == 1
    assert server.numbers().count(e.SSH_CLOSED.number) == 1
    assert len(faults) == 1
    faults.clear()


def test_an_scp_command_that_breaks_ends_with_1_and_is_told(server, faults):
    client = SshClient(server).log_in()
    (peer,) = server.service.hub.presence.peers
    scp = ScpClient(client, "scp -t /a")
    peer.session.upload = broken
    scp.say(b"C0644 1 a\n")
    assert (scp.closed, scp.status) == (True, 1)
    assert len(server.data(e.SCP_BROKE.number)) == 1
    assert len(faults) == 1
    faults.clear()


def test_a_login_that_breaks_is_told(server, faults):
    client = SshClient(server).service()
    server.chain.judge = broken
    client.password()
    assert not client.open
    assert len(server.data(e.SSH_USERAUTH_BROKE.number)) == 1
    assert len(faults) == 1
    faults.clear()


def test_a_peer_that_takes_nothing_is_told_as_gone(server):
    client = SshClient(server).log_in()
    client.socket.room = 0
    client.send(Message.PING, bytes(1000))
    for _ in range(2):
        server.reactor.advance(301)
        server.reactor.settle()
    server.reactor.advance(LAST_WORDS + 0.1)
    server.reactor.settle()
    assert len(server.data(e.SSH_PEER_GONE.number)) == 1
    assert server.numbers().count(e.SSH_CLOSED.number) == 1


def test_an_scp_command_that_breaks_at_once_ends_with_1(server, faults):
    client = SshClient(server).log_in()
    (peer,) = server.service.hub.presence.peers
    peer.session.is_folder = broken
    scp = ScpClient(client, "scp -t /a")
    scp.say()
    assert (scp.closed, scp.status) == (True, 1)
    assert len(faults) == 1
    faults.clear()


def test_an_end_that_breaks_is_an_end_all_the_same(server, faults):
    sftp = SftpClient(SshClient(server).log_in())
    (peer,) = server.service.hub.presence.peers
    sftp.open_to_write("/a")
    for file in peer.session.opened:
        file.abort = broken
    sftp.client.hang_up()
    assert server.numbers().count(e.SSH_CLOSED.number) == 1
    assert not server.service.hub.presence.peers
    assert server.service.hub.presence.finishing == 0
    assert not server.roster.describe()
    assert len(faults) == 2  # the channel's end, and the session's
    faults.clear()
