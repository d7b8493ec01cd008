"""Transfers that stand still until the test lets them go on."""

from tests.fakes.ftp_client import End, FtpClient


def stuck(client: FtpClient, path: str = "/file", size: int = 1000) -> End:
    """A download that waits for its client; `flow` lets it go on."""
    client.server.put(path, b"x" * size)
    data = client.connect()
    data.socket.room = 0
    assert client.codes(f"RETR {path}") == [150]
    return data


def flow(client: FtpClient, data: End) -> list[int]:
    """Let the client take everything; the codes of the replies."""
    data.socket.room = None
    return codes(client)


def codes(client: FtpClient) -> list[int]:
    """Let everybody act; the codes of the replies that come by themselves."""
    client.settle()
    return [one.code for one in client.take()]
