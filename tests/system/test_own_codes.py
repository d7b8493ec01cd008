"""An account gives itself one-time codes on the web, and they hold everywhere, whatever happens."""

import json
import stat
import time
from typing import Any

from mft.auth.time_codes import TimeCodes, step_at
from mft.daemon.state.own_factors import FOLDER
from mft.events import catalogue as events
from tests.interop.ftp import Ftp
from tests.interop.web import Web
from tests.system.ftp_client import FtpClient
from tests.system.http_client import HttpClient
from tests.system.rig import Rig

JSON = "application/json"
SET, BROKE = events.SECOND_FACTOR_SET.number, events.SECOND_FACTOR_BROKE.number
UNREADABLE = events.OWN_SECOND_FACTOR_UNREADABLE.number
TAKEN_AWAY = events.SECOND_FACTOR_TAKEN_AWAY.number


def started(rig: Rig, before: str = "") -> tuple[Web, Ftp]:
    """Two services of a server whose accounts may give themselves codes."""
    rig.say("groups/DEFAULT_GROUP", allow_own_one_time_codes="Yes")
    services = rig.web("https"), rig.ftp("implicit")
    rig.start(before=before)
    return services


def post(client: HttpClient, place: str, **given: str) -> Any:
    return client.ask("POST", f"/__mft__/{place}", json.dumps(given).encode(), Content_Type=JSON)


def web_login(client: HttpClient, web: Web, code: str = "") -> int:
    """Log in to a web session; gives the status."""
    given = {"username": web.server.account, "password": web.server.password, "code": code}
    answer = post(client, "login", **given)
    if answer.status == 200:
        client.fields["Authorization"] = f"Session {answer.json['results'][0]['session']}"
    return int(answer.status)


def set_up(web: Web) -> tuple[int, TimeCodes, list[str]]:
    """Set codes up by one of the step before; the status, the codes, and recovery codes."""
    with HttpClient(web, name="") as client:
        assert web_login(client, web) == 200
        while True:
            (told,) = client.ask("GET", "/__mft__/one-time-codes").json["results"]
            codes, step = TimeCodes.parse(told["uri"]), step_at(time.time())
            first = codes.code(step - 1)
            given = {"password": web.server.password, "first": first, "offer": told["offer"]}
            answer = post(client, "one-time-codes", **given)
            # On a busy machine the code may be too old by the time that it is looked at.
            if answer.status != 422 or step_at(time.time()) == step:
                break
        recovery = answer.json["results"][0]["recovery_codes"] if answer.status == 200 else []
        return answer.status, codes, recovery


def ftp_login(ftp: Ftp, code: str = "") -> bool:
    with FtpClient(ftp) as client:
        client.secure()
        client.do(f"USER {ftp.server.account}")
        return client.do(f"PASS {ftp.server.password}{code}").code == 230


def by_recovery_code(web: Web, code: str) -> bool:
    with HttpClient(web, name="") as client:
        return web_login(client, web, code) == 200


def test_codes_hold_on_every_protocol_and_over_a_kill(rig: Rig) -> None:
    web, ftp = started(rig)
    status, codes, recovery = set_up(web)
    assert status == 200
    assert rig.trail.count(SET) == 1
    assert not ftp_login(ftp)
    rig.kill()
    rig.start()
    assert not ftp_login(ftp)
    assert ftp_login(ftp, codes.code(step_at(time.time())))
    assert by_recovery_code(web, recovery[0])
    assert not by_recovery_code(web, recovery[0])
    said = rig.mft("totp", web.server.account, "--remove")
    assert said.returncode == 0, said.stderr
    assert rig.trail.count(TAKEN_AWAY) == 1
    assert ftp_login(ftp)
    again = rig.mft("totp", web.server.account, "--remove")
    assert again.returncode == 1
    assert list((rig.directory / "state" / FOLDER).iterdir()) == []
    rig.stop()


def test_the_secret_is_in_one_file_only_which_nobody_else_may_read(rig: Rig) -> None:
    web, _ = started(rig)
    _, codes, recovery = set_up(web)
    rig.stop()
    (kept,) = (rig.directory / "state" / FOLDER).iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    secret = codes.secret.reveal()
    for path in rig.directory.rglob("*"):
        if path.is_file() and rig.home not in path.parents:
            text = path.read_text("latin-1")
            assert (secret in text) == (path == kept), path
            assert not any(one in text for one in recovery), path


def test_codes_that_are_damaged_let_no_password_in(rig: Rig) -> None:
    web, ftp = started(rig)
    _, codes, _ = set_up(web)
    rig.stop()
    (kept,) = (rig.directory / "state" / FOLDER).iterdir()
    kept.write_bytes(kept.read_bytes()[:40])
    rig.start()
    assert rig.trail.count(UNREADABLE) == 1
    assert not ftp_login(ftp)
    assert not ftp_login(ftp, codes.code(step_at(time.time())))
    assert rig.mft("totp", web.server.account, "--remove").returncode == 0
    assert ftp_login(ftp)
    rig.stop()


def test_a_full_disk_leaves_the_password_alone_in_force(rig: Rig) -> None:
    folder = rig.directory / "state" / FOLDER
    folder.mkdir(parents=True, mode=0o700)
    web, ftp = started(rig, f"mount -t tmpfs -o size=4k,nr_inodes=1 none {folder}")
    status, _, recovery = set_up(web)
    assert (status, recovery) == (500, [])
    (told,) = rig.trail.of(BROKE)
    assert told["data"]["details"].endswith("No space left on device")
    assert ftp_login(ftp)
    rig.stop()
