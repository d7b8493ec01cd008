"""The machine fails under HTTP: the server is killed, the disk is full, or slow.

Never half a file under its name, and exactly one closing event for everything that was open.
"""

import contextlib
import os
import threading
import time
from pathlib import Path

import pytest

from mft.events import catalogue as events
from tests.interop.instance import execute
from tests.interop.services import cheap_hash
from tests.interop.trees import content
from tests.interop.web import SCHEMES, Web
from tests.system.ftp_services import half
from tests.system.http_client import HttpClient
from tests.system.rig import Rig, until
from tests.system.test_full_disk import FITS, TOO_LARGE, small_disk
from tests.system.trail import HTTP_UPLOAD_FAILED, HTTP_UPLOADED, unbalanced

SIZE = 1_000_000
ENOUGH = 60  # uploads that are acknowledged before the kill
AT_ONCE = 3
DELAY = 20  # milliseconds of each call of the slow disk
CHUNK = 50_000


def sized(client: HttpClient, name: str, data: bytes) -> bytes:
    """An upload whose length is told."""
    return client.head("PUT", f"/home/{name}", Content_Length=str(len(data))) + data


def chunked(client: HttpClient, name: str, data: bytes) -> bytes:
    """An upload in chunks."""
    pieces = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return client.head("PUT", f"/home/{name}", Transfer_Encoding="chunked") + body + b"0\r\n\r\n"


def upload_until_it_dies(rig: Rig, web: Web, worker: int, acknowledged: list[str]) -> None:
    """One small file after another; note each whose end the server has answered."""
    with contextlib.suppress(OSError, EOFError), HttpClient(web) as client:
        for number in range(100_000):
            name = f"{worker}-{number}"
            make = chunked if number % 2 else sized
            client.put(make(client, name, name.encode() * 100))
            assert client.answer().status == 201
            acknowledged.append(name)
            if len(acknowledged) == ENOUGH:
                rig.kill()


