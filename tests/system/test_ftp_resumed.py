"""FTP transfers that were cut go on; clients, servers and disks fail in the middle of others."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from mft.events import catalogue as events
from tests.interop.ftp import Ftp
from tests.interop.trees import content
from tests.system.cutter import Cutter
from tests.system.ftp_client import FtpClient, cut, everything
from tests.system.ftp_services import half, prepared
from tests.system.rig import Rig, sftp, until
from tests.system.test_full_disk import TOO_LARGE, small_disk
from tests.system.trail import FTP_UPLOAD_FAILED, FTP_UPLOADED, unbalanced

SIZE = 90_000  # bytes: more than one buffer of either side
DATA = content(SIZE)


@pytest.mark.parametrize("way", ["REST", "APPE"])
def test_a_cut_upload_goes_on_where_it_ended(rig_of: Rig, ftp: Ftp, way: str) -> None:
    name = f"{ftp.mode}-resumed-{way}"
    with FtpClient(ftp).log_in() as client:
        connection = client.begin(f"STOR {name}")
        connection.sendall(DATA[: SIZE // 2])
        cut(connection, reset=True)
        assert client.reply().code == 426
    with FtpClient(ftp).log_in() as client:
        had = int(client.do(f"SIZE {name}").text)
        assert had <= SIZE // 2
        if way == "REST":
            assert client.do(f"REST {had}").code == 350
        line = f"{'STOR' if way == 'REST' else 'APPE'} {name}"
        assert client.store(line, DATA[had:]).code == 226
        assert client.fetch(f"RETR {name}")[0] == DATA
    assert (rig_of.home / name).read_bytes() == DATA
    assert rig_of.trail.count(FTP_UPLOADED, path=f"/{name}") == 1


def test_a_cut_download_goes_on_where_it_ended(rig_of: Rig, ftp: Ftp) -> None:
    name = f"{ftp.mode}-parts"
    (rig_of.home / name).write_bytes(DATA)
    with FtpClient(ftp).log_in() as client:
        connection = client.begin(f"RETR {name}")
        had = connection.recv(20_000)
        cut(connection, reset=True)
        client.reply()
        assert client.do(f"REST {len(had)}").code == 350
        rest, answer = client.fetch(f"RETR {name}")
    assert answer.code == 226
    assert had + rest == DATA


def test_what_was_in_place_stays_until_it_is_replaced_whole(rig_of: Rig, ftp: Ftp) -> None:
    name = f"{ftp.mode}-in-place"
    (rig_of.home / name).write_bytes(b"before")
    with FtpClient(ftp).log_in() as client:
        connection = client.begin(f"STOR {name}")
        connection.sendall(DATA[: SIZE // 2])
        cut(connection, reset=True)
        assert client.reply().code == 426
        assert (rig_of.home / name).read_bytes() == b"before"
        assert client.store(f"STOR {name}", DATA).code == 226
    assert (rig_of.home / name).read_bytes() == DATA


# Killed.


def uploading(ftp: Ftp, source: Path, name: str, *words: str) -> subprocess.Popen[bytes]:
    """Curl, in the middle of a slow upload."""
    tls = ["--ssl-reqd"] if ftp.mode == "explicit" else []
    login = f"{ftp.server.account}:{ftp.server.password}"
    trust = ["--cacert", str(ftp.certificate), *tls, *words]
    slow = ["--limit-rate", "300k", "--upload-file", str(source)]
    return subprocess.Popen(["curl", "-sS", "--user", login, *trust, *slow, ftp.url(f"/{name}")])


def test_a_client_that_is_killed_leaves_no_file(rig_of: Rig, ftp: Ftp, tmp_path: Path) -> None:
    source, name = tmp_path / "source", f"{ftp.mode}-killed"
    source.write_bytes(content(3_000_000))
    before = half(rig_of.home)
    with uploading(ftp, source, name) as client:
        until(lambda: half(rig_of.home) > before, "bytes of the upload")
        client.send_signal(signal.SIGKILL)
    until(lambda: rig_of.trail.count(FTP_UPLOAD_FAILED, path=f"/{name}"))
    assert not (rig_of.home / name).exists()
    until(lambda: unbalanced(rig_of.trail.told) == [])


def test_an_upload_goes_on_after_the_server_was_killed(rig: Rig, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(content(3_000_000))
    found = [prepared(rig)[mode] for mode in ("clear", "explicit")]
    rig.start()
    for ftp in found:
        name = f"{ftp.mode}-large"
        with uploading(ftp, source, name) as client:
            until(lambda: half(rig.home) > 100_000, "bytes of the upload")
            rig.kill()
        assert client.returncode != 0
        assert not (rig.home / name).exists()
        rig.start()
        with FtpClient(ftp).log_in() as again:
            had = int(again.do(f"SIZE {name}").text)
            assert had > 0
            again.do(f"REST {had}")
            assert again.store(f"STOR {name}", source.read_bytes()[had:]).code == 226
        assert (rig.home / name).read_bytes() == source.read_bytes()
        assert half(rig.home) == 0
    rig.stop()
    assert unbalanced(rig.trail.told) == [], "the start after a kill has not closed everything"
    assert rig.trail.count(events.CRASH_CLOSED.number) == len(found)


def test_what_ftp_began_sftp_finishes_and_the_other_way_round(
    rig_of: Rig, ftp: Ftp, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(DATA)
    first, second = f"{ftp.mode}-by-sftp", f"{ftp.mode}-by-ftp"
    with FtpClient(ftp).log_in() as client:
        connection = client.begin(f"STOR {first}")
        connection.sendall(DATA[: SIZE // 2])
        cut(connection, reset=True)
        assert client.reply().code == 426
        assert sftp(rig_of.server, f"reput {source} /{first}\n") == 0
        assert (rig_of.home / first).read_bytes() == DATA
        with Cutter(rig_of.server.port, SIZE // 2) as cutter:
            assert sftp(rig_of.server, f"put {source} /{second}\n", port=cutter.port) != 0
        until(lambda: rig_of.trail.count(events.SSH_UPLOAD_FAILED.number, path=f"/{second}"))
        had = int(client.do(f"SIZE {second}").text)
        assert had > 0
        client.do(f"REST {had}")
        assert client.store(f"STOR {second}", DATA[had:]).code == 226
    assert (rig_of.home / second).read_bytes() == DATA


# A full disk.


def test_a_full_home_refuses_and_works_again_when_there_is_room(rig: Rig) -> None:
    found = prepared(rig)
    rig.say("server", allow_root="yes")
    rig.start(before=small_disk(rig.home))
    home = rig.seen / str(rig.home)[1:]
    for ftp in found.values():
        with FtpClient(ftp).log_in() as client:
            connection = client.begin(f"STOR {ftp.mode}")
            with contextlib.suppress(OSError):  # it is cut when there is no room
                connection.sendall(content(TOO_LARGE))
                everything(connection)
            connection.close()
            assert client.reply().code in (452, 552)
            assert not (home / ftp.mode).exists()
            (failed,) = rig.trail.of(FTP_UPLOAD_FAILED, path=f"/{ftp.mode}")
            assert "space" in failed["data"]["details"].lower()
            assert client.do(f"DELE {ftp.mode}").code == 250
            assert os.listdir(home) == []
            assert client.store(f"STOR {ftp.mode}", DATA).code == 226
            assert client.do(f"DELE {ftp.mode}").code == 250
    rig.stop()
    assert unbalanced(rig.trail.told) == []
