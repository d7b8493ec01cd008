"""Deflated uploads (MODE Z) that become a thousand times as much, or nothing that can be."""

import os
import zlib

import pytest

from mft.events import catalogue as events
from tests.system.ftp_client import FtpClient, cut
from tests.system.rig import until

MOST = 24 << 20  # bytes of memory
BOMB = 256 << 20  # bytes that a quarter of a megabyte becomes
FAILED = events.FTP_UPLOAD_FAILED.number


def bomb() -> bytes:
    """Zeros, deflated a thousand to one."""
    squeeze = zlib.compressobj(9)
    piece = bytes(1 << 20)
    return b"".join(squeeze.compress(piece) for _ in range(BOMB >> 20)) + squeeze.flush()


def in_mode_z(client: FtpClient) -> FtpClient:
    assert client.do("MODE Z").code == 200
    return client


@pytest.mark.parametrize("mode", ["clear", "explicit"])
def test_a_bomb_costs_neither_memory_nor_others_their_turn(victim, mode):
    name = victim.name()
    with FtpClient(victim[mode]).log_in() as client, FtpClient(victim["clear"]).log_in() as other:
        before = victim.memory
        with in_mode_z(client).begin(f"STOR {name}") as connection:
            connection.sendall(bomb())
            other.socket.settimeout(2.0)
            for _ in range(20):
                assert other.do("PWD").code == 257
                assert victim.memory - before < MOST
            cut(connection, reset=True)
        code = client.reply().code
        assert code in (226, 426, 452, 552)
        assert victim.memory - before < MOST
    if code != 226:
        assert not victim.path(name).exists()
    else:
        assert os.stat(victim.path(name)).st_size == BOMB
        victim.path(name).unlink()
    for path in victim.rig.home.glob(".mft-*"):
        path.unlink()


@pytest.mark.parametrize(
    "data",
    [
        b"no deflated data",
        zlib.compress(bytes(100_000))[:-1],
        zlib.compress(b"x" * 1000)[:5],
        zlib.compress(b"x" * 1000)[:-4] + b"sum!",
        b"\x78\x9c" + b"\xff" * 10_000,
        b"\x1f\x8b\x08" + bytes(100),
    ],
    ids=["text", "cut", "cut early", "wrong sum", "nonsense", "gzip"],
)
def test_what_is_not_whole_deflated_data_is_no_file(victim, data):
    name = victim.name()
    with FtpClient(victim["clear"]).log_in() as client:
        connection = in_mode_z(client).begin(f"STOR {name}")
        connection.sendall(data)
        connection.close()
        assert client.reply().code in (426, 501, 550, 553)
        assert not victim.path(name).exists()
        until(lambda: victim.told(FAILED, client.port))
        assert client.do("MODE S").code == 200
        assert client.store(f"STOR {name}", b"whole").code == 226
    assert victim.path(name).read_bytes() == b"whole"


def test_an_upload_that_goes_on_behind_its_end_is_no_file(victim):
    name = victim.name()
    with FtpClient(victim["clear"]).log_in() as client:
        line = f"STOR {name}"
        assert in_mode_z(client).store(line, zlib.compress(b"x" * 1000) + bytes(1000)).code == 553
        assert not victim.path(name).exists()
        until(lambda: victim.told(FAILED, client.port))
