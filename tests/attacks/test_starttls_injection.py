"""Commands that somebody in between sends in clear before TLS begins (CVE-2011-0411)."""

import pytest

from mft.events import catalogue as events
from tests.system.ftp_client import FtpClient

SERVICES = ["clear", "explicit"]  # one where commands in clear count, one where they do not


def secured(client: FtpClient, behind: bytes) -> FtpClient:
    """AUTH TLS with more in the same segment, and the handshake."""
    client.put(b"AUTH TLS\r\n" + behind)
    assert client.reply().code == 234
    client.wrap()
    return client


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize(
    "behind",
    [
        b"USER mallory\r\n",
        b"USER mallory\r\nPASS wrong\r\n",
        b"NOOP\r\n" * 500,
        b"FEAT\r\nHELP\r\nSYST\r\n",
        b"AUTH TLS\r\n",
        b"\r\n\r\n",
        b"QUIT\r\n",
        b"USER mal",
        b"NOOP",
        b"\xff\xf4",
        b"X" * 20_000,
    ],
)
def test_what_came_in_clear_was_never_said(victim, name, behind):
    with FtpClient(victim[name]) as client:
        try:
            secured(client, behind)
        except OSError:
            return  # where our bytes were taken for TLS, nothing is secured either
        # The first reply inside is that of the first command inside.
        assert client.do("SYST").code == 215
        assert client.do(f"PASS {client.ftp.server.password}").code == 503
        assert client.do("PWD").code == 530
        assert client.do(f"USER {client.ftp.server.account}").code == 331
        assert client.do(f"PASS {client.ftp.server.password}").code == 230
        assert client.do("PWD").code == 257


def test_a_name_given_in_clear_is_forgotten(victim):
    with FtpClient(victim["clear"]) as client:
        assert client.do(f"USER {client.ftp.server.account}").code == 331
        secured(client, b"")
        assert client.do(f"PASS {client.ftp.server.password}").code == 503


def test_a_login_in_clear_is_forgotten(victim):
    with FtpClient(victim["clear"]).log_in() as client:
        assert client.do("CWD /").code == 250
        secured(client, b"")
        assert client.do("PWD").code == 530


def test_a_way_to_data_that_was_chosen_in_clear_is_forgotten(victim):
    name = victim.put(b"x")
    with FtpClient(victim["ready"]).log_in() as client:
        client.passive()
        secured(client, b"")
        client.do(f"USER {client.ftp.server.account}")
        client.do(f"PASS {client.ftp.server.password}")
        assert client.do(f"RETR {name}").code == 425


def test_tls_inside_tls_is_not_begun(victim):
    with FtpClient(victim["explicit"]).log_in() as client:
        assert client.do("AUTH TLS").code == 503
    with FtpClient(victim["implicit"]) as client:
        assert client.do("AUTH TLS").code in (502, 503)


def test_bytes_that_are_no_tls_end_the_connection(victim):
    with FtpClient(victim["explicit"]) as client:
        client.put(b"AUTH TLS\r\n")
        assert client.reply().code == 234
        client.put("USER mallory", "PASS wrong")
        client.rest()
        victim.tells(events.FTP_TLS_FAILED.number, client.port)
