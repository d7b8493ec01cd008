"""One scp command in a channel: bytes in, bytes out, and how it ended."""

from mft.wire.buffer import Reader
from mft.wire.ssh.numbers import Message
from tests.fakes.ssh_client import SshClient, message


class ScpClient:
    """The near side of `scp -t` or `scp -f`; says only what it is told to."""

    def __init__(self, client: SshClient, command: str, window: int = 1 << 24) -> None:
        self.client = client
        (opened,) = client.send(Message.CHANNEL_OPEN, "session", 7, window, 32768)
        self.channel = Reader(opened[5:]).u32()
        self.told = b""
        self.status: int | None = None
        self.closed = False
        client.put(message(Message.CHANNEL_REQUEST, self.channel, "exec", True, command))
        self.accepted = self._take(client.answers())

    def _take(self, answers: list[bytes]) -> bool:
        accepted = False
        for one in answers:
            reader = Reader(one[1:])
            if one[0] == Message.CHANNEL_DATA:
                reader.u32()
                self.told += reader.string()
            elif one[0] == Message.CHANNEL_REQUEST:
                self.status = int.from_bytes(one[-4:], "big")
            elif one[0] == Message.CHANNEL_CLOSE:
                self.closed = True
            elif one[0] == Message.CHANNEL_SUCCESS:
                accepted = True
        return accepted

    def say(self, *pieces: bytes) -> bytes:
        """Send pieces, each in a turn of its own; what came back since the last time."""
        for piece in pieces:
            self.client.put(message(Message.CHANNEL_DATA, self.channel, piece))
            self._take(self.client.answers())
        if not pieces:
            self._take(self.client.answers())
        told, self.told = self.told, b""
        return told

    def eof(self) -> "ScpClient":
        """Say that nothing more comes."""
        self.client.put(message(Message.CHANNEL_EOF, self.channel))
        self._take(self.client.answers())
        return self