def test_every_upload_that_a_client_was_told_of_survives_the_kill(rig: Rig) -> None:
    web = rig.web("https")
    rig.start()
    acknowledged: list[str] = []
    workers = [
        threading.Thread(target=upload_until_it_dies, args=(rig, web, worker, acknowledged))
        for worker in range(AT_ONCE)
    ]
    with HttpClient(web) as open_one, HttpClient(web) as idle:  # two more that it had
        assert idle.ask("GET", "/home/").status == 200
        open_one.put(sized(open_one, "large", content(SIZE))[:-1])
        until(lambda: half(rig.home) > SIZE // 2, "bytes of the upload")
        for one in workers:
            one.start()
        for one in workers:
            one.join()
    assert len(acknowledged) >= ENOUGH
    assert not (rig.home / "large").exists()
    for name in acknowledged:
        assert (rig.home / name).read_bytes() == name.encode() * 100
        assert rig.trail.count(HTTP_UPLOADED, path=f"/{name}") == 1, f"{name} is not recorded"
    rig.start()
    # Exactly once, although the start after the kill looks for what was open.
    assert unbalanced(rig.trail.told) == []
    assert rig.trail.count(HTTP_UPLOAD_FAILED, path="/large") == 1
    assert rig.trail.count(events.CRASH_CLOSED.number) == 1
    for path in rig.home.iterdir():  # what nobody was told of is whole, or hidden
        if not path.name.startswith(".mft-"):
            assert path.read_bytes() == path.name.encode() * 100
    with HttpClient(web) as client:
        assert b".mft-" not in client.ask("GET", "/home/").body
        assert client.ask("PUT", "/home/large", content(SIZE)).status == 201
    assert (rig.home / "large").read_bytes() == content(SIZE)
    rig.stop()
    assert rig.mft("audit", "verify").returncode == 0
    assert unbalanced(rig.trail.told) == []


def test_a_full_disk_is_told_and_works_again_when_there_is_room(rig: Rig) -> None:
    web = rig.web("http")
    rig.say("server", allow_root="yes")
    rig.start(before=small_disk(rig.home))
    home = rig.seen / str(rig.home)[1:]
    assert os.path.ismount(home)
    for make in (sized, chunked):
        with HttpClient(web) as client:
            with contextlib.suppress(OSError):  # it may have answered, and gone, already
                client.put(make(client, "large", content(TOO_LARGE)))
            answer = client.answer()
            assert answer.status == 507
            assert "space" in answer.body.decode().lower()
        assert not (home / "large").exists()
        with HttpClient(web) as client:
            # What came of it is its owner's, who removes it: that makes room.
            assert client.ask("DELETE", "/home/large").status == 204
            assert os.listdir(home) == []
            client.put(make(client, "fits", content(FITS)))
            assert client.answer().status == 201
            assert client.ask("GET", "/home/fits").body == content(FITS)
            assert client.ask("DELETE", "/home/fits").status == 204
    assert rig.trail.count(HTTP_UPLOAD_FAILED, path="/large") == 2
    assert rig.trail.count(HTTP_UPLOADED) == 2
    rig.stop()
    assert unbalanced(rig.trail.told) == []


@pytest.fixture(scope="module")
def slowness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes a disk slow, built from slow.c."""
    library = tmp_path_factory.mktemp("slow") / "slow.so"
    source = Path(__file__).with_name("slow.c")
    execute("gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source, "-ldl")
    return library


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_slow_disk_is_slow_loses_nothing_and_holds_nobody_up(
    rig: Rig, slowness: Path, scheme: str
) -> None:
    web = rig.web(scheme)
    other = rig.account("other", password=cheap_hash(rig.server))
    rig.say("server", allow_root="yes")
    (other.home / "there").write_bytes(b"there")
    told = {"SLOW_BELOW": str(rig.home), "SLOW_MILLISECONDS": str(DELAY)}
    rig.start({"LD_PRELOAD": str(slowness), **told})
    data = content(SIZE)
    took: list[float] = []

    def move() -> None:
        with HttpClient(web) as client:
            began = time.perf_counter()
            for make in (sized, chunked):
                client.put(make(client, make.__name__, data))
                assert client.answer().status == 201
                assert client.ask("GET", f"/home/{make.__name__}").body == data
            # Chunks of a byte each are as many writes only as the disk takes at a time.
            head = client.head("PUT", "/home/little", Transfer_Encoding="chunked")
            client.put(head + b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n")
            assert client.answer().status == 201
            took.append(time.perf_counter() - began)

    moving = threading.Thread(target=move)
    moving.start()
    asked = 0
    with HttpClient(web, name="other") as client:
        while moving.is_alive() or not asked:
            assert client.ask("GET", "/home/there").body == b"there"
            asked += 1
    moving.join()
    assert took, "the transfers did not come to their end"
    assert took[0] > 10 * DELAY / 1000, "nothing was delayed"
    assert asked > 20, "the other one was held up"
    assert (rig.home / "sized").read_bytes() == (rig.home / "chunked").read_bytes() == data
    assert (rig.home / "little").read_bytes() == b"x" * 20_000
    rig.stop()
    assert unbalanced(rig.trail.told) == []
    assert "Traceback" not in rig.output


def test_a_client_that_is_served_when_the_server_stops_is_served_to_its_end(rig: Rig) -> None:
    web = rig.web("http")
    rig.start()
    with HttpClient(web) as client, HttpClient(web) as idle:
        assert idle.ask("GET", "/home/").status == 200
        whole = sized(client, "last", content(SIZE))
        client.put(whole[:-1])
        until(lambda: half(rig.home) >= SIZE - 1, "all but a byte")
        assert rig.process is not None
        rig.process.terminate()
        assert idle.rest() == [], "who does nothing is sent away at once"
        client.put(whole[-1:])
        assert client.answer().status == 201
    assert rig.ended() == 0
    assert (rig.home / "last").read_bytes() == content(SIZE)
    assert unbalanced(rig.trail.told) == []
