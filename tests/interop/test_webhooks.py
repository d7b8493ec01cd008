"""Webhooks to a receiver behind nginx, over TLS: it dies, is slow, asks for patience."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from twisted.internet.task import deferLater

from mft.events import catalogue
from mft.events.model import Occurrence
from mft.handlers import subscription as machinery
from mft.handlers.subscription import Subscription
from mft.handlers.webhook import Webhook
from mft.runtime.threads import Pool
from tests.fakes.handlers import House, house
from tests.fakes.loop import run_loop, until
from tests.fakes.occurrences import ALICE, uploaded
from tests.fakes.pki import SERVER, Authority
from tests.fakes.webhooks import HOOK, webhook_options
from tests.interop import receiver
from tests.interop.ports import free_port
from tests.system.rig import listens
from tests.system.rig import until as really

pytestmark = pytest.mark.interop

EVENTS = 500
DIES = 4  # at its fourth request, having taken it
NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/errors;
events {{ }}
http {{
    access_log {folder}/access;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.pem;
        location / {{
            proxy_pass http://127.0.0.1:{behind};
        }}
        location /busy {{
            add_header Retry-After 1 always;
            if (-f {folder}/busy) {{ return 503; }}
            proxy_pass http://127.0.0.1:{behind};
        }}
        location /slow {{
            proxy_pass http://127.0.0.1:{silent};
            proxy_read_timeout 100ms;
        }}
        location /moved {{ return 301 /; }}
    }}
}}
"""


