"""How other FTP servers were broken, tried on this one. Each test names the case."""

import contextlib
import time

import pytest

from mft.events import catalogue as events
from mft.wire.ftp.verbs import SITE, VERBS
from tests.system.ftp_client import FtpClient, Refusal

BEFORE_LOGIN = {name for name, verb in VERBS.items() if verb.before_login}


def argument(verb: str) -> str:
    """Something that each command would take."""
    return {
        "EPRT": "|1|127.0.0.1|2000|",
        "PORT": "127,0,0,1,8,8",
        "REST": "0",
        "RANG": "0 1",
        "MDTM": "20200101000000 /a",
        "MFMT": "20200101000000 /a",
        "MFF": "UNIX.mode=0600; /a",
        "TYPE": "I",
        "STRU": "F",
        "MODE": "S",
    }.get(verb, "/a")


@pytest.mark.parametrize("mode", ["clear", "explicit"])
def test_nothing_is_told_or_done_before_the_login(victim, mode):
    """ProFTPD's mod_copy (CVE-2015-3306): SITE CPFR and CPTO copied any file without a login."""
    commands = [f"{verb} {argument(verb)}" for verb in sorted(set(VERBS) - BEFORE_LOGIN)]
    commands += [f"SITE {verb} /etc/passwd /a" for verb in (*SITE, "CPFR", "CPTO", "EXEC")]
    files = set(victim.rig.home.rglob("*"))
    with FtpClient(victim[mode]).secure() as client:
        for command in commands:
            assert client.do(command).code in (530, 501, 503), command
        assert client.do("USER alice").code == 331
        for command in commands:
            assert client.do(command).code in (530, 501, 503), command
    assert set(victim.rig.home.rglob("*")) == files


@pytest.mark.parametrize(
    "line",
    [
        "REST -1",
        "REST 1e3",
        "REST 0x10",
        "REST 99999999999999999999",
        "REST ",
        "REST +1",
        "REST 1 2",
        "RANG -1 5",
        "RANG 5 -1",
        "RANG 1",
        "RANG 1 99999999999999999999",
        "ALLO -1",
        "ALLO 99999999999999999999",
        "MDTM 99999999999999 /a",
        "MFMT 20200230000000 /a",
        "SITE CHMOD 99999 /a",
        "SITE CHMOD -1 /a",
        "SITE UTIME 20209999000000 /a",
        "SITE IDLE -1",
        "SITE IDLE 99999999999",
        "EPSV 9",
        "OPTS HASH MD4",
        "LANG xx",
    ],
)
def test_numbers_are_what_the_standards_say(victim, line):
    """Negative offsets wrote before the beginning; large ones became negative (several servers)."""
    with FtpClient(victim["clear"]).log_in() as client:
        assert 500 <= client.do(line).code < 560
        assert client.do("NOOP").code == 200


def test_an_offset_behind_the_end_neither_reads_nor_writes(victim):
    name = victim.put(b"short")
    with FtpClient(victim["clear"]).log_in() as client:
        for line in (f"RETR {name}", f"STOR {name}"):
            assert client.do("REST 1000000").code == 350
            with pytest.raises(Refusal) as refused:
                client.store(line, b"x")
            assert refused.value.answer.code in (501, 550, 551, 553, 554)
    assert victim.path(name).read_bytes() == b"short"


@pytest.mark.parametrize(
    "line",
    [
        b"MKD a\0b\r\n",
        b"MKD a\rb\r\n",
        b"MKD a\x1b[2Jb\r\n",
        b"MKD a\x7fb\r\n",
        b"MKD a\xfe\xfd\r\n",
        b"MKD a\xc0\xaf\r\n",
        b"MKD a\xed\xa0\x80\r\n",
        b"MKD a\tb\r\n",
    ],
)
def test_bytes_that_no_name_has_are_in_no_name(victim, line):
    """Line ends inside names put lines of the attacker's into logs and listings."""
    files = set(victim.rig.home.rglob("*"))
    with FtpClient(victim["clear"]).log_in() as client:
        assert client.do(line).code in (500, 501, 553)
        assert client.do("NOOP").code == 200
    assert set(victim.rig.home.rglob("*")) == files


def test_a_password_comes_right_after_its_name(victim):
    """PASS without USER, or after another command, was a login as nobody or as somebody else."""
    password = victim.rig.server.password
    with FtpClient(victim["clear"]) as client:
        assert client.do(f"PASS {password}").code == 503
        assert client.do("USER alice").code == 331
        assert client.do("NOOP").code == 200
        assert client.do(f"PASS {password}").code == 503
        assert client.do("USER alice").code == 331
        assert client.do("USER mallory").code == 331
        assert client.do(f"PASS {password}").code == 530
        assert client.do(f"PASS {password}").code == 503
        assert client.do("PWD").code == 530


@pytest.mark.parametrize(
    ("name", "password"),
    [
        *((name, "") for name in ("alice", "nobody", "anonymous", "ftp", "root", " ", "alice ")),
        *(("alice", password) for password in (" ", "\u00a0", "x" * 8000)),
    ],
)
def test_nothing_is_no_password(victim, name, password):
    """An empty password was taken for a simple bind, or for one that matches no hash."""
    with FtpClient(victim["clear"]) as client:
        assert client.do(f"USER {name}").code in (331, 501, 530)
        assert client.do(f"PASS {password}").code in (530, 503)
        assert client.do("PWD").code == 530


