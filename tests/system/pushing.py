"""A client that sends much, as far as the server takes it, while something else is done."""

import contextlib
import threading
from collections.abc import Iterator

from tests.system.ftp_client import FtpClient
from tests.system.http_client import HttpClient


@contextlib.contextmanager
def pushing(client: FtpClient | HttpClient, data: bytes) -> Iterator[None]:
    """Send in a thread, to the end of the block at least.

    In the block, nobody may read from a client over TLS: two threads that use one such socket
    crash Python before 3.13.
    """

    def push() -> None:
        with contextlib.suppress(OSError):
            client.socket.sendall(data)

    thread = threading.Thread(target=push)
    thread.start()
    try:
        yield
    finally:
        thread.join()
