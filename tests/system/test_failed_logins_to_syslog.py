"""The example of failed logins in syslog, as it is shipped, with a real syslog server."""

import re
from pathlib import Path
from typing import Any, Final

from tests.interop.instance import MFT, execute
from tests.interop.rsyslog import Rsyslog
from tests.laws.source import ROOT
from tests.system.http_client import HttpClient, basic
from tests.system.rig import Rig

EXAMPLE: Final = ROOT / "conf" / "examples" / "failed-logins-to-syslog" / "server.ini"
# Somebody that nobody knows, and somebody whose password is another.
NAMES: Final = {"20021": 'root"] <0>Jan  1 00.00.00 x kernel; forged', "20142": "alice"}


def test_the_example_has_no_problems() -> None:
    told = execute(*MFT, "check", "-c", EXAMPLE).stdout
    assert "event handlers: audit log, failed logins" in told


def test_every_failed_login_and_nothing_else_is_in_syslog(rig: Rig, tmp_path: Path) -> None:
    folder = tmp_path / "rsyslog"
    folder.mkdir()
    rsyslog = Rsyslog(folder)
    web = rig.web("http")
    handler = EXAMPLE.read_text().partition("[event-handlers/failed-logins]")[2]
    assert "url = file:///dev/log" in handler
    here = handler.replace("file:///dev/log", rsyslog.url("file"))
    # The same to another machine, as the comments of the example have it.
    there = handler.replace("url = file:///dev/log\n", "")
    for name in ("url", "ssl_certificate_authority", "format"):
        there = there.replace(f"\n;{name} =", f"\n{name} =")
    there = there.replace("tls://logs.example.com", rsyslog.url("tls"))
    there = there.replace("conf/certificates/logs-ca.pem", str(rsyslog.folder / "ca.pem"))
    with rig.config.open("a") as file:
        file.write(f"\n[event-handlers/here]{here}\n[event-handlers/there]{there}")
    rsyslog.start()
    try:
        rig.start()
        with HttpClient(web) as client:
            assert client.ask("GET", "/home/").status == 200
        for name in NAMES.values():
            with HttpClient(web, name="") as client:
                answer = client.ask("GET", "/home/", Authorization=basic(name, "guessed"))
                assert answer.status == 401
        found = rsyslog.wait_for(4)
        rig.stop()
        assert len(rsyslog.told) == 4
    finally:
        rsyslog.stop()
    assert [one["number"] for one in found if one["version"] == "1"] == list(NAMES)
    assert {shown(rig, one) for one in found} == set(NAMES.items())


def shown(rig: Rig, one: dict[str, Any]) -> tuple[str, str]:
    """The number and the name of a failed login, which is told as it should be."""
    assert (one["pri"], one["app"]) == ("84", rig_name(rig))
    assert "guessed" not in str(one)
    (number,) = re.findall(r"^ ?(\d+) Unknown 127\.0\.0\.1:\d+ ", one["text"])
    assert f'"{NAMES[number]}"' in one["text"]
    return number, NAMES[number]


def rig_name(rig: Rig) -> str:
    """What the server calls itself."""
    found = re.search(r"^name = (.*)$", rig.config.read_text(), re.MULTILINE)
    assert found is not None
    return found[1]
