"""A whole server that tells of uploads by a webhook, and runs a program for each."""

import asyncio
import json
import os
import pwd
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mft.events import catalogue as events
from tests.interop.instance import Server
from tests.interop.ports import free_port
from tests.system.light import session
from tests.system.rig import Rig, until
from tests.system.trail import UPLOADED

SAY = "import json, os, sys; print(json.dumps([sys.argv[1:], os.getuid(), sorted(os.environ)]))"
NAME = "$(id) 'a' -rf.csv"


class Receiver:
    """Takes what it is sent, and keeps it."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that it was sent, in order."""
        return [one for _, body in self.requests for one in body["events"]]

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(receiver: "Receiver") -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((dict(self.headers.items()), json.loads(body)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *given: Any) -> None:
                pass

        return Handler


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def open_rig(template: Server) -> Iterator[Rig]:
    """An instance where another account can go: the folder of a test is root's alone."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        rig = Rig(Path(folder) / "instance", template)
        yield rig
        rig.close()


def as_somebody(rig: Rig) -> None:
    """Let the server run as somebody else than root, whoever runs this test."""
    if os.geteuid() != 0:
        return
    who = pwd.getpwnam("nobody")
    text = rig.config.read_text().replace("allow_root = yes", f"account = {who.pw_name}")
    rig.config.write_text(text)
    os.chown(rig.home, who.pw_uid, who.pw_gid)
    for folder in (rig.directory, rig.directory / "data"):
        folder.chmod(0o711)


def upload(rig: Rig, name: str) -> None:
    async def main() -> None:
        async with session(rig.server) as client, client.open(name, "wb") as file:
            await file.write(b"hello")

    asyncio.run(main())


def test_an_upload_is_sent_to_a_server_and_given_to_a_program(
    open_rig: Rig, receiver: Receiver
) -> None:
    rig = open_rig
    program = rig.directory.parent / "program"
    program.write_text(f"#!{sys.executable}\n{SAY}\n")
    program.chmod(0o755)
    as_somebody(rig)
    rig.section(
        "event-handlers/hook",
        name="hook",
        type="http",
        url=receiver.url,
        target=f"{UPLOADED}, 20053",
        signature_secret="a-secret-that-both-sides-know",
    )
    rig.section(
        "event-handlers/scan",
        name="scan",
        type="external-executable",
        target=str(UPLOADED),
        executable_path=str(program),
        executable_arguments="-- {data.real_path}",
        executable_output_format="json",
    )
    assert rig.mft("check").returncode == 0, rig.mft("check").stdout
    rig.start()
    upload(rig, NAME)
    until(
        lambda: {one["id"] for one in receiver.events} == {str(UPLOADED), "20053"}, "both are sent"
    )
    (done,) = rig.trail.of(events.PROGRAM_DONE.number)
    arguments, uid, names = done["data"]["output"]
    assert arguments == ["--", str(rig.home / NAME)]
    assert uid != 0
    assert not {"HOME", "NOTIFY_SOCKET", "LC_ALL"} & set(names)
    headers, _ = receiver.requests[0]
    assert headers["Idempotency-Key"] == f'"{headers["Webhook-Id"]}"'
    assert headers["Webhook-Signature"].startswith("v1,")
    rig.stop()
    assert "a-secret-that-both-sides-know" not in rig.output


def test_a_server_that_is_killed_sends_what_it_had_not_sent(rig: Rig, receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{free_port()}/"  # nobody is there
    rig.section("event-handlers/hook", name="hook", type="http", url=url, target=str(UPLOADED))
    rig.start()
    upload(rig, "/one")
    until(lambda: rig.trail.count(UPLOADED), "the upload")
    rig.kill()
    rig.say("event-handlers/hook", url=receiver.url)
    rig.start()
    upload(rig, "/two")
    until(lambda: len(receiver.events) == 2, "both are sent")
    assert [one["data"]["path"] for one in receiver.events] == ["/one", "/two"]
    rig.stop()
