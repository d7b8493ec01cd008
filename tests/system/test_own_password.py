"""An account changes its password, and that holds everywhere: over each protocol and each end."""

import asyncio
import json
import signal
import stat
from contextlib import suppress

import asyncssh

from mft.auth.passwords import make_hash
from mft.events import catalogue as events
from tests.interop.ftp import Ftp
from tests.interop.instance import execute
from tests.interop.web import Web
from tests.system.ftp_client import FtpClient
from tests.system.http_client import HttpClient
from tests.system.light import connect
from tests.system.rig import Rig, until

CHANGED, BROKE = events.PASSWORD_CHANGED.number, events.PASSWORD_CHANGE_BROKE.number
UNREADABLE = events.OWN_PASSWORD_UNREADABLE.number
RELOADED = events.CONFIGURATION_RELOADED.number
FIRST, SECOND = "correct horse battery staple", "zwei Pferde auf Haken 7"
THIRD, FOURTH = "drittes-Wort-8-Ecken", "quatre chevaux & huit coins"


def started(rig: Rig) -> tuple[Web, Ftp]:
    """Two services of a server whose accounts may change their passwords."""
    rig.say("groups/DEFAULT_GROUP", allow_own_password_change="Yes")
    services = rig.web("https"), rig.ftp("implicit")
    rig.start()
    return services


def by_web(web: Web, old: str, new: str) -> int:
    """Change it as a program does; gives the status."""
    with HttpClient(web, name="") as client:
        login = json.dumps({"username": web.server.account, "password": old}).encode()
        answer = client.ask("POST", "/__mft__/login", login, Content_Type="application/json")
        if answer.status != 200:
            return answer.status
        client.fields["Authorization"] = f"Session {answer.json['results'][0]['session']}"
        body = json.dumps({"password": old, "new_password": new}).encode()
        place = "/__mft__/password-update"
        return client.ask("POST", place, body, Content_Type="application/json").status


def logs_in(rig: Rig, ftp: Ftp, password: str) -> bool:
    """Whether a password lets in, over SSH and over FTP, which must agree."""

    async def by_ssh() -> bool:
        with suppress(asyncssh.PermissionDenied):
            connection = await connect(rig.server, client_keys=None, password=password)
            connection.close()
            await connection.wait_closed()
            return True
        return False

    with FtpClient(ftp) as client:
        client.secure()
        client.do(f"USER {rig.server.account}")
        over_ftp = client.do(f"PASS {password}").code == 230
    over_ssh = asyncio.run(by_ssh())
    assert over_ftp == over_ssh
    return over_ssh


def test_what_an_account_has_chosen_outlives_everything_but_the_administrator(rig: Rig) -> None:
    web, ftp = started(rig)
    given = rig.server.password
    assert by_web(web, given, FIRST) == 200
    assert not logs_in(rig, ftp, given)
    assert logs_in(rig, ftp, FIRST)
    with FtpClient(ftp).log_in(password=FIRST) as client:
        assert client.do(f'SITE PSWD "{FIRST}" "{SECOND}"').code == 200
    lines = f"{SECOND}\n{FOURTH}\n{FOURTH}\n"
    argv = ("ssh", "-p", str(rig.server.port), *rig.server.ssh, rig.server.where, "passwd")
    said = execute(*argv, stdin=lines).stdout
    assert said.endswith("Password changed.\n")
    assert rig.trail.count(CHANGED) == 3
    rig.kill()
    rig.start()
    assert logs_in(rig, ftp, FOURTH)
    assert not logs_in(rig, ftp, SECOND)
    assert by_web(web, FOURTH, given) == 422  # it was used before
    account = next(
        line.strip("[]")
        for line in rig.config.read_text().splitlines()
        if line.startswith("[accounts/")
    )
    rig.say(account, password=make_hash(THIRD))
    rig.signal(signal.SIGHUP)
    until(lambda: rig.trail.count(RELOADED), "the reload")
    assert logs_in(rig, ftp, THIRD)
    assert not logs_in(rig, ftp, FOURTH)
    rig.stop()


def test_no_password_is_written_anywhere(rig: Rig) -> None:
    web, ftp = started(rig)
    given = rig.server.password
    assert by_web(web, given, FIRST) == 200
    assert by_web(web, FIRST, "password1234") == 422
    with FtpClient(ftp).log_in(password=FIRST) as client:
        assert client.do(f'SITE PSWD "{FIRST}" "{SECOND}"').code == 200
        assert client.do("STAT").code == 211
    rig.stop()
    told = [
        path for path in rig.directory.rglob("*") if path.is_file() and rig.home not in path.parents
    ]
    for path in told:
        text = path.read_bytes()
        for word in (given, FIRST, SECOND, "password1234"):
            assert word.encode() not in text, path
    (kept,) = (rig.directory / "state" / "passwords").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_file_that_is_damaged_lets_nobody_in_by_the_password_that_was_given_up(rig: Rig) -> None:
    web, ftp = started(rig)
    given = rig.server.password
    assert by_web(web, given, FIRST) == 200
    rig.stop()
    (kept,) = (rig.directory / "state" / "passwords").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    rig.start()
    assert rig.trail.count(UNREADABLE) == 1
    assert not logs_in(rig, ftp, given)
    assert not logs_in(rig, ftp, FIRST)
    rig.stop()
    kept.unlink()
    rig.start()
    assert logs_in(rig, ftp, given)
    rig.stop()


def test_a_full_disk_changes_nothing(rig: Rig) -> None:
    folder = rig.directory / "state" / "passwords"
    folder.mkdir(parents=True, mode=0o700)
    rig.say("groups/DEFAULT_GROUP", allow_own_password_change="Yes")
    web, ftp = rig.web("https"), rig.ftp("implicit")
    rig.start(before=f"mount -t tmpfs -o size=4k,nr_inodes=1 none {folder}")  # room for no file
    given = rig.server.password
    assert by_web(web, given, FIRST) == 500
    (told,) = rig.trail.of(BROKE)
    assert told["data"]["details"].endswith("No space left on device")
    assert logs_in(rig, ftp, given)
    assert not logs_in(rig, ftp, FIRST)
    rig.stop()
