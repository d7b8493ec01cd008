"""tuspy and tus-js-client: uploads that go on, by clients of tus that no one here wrote."""

from base64 import b64encode
from io import BytesIO
from pathlib import Path

import pytest
import requests
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed
from tusclient.uploader import Uploader

from tests.interop.instance import COMMAND_SECONDS, Place, execute
from tests.interop.trees import HOSTILE, SIZES, content
from tests.interop.web import Web

pytestmark = pytest.mark.interop

ALL = "/__mft__/tus/"
SIZE = 300_000
PIECE = 100_000
DATA = content(SIZE)
TUS_JS = Path(__file__).parent / "tus_js" / "upload.js"


@pytest.fixture
def client(web: Web, monkeypatch: pytest.MonkeyPatch) -> TusClient:
    """tuspy; it trusts the certificate of the instance and nothing else."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(web.certificate))
    return TusClient(web.url(ALL), headers={"Authorization": login(web)})


def login(web: Web) -> str:
    """The value of Authorization."""
    return "Basic " + b64encode(f"{web.server.account}:{web.server.password}".encode()).decode()


def uploader(client: TusClient, path: str, data: bytes = DATA, **options: object) -> Uploader:
    """An upload of tuspy that has not begun."""
    return client.uploader(file_stream=BytesIO(data), metadata={"path": path}, **options)


@pytest.mark.parametrize("piece", [None, PIECE])
def test_files_of_every_size_go_up(client: TusClient, web_place: Place, piece: int | None) -> None:
    options = {} if piece is None else {"chunk_size": piece}
    for size in SIZES:
        path = f"{web_place.remote}/{size}"
        uploader(client, path, content(size), **options).upload()
        assert (web_place.disk / str(size)).read_bytes() == content(size)


def test_files_of_every_name_go_up(client: TusClient, web_place: Place) -> None:
    for name in HOSTILE:
        uploader(client, f"{web_place.remote}/{name}").upload()
        assert (web_place.disk / name).read_bytes() == DATA


def test_an_upload_with_checksums_goes_up(client: TusClient, web_place: Place) -> None:
    path = f"{web_place.remote}/a"
    uploader(client, path, chunk_size=PIECE, upload_checksum=True).upload()
    assert (web_place.disk / "a").read_bytes() == DATA


def test_an_upload_goes_on_by_its_url(client: TusClient, web_place: Place) -> None:
    first = uploader(client, f"{web_place.remote}/a", chunk_size=PIECE)
    first.upload_chunk()
    assert first.offset == PIECE
    assert not (web_place.disk / "a").exists()
    again = client.uploader(file_stream=BytesIO(DATA), url=first.url, chunk_size=PIECE)
    assert again.offset == PIECE
    again.upload()
    assert (web_place.disk / "a").read_bytes() == DATA
    assert client.uploader(file_stream=BytesIO(DATA), url=first.url).offset == SIZE


def test_an_upload_that_is_given_up_is_no_more(
    web: Web, client: TusClient, web_place: Place
) -> None:
    first = uploader(client, f"{web_place.remote}/a", chunk_size=PIECE)
    first.upload_chunk()
    headers = {"Authorization": login(web), "Tus-Resumable": "1.0.0"}
    answer = requests.delete(first.url, headers=headers, timeout=COMMAND_SECONDS)
    assert answer.status_code == 204
    assert list(web_place.disk.iterdir()) == []


def test_an_upload_that_may_not_be_fails_with_the_reason(
    client: TusClient, web_place: Place
) -> None:
    with pytest.raises(TusCommunicationError) as failed:
        uploader(client, f"{web_place.remote}/missing/a").upload()
    assert failed.value.status_code == 404
    upload = uploader(client, f"{web_place.remote}/a", chunk_size=PIECE)
    upload.upload_chunk()
    upload.offset = 1
    with pytest.raises(TusUploadFailed) as refused:
        upload.upload_chunk()
    assert refused.value.status_code == 409


# tus-js-client, which `make test` puts into tests/interop/tus_js.


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What it uploads."""
    file = tmp_path / "source"
    file.write_bytes(DATA)
    return file


def tus_js(web: Web, source: Path, path: str, *stop: str, ok: bool = True) -> list[str]:
    """Run it with pieces of PIECE bytes; the lines that it says."""
    account = f"{web.server.account}:{web.server.password}"
    urls = source.parent / "urls.json"
    given = [web.url(ALL), account, source, path, str(PIECE), urls, *stop]
    trust = {"NODE_EXTRA_CA_CERTS": str(web.certificate)}
    return execute("node", TUS_JS, *given, env=trust, ok=ok).stdout.splitlines()


def test_tus_js_uploads_in_pieces(web: Web, web_place: Place, source: Path) -> None:
    said = tus_js(web, source, f"{web_place.remote}/a")
    assert said == ["found 0", *(f"accepted {n}" for n in (PIECE, 2 * PIECE, SIZE)), "done"]
    assert (web_place.disk / "a").read_bytes() == DATA


def test_tus_js_goes_on_after_its_end(web: Web, web_place: Place, source: Path) -> None:
    path = f"{web_place.remote}/a"
    assert tus_js(web, source, path, str(PIECE), ok=False) == ["found 0", f"accepted {PIECE}"]
    assert not (web_place.disk / "a").exists()
    said = tus_js(web, source, path)
    assert said == ["found 1", f"accepted {2 * PIECE}", f"accepted {SIZE}", "done"]
    assert (web_place.disk / "a").read_bytes() == DATA
