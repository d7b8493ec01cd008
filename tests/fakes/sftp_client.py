"""An SFTP session over a memory connection: requests out, answers by their ids."""

from typing import Any, NamedTuple

from mft.wire.buffer import Reader
from mft.wire.sftp import packets
from mft.wire.sftp.attrs import Attrs
from mft.wire.sftp.status import Status
from mft.wire.ssh.numbers import Message
from tests.fakes.ssh_client import SshClient, message

WINDOW = 1 << 31
PACKET = 32 << 10


class Answer(NamedTuple):
    """One SFTP answer."""

    kind: int
    id: int
    body: bytes  # after the id

    @property
    def code(self) -> Status | None:
        """The code of a STATUS; None for other answers."""
        return Status(Reader(self.body).u32()) if self.kind == packets.STATUS else None

    @property
    def text(self) -> bytes:
        """The first string of the body: a handle, or data."""
        return Reader(self.body).string()


class SftpClient:
    """A channel with the sftp subsystem. `window` is ours: what the server may send."""

    def __init__(
        self,
        client: SshClient,
        *,
        window: int = WINDOW,
        packet: int = PACKET,
        theirs: int = 7,
        greet: bool = True,
    ) -> None:
        self.client = client
        self.number = theirs  # what we call the channel
        self.window = window
        self.packet = packet
        self.stream = bytearray()
        self.others: list[bytes] = []  # messages that are no data of this channel
        self.got: list[Answer] = []
        self._id = 0
        (opened,) = [
            one
            for one in client.send(Message.CHANNEL_OPEN, "session", theirs, window, packet)
            if one[0] == Message.CHANNEL_OPEN_CONFIRMATION
        ]
        reader = Reader(opened[1:])
        assert reader.u32() == theirs
        self.channel, self.window_out, self.packet_out = reader.u32(), reader.u32(), reader.u32()
        self.request("subsystem", "sftp")
        assert self.others.pop() == message(Message.CHANNEL_SUCCESS, theirs)
        if greet:
            self.put(packets.encode_request(packets.Init(3)))
            self.take()
            assert self.got.pop().kind == packets.VERSION

    # Bytes.

    def put(self, data: bytes) -> None:
        """Send bytes of the channel, in packets that the server takes."""
        for at in range(0, len(data), self.packet_out):
            self.client.put(
                message(Message.CHANNEL_DATA, self.channel, data[at : at + self.packet_out])
            )

    def request(self, *values: Any) -> None:
        """Send a channel request that wants an answer."""
        name, *rest = values
        self.client.put(message(Message.CHANNEL_REQUEST, self.channel, name, True, *rest))
        self.take()

    def take(self) -> list[Answer]:
        """Everything that has come since the last time."""
        for one in self.client.answers():
            reader = Reader(one[1:])
            if one[0] == Message.CHANNEL_DATA and reader.u32() == self.number:
                data = reader.string()
                assert len(data) <= self.packet, "a larger packet than we take"
                self.window -= len(data)
                assert self.window >= 0, "more than our window"
                self.stream += data
            else:
                self.others.append(one)
        while len(self.stream) >= 4:
            length = int.from_bytes(self.stream[:4], "big")
            if len(self.stream) < 4 + length:
                break
            packet = bytes(self.stream[4 : 4 + length])
            del self.stream[: 4 + length]
            self.got.append(Answer(packet[0], int.from_bytes(packet[1:5], "big"), packet[5:]))
        return self.got

    def adjust(self, more: int) -> None:
        """Open our window."""
        self.window += more
        self.client.put(message(Message.CHANNEL_WINDOW_ADJUST, self.channel, more))

    # Requests.

    def next_id(self) -> int:
        """A fresh request id."""
        self._id += 1
        return self._id

    def begin(self, make: Any, *fields: Any) -> int:
        """Send a request without waiting; its id."""
        number = self.next_id()
        self.put(packets.encode_request(make(number, *fields)))
        return number

    def ask(self, make: Any, *fields: Any) -> Answer:
        """Send a request; exactly one answer must come, with its id."""
        self.got.clear()
        number = self.begin(make, *fields)
        (answer,) = self.take()
        assert answer.id == number
        self.got = []
        return answer

    def open(self, path: str, flags: int) -> bytes:
        """Open a file; its handle."""
        answer = self.ask(packets.Open, path.encode(), flags, Attrs())
        assert answer.kind == packets.HANDLE, answer
        return answer.text

    def open_to_write(self, path: str) -> bytes:
        """Open a new file, or one to be replaced."""
        return self.open(path, packets.FOR_WRITING | packets.CREATE | packets.TRUNCATE)

    def open_to_read(self, path: str) -> bytes:
        """Open a file for reading."""
        return self.open(path, packets.FOR_READING)

    def close_handle(self, handle: bytes) -> Status | None:
        """Close a handle."""
        return self.ask(packets.Close, handle).code
