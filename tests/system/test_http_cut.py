"""HTTP connections that are cut at every stage: never half a file, never a silent one.

A connection is cut after so many bytes of the client's, or of the server's, with a reset and
without; over TLS that is also in the middle of a handshake, of a record, and of close_notify.
"""

import contextlib
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.interop.instance import Server
from tests.interop.trees import content
from tests.interop.web import SCHEMES, Web
from tests.system.cutter import Cutter
from tests.system.ftp_services import half
from tests.system.http_client import HttpClient
from tests.system.rig import Rig, until
from tests.system.trail import (
    HTTP_DOWNLOAD_FAILED,
    HTTP_DOWNLOADED,
    HTTP_OPENED,
    HTTP_UPLOAD_FAILED,
    HTTP_UPLOADED,
    unbalanced,
)

# Python leaks the socket that it is wrapping when its connection is reset in that moment.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)

SIZE = 90_000  # bytes: more than one buffer of either side
DATA = content(SIZE)
LARGE = bytes(range(256)) * (24 << 10)  # 6 MiB: more than the server's buffers and a cutter's
CHUNK = 20_000
BROKEN = (OSError, EOFError)  # what a client sees of a cut


@pytest.fixture(scope="module")
def webs(
    tmp_path_factory: pytest.TempPathFactory, template: Server
) -> Iterator[tuple[Rig, dict[str, Web]]]:
    """An instance with both services; everything that began has ended in the end."""
    rig = Rig(tmp_path_factory.mktemp("mft") / "instance", template)
    found = {scheme: rig.web(scheme) for scheme in SCHEMES}
    rig.start()
    yield rig, found
    try:
        rig.stop()
    finally:
        rig.close()
    assert unbalanced(rig.trail.told) == []
    assert "Traceback" not in rig.output
    assert rig.mft("audit", "verify").returncode == 0


@pytest.fixture
def rig_of(webs: tuple[Rig, dict[str, Web]]) -> Rig:
    """The instance."""
    return webs[0]


@pytest.fixture(params=SCHEMES)
def web(request: pytest.FixtureRequest, webs: tuple[Rig, dict[str, Web]]) -> Web:
    """Each of its services."""
    return webs[1][request.param]


def sized(client: HttpClient, name: str) -> bytes:
    """An upload whose length is told."""
    return client.head("PUT", f"/home/{name}", Content_Length=str(SIZE)) + DATA


def chunked(client: HttpClient, name: str) -> bytes:
    """An upload in chunks."""
    pieces = [DATA[at : at + CHUNK] for at in range(0, SIZE, CHUNK)]
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return client.head("PUT", f"/home/{name}", Transfer_Encoding="chunked") + body + b"0\r\n\r\n"


WAYS = {"sized": sized, "chunked": chunked}


def upload(web: Web, way: str, name: str, cutter: Cutter) -> bool:
    """Upload through a cutter; whether the client was told that it is there."""
    try:
        with HttpClient(web, port=cutter.port) as client:
            client.put(WAYS[way](client, name))
            done = client.answer().status == 201
            client.say_goodbye()
            return done
    except BROKEN:
        return False


def download(web: Web, name: str, cutter: Cutter) -> bool:
    """Download through a cutter; whether all of it came."""
    try:
        with HttpClient(web, port=cutter.port) as client:
            answer = client.ask("GET", f"/home/{name}")
            client.say_goodbye()
            return answer.status == 200 and answer.body == LARGE
    except BROKEN:
        return False


def opened(rig: Rig, name: str) -> int:
    """How often a file was opened."""
    return sum(rig.trail.count(number, path=f"/{name}") for number in HTTP_OPENED)


def closed(rig: Rig, before: int) -> None:
    """Wait until one more connection has ended."""
    until(lambda: rig.trail.ended == before + 1, "the end of the connection")