def test_who_is_logged_in_does_not_become_somebody_else(victim):
    with FtpClient(victim["clear"]).log_in() as client:
        assert client.do("USER mallory").code == 503
        assert client.do("PASS x").code == 503
        assert client.do("PWD").code == 257


def test_starting_anew_forgets_everything(victim):
    name = victim.put(b"x")
    with FtpClient(victim["ready"]).log_in() as client:
        assert client.do("REST 100").code == 350
        assert client.do(f"RNFR {name}").code == 350
        client.passive()
        assert client.do("REIN").code == 220
        for line in ("PWD", f"RNTO {name}-moved", f"RETR {name}", "LIST"):
            assert client.do(line).code == 530
        client.log_in()
        assert client.do(f"RNTO {name}-moved").code == 503
        assert client.do(f"RETR {name}").code == 425
        assert client.fetch(f"RETR {name}")[0] == b"x"
    assert victim.path(name).exists()


@pytest.mark.parametrize("mode", ["clear", "explicit"])
def test_unknown_names_and_wrong_passwords_are_answered_alike(victim, mode):
    """Whether an account is there showed in the words, or in the time."""
    told, took = [], []
    for name in ("alice", "no-such-account"):
        with FtpClient(victim[mode]).secure() as client:
            replies = [client.do(f"USER {name}")]
            began = time.monotonic()
            replies.append(client.do("PASS wrong"))
            took.append(time.monotonic() - began)
            told.append(replies)
    assert told[0] == told[1]
    assert max(took) < 5.0


def test_guessing_ends_the_connection(victim):
    with FtpClient(victim["clear"]) as client:
        codes = []
        with contextlib.suppress(EOFError, OSError):
            for _ in range(20):
                client.do("USER no-such-account")
                codes.append(client.do("PASS wrong").code)
        assert codes == [530] * (len(codes) - 1) + [421]
        assert len(codes) <= 6
        victim.tells(events.LIMIT_REACHED.number, client.port)


def test_commands_of_a_browser_are_no_commands(victim):
    """A web page may send a browser to an FTP port, with commands in what it posts.

    The page knows a name and a password, which may be somebody else's or those of everybody, and
    what it does comes from the address of the browser.
    """
    files, server = set(victim.rig.home.rglob("*")), victim.rig.server
    posted = f"USER {server.account}\r\nPASS {server.password}\r\nMKD pwned"
    for first in ("POST / HTTP/1.1", "GET /home/?x=%20 HTTP/1.0", "patch * HTTP/1.1"):
        with FtpClient(victim["clear"]) as client:
            client.put(first, "Host: files", "", posted)
            assert [one.code for one in client.rest()] == [421]
    assert set(victim.rig.home.rglob("*")) == files


def test_a_name_that_looks_like_a_request_is_a_name(victim):
    with FtpClient(victim["clear"]).log_in() as client:
        for name in ("x HTTP", "x HTTP/1.1"):
            assert client.do(f"MKD {name}").code == 257
        for name in ("x HTTP/1.1", "x HTTP"):
            assert client.do(f"RMD {name}").code == 250
        assert client.do("SITE POST / HTTP/1.1").code in (500, 502)
        assert client.do("POST / HTTP/11").code in (500, 502)
        assert client.do("NOOP").code == 200


def test_shell_and_format_characters_are_characters(victim):
    """Names went to a shell, or to printf (wu-ftpd's SITE EXEC, CVE-2000-0573)."""
    with FtpClient(victim["clear"]).log_in() as client:
        for name in ("%s%s%s%n", "$(id)", "`id`", "a;id", "|id", "{path}", "~root", "..;"):
            assert client.do(f"MKD {name}").code == 257
            assert client.do(f"MLST {name}").code == 250
            assert victim.path(name).is_dir()
            assert client.do(f"RMD {name}").code == 250
        assert client.do("SITE EXEC id").code in (500, 502, 504)


@pytest.mark.parametrize(
    "pattern", ["*" * 200 + "x", "[" * 200, "{a,b}" * 50, "*/*/*/*/../*", "-laR *", "?" * 4000]
)
def test_patterns_of_listings_cost_little(victim, pattern):
    """Globbing took all of the memory or the processor (CVE-2001-1501, CVE-2010-2632)."""
    victim.put(b"x")
    with FtpClient(victim["clear"]).log_in() as client:
        began = time.monotonic()
        with contextlib.suppress(Refusal):
            client.fetch(f"LIST {pattern}")
        assert client.do("NOOP").code == 200
        assert time.monotonic() - began < 5.0


@pytest.mark.parametrize("command", ["CWD", "RETR", "MLST", "SIZE", "MDTM", "DELE", "STAT", "XCRC"])
@pytest.mark.parametrize(
    "path", ["../../../etc/passwd", "/../etc/passwd", "a/../../../etc/passwd", "....//etc/passwd"]
)
def test_nothing_above_the_home_is_reached(victim, command, path):
    with FtpClient(victim["ready"]).log_in() as client:
        if command == "RETR":
            client.passive()
        assert client.do(f"{command} {path}").code in (550, 553)
