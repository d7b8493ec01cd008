"""FTP connections that are cut at every stage: never half a file, never a silent one.

A session has two connections. Either is cut after so many bytes, or both are; over TLS that is also
in the middle of a handshake, of a record, and of close_notify.
"""

import contextlib
import os
from collections.abc import Iterator

import pytest

from tests.interop.ftp import MODES, Ftp
from tests.interop.trees import content
from tests.system.cutter import Cutter
from tests.system.ftp_client import FtpClient, Refusal, cut, end
from tests.system.ftp_services import half
from tests.system.rig import Rig, until
from tests.system.trail import (
    FTP_DOWNLOAD_FAILED,
    FTP_DOWNLOADED,
    FTP_OPENED,
    FTP_UPLOAD_FAILED,
    FTP_UPLOADED,
    unbalanced,
)

SIZE = 90_000  # bytes: more than one buffer of either side; five digits, as all names have
DATA = content(SIZE)
LARGE = bytes(range(256)) * (24 << 10)  # 6 MiB: more than the server's buffers and a cutter's
BROKEN = (OSError, EOFError, Refusal)  # what a client sees of a cut


def upload(ftp: Ftp, name: str, control: Cutter, data: Cutter) -> bool:
    """Upload through cutters; whether the client was told that it is there."""
    try:
        with FtpClient(ftp, port=control.port, greet=False) as client:
            client.greet()
            client.log_in()
            client.do(f"ALLO {SIZE}")
            done = client.store(f"STOR {name}", DATA, data).code == 226
            client.put("QUIT")
            client.rest()
            return done
    except BROKEN:
        return False


def download(ftp: Ftp, name: str, control: Cutter, data: Cutter) -> bool:
    """Download through cutters; whether all of it came, and the client was told so."""
    try:
        with FtpClient(ftp, port=control.port, greet=False) as client:
            client.greet()
            client.log_in()
            got, answer = client.fetch(f"RETR {name}", data)
            client.put("QUIT")
            client.rest()
            return answer.code == 226 and got == LARGE
    except BROKEN:
        return False


def opened(rig: Rig, name: str) -> int:
    """How often a file was opened."""
    return sum(rig.trail.count(number, path=f"/{name}") for number in FTP_OPENED)


def closed(rig: Rig, control: Cutter, before: int) -> None:
    """Wait until one more connection has ended, if there was one."""
    wanted = before + bool(control.server_port)
    until(lambda: rig.trail.ended == wanted, "the end of the connection")


