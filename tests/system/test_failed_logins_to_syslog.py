"""The example of failed logins in syslog, whole and as it is shipped, with a real syslog server."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import asyncssh
import paramiko
import pytest

from tests.interop.instance import MFT, Server, execute
from tests.interop.ports import free_port
from tests.interop.rsyslog import Rsyslog
from tests.system.examples import shipped, take
from tests.system.light import connect
from tests.system.rig import Rig

EXAMPLE: Final = "failed-logins-to-syslog"
HANDLER: Final = "[event-handlers/failed-logins]\n"
# Why a login is refused, and whose it was: somebody that nobody knows, somebody whose password is
# another, a name that the policy forbids, and a key where passwords only are taken.
FORGED: Final = 'guest"] <0>Jan  1 00.00.00 x kernel; forged'
NAMES: Final = {"20021": FORGED, "20142": "alice", "20136": "root", "20081": "alice"}
SOURCE: Final = "127.0.0.2"
BANNED: Final = "20005"


@pytest.fixture
def rsyslog(tmp_path: Path) -> Iterator[Rsyslog]:
    folder = tmp_path / "rsyslog"
    folder.mkdir()
    rsyslog = Rsyslog(folder)
    rsyslog.start()
    try:
        yield rsyslog
    finally:
        rsyslog.stop()


def elsewhere(rsyslog: Rsyslog) -> str:
    """The handler of the example, to another machine: as its comments have it."""
    text = shipped(EXAMPLE).read_text().partition(HANDLER)[2]
    text = text.replace("url = file:///dev/log\n", "")
    for name in ("url", "ssl_certificate_authority", "format"):
        assert f"\n;{name} =" in text
        text = text.replace(f"\n;{name} =", f"\n{name} =")
    text = text.replace("tls://logs.example.com", rsyslog.url("tls"))
    text = text.replace("conf/certificates/logs-ca.pem", str(rsyslog.folder / "ca.pem"))
    return f"\n[event-handlers/elsewhere]\n{text}"


def strict(rig: Rig, **options: str) -> None:
    """Have the policy that there is without any section, but which does not spare this machine."""
    given = {"name": "strict", "source_ip_filter": "allow 192.0.2.0/24", **options}
    rig.section("security-policies/DEFAULT-SECURITY-POLICY", **given)


def by_password(server: Server, name: str, password: str) -> bool:
    """Whether a password lets in."""

    async def tries() -> bool:
        given = {"username": name, "password": password, "client_keys": None}
        try:
            there = await connect(
                server, **given, preferred_auth="password", local_addr=(SOURCE, 0)
            )
        except asyncssh.PermissionDenied:
            return False
        there.close()
        await there.wait_closed()
        return True

    return asyncio.run(tries())


def by_key(server: Server, port: int) -> bool:
    """Whether the account's key lets in: shown at once with its signature, without a question."""
    with paramiko.Transport((server.address, port)) as there:
        there.start_client(timeout=30)
        try:
            there.auth_publickey(server.account, paramiko.Ed25519Key(filename=str(server.key)))
        except paramiko.SSHException:
            return False
        return True


def test_the_example_has_no_problems() -> None:
    told = execute(*MFT, "check", "-c", shipped(EXAMPLE)).stdout
    assert "event handlers: audit log, failed logins" in told


def test_every_failed_login_and_nothing_else_is_in_syslog(rig: Rig, rsyslog: Rsyslog) -> None:
    homes = take(rig, EXAMPLE, {"url = file:///dev/log": f"url = {rsyslog.url('file')}"})
    with rig.config.open("a") as file:
        file.write(elsewhere(rsyslog))
    strict(rig)
    guests = {"name": "guests", "type": "anonymous", "anonymous_account_uuid": "alice"}
    rig.section("authentications/guests", **guests)
    port = free_port()
    (keys,) = re.findall(r"^ssh_server_keys = (.*)$", rig.config.read_text(), re.MULTILINE)
    service = {"name": "guests", "type": "ssh", "address": "127.0.0.1", "port": str(port)}
    rig.section("services/guests", **service, ssh_server_keys=keys, authentications="guests")
    rig.start()
    server = replace(rig.server, home=homes / "alice")
    assert by_password(server, "alice", server.password)
    for number in ("20021", "20142", "20136"):
        assert not by_password(server, NAMES[number], "guessed")
    assert not by_key(server, port)
    found = rsyslog.wait_for(2 * len(NAMES))
    rig.stop()
    assert len(rsyslog.told) == 2 * len(NAMES)
    assert [one["number"] for one in found if one["version"] == "1"] == list(NAMES)
    assert {shown(one) for one in found} == set(NAMES.items())


def test_a_banned_source_is_told_and_not_each_of_its_attempts(rig: Rig, rsyslog: Rsyslog) -> None:
    take(rig, EXAMPLE, {"url = file:///dev/log": f"url = {rsyslog.url('file')}"})
    strict(rig, source_ip_ban_after_count="1")
    rig.start()
    for _ in range(3):
        assert not by_password(rig.server, "alice", "guessed")
    rsyslog.wait_for(2)
    rig.stop()
    assert [numbered(one) for one in rsyslog.told] == ["20142", BANNED]


def numbered(one: dict[str, Any]) -> str:
    """The number of an event that came as a line."""
    (number,) = re.findall(rf"^ ?(\d+) Unknown {SOURCE}:\d+ ", one["text"])
    return str(number)


def shown(one: dict[str, Any]) -> tuple[str, str]:
    """The number and the name of a failed login, which is told as it should be."""
    assert (one["pri"], one["app"]) == ("84", "mft")
    assert "guessed" not in str(one)
    (number,) = re.findall(r"^ ?(\d+) Unknown 127\.0\.0\.\d:\d+ ", one["text"])
    assert f'"{NAMES[number]}"' in one["text"]
    return number, NAMES[number]
