"""What the connections of a service share."""

from collections.abc import Callable

import pytest

from mft import __version__
from tests.fakes.ftp_client import FtpClient
from tests.fakes.ftp_server import FtpServer
from tests.fakes.run import run

Serve = Callable[..., FtpServer]

PRODUCT = f"mft {__version__} FTP server ready."


@pytest.mark.parametrize(
    ("banner", "lines"),
    [
        ("", (PRODUCT,)),
        ("Welcome.", (PRODUCT, "Welcome.")),
        ("Welcome.\n  Behave.  ", (PRODUCT, " Welcome.", "Behave.")),
        ("> Authorised use only.", ("Authorised use only.",)),
        (">one\ntwo", ("one", "two")),
        (">", ("Ready.",)),
    ],
)
def test_the_greeting(serve: Serve, banner: str, lines: tuple[str, ...]) -> None:
    (said,) = FtpClient(serve(banner=banner)).greeting
    assert said == (220, lines)


def test_the_files_that_one_session_may_open_are_bounded(serve: Serve) -> None:
    server = serve(maximum_open_files="1")
    client = FtpClient(server).arrive()
    server.put("/file", b"x" * 100)
    data = client.connect()
    data.socket.room = 0
    client.say("RETR /file")
    assert client.codes("STAT /") == [450]
    assert server.data(90007) == [{"name": "maximum_open_files", "value": 1}]
    data.socket.room = None
    client.settle()
    assert [one.code for one in client.take()] == [226]


def test_without_lists_every_certificate_passes(server: FtpServer) -> None:
    assert run(server.service.hub.protection.check(object())) is None
