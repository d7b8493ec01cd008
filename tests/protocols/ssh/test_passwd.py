"""The passwd command: a dialogue of three lines, and everything that is none."""

import pytest

from mft.auth.own_passwords import Fault, NotChanged
from mft.auth.time_codes import PERIOD
from mft.events import catalogue as events
from mft.protocols.password_sentences import NOT_TWICE, password_sentence
from mft.protocols.ssh.passwd import CHANGED, MAX_INBOX, MAX_LINE, PROMPTS
from mft.wire.ssh.numbers import Message
from tests.fakes.accounts import CHEAP_HASH, OTPAUTH, account, code_at
from tests.fakes.scp_client import ScpClient
from tests.fakes.ssh_client import SshClient

NEW = "correct horse battery staple"
PASSWORD_CHANGED, NOT_CHANGED, FAILED = 20085, 20086, 30066
STARTED, ENDED = events.SSH_COMMAND_STARTED.number, events.SSH_COMMAND_ENDED.number


@pytest.fixture
def passwd(server):
    return ScpClient(SshClient(server).log_in(), "passwd")


def lines(*given: str) -> bytes:
    return "".join(f"{one}\n" for one in given).encode()


def told(fault: Fault, least: int = 0) -> str:
    return password_sentence(NotChanged(fault, least=least))


def test_it_asks_for_each_and_changes_the_password(passwd, server):
    assert passwd.accepted
    assert passwd.say() == PROMPTS[0]
    assert passwd.say(b"right\n") == PROMPTS[1]
    assert passwd.say(lines(NEW)) == PROMPTS[2]
    assert passwd.say(lines(NEW)) == f"\n{CHANGED}\n".encode()
    assert (passwd.status, passwd.closed) == (0, True)
    assert len(server.data(PASSWORD_CHANGED)) == 1
    assert server.numbers().count(STARTED) == server.numbers().count(ENDED) == 1
    again = SshClient(server).service()
    assert again.password(NEW)[0][0] == Message.USERAUTH_SUCCESS


def test_all_lines_may_come_at_once_and_the_last_without_its_end(passwd, server):
    passwd.say(f"right\r\n{NEW}\r\n{NEW}".encode())
    passwd.eof()
    assert passwd.status == 0
    assert len(server.data(PASSWORD_CHANGED)) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("wrong", NEW, NEW), told(Fault.WRONG)),
        (("", NEW, NEW), told(Fault.WRONG)),
        (("right", "short", "short"), told(Fault.SHORT, 11)),
        (("right", "password1234", "password1234"), told(Fault.WEAK)),
        (("right", NEW, "other"), NOT_TWICE),
        (("right", "a\tb", "a\tb"), told(Fault.IMPOSSIBLE)),
    ],
)
def test_why_it_stays_is_said(passwd, server, given, said):
    assert passwd.say(lines(*given)).endswith(f"\n{said}\n".encode())
    assert passwd.status == 1
    assert server.data(PASSWORD_CHANGED) == []


def test_a_one_time_code_stands_at_the_end_of_the_old_password(serve):
    server = serve(account("ann", password=CHEAP_HASH, multi_factor_authentication=OTPAUTH))
    client = SshClient(server).service()
    client.password("right" + code_at())
    said = ScpClient(client, "passwd").say(lines("right", NEW, NEW))
    assert said.endswith(f"\n{told(Fault.CODE_WRONG)}\n".encode())
    passwd = ScpClient(client, "passwd")
    passwd.say(lines("right" + code_at(server.method.now + PERIOD), NEW, NEW))
    assert passwd.status == 0


@pytest.mark.parametrize("before", [b"", b"right\n", lines("right", NEW)])
def test_who_leaves_in_the_middle_changes_nothing(passwd, server, before):
    passwd.say(*([before] if before else []))
    passwd.eof()
    assert passwd.status == 1
    assert server.data(PASSWORD_CHANGED) + server.data(NOT_CHANGED) == []


@pytest.mark.parametrize("line", [b"x" * MAX_LINE + b"\n", b"x" * 2 * MAX_LINE, b"\xff\n"])
def test_what_is_no_line_ends_it(passwd, server, line):
    assert b"Not understood" in passwd.say(line)
    assert passwd.status == 1
    assert len(server.data(FAILED)) == 1


def test_what_is_sent_behind_the_end_is_not_collected(passwd, server):
    passwd.say(b"x" * 2 * MAX_LINE, *[b"y" * 30_000] * (MAX_INBOX // 1000))
    assert passwd.closed
    ScpClient(passwd.client, "scp -t /a")  # the connection is served as before


def test_an_account_that_may_not_is_told_at_once(serve):
    server = serve(account("ann", password=CHEAP_HASH, group="FIXED"))
    passwd = ScpClient(SshClient(server).log_in(), "passwd")
    assert passwd.say() == f"\n{told(Fault.NOT_ALLOWED)}\n".encode()
    assert passwd.status == 1


@pytest.mark.parametrize("line", ["passwd ann", "passwd;id", "/usr/bin/passwd", "PASSWD"])
def test_it_is_no_shell(server, line):
    assert not ScpClient(SshClient(server).log_in(), line).accepted


def test_it_is_there_without_scp(serve):
    server = serve(scp="no")
    client = SshClient(server).log_in()
    assert ScpClient(client, " passwd ").accepted
    assert not ScpClient(client, "scp -t /a").accepted