def spread(whole: int, parts: int = 8) -> list[int]:
    """Where to cut what has `whole` bytes: evenly, at its beginning, and often near its end."""
    near = {whole + step for step in (-120, -90, -60, -25, -10, -1, 0)}
    evenly = range(0, whole, max(1, whole // parts))
    return sorted({0, 1, 5, *evenly, *(at for at in near if at >= 0)})


def both_ways(limits: list[int], turn: int) -> Iterator[tuple[int, bool]]:
    """Cut without a reset and with one at each end, and in between in turns."""
    for at, limit in enumerate(limits):
        if 3 <= at < len(limits) - 7:
            yield limit, (at + turn) % 2 == 1
        else:
            yield from ((limit, reset) for reset in (False, True))


def whole(control: Cutter, data: Cutter) -> dict[str, int]:
    """What there is to cut: bytes of the client's and of the server's on both connections."""
    return {
        "commands": control.seen,
        "replies": control.answered,
        "data": data.seen,
        "bytes sent": data.answered,
    }


@contextlib.contextmanager
def cutters(ftp: Ftp, which: str, limit: int, *, reset: bool) -> Iterator[tuple[Cutter, Cutter]]:
    """Proxies for both connections, one of which cuts."""
    limits = {which: limit}
    commands, replies = limits.get("commands"), limits.get("replies")
    data, sent = limits.get("data"), limits.get("bytes sent")
    with (
        Cutter(ftp.port, commands, answers=replies, reset=reset) as control,
        Cutter(0, data, answers=sent, reset=reset) as other,
    ):
        yield control, other


@pytest.mark.parametrize("which", ["commands", "replies", "data"])
def test_a_cut_upload_is_whole_or_not_there_and_its_events_say_which(
    rig_of: Rig, ftp: Ftp, which: str
) -> None:
    with Cutter(ftp.port) as control, Cutter() as data:
        assert upload(ftp, f"{ftp.mode}-{which}-whole-x", control, data)
    until(lambda: unbalanced(rig_of.trail.told) == [], "the end of it")
    outcomes = set()
    for limit, reset in both_ways(spread(whole(control, data)[which]), MODES.index(ftp.mode)):
        name = f"{ftp.mode}-{which}-{limit:05}-{reset:d}"
        before = rig_of.trail.ended
        with cutters(ftp, which, limit, reset=reset) as (control, data):
            told_done = upload(ftp, name, control, data)
        closed(rig_of, control, before)
        there = rig_of.home / name
        done = there.exists()
        if done:
            assert there.read_bytes() == DATA, f"half a file, {which} cut after {limit}"
        assert done or not told_done, f"told of success, {which} cut after {limit}"
        tried, path = opened(rig_of, name), f"/{name}"
        assert rig_of.trail.count(FTP_UPLOADED, path=path) == done
        assert rig_of.trail.count(FTP_UPLOAD_FAILED, path=path) == tried - done
        outcomes.add((tried, done))
    missed = (which != "commands", False)  # the last command opens the file
    assert {missed, (1, True)} <= outcomes, "the stages miss one"
    until(lambda: unbalanced(rig_of.trail.told) == [])


@pytest.mark.parametrize("which", ["commands", "replies", "bytes sent"])
def test_a_cut_download_is_told_as_one(rig_of: Rig, ftp: Ftp, which: str) -> None:
    source = f"{ftp.mode}-{which}-complete"
    (rig_of.home / source).write_bytes(LARGE)
    with Cutter(ftp.port) as control, Cutter() as data:
        assert download(ftp, source, control, data)
    until(lambda: unbalanced(rig_of.trail.told) == [], "the end of it")
    outcomes = set()
    parts = 3 if which == "bytes sent" else 8  # one byte of so many is as another
    for limit in spread(whole(control, data)[which], parts):
        name = f"{ftp.mode}-{which}-{limit:08}"
        (rig_of.home / name).hardlink_to(rig_of.home / source)
        before = rig_of.trail.ended
        with cutters(ftp, which, limit, reset=True) as (control, data):
            told_done = download(ftp, name, control, data)
        closed(rig_of, control, before)
        done = rig_of.trail.count(FTP_DOWNLOADED, path=f"/{name}")
        failed = rig_of.trail.count(FTP_DOWNLOAD_FAILED, path=f"/{name}")
        assert done + failed == opened(rig_of, name)
        assert done or not told_done
        outcomes.add((failed, done))
        (rig_of.home / name).unlink()
    missed = (which != "commands", 0)
    assert {missed, (0, 1)} <= outcomes, "the stages miss one"
    until(lambda: unbalanced(rig_of.trail.told) == [])


@pytest.mark.parametrize("reset", [False, True], ids=["orderly", "reset"])
@pytest.mark.parametrize("sent", [0, 1, SIZE // 2, SIZE])
def test_a_client_that_dies_in_the_middle_leaves_no_file(
    rig_of: Rig, ftp: Ftp, sent: int, reset: bool
) -> None:
    name = f"{ftp.mode}-{sent}-{reset}"
    with FtpClient(ftp).log_in() as client:
        connection = client.begin(f"STOR {name}")
        connection.sendall(DATA[:sent])
        cut(client.socket, reset=reset)
        cut(connection, reset=reset)  # over TLS it has not said that this was all
    until(lambda: rig_of.trail.count(FTP_UPLOAD_FAILED, path=f"/{name}"))
    assert not (rig_of.home / name).exists()
    until(lambda: unbalanced(rig_of.trail.told) == [])


@pytest.mark.parametrize("mode", ["explicit", "implicit"])
def test_an_end_that_tls_does_not_confirm_is_none(
    services: tuple[Rig, dict[str, Ftp]], mode: str
) -> None:
    rig, found = services
    name = f"{mode}-truncated"
    with FtpClient(found[mode]).log_in() as client:
        connection = client.begin(f"STOR {name}")
        connection.sendall(DATA)
        cut(connection)
        assert client.reply().code == 426
        assert client.do("NOOP").code == 200
    assert not (rig.home / name).exists()
    assert rig.trail.count(FTP_UPLOAD_FAILED, path=f"/{name}") == 1


@pytest.mark.parametrize("mode", ["explicit", "implicit"])
def test_nothing_reaches_a_client_that_only_sends_until_it_has_sent_everything(
    services: tuple[Rig, dict[str, Ftp]], mode: str
) -> None:
    """A client that closes with session tickets unread loses what its system has not sent yet."""
    rig, found = services
    before = half(rig.home)
    with FtpClient(found[mode]).log_in() as client:
        connection = client.begin(f"STOR {mode}-quiet")
        connection.sendall(DATA)
        until(lambda: half(rig.home) == before + SIZE, "all of it has come")
        connection.setblocking(False)
        with pytest.raises(OSError, match="did not complete"):
            connection.recv(1)  # nothing is there, not even for TLS itself
        with contextlib.suppress(BlockingIOError):
            os.read(connection.fileno(), 1)
            pytest.fail("there was something for TLS itself")
        connection.setblocking(True)
        end(connection)
        assert client.reply().code == 226
        connection.close()