@dataclass
class Front:
    """An nginx, and the receiver behind it, which a test starts and which may die."""

    folder: Path
    port: int
    behind: int
    kept: Path

    def url(self, path: str) -> str:
        """Where events are sent."""
        return f"https://127.0.0.1:{self.port}/{path}"

    @contextmanager
    def receiver(self, dies: int = 0) -> Iterator[subprocess.Popen[bytes]]:
        """Run one, for so many requests."""
        argv = [sys.executable, "-SE", receiver.__file__, self.behind, self.kept, dies]
        with subprocess.Popen([str(word) for word in argv]) as process:
            try:
                really(lambda: listens(self.behind), "the receiver")
                yield process
            finally:
                process.kill()

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What it has got, over all its lives."""
        return [json.loads(line) for line in self.kept.read_text().splitlines()]

    @property
    def accessed(self) -> str:
        """What nginx says of it."""
        return (self.folder / "access").read_text()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("ours")


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("nginx")
    front = Front(folder, free_port(), free_port(), folder / "kept")
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    authority.issue("hooks", purpose=SERVER, extensions=[names]).write(folder / "server.pem")
    silent = socket.create_server(("127.0.0.1", 0))
    settings = {"folder": folder, "port": front.port, "behind": front.behind}
    settings["silent"] = silent.getsockname()[1]
    (folder / "conf").write_text(NGINX.format(**settings))
    (folder / "ours.pem").write_bytes(authority.pem)
    (folder / "others.pem").write_bytes(Authority("others").pem)
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    argv = [program, "-e", folder / "errors", "-p", folder, "-c", folder / "conf"]
    with silent, subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
        try:
            really(lambda: listens(front.port), "nginx")
            yield front
        finally:
            process.terminate()


@pytest.fixture
def front(nginx: Front) -> Front:
    nginx.kept.write_text("")
    return nginx


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    home = house(tmp_path)
    yield home
    home.journal.close()


def deliver(home: House, front: Front, path: str, use: Callable[..., Any], **given: str) -> None:
    """Let `use` make events happen, with a webhook that gets them."""
    values = {"ssl_certificate_authority": str(front.folder / "ours.pem"), **given}
    options = webhook_options(url=front.url(path), **values)

    async def main(reactor: Any) -> None:
        pool = Pool(reactor, "disk", 2)
        pool.start()
        around = replace(home.around, clock=reactor, blocking=pool)
        hook = Webhook(HOOK, options, around)
        subscription = Subscription(hook, options, home.bus, around)
        try:
            await subscription.start()
            await use(reactor)
            await subscription.stop(0)
            await deferLater(reactor, 0.0)
        finally:
            pool.stop()

    run_loop(main)


def told(home: House, event: Any) -> list[Occurrence]:
    return [one for one in home.journal.read() if one.event is event]


def delivered(home: House) -> int:
    return sum(one.data["count"] for one in told(home, catalogue.HTTP_DELIVERED))


def emit(home: House, count: int) -> None:
    for index in range(count):
        home.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(f"/{index:04}"), ALICE)


def test_a_receiver_that_is_killed_in_the_middle_gets_every_event_with_the_same_keys(
    home: House, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machinery, "FIRST_RETRY", 0.05)

    async def use(reactor: Any) -> None:
        with front.receiver(DIES) as first:
            emit(home, EVENTS)
            await until(reactor, lambda: first.poll() is not None, "it dies")
            await until(reactor, lambda: told(home, catalogue.HANDLER_FAILED), "that is seen")
        with front.receiver():
            await until(reactor, lambda: delivered(home) == EVENTS, "everything arrives")

    deliver(home, front, "hook", use, retry_count="0", maximum_events="50")
    bodies: dict[str, str] = {}
    repeated = 0
    for request in front.requests:
        key = request["headers"]["Idempotency-Key"]
        repeated += key in bodies
        assert bodies.setdefault(key, request["body"]) == request["body"]
    assert repeated == 1  # what it had taken when it died
    paths = [
        event["data"]["path"] for body in bodies.values() for event in json.loads(body)["events"]
    ]
    assert paths == [f"/{index:04}" for index in range(EVENTS)]
    assert " 502 " in front.accessed
    failed = told(home, catalogue.HANDLER_FAILED)
    assert "answered with status 502" in failed[0].data["details"]


def test_a_server_that_asks_for_patience_is_left_alone_and_then_gets_it(
    home: House, front: Front
) -> None:
    (front.folder / "busy").touch()

    async def use(reactor: Any) -> None:
        with front.receiver():
            emit(home, 1)
            await until(reactor, lambda: "/busy" in front.accessed, "it is asked")
            (front.folder / "busy").unlink()
            await until(reactor, lambda: told(home, catalogue.HTTP_DELIVERED), "it is taken")

    deliver(home, front, "busy", use, retry_count="10", retry_increase="0")
    assert front.accessed.count("POST /busy") >= 2
    assert len(front.requests) == 1
    assert told(home, catalogue.HANDLER_FAILED) == []


def test_a_server_that_is_too_slow_is_asked_again(home: House, front: Front) -> None:
    async def use(reactor: Any) -> None:
        emit(home, 1)
        await until(reactor, lambda: told(home, catalogue.HANDLER_FAILED), "it fails")

    deliver(home, front, "slow", use, retry_count="1", retry_increase="0")
    (failed,) = told(home, catalogue.HANDLER_FAILED)
    assert "answered with status 504" in failed.data["details"]
    assert front.accessed.count("POST /slow") == 2


def test_redirects_and_others_certificates_are_failures(home: House, front: Front) -> None:
    async def use(reactor: Any) -> None:
        emit(home, 1)
        await until(reactor, lambda: told(home, catalogue.HANDLER_FAILED), "it fails")

    deliver(home, front, "moved", use)
    (failed,) = told(home, catalogue.HANDLER_FAILED)
    assert "redirects are not followed" in failed.data["details"]
    count = front.accessed.count("POST")
    others = {"ssl_certificate_authority": str(front.folder / "others.pem"), "retry_count": "0"}

    async def again(reactor: Any) -> None:
        await until(reactor, lambda: len(told(home, catalogue.HANDLER_FAILED)) > 1, "it fails")

    deliver(home, front, "hook", again, **others)
    (*_, failed) = told(home, catalogue.HANDLER_FAILED)
    why = ": certificate verify failed: it is refused: unable to get local issuer certificate"
    assert failed.data["details"].endswith(why)
    assert front.accessed.count("POST") == count