def spread(whole: int) -> list[int]:
    """Where to cut what has `whole` bytes: evenly, at its beginning, and often near its end."""
    near = {whole + step for step in (-60, -25, -8, -6, -5, -4, -2, -1, 0)}
    return sorted({0, 1, 5, *range(0, whole, max(1, whole // 6)), *(at for at in near if at >= 0)})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("which", ["sent", "answered"])
def test_a_cut_upload_is_whole_or_not_there_and_its_events_say_which(
    rig_of: Rig, web: Web, way: str, which: str
) -> None:
    name = f"{web.scheme}-{way}-{which}-whole-x"
    with Cutter(web.port) as cutter:
        assert upload(web, way, name, cutter)
    until(lambda: unbalanced(rig_of.trail.told) == [], "the end of it")
    whole = cutter.seen if which == "sent" else cutter.answered
    outcomes = set()
    for limit, reset in product(spread(whole), (False, True)):
        name = f"{web.scheme}-{way}-{which}-{limit:05}-{reset:d}"
        limits = {"limit": limit} if which == "sent" else {"answers": limit}
        before = rig_of.trail.ended
        with Cutter(web.port, reset=reset, **limits) as cutter:
            told_done = upload(web, way, name, cutter)
        closed(rig_of, before)
        there = rig_of.home / name
        done = there.exists()
        if done:
            assert there.read_bytes() == DATA, f"half a file, {which} cut after {limit}"
        assert done or not told_done, f"told of success, {which} cut after {limit}"
        tried, path = opened(rig_of, name), f"/{name}"
        assert rig_of.trail.count(HTTP_UPLOADED, path=path) == done
        failed = rig_of.trail.count(HTTP_UPLOAD_FAILED, path=path)
        # One that has left by then is refused before anything is opened.
        assert failed == tried - done if tried else failed <= 1
        outcomes.add((tried, done))
    wanted = {(0, False), (1, False), (1, True)} if which == "sent" else {(1, True)}
    assert wanted <= outcomes, "the stages miss one"
    until(lambda: unbalanced(rig_of.trail.told) == [])


@pytest.mark.parametrize("which", ["sent", "answered"])
def test_a_cut_download_is_told_as_one(rig_of: Rig, web: Web, which: str) -> None:
    source = f"{web.scheme}-{which}-complete"
    (rig_of.home / source).write_bytes(LARGE)
    with Cutter(web.port) as cutter:
        assert download(web, source, cutter)
    until(lambda: unbalanced(rig_of.trail.told) == [], "the end of it")
    whole = cutter.seen if which == "sent" else cutter.answered
    outcomes = set()
    for limit in (0, 1, 100, 300, 2500, whole // 2, whole - 1, whole):
        name = f"{web.scheme}-{which}-{limit:08}"
        (rig_of.home / name).hardlink_to(rig_of.home / source)
        limits = {"limit": limit} if which == "sent" else {"answers": limit}
        before = rig_of.trail.ended
        with Cutter(web.port, reset=True, **limits) as cutter:
            told_done = download(web, name, cutter)
        closed(rig_of, before)
        done = rig_of.trail.count(HTTP_DOWNLOADED, path=f"/{name}")
        failed = rig_of.trail.count(HTTP_DOWNLOAD_FAILED, path=f"/{name}")
        assert done + failed == opened(rig_of, name)
        assert done or not told_done
        outcomes.add((failed, done))
        (rig_of.home / name).unlink()
    wanted = {(1, 0), (0, 1)} if which == "answered" else {(0, 0)}
    assert wanted <= outcomes, "the stages miss one"
    until(lambda: unbalanced(rig_of.trail.told) == [])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("reset", [False, True], ids=["orderly", "reset"])
@pytest.mark.parametrize("missing", [1, 5, SIZE // 2, SIZE])
def test_a_client_that_ends_early_leaves_no_file(
    rig_of: Rig, web: Web, way: str, missing: int, reset: bool
) -> None:
    """Over TLS without a word, and over a connection that has uploaded well before."""
    name = f"{web.scheme}-{way}-{missing}-{reset}"
    with HttpClient(web) as client:
        assert client.ask("PUT", f"/home/{name}-before", DATA).status == 201
        client.put(WAYS[way](client, name)[:-missing])
        until(lambda: opened(rig_of, name))
        client.close(reset=reset)
    until(lambda: rig_of.trail.count(HTTP_UPLOAD_FAILED, path=f"/{name}"))
    assert not (rig_of.home / name).exists()
    until(lambda: unbalanced(rig_of.trail.told) == [])


@pytest.mark.parametrize("way", WAYS)
def test_who_says_goodbye_in_the_middle_of_a_body_leaves_no_file(
    rig_of: Rig, webs: tuple[Rig, dict[str, Web]], way: str
) -> None:
    """close_notify is no end of a body, whose end its length or its last chunk tells."""
    name = f"goodbye-{way}"
    with HttpClient(webs[1]["https"]) as client:
        client.put(WAYS[way](client, name)[:-7])
        with contextlib.suppress(OSError):
            client.say_goodbye()
    until(lambda: rig_of.trail.count(HTTP_UPLOAD_FAILED, path=f"/{name}"))
    assert not (rig_of.home / name).exists()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("reset", [False, True], ids=["orderly", "reset"])
def test_a_body_that_has_come_is_a_file_whatever_the_client_does_then(
    rig_of: Rig, web: Web, way: str, reset: bool
) -> None:
    """Nobody waits for the answer; over TLS nothing confirms the end, and nothing has to."""
    name = f"all-{web.scheme}-{way}-{reset}"
    before = half(rig_of.home)
    with HttpClient(web) as client:
        client.put(WAYS[way](client, name)[:-1])
        until(lambda: half(rig_of.home) - before >= SIZE - 1, "all but a byte has come")
        client.put(WAYS[way](client, name)[-1:])
        until(lambda: rig_of.trail.count(HTTP_UPLOADED, path=f"/{name}"))
        client.close(reset=reset)
    assert (rig_of.home / name).read_bytes() == DATA


def test_a_client_that_is_killed_leaves_no_file(rig_of: Rig, web: Web, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    login = f"{web.server.account}:{web.server.password}"
    words = ["-sS", "--insecure", "--user", login, "--limit-rate", "2M"]
    argv = ["curl", *words, "--upload-file", tmp_path / "large", web.home(f"/{web.scheme}-killed")]
    before = half(rig_of.home)
    with subprocess.Popen(argv) as client:
        until(lambda: half(rig_of.home) > before, "bytes of the upload")
        client.kill()
    path = f"/{web.scheme}-killed"
    until(lambda: rig_of.trail.count(HTTP_UPLOAD_FAILED, path=path))
    assert not (rig_of.home / path[1:]).exists()
    until(lambda: unbalanced(rig_of.trail.told) == [])
