"""Uploads over HTTPS go on after a kill, a cut, and over every other protocol."""

import contextlib
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from mft.events import catalogue as events
from tests.interop.ftp import Ftp
from tests.interop.trees import content
from tests.interop.web import Web
from tests.system.cutter import Cutter
from tests.system.ftp_client import FtpClient, cut
from tests.system.ftp_services import half
from tests.system.http_client import Answer, HttpClient
from tests.system.rig import Rig, sftp, until
from tests.system.trail import HTTP_CLOSED, HTTP_UPLOAD_FAILED, HTTP_UPLOADED, unbalanced

ALL = "/__mft__/tus/"
SIZE = 900_000  # bytes: more than one buffer of either side
PART = SIZE // 3
DATA = content(SIZE)


class Served(NamedTuple):
    """An instance with HTTPS and FTPS."""

    rig: Rig
    web: Web
    ftp: Ftp


@pytest.fixture
def served(rig: Rig) -> Iterator[Served]:
    """It runs, and everything that began in it has ended in the end."""
    rig.say("server", audit_requests="yes")  # which tells of data connections that come, too
    made = Served(rig, rig.web("https"), rig.ftp("implicit"))
    rig.start()
    yield made
    rig.stop()
    assert unbalanced(rig.trail.told) == []
    assert half(rig.home) == 0


def create(client: HttpClient, name: str, *, goes_on: bool = False) -> str:
    """Begin an upload of tus; its URL."""
    path = f"path {b64encode(name.encode()).decode()}"
    answer = client.ask(
        "POST",
        ALL,
        b"",
        Tus_Resumable="1.0.0",
        Upload_Length=str(SIZE),
        Upload_Metadata=f"{path},continue" if goes_on else path,
    )
    assert answer.status == 201
    return answer.fields["location"]


def begin(client: HttpClient, url: str, at: int, stop: int) -> None:
    """Begin to send all that is left, and send it up to `stop`."""
    head = client.head(
        "PATCH",
        url,
        Tus_Resumable="1.0.0",
        Content_Type="application/offset+octet-stream",
        Upload_Offset=str(at),
        Content_Length=str(SIZE - at),
    )
    client.put(head + DATA[at:stop])


def finish(client: HttpClient, url: str, at: int) -> Answer:
    """Send all that is left."""
    begin(client, url, at, SIZE)
    return client.answer()


def offset(client: HttpClient, url: str) -> int:
    """How much is there."""
    return int(client.ask("HEAD", url, Tus_Resumable="1.0.0").fields["upload-offset"])


