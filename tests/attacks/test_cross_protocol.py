"""A client of one protocol that is led to a service of another, which shows the same certificate.

Somebody in the middle of the network cannot read TLS, and can choose where its bytes go: a browser
that wants a web page would bring its cookie to a port where files are uploaded, and run what comes
from one where they are downloaded (ALPACA, 2021). Browsers say what they want to speak.
"""

import socket
import ssl
from collections.abc import Sequence

import pytest

from tests.system.ftp_client import FtpClient

BROWSER = ("h2", "http/1.1")


def wanting(*names: str) -> ssl.SSLContext:
    """TLS of a client that believes everybody, and wants to speak one of these."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(names)
    return context


def speaks(connection: socket.socket, names: Sequence[str]) -> bool:
    """Begin TLS as who wants to speak one of these; nothing is chosen of them, and all is well."""
    with wanting(*names).wrap_socket(connection) as secured:
        return secured.version() is not None and secured.selected_alpn_protocol() is None


def refused(connection: socket.socket, names: Sequence[str]) -> None:
    """The handshake fails, for that reason."""
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        speaks(connection, names)


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def explicit(port: int) -> socket.socket:
    """A control connection on which the middle has asked for TLS, in clear."""
    connection = connected(port)
    with connection.makefile("rb") as lines:
        while not lines.readline().startswith(b"220 "):
            pass
        connection.sendall(b"AUTH TLS\r\n")
        assert lines.readline().startswith(b"234 ")
    return connection


@pytest.mark.parametrize("names", [BROWSER, ("http/1.1",), ("h2",), ("http/1.0",)])
def test_a_browser_does_not_come_to_a_control_connection(victim, names) -> None:
    refused(connected(victim["implicit"].port), names)
    refused(explicit(victim["explicit"].port), names)


def test_nor_to_a_data_connection(victim) -> None:
    """The middle has logged in as itself, and asked for an upload."""
    with FtpClient(victim["implicit"]).log_in() as client:
        browser = client.connect(client.passive())
        name = victim.name()
        assert client.do(f"STOR {name}").code == 150
        refused(browser, BROWSER)
        assert client.reply().code == 426
    assert not victim.path(name).exists()


def test_the_middle_does_not_hide_what_a_browser_wants(victim) -> None:
    """It may cut the first message into records of its own."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    browser = wanting(*BROWSER).wrap_bio(incoming, outgoing, server_hostname="files")
    with pytest.raises(ssl.SSLWantReadError):
        browser.do_handshake()
    hello = outgoing.read()
    with connected(victim["implicit"].port) as connection:
        connection.sendall(b"".join(hello[:3] + b"\0\1" + bytes((one,)) for one in hello[5:]))
        answer = connection.recv(1 << 16)
    incoming.write(answer)
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        browser.do_handshake()


def test_who_wants_ftp_does_not_come_to_a_web_server(victim) -> None:
    refused(connected(victim.webs["https"].port), ("ftp",))


def test_who_wants_what_is_spoken_is_served(victim) -> None:
    assert speaks(connected(victim["implicit"].port), ("x-filezilla-ftp", "ftp"))
    assert speaks(explicit(victim["explicit"].port), ("ftp",))
    assert speaks(connected(victim.webs["https"].port), BROWSER)
    with FtpClient(victim["implicit"]).log_in() as client:
        client.context.set_alpn_protocols(["ftp-data"])
        name = victim.name()
        assert client.store(f"STOR {name}", b"x").code == 226
