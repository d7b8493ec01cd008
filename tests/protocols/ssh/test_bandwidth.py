"""SFTP and SCP within a bandwidth: never more than it allows, whole at the end, and not idle."""

from collections.abc import Callable
from typing import Any

import pytest

from mft.session.bandwidth import LEAST_BURST
from mft.wire.sftp import packets
from mft.wire.ssh.numbers import Message
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.scp_client import ScpClient
from tests.fakes.sftp_client import SftpClient
from tests.fakes.slow import SlowFiles, Slowness
from tests.fakes.ssh_client import SshClient, message

RATE = 64_000  # bytes a second
DATA = bytes(range(251)) * 1600  # 400 KB: six seconds
BLOCK = 32 << 10  # bytes of a request, as OpenSSH asks
STEP = 0.05  # seconds between two looks
LIMITED = {"upload_bandwidth": str(RATE), "download_bandwidth": str(RATE)}


@pytest.fixture
def server(serve: Callable[..., Any]) -> Any:
    ann = account("ann", password=CHEAP_HASH, durable_uploads="no", **LIMITED)
    server = serve(ann, idle_connection_timeout="1")
    server.put("/a", DATA)
    return server


def log_in(server: Any) -> SshClient:
    return SshClient(server).log_in()


def pass_time(
    server: Any, moved: Callable[[], int], whole: int, transfers: int = 1, rate: int = RATE
) -> float:
    """Let time pass until everything has moved, and see that it was never too much."""
    # Each may move a piece before it looks again; of uploads, the packet that began before it too.
    beside = LEAST_BURST + transfers * 2 * LEAST_BURST
    for step in range(10_000):
        now = moved()
        assert now <= rate * step * STEP + beside
        if now == whole:
            return step * STEP
        server.reactor.advance(STEP)
        server.reactor.settle()
    raise AssertionError("it stands still")


def asked(sftp: SftpClient, path: str = "/a") -> Callable[[], int]:
    """Ask for all of a file at once; how much of it has come."""
    handle = sftp.open_to_read(path)
    got = {}
    order = {sftp.begin(packets.Read, handle, at, BLOCK): at for at in range(0, len(DATA), BLOCK)}

    def moved() -> int:
        for answer in sftp.take():
            assert answer.kind == packets.DATA
            got[order[answer.id]] = answer.text
        sftp.got = []
        assert b"".join(got.values()) == DATA[: sum(map(len, got.values()))]
        return sum(map(len, got.values()))

    return moved


def test_a_download_takes_its_time(server: Any) -> None:
    sftp = SftpClient(log_in(server))
    took = pass_time(server, asked(sftp), len(DATA))
    assert took >= (len(DATA) - 2 * LEAST_BURST) / RATE
    assert sftp.close_handle(sftp.open_to_read("/a")) == 0


def test_two_sessions_of_an_account_share_it(server: Any) -> None:
    one, other = asked(SftpClient(log_in(server))), asked(SftpClient(log_in(server)))
    pass_time(server, lambda: one() + other(), 2 * len(DATA), transfers=2)


def test_two_channels_of_a_connection_share_it_and_none_starves(server: Any) -> None:
    client = log_in(server)
    first = SftpClient(client)
    one = asked(first)
    server.reactor.advance(1)
    server.reactor.settle()
    had = one()
    other_server = SftpClient(log_in(server))
    other = asked(other_server)
    for _ in range(80):
        server.reactor.advance(STEP)
        server.reactor.settle()
    gained = one() - had
    assert abs(gained - other()) <= 2 * LEAST_BURST
    assert gained > 2 * LEAST_BURST


def test_on_a_slow_disk_it_takes_its_time_as_well(serve: Callable[..., Any]) -> None:
    slowness = Slowness()
    slowness.slow = False
    ann = account("ann", password=CHEAP_HASH, **LIMITED)
    server = serve(ann, storage=lambda memory: SlowFiles(memory, slowness))
    server.put("/a", DATA)
    moved = asked(SftpClient(log_in(server)))
    slowness.slow = True

    def released() -> int:
        slowness.let_all_go(server.reactor.settle)
        return moved()

    pass_time(server, released, len(DATA))


def begun(sftp: SftpClient, path: str) -> tuple[bytes, Callable[[], int]]:
    """Write all of a file at once; its handle, and how much of it was answered."""
    handle = sftp.open_to_write(path)
    starts = range(0, len(DATA), BLOCK)
    sizes = {
        sftp.begin(packets.Write, handle, at, memoryview(DATA[at : at + BLOCK])): min(
            BLOCK, len(DATA) - at
        )
        for at in starts
    }
    done: list[int] = []

    def moved() -> int:
        for answer in sftp.take():
            assert answer.code == 0
            done.append(sizes[answer.id])
        sftp.got = []
        return sum(done)

    return handle, moved