def test_an_upload_goes_on_after_the_server_was_killed(served: Served) -> None:
    rig, web, _ = served
    with HttpClient(web) as client:
        url = create(client, "a")
        begin(client, url, 0, PART)
        until(lambda: half(rig.home) > PART // 2, "bytes of the upload")
        rig.kill()
    assert not (rig.home / "a").exists()
    rig.start()
    with HttpClient(web) as client:
        had = offset(client, url)
        assert PART // 2 < had <= PART
        begin(client, url, had, 2 * PART)
        until(lambda: half(rig.home) > PART, "more bytes of the upload")
        rig.kill()
    rig.start()
    with HttpClient(web) as client:
        assert finish(client, url, offset(client, url)).status == 204
        assert (rig.home / "a").read_bytes() == DATA
        assert offset(client, url) == SIZE
    rig.kill()
    rig.start()
    with HttpClient(web) as client:
        assert offset(client, url) == SIZE
    assert rig.trail.count(HTTP_UPLOADED, path="/a") == 1


def test_a_client_whose_connection_hangs_goes_on_by_another(served: Served) -> None:
    rig, web, _ = served
    with HttpClient(web) as hanging, HttpClient(web) as client:
        url = create(hanging, "a")
        begin(hanging, url, 0, PART)
        until(lambda: half(rig.home) > 0, "bytes of the upload")
        had = offset(client, url)
        assert 0 < had <= PART
        assert finish(client, url, had).status == 204
    assert (rig.home / "a").read_bytes() == DATA


def cut_off(served: Served, url: str, at: int, *, reset: bool) -> None:
    """Send what is left through a connection that is cut, and wait until the server has seen it."""
    rig, web, _ = served
    before = rig.trail.count(HTTP_CLOSED)
    with (
        Cutter(web.port, PART, reset=reset) as cutter,
        contextlib.suppress(OSError, EOFError),
        HttpClient(web, port=cutter.port) as through,
    ):
        finish(through, url, at)
    until(lambda: rig.trail.count(HTTP_CLOSED) > before, "the end of the connection")


def test_an_upload_goes_on_after_its_connection_was_cut_in_the_middle_of_tls(
    served: Served,
) -> None:
    rig, web, _ = served
    with HttpClient(web) as client:
        url = create(client, "a")
        at = 0
        for reset in (False, True):
            cut_off(served, url, at, reset=reset)
            now = offset(client, url)
            assert at <= now < at + PART
            assert reset or at < now  # of what is reset the kernel may throw all away
            at = now
        assert finish(client, url, at).status == 204
    assert (rig.home / "a").read_bytes() == DATA


def test_what_https_began_sftp_finishes(served: Served, tmp_path: Path) -> None:
    rig, web, _ = served
    (tmp_path / "source").write_bytes(DATA)
    with HttpClient(web) as client:
        url = create(client, "a")
        begin(client, url, 0, PART)
        until(lambda: half(rig.home) == PART, "bytes of the upload")
        client.close(reset=True)
    until(lambda: rig.trail.count(HTTP_UPLOAD_FAILED, path="/a"))
    assert sftp(rig.server, f"reput {tmp_path / 'source'} /a\n") == 0
    assert (rig.home / "a").read_bytes() == DATA
    (continued,) = rig.trail.of(events.INTERRUPTED_UPLOAD_CONTINUED.number)
    assert continued["data"]["path"] == "/a"
    with HttpClient(web) as client:
        assert offset(client, url) == SIZE


def test_what_sftp_began_https_finishes(served: Served, tmp_path: Path) -> None:
    rig, web, _ = served
    (tmp_path / "source").write_bytes(DATA)
    with Cutter(rig.server.port, SIZE // 2) as cutter:
        assert sftp(rig.server, f"put {tmp_path / 'source'} /a\n", port=cutter.port) != 0
    until(lambda: rig.trail.count(events.SSH_UPLOAD_FAILED.number, path="/a"))
    with HttpClient(web) as client:
        url = create(client, "a", goes_on=True)
        had = offset(client, url)
        assert 0 < had < SIZE
        assert finish(client, url, had).status == 204
    assert (rig.home / "a").read_bytes() == DATA


def test_what_https_began_ftp_finishes_and_the_other_way_round(served: Served) -> None:
    rig, web, ftp = served
    with HttpClient(web) as client, FtpClient(ftp).log_in() as other:
        url = create(client, "a")
        begin(client, url, 0, PART)
        until(lambda: half(rig.home) == PART, "bytes of the upload")
        client.close(reset=True)
        until(lambda: rig.trail.count(HTTP_UPLOAD_FAILED, path="/a"))
        told = int(other.do("SIZE a").text)
        assert told == PART - 1
        other.do(f"REST {told}")
        assert other.store("STOR a", DATA[told:]).code == 226
        assert (rig.home / "a").read_bytes() == DATA
        connection = other.begin("STOR b")
        connection.sendall(DATA[:PART])
        cut(connection, reset=True)
        assert other.reply().code == 426
    with HttpClient(web) as client:
        url = create(client, "b", goes_on=True)
        assert finish(client, url, offset(client, url)).status == 204
    assert (rig.home / "b").read_bytes() == DATA


def test_an_upload_of_the_draft_goes_on_after_the_server_was_killed(served: Served) -> None:
    rig, web, _ = served
    with HttpClient(web) as client:
        head = client.head(
            "PUT",
            "/home/a",
            Upload_Complete="?1",
            Upload_Draft_Interop_Version="8",
            Content_Length=str(SIZE),
        )
        client.put(head + DATA[:PART])
        status, fields = client.answer_head()
        assert status == 104
        url = fields["location"]
        until(lambda: half(rig.home) > 0, "bytes of the upload")
        rig.kill()
    rig.start()
    with HttpClient(web) as client:
        told = client.ask("HEAD", url).fields
        assert told["upload-complete"] == "?0"
        had = int(told["upload-offset"])
        assert 0 < had <= PART
        answer = client.ask(
            "PATCH",
            url,
            DATA[had:],
            Content_Type="application/partial-upload",
            Upload_Offset=str(had),
            Upload_Complete="?1",
        )
        assert (answer.status, answer.fields["upload-complete"]) == (201, "?1")
    assert (rig.home / "a").read_bytes() == DATA
