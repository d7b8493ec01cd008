"""Python's own clients, http.client and urllib, over HTTP and HTTPS."""

import json
import ssl
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.interop.instance import COMMAND_SECONDS, Place, execute
from tests.interop.trees import HOSTILE, LARGE, SIZES, content
from tests.interop.web import Web, of_client

pytestmark = pytest.mark.interop

PIECE = 64 << 10  # bytes that a client sends at a time


def trusting(web: Web, certificate: Path | None = None) -> ssl.SSLContext:
    """TLS that trusts this instance; with the client's own certificate, where it has one."""
    context = ssl.create_default_context(cafile=web.certificate)
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context


def connect(web: Web, certificate: Path | None = None) -> HTTPConnection:
    """A connection that is kept."""
    host, port = web.server.address, web.port
    if not web.private:
        return HTTPConnection(host, port, timeout=COMMAND_SECONDS)
    context = trusting(web, certificate)
    return HTTPSConnection(host, port, timeout=COMMAND_SECONDS, context=context)


def basic(web: Web) -> dict[str, str]:
    """The password of the account, for every request."""
    given = f"{web.server.account}:{web.server.password}".encode()
    return {"Authorization": f"Basic {b64encode(given).decode()}"}


def pieces(data: bytes) -> Iterator[bytes]:
    """Data as a program makes it: nobody knows how much there will be."""
    return (data[at : at + PIECE] for at in range(0, len(data), PIECE))


def test_files_go_up_and_come_back_over_one_connection(web: Web, web_place: Place) -> None:
    with closing(connect(web)) as client:
        for size in SIZES:
            for number, body in enumerate((content(size), pieces(content(size)))):
                name = f"{size}-{number}"
                path = f"/home{web_place.remote}/{name}"
                client.request("PUT", path, body, basic(web), encode_chunked=True)
                answer = client.getresponse()
                assert (answer.status, answer.read()) == (201, b"")
                assert answer.headers["Location"] == path
                assert (web_place.disk / name).read_bytes() == content(size)
                own = client.sock
                client.request("GET", path, headers=basic(web))
                assert client.getresponse().read() == content(size)
                assert client.sock is own, "the connection was not kept"


def test_names_are_what_they_are_in_every_request(web: Web, web_place: Place) -> None:
    names = [*HOSTILE, "a+b", "\N{PARTY POPPER}"]
    with closing(connect(web)) as client:

        def ask(method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
            client.request(method, f"/home{web_place.remote}/{path}", body, basic(web))
            answer = client.getresponse()
            return answer.status, answer.read()

        for name in names:
            folder = f"{quote(name)}/"
            assert ask("PUT", folder) == (201, b"")
            assert ask("PUT", folder + quote(name), name.encode()) == (201, b"")
            assert [one["name"] for one in json.loads(ask("GET", folder)[1])["content"]] == [name]
            assert ask("GET", folder + quote(name)) == (200, name.encode())
            assert ask("DELETE", folder + quote(name)) == (204, b"")
            assert ask("DELETE", folder) == (204, b"")
    assert list(web_place.disk.iterdir()) == []


def opener(web: Web, password: str) -> urllib.request.OpenerDirector:
    """What shows a password; when it is asked for one it leaves a socket open, so at once."""
    manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
    account = web.server.account
    manager.add_password(None, web.url("/"), account, password, is_authenticated=True)
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.HTTPBasicAuthHandler(manager),
        urllib.request.ProxyHandler({}),
    ]
    if web.private:
        handlers.append(urllib.request.HTTPSHandler(context=trusting(web)))
    return urllib.request.build_opener(*handlers)


def test_urllib_fetches_a_file_and_is_told_of_a_wrong_password(web: Web, web_place: Place) -> None:
    (web_place.disk / "file").write_bytes(content(LARGE))
    url = web.home(f"{web_place.remote}/file")
    with opener(web, web.server.password).open(url, timeout=COMMAND_SECONDS) as answer:
        assert answer.read() == content(LARGE)
    with pytest.raises(urllib.error.HTTPError) as refused:
        opener(web, "wrong").open(url, timeout=COMMAND_SECONDS)
    with refused.value as answer:
        assert answer.code == 401


def test_the_way_to_a_folder_is_found(web: Web, web_place: Place) -> None:
    (web_place.disk / "file").write_bytes(b"")
    for url in (web.home(web_place.remote), web.home(f"{web_place.remote}/")):
        with opener(web, web.server.password).open(url, timeout=COMMAND_SECONDS) as answer:
            assert answer.url == web.home(f"{web_place.remote}/")
            assert [one["name"] for one in json.load(answer)["content"]] == ["file"]


def test_a_program_logs_in_once_and_shows_its_token(web: Web, web_place: Place) -> None:
    (web_place.disk / "file").write_bytes(b"here")
    given = {"username": web.server.account, "password": web.server.password}
    with closing(connect(web)) as client:
        kind = {"Content-Type": "application/json"}
        client.request("POST", "/__mft__/login", json.dumps(given), kind)
        (told,) = json.load(client.getresponse())["results"]
    shown = {"Authorization": f"Session {told['session']}"}
    for status in (200, 401):  # after the logout on another connection
        with closing(connect(web)) as client:
            client.request("GET", f"/home{web_place.remote}/file", headers=shown)
            answer = client.getresponse()
            assert answer.status == status
            answer.read()
            client.request("POST", "/__mft__/logout", headers=shown)
            assert client.getresponse().status in (204, 401)


@pytest.fixture(params=["auto certificate", "threads certificate"])
def mutual(request: pytest.FixtureRequest, web_services: dict[str, Web]) -> Web:
    """A service whose clients have certificates."""
    return web_services[request.param]


def fetch(web: Web, certificate: Path | None, headers: dict[str, str]) -> tuple[int, bytes]:
    """The status and the body of the answer to one who has a certificate, or none."""
    with closing(connect(web, certificate)) as client:
        client.request("GET", "/home/mutual", headers=headers)
        answer = client.getresponse()
        return answer.status, answer.read()


def test_a_certificate_does_in_place_of_a_password(mutual: Web) -> None:
    server = mutual.server
    (server.home / "mutual").write_bytes(content(LARGE))
    assert fetch(mutual, of_client(server), {}) == (200, content(LARGE))
    words = ["--cacert", mutual.certificate, "--cert", of_client(server)]
    got = execute("curl", "-sSf", "--head", *words, mutual.home("/mutual"))
    assert f"Content-Length: {LARGE}" in got.stdout


def test_a_certificate_of_somebody_else_or_none_does_not_do(mutual: Web) -> None:
    assert fetch(mutual, of_client(mutual.server, "somebody"), {})[0] == 401
    with pytest.raises((OSError, HTTPException)):
        fetch(mutual, None, basic(mutual))
