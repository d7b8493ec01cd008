"""Whole logins by methods other than server.ini's own: a server over HTTPS, a file, anonymous.

Real clients log in; the authentication server is Python's, over TLS, and keeps what it is asked.
"""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from mft.auth.passwords import make_hash
from tests.fakes.pki import SERVER, Authority
from tests.interop.ftp import Ftp, add_service
from tests.interop.instance import (
    Server,
    add_server_option,
    execute,
    initialise,
    learn_host_keys,
    start,
    stop,
)
from tests.interop.services import CHEAP
from tests.interop.web import Web, add_web

pytestmark = pytest.mark.interop

PASSWORD = "bobs-own-secret-word"
TOKEN = "the-token-of-the-server"
Asked = list[dict[str, Any]]


class AuthService:
    """Knows bob by a password, a key and a certificate."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.asked: Asked = []
        self.key = b""  # of bob, as it is sent
        self.home = folder / "bob"
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        identity = authority.issue("auth", purpose=SERVER, extensions=[names])
        identity.write(folder / "auth.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "auth.pem")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}/judge"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(service: "AuthService") -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = service.judge(json.loads(body), self.headers["X-Token"])
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *given: Any) -> None:
                pass

        return Handler

    def judge(self, question: dict[str, Any], token: str) -> tuple[int, bytes]:
        """Answer, and keep what was asked."""
        given = question["credentials"]
        if token != TOKEN:
            return 500, b""
        if given["username"].startswith("mft-test-"):
            return 401, b""
        self.asked.append(given)
        if given["username"] != "bob":
            return 401, b""
        kind, content = given["type"], given["content"]
        right = {"password": PASSWORD, "password-basic-auth": PASSWORD}
        right["ssh-key"] = base64.b64encode(self.key).decode()
        if kind == "ssl-certificate" and content.startswith("-----BEGIN CERTIFICATE-----"):
            right[kind] = content
        if right.get(kind) != content:
            return 403, json.dumps({"message": f"no: {content}"}).encode()
        account = {
            "home_folder_path": str(self.home),
            "create_home_folder": True,
            "home_folder_structure": ["in", "out, and more"],
            "permissions": [["allow-read", "allow-list"], ["/in/*", "allow-full-control"]],
        }
        return 200, json.dumps({"account": account}).encode()


@dataclass(frozen=True, slots=True)
class World:
    """A running instance, and whom it asks."""

    server: Server
    ftp: Ftp
    web: Web
    believing: Web
    service: AuthService
    key: Path
    certificate: Path

    def journal(self) -> str:
        """Everything that was told, as it is on the disk."""
        folder = self.server.directory / "log" / "journal"
        return "".join(path.read_text() for path in sorted(folder.glob("*.jsonl*")))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One instance with all methods, for this module."""
    folder = tmp_path_factory.mktemp("methods")
    authority = Authority()
    (folder / "authority.pem").write_bytes(authority.pem)
    authority.issue("bob").write(folder / "bob-client.pem")
    key = folder / "bob-key"
    execute("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    with ExitStack() as running:
        service = AuthService(folder, authority)
        running.callback(service.close)
        service.key = base64.b64decode(Path(f"{key}.pub").read_text().split()[1])
        instance = initialise(folder / "instance")
        add_server_option(
            instance, "authentications", "http, shared, guests, DEFAULT-AUTHENTICATION"
        )
        world = World(
            instance,
            add_service(instance, "clear"),
            add_web(instance, "http"),
            add_web(instance, "https", ssl_certificate_authority=str(folder / "authority.pem")),
            service,
            key,
            folder / "bob-client.pem",
        )
        _configure(world, folder)
        running.callback(stop, instance, start(instance))
        learn_host_keys(instance)
        yield world


def _configure(world: World, folder: Path) -> None:
    for name in ("guest", "carol"):
        (folder / name).mkdir()
    (folder / "guest" / "read-me").write_text("welcome\n")
    config = world.server.directory / "conf" / "server.ini"
    text = config.read_text().replace(
        "name = default\n", "name = default\nallow_certificate_authentication = yes\n"
    )
    config.write_text(f"""{text}
[authentications/http]
name = elsewhere
type = http
url = https://127.0.0.1:1/down?x={TOKEN}, {world.service.url}
ssl_certificate_authority = {folder}/authority.pem
headers = X-Token: {TOKEN}

[authentications/shared]
name = shared accounts
type = local-file
path = {folder}/shared.ini

[authentications/guests]
name = whoever
type = anonymous
anonymous_account_uuid = guest

[accounts/guest]
name = guest
home_folder_path = {folder}/guest
permissions = allow-read, allow-list
""")
    (folder / "shared.ini").write_text(
        f"[accounts/carol]\nname = carol\nhome_folder_path = {folder}/carol\n"
        f"password = {make_hash('carols', *CHEAP)}\n"
    )


def by_ftp(world: World, user: str, path: str, *words: str | Path, ok: bool = True) -> str:
    given = ["curl", "-sS", "--user", user, *words, world.ftp.url(path)]
    return execute(*given, ok=ok).stdout


def by_sftp(world: World, user: str, key: Path, *commands: str, ok: bool = True) -> str:
    words = [word.replace(str(world.server.key), str(key)) for word in world.server.ssh]
    where = f"{user}@{world.server.address}"
    batch = "\n".join(commands) + "\n"
    given = ["sftp", "-P", str(world.server.port), *words, "-b", "-", where]
    return execute(*given, stdin=batch, ok=ok).stdout


def test_a_password_over_ftp_is_judged_elsewhere(world: World, tmp_path: Path) -> None:
    (tmp_path / "up").write_text("hello")
    by_ftp(world, f"bob:{PASSWORD}", "/in/file", "--upload-file", tmp_path / "up")
    assert (world.service.home / "in" / "file").read_text() == "hello"
    assert (world.service.home / "out, and more").is_dir()
    by_ftp(world, f"bob:{PASSWORD}", "/file", "--upload-file", tmp_path / "up", ok=False)
    by_ftp(world, "bob:another-secret", "/in/file", ok=False)
    assert [one["type"] for one in world.service.asked[-3:]] == ["password"] * 3
    assert world.service.asked[-1]["creator"]["type"] == "ftp"


def test_a_key_over_ssh_is_asked_about_once_it_is_proved(world: World, tmp_path: Path) -> None:
    before = len(world.service.asked)
    told = by_sftp(world, "bob", world.key, "ls -1 /")
    assert "/in" in told.split("\n")
    (asked,) = world.service.asked[before:]
    assert (asked["type"], asked["username"]) == ("ssh-key", "bob")
    by_sftp(world, "bob", world.server.key, "ls", ok=False)
    assert world.service.asked[-1]["content"] != asked["content"]


def test_a_password_with_a_request_is_told_as_that(world: World) -> None:
    told = execute("curl", "-sSf", "--user", f"bob:{PASSWORD}", world.web.home("/")).stdout
    assert told
    assert world.service.asked[-1]["type"] == "password-basic-auth"
    assert world.service.asked[-1]["creator"]["type"] == "http"


def test_a_password_that_the_page_asked_for_is_told_as_that(world: World) -> None:
    form = ["--data", f"username=bob&password={PASSWORD}"]
    execute("curl", "-sSf", *form, "-o", "/dev/null", world.web.url("/__mft__/login"))
    assert world.service.asked[-1]["type"] == "password"
    assert world.service.asked[-1]["creator"]["type"] == "http"


def test_a_certificate_is_shown_whole(world: World) -> None:
    web = world.believing
    words = ["--cacert", web.certificate, "--cert", world.certificate]
    execute("curl", "-sSf", *words, web.home("/"))
    asked = world.service.asked[-1]
    shown = x509.load_pem_x509_certificate(asked["content"].encode())
    given = x509.load_pem_x509_certificates(world.certificate.read_bytes())[0]
    assert shown == given
    assert asked["username"] == "bob"


def test_a_name_that_it_does_not_know_is_one_of_the_next_method(world: World) -> None:
    by_sftp(world, world.server.account, world.server.key, "ls")
    assert world.service.asked[-1]["username"] == world.server.account


def test_an_account_of_the_other_file_logs_in(world: World, tmp_path: Path) -> None:
    (tmp_path / "up").write_text("hello")
    by_ftp(world, "carol:carols", "/file", "--upload-file", tmp_path / "up")
    by_ftp(world, "carol:bobs", "/file", ok=False)


def test_anonymous_reads_and_changes_nothing(world: World, tmp_path: Path) -> None:
    assert by_ftp(world, "anonymous:me@example.com", "/read-me") == "welcome\n"
    (tmp_path / "up").write_text("hello")
    by_ftp(world, "anonymous:x", "/mine", "--upload-file", tmp_path / "up", ok=False)
    by_ftp(world, "guest:x", "/read-me", ok=False)


def test_the_trail_tells_how_each_login_went_and_no_secret(world: World) -> None:
    by_ftp(world, f"bob:{PASSWORD}", "/in/", ok=True)
    by_ftp(world, "bob:another-secret", "/in/", ok=False)
    told = world.journal()
    for number in (20137, 20142, 40042, 90060, 90061):
        assert f'"id":{number}' in told.replace(" ", ""), number
    for secret in (PASSWORD, "another-secret", TOKEN, "carols"):
        assert secret not in told
