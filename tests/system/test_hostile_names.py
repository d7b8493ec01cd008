"""Whatever a peer writes where a name stands: each event stays one harmless line."""

import asyncio
import contextlib
import re
import socket
import unicodedata
from pathlib import Path

import asyncssh
import paramiko
import pytest

from mft.events import catalogue as events
from tests.system.light import connect, session
from tests.system.rig import Rig, until
from tests.system.trail import unbalanced

LONG = 10_000
NAMES = {
    "newline": "a\n20137 2026-01-01 00:00:00 ssh root 127.0.0.1:1 forged",
    "carriage return": "a\r\x1b[2Kgone",
    "colour": "\x1b[31mred\x1b]0;title\x07",
    "directives": "%s%n {message} {0.__class__} ${USER} $(id) `id` \\n",
    "bidi": "invoice\u202exslx.exe\u2066",
    "separators": "a\u2028b\u2029c\x85d\x0be",
    "quotes": '"}],"hash":"\' ; --',
    "zero": "a\x00b",
    "long": "x" * LONG,
}
LINE = re.compile(r"\d{5} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ .+")


def harmful(text: str) -> list[str]:
    """Characters that move a cursor, end a line or turn the text around."""
    return [one for one in text if unicodedata.category(one) in {"Cc", "Cf", "Zl", "Zp", "Cs"}]


def as_username(rig: Rig, name: str) -> None:
    """Try to log in with it, by a client that sends whatever it is given."""
    transport = paramiko.Transport((rig.server.address, rig.server.port))
    try:
        transport.start_client(timeout=30)
        with pytest.raises(paramiko.SSHException):
            transport.auth_password(name, name)
    finally:
        transport.close()


async def as_file_name(rig: Rig, name: str) -> None:
    """Ask for everything that takes a name."""
    async with session(rig.server) as client:
        for work in (client.stat, client.listdir, client.mkdir, client.readlink, client.remove):
            try:
                await work(name)
            except asyncssh.SFTPError:
                continue
        try:
            async with client.open(name, "wb") as file:
                await file.write(b"x")
            await client.rename(name, f"{name}2")
        except asyncssh.SFTPError:
            pass


async def as_scp_name(rig: Rig, name: str) -> None:
    """Send a file of this name, and ask for one, by the legacy protocol."""
    connection = await connect(rig.server)
    encoded = name.encode()
    for command in (b"scp -t /", b"scp -f /" + encoded, b"scp -t /" + encoded, encoded):
        try:
            process = await connection.create_process(command, encoding=None)
        except asyncssh.ChannelOpenError:
            continue
        with contextlib.suppress(OSError):  # the server has said no already
            process.stdin.write(b"C0644 3 " + encoded + b"\nabc\x00")
            process.stdin.write_eof()
        await process.wait()
    connection.close()
    await connection.wait_closed()


def as_version(rig: Rig, name: str) -> None:
    """Say that this is the client's version."""
    with socket.create_connection((rig.server.address, rig.server.port), timeout=30) as peer:
        peer.sendall(b"SSH-2.0-" + name.encode().replace(b"\n", b"") + b"\r\n")
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(1 << 16):
            pass


def check_trail(rig: Rig) -> None:
    """Every event is one line of the log, and shown by the commands, without any harm."""
    log = rig.directory / "log" / "server.log"

    def written() -> list[str]:
        return log.read_text().split("\n")[:-1]

    until(lambda: len(written()) == len(rig.trail.told), "one line for every event")
    lines = written()
    assert [int(line[:5]) for line in lines] == [told["id"] for told in rig.trail.told]
    assert all(LINE.fullmatch(line) for line in lines)
    assert any("forged" in line for line in lines)
    assert not harmful("".join(lines))
    for form in ("text", "json"):
        shown = rig.mft("audit", "search", "--format", form).stdout
        assert not harmful(shown.replace("\n", ""))
        assert shown.count("\n") == len(lines)


def test_every_event_stays_one_harmless_line(running: Rig) -> None:
    for name in NAMES.values():
        as_username(running, name)
        asyncio.run(as_file_name(running, name))
        asyncio.run(as_scp_name(running, name))
        as_version(running, name)
    until(lambda: unbalanced(running.trail.told) == [], "every closing event")
    check_trail(running)
    assert running.trail.count(events.LOGIN_DONE.number) == 2 * len(NAMES), "nothing was forged"
    assert running.mft("audit", "verify").returncode == 0
    for path in running.home.rglob("*"):
        assert Path(path).resolve().is_relative_to(running.home)