def test_an_upload_takes_its_time(server: Any) -> None:
    sftp = SftpClient(log_in(server))
    handle, moved = begun(sftp, "/b")
    took = pass_time(server, moved, len(DATA))
    assert took >= (len(DATA) - 3 * LEAST_BURST) / RATE
    server.reactor.advance(2)
    server.reactor.settle()
    assert sftp.close_handle(handle) == 0
    assert server.get("/b") == DATA


def test_uploads_of_two_sessions_share_it(server: Any) -> None:
    (_, one), (_, other) = (begun(SftpClient(log_in(server)), path) for path in ("/b", "/c"))
    pass_time(server, lambda: one() + other(), 2 * len(DATA), transfers=2)


def wait_for(sftp: SftpClient, number: int) -> None:
    """Let time pass until a request is answered."""
    for _ in range(200):
        if number in [answer.id for answer in sftp.take()]:
            return
        sftp.client.server.reactor.advance(STEP)
        sftp.client.server.reactor.settle()
    raise AssertionError("there is no answer")


def test_small_files_one_after_the_other_are_held_as_well(server: Any) -> None:
    sftp = SftpClient(log_in(server))
    count, began = 0, server.reactor.seconds()
    for _ in range(12):
        handle = sftp.open_to_write("/small")
        number = sftp.begin(packets.Write, handle, 0, memoryview(DATA[:BLOCK]))
        wait_for(sftp, number)
        sftp.got = []
        count += BLOCK
        number = sftp.begin(packets.Close, handle)
        wait_for(sftp, number)
        assert count <= RATE * (server.reactor.seconds() - began) + 2 * LEAST_BURST


def test_who_waits_for_the_limit_is_not_idle_and_who_does_not_is(server: Any) -> None:
    sftp = SftpClient(log_in(server))
    other = SftpClient(log_in(server))
    moved = asked(sftp)
    hungry = asked(other)
    pass_time(server, lambda: moved() + hungry(), 2 * len(DATA), transfers=2)
    assert 90005 not in server.numbers()
    for _ in range(4):
        server.reactor.advance(3)
        server.reactor.settle()
    assert not server.service.connections


def test_who_leaves_while_waiting_leaves_at_once(server: Any) -> None:
    client = log_in(server)
    sftp = SftpClient(client)
    asked(sftp)
    client.hang_up()
    assert not server.service.connections
    assert not server.reactor.calls


def test_who_leaves_in_an_upload_leaves_when_it_is_read_again(server: Any) -> None:
    client = log_in(server)
    begun(SftpClient(client), "/b")
    client.hang_up()
    for _ in range(20):
        server.reactor.advance(1)
        server.reactor.settle()
    assert not server.service.connections
    assert not server.reactor.calls


def test_a_channel_that_is_closed_while_it_owes_leaves_the_connection_usable(server: Any) -> None:
    client = log_in(server)
    sftp = SftpClient(client)
    handle = sftp.open_to_write("/b")
    sftp.begin(packets.Write, handle, 0, memoryview(DATA[:BLOCK]))
    sftp.begin(packets.Write, handle, BLOCK, memoryview(DATA[:BLOCK]))
    client.put(message(Message.CHANNEL_CLOSE, sftp.channel))
    client.answers()
    server.reactor.advance(0.9)
    server.reactor.settle()
    assert SftpClient(client, theirs=8).ask(packets.Stat, b"/a").kind == 105  # its attributes


def test_scp_takes_its_time_both_ways(server: Any) -> None:
    scp = ScpClient(log_in(server), "scp -f /a")
    scp.say(b"\0")
    told = bytearray(scp.say(b"\0"))

    def came() -> int:
        told.extend(scp.say())
        return min(len(told), len(DATA))

    took = pass_time(server, came, len(DATA))
    assert took >= (len(DATA) - 2 * LEAST_BURST) / RATE
    assert bytes(told[: len(DATA)]) == DATA
    server.reactor.advance(3)
    server.reactor.settle()

    scp = ScpClient(log_in(server), "scp -t /b")
    assert scp.say() == b"\0"
    assert scp.say(b"C0644 %d b\n" % len(DATA)) == b"\0"
    began = server.reactor.seconds()
    pieces = [DATA[at : at + BLOCK] for at in range(0, len(DATA), BLOCK)]
    answered = scp.say(*pieces, b"\0")
    for _ in range(200):
        if answered:
            break
        server.reactor.advance(STEP)
        server.reactor.settle()
        answered = scp.say()
    assert answered == b"\0"
    assert server.reactor.seconds() - began >= (len(DATA) - 3 * LEAST_BURST) / RATE
    assert server.get("/b") == DATA
    scp.eof()
    server.reactor.advance(0.9)
    server.reactor.settle()
    scp.say()
    assert scp.closed
