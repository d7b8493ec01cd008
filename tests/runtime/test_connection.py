"""The bulk lane over a real socket: nothing lost, nothing kept, nobody starved, no busy loop."""

import errno
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.protocol import Factory

from mft.runtime import connection as module
from mft.runtime.connection import LAST_WORDS, PUMP_COST, TURN, Connection, Port
from tests.fakes.reactor import PATIENCE, Reactor


class Stream:
    """A protocol that keeps what it is told, and does in a hook what the test says."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.buffer = bytearray(1 << 16)
        self.arrivals: list[bytes] = []
        self.empty = 0
        self.pumped = 0
        self.lost: list[Any] = []
        self.on_arrival: Callable[[], object] = lambda: None
        self.on_pump: Callable[[], bool] = lambda: False

    def inlet(self) -> memoryview:
        return memoryview(self.buffer)

    def arrived(self, inlet: memoryview, count: int) -> None:
        if not count:
            self.empty += 1
            return
        self.arrivals.append(bytes(inlet[:count]))
        self.on_arrival()

    def pump(self) -> bool:
        self.pumped += 1
        return self.on_pump()

    def connectionLost(self, reason: Any) -> None:
        self.lost.append(reason.type.__name__)

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport


class Taking:
    """A socket that takes so many bytes at each call, then fails with an error."""

    def __init__(self, real: socket.socket, *counts: int, error: int = errno.EAGAIN) -> None:
        self.real = real
        self.counts = list(counts)
        self.error = error
        self.taken = b""

    def send(self, view: memoryview) -> int:
        return self.sendmsg([view])

    def sendmsg(self, views: list[memoryview]) -> int:
        if not self.counts:
            raise OSError(self.error, "the socket takes no more")
        data = b"".join(views)[: self.counts.pop(0)]
        self.taken += data
        return len(data)

    def recv_into(self, inlet: memoryview, most: int = 0) -> int:
        raise OSError(self.error, "the socket has nothing")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Line:
    """A connection, the other end of it, and its reactor."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.far = socket.create_connection(listening.getsockname())
            near, client = listening.accept()
        self.far.settimeout(PATIENCE)
        near.setblocking(False)
        self.reactor = Reactor()
        self.stream = Stream()
        self.near = Connection(near, self.stream, client, None, 0, self.reactor)
        self.stream.makeConnection(self.near)
        self.released: list[str] = []

    def send(self, data: bytes, name: str = "one") -> None:
        """Queue bytes whose release is remembered."""
        self.near.send(memoryview(data), lambda: self.released.append(name))

    def take(self, *counts: int, error: int = errno.EAGAIN) -> Taking:
        """From now on the socket takes so much at a time, and then fails."""
        taking = Taking(self.near.socket, *counts, error=error)
        self.near.socket = taking
        return taking

    def heard(self, count: int) -> bytes:
        """What came to the other end."""
        data = b""
        while len(data) < count:
            more = self.far.recv(count - len(data))
            assert more
            data += more
        return data

    @property
    def armed(self) -> bool:
        """Whether the reactor would call us as soon as the socket can be written."""
        return self.near in self.reactor.writers


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.far.close()
    if hasattr(line.near, "socket"):
        line.near.socket.close()


# Receiving.


def test_what_arrives_is_in_the_inlet(line: Line) -> None:
    line.far.sendall(b"hello")
    line.reactor.read(line.near)
    assert line.stream.arrivals == [b"hello"]
    assert not line.armed


def test_what_arrives_can_be_looked_at_and_passed_over(line: Line) -> None:
    assert line.near.peek(10) == b""
    line.far.sendall(b"header behind")
    assert [line.near.peek(6), line.near.peek(100)] == [b"header", b"header behind"]
    line.near.pass_over(7)
    line.reactor.read(line.near)
    assert line.stream.arrivals == [b"behind"]
    line.far.close()
    assert line.near.peek(10) == b""
    line.near.socket.close()
    assert line.near.peek(10) == b""
    line.near.pass_over(1)


def test_the_kernel_tells_the_round_trip(line: Line) -> None:
    assert 0 <= line.near.round_trip() < 10


def test_a_system_that_does_not_tell_it_is_near(line: Line, monkeypatch) -> None:
    monkeypatch.setattr(module, "_TCP_INFO", None)
    assert line.near.round_trip() == 0.0


def quick(line: Line) -> bool:
    return bool(line.near.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK))


def test_who_only_hears_acknowledges_without_delay(line: Line) -> None:
    line.far.sendall(b"hello")
    line.reactor.read(line.near)
    line.near.write(b"an answer: others may follow, and take the acknowledgements along")
    assert not quick(line)
    line.near.only_hears()
    assert quick(line)


def test_a_system_that_cannot_is_let_be(line: Line, monkeypatch) -> None:
    monkeypatch.setattr(module, "_QUICKACK", None)
    line.near.only_hears()


def test_a_read_may_wait_until_there_is_much(line: Line) -> None:
    line.near.read_at_least(1000)
    assert line.near.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == 1000
    line.near.read_at_least(1)
    assert line.near.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == 1


def test_what_an_arrival_causes_is_sent_in_the_same_turn(line: Line) -> None:
    line.stream.on_arrival = lambda: line.send(b"answer")
    line.far.sendall(b"hello")
    line.reactor.read(line.near)
    assert line.heard(6) == b"answer"
    assert line.released == ["one"]
    assert not line.armed


def test_waking_while_bytes_arrive_is_answered_in_the_same_turn(line: Line) -> None:
    line.stream.on_arrival = line.near.wake
    line.far.sendall(b"hello")
    line.reactor.read(line.near)
    assert line.stream.pumped == 1
    assert not line.armed


def test_the_end_gives_the_inlet_back_and_is_told_once(line: Line) -> None:
    line.far.close()
    line.reactor.read(line.near)
    assert line.stream.empty == 1
    assert line.stream.lost == ["ConnectionDone"]


def test_a_reset_gives_the_inlet_back_and_is_told_once(line: Line) -> None:
    line.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    line.far.close()
    line.reactor.read(line.near)
    assert line.stream.empty == 1
    assert line.stream.lost == ["ConnectionLost"]


@pytest.mark.parametrize("error", [errno.EAGAIN, errno.EINTR, errno.ENOBUFS])
def test_nothing_to_read_is_no_end(line: Line, error: int) -> None:
    line.take(error=error)
    line.reactor.read(line.near)
    assert line.stream.empty == 1
    assert not line.stream.lost


def test_a_fault_while_bytes_arrive_leaves_the_connection_able_to_say_so(line: Line) -> None:
    def break_down() -> None:
        raise RuntimeError

    line.stream.on_arrival = break_down
    line.far.sendall(b"hello")
    with pytest.raises(RuntimeError):
        line.near.doRead()
    line.send(b"sorry")
    assert line.armed
    line.reactor.write(line.near)
    assert line.heard(5) == b"sorry"


# Sending.


def test_what_is_sent_is_released_once_it_is_gone(line: Line) -> None:
    line.send(b"one, ")
    line.send(b"two", "two")
    assert (line.near.queued, line.released) == (8, [])
    line.reactor.write(line.near)
    assert line.heard(8) == b"one, two"
    assert line.released == ["one", "two"]
    assert (line.near.queued, line.near.sent) == (0, 8)
    assert not line.armed


def test_twisted_writes_by_its_own_name(line: Line) -> None:
    line.near.write(b"")
    assert not line.armed
    line.near.write(b"hello")
    assert line.heard(5) == b"hello"
    assert not line.armed
    assert line.near.sent == 5


def test_a_few_bytes_are_sent_at_once_and_what_the_socket_leaves_waits_its_turn(line: Line) -> None:
    taking = line.take(2)
    line.near.write(b"hello")
    assert taking.taken == b"he"
    assert line.armed
    assert line.near.queued == 3
    line.near.socket = taking.real
    line.near.write(b"!")
    line.reactor.write(line.near)
    assert line.heard(4) == b"llo!"


Sends = Callable[[Line, Callable[[], None]], None]


@pytest.fixture(params=["send_together", "send_now"])
def sends(request: pytest.FixtureRequest) -> Sends:
    """What sends at once what a piece of work says."""
    return lambda line, work: getattr(line.near, request.param)(work)


def words(line: Line) -> Callable[[], None]:
    def say() -> None:
        line.near.write(b"hello, ")
        line.send(b"world")

    return say


def test_what_belongs_together_is_sent_by_one_call_and_at_once(line: Line, sends: Sends) -> None:
    taking = line.take(100)  # a second call would find it full
    sends(line, words(line))
    assert taking.taken == b"hello, world"
    assert line.released == ["one"]
    assert not line.armed


def test_what_the_socket_leaves_of_it_waits_its_turn(line: Line, sends: Sends) -> None:
    taking = line.take(3)
    sends(line, words(line))
    assert (taking.taken, line.near.queued, line.armed) == (b"hel", 9, True)
    line.near.socket = taking.real
    line.reactor.write(line.near)
    assert line.heard(9) == b"lo, world"
    assert not line.armed


def test_among_what_an_arrival_causes_it_keeps_its_place(line: Line, sends: Sends) -> None:
    def answer() -> None:
        line.send(b"first, ", "first")
        sends(line, words(line))
        assert line.released == []

    line.stream.on_arrival = answer
    line.far.sendall(b"hello")
    line.reactor.read(line.near)
    assert line.heard(19) == b"first, hello, world"


def test_a_socket_that_fails_under_it_is_found_out_in_its_turn(line: Line, sends: Sends) -> None:
    line.take(error=errno.EPIPE)
    sends(line, words(line))
    assert not line.stream.lost
    line.reactor.write(line.near)
    assert line.stream.lost == ["ConnectionLost"]


def test_closing_behind_it_closes_in_a_turn_of_its_own(line: Line, sends: Sends) -> None:
    def farewell() -> None:
        line.near.write(b"goodbye")
        line.near.loseConnection()

    sends(line, farewell)
    assert line.heard(7) == b"goodbye"
    assert not line.stream.lost
    line.reactor.write(line.near)
    assert line.far.recv(1) == b""
    assert line.stream.lost == ["ConnectionDone"]


def test_an_end_behind_it_is_said_as_well(line: Line, sends: Sends) -> None:
    def farewell() -> None:
        line.near.write(b"goodbye")
        line.near.finish_sending()

    sends(line, farewell)
    assert line.heard(7) == b"goodbye"
    assert line.far.recv(1) == b""
    assert line.near.connected


def test_a_fault_of_the_work_is_not_that_of_the_socket(line: Line, sends: Sends) -> None:
    def broken() -> None:
        line.send(b"hello")
        raise OSError(errno.EIO, "of somebody else")

    with pytest.raises(OSError, match="of somebody else"):
        sends(line, broken)
    line.near.wake()
    line.reactor.write(line.near)
    assert line.heard(5) == b"hello"


def test_what_is_sent_now_asks_for_nothing_more(line: Line) -> None:
    line.near.send_now(words(line))
    assert line.stream.pumped == 0
    assert line.heard(12) == b"hello, world"


# Reading what has come already.


def test_what_has_come_is_read_without_a_turn_if_it_is_enough(line: Line) -> None:
    line.far.sendall(b"hello")
    while len(line.near.peek(9)) < 5:
        select.select([line.near.socket], [], [], PATIENCE)
    assert not line.near.read_now(6)
    assert line.stream.arrivals == []
    assert line.near.read_now(5)
    assert line.stream.arrivals == [b"hello"]
    assert not line.near.read_now(0)


def test_an_end_is_left_to_the_reactor(line: Line) -> None:
    line.far.close()
    assert not line.near.read_now(0)
    assert not line.stream.lost
    line.reactor.read(line.near)
    assert line.stream.lost == ["ConnectionDone"]
    assert not line.near.read_now(0)


def test_a_socket_that_fails_at_once_is_found_out_in_its_turn(line: Line) -> None:
    line.take(error=errno.EPIPE)
    line.near.write(b"hello")
    assert not line.stream.lost
    line.reactor.write(line.near)
    assert line.stream.lost == ["ConnectionLost"]


def test_partial_sends_lose_nothing_and_release_only_what_is_gone(line: Line) -> None:
    taking = line.take(2, 1, 5, 100)
    for name in ("abc", "def", "ghi"):
        line.send(name.encode(), name)
    gone: list[tuple[bytes, list[str]]] = []
    real = taking.sendmsg

    def watched(views: list[memoryview]) -> int:
        gone.append((taking.taken, list(line.released)))
        return real(views)

    taking.sendmsg = watched  # type: ignore[method-assign]  # to look between the calls
    line.reactor.write(line.near)
    assert taking.taken == b"abcdefghi"
    assert gone == [
        (b"", []),
        (b"ab", []),
        (b"abc", ["abc"]),
        (b"abcdefgh", ["abc", "def"]),
    ]
    assert line.released == ["abc", "def", "ghi"]
    assert line.near.queued == 0


@pytest.mark.parametrize("error", [errno.EAGAIN, errno.ENOBUFS, errno.EINTR])
def test_a_full_socket_is_waited_for(line: Line, error: int) -> None:
    real = line.near.socket
    line.take(2, error=error)
    line.send(b"abcdef")
    line.reactor.write(line.near)
    assert line.armed
    assert (line.near.queued, line.near.sent, line.released) == (4, 2, [])
    assert not line.stream.lost
    line.near.socket = real
    line.reactor.write(line.near)
    assert line.heard(4) == b"cdef"
    assert line.released == ["one"]
    assert not line.armed


def test_a_full_socket_asks_for_no_more_bytes(line: Line) -> None:
    line.take(2)
    line.send(b"abcdef")
    line.reactor.write(line.near)
    assert line.stream.pumped == 0


def test_many_small_pieces_go_in_few_calls(line: Line) -> None:
    taking = line.take(*[10_000] * 4)
    for number in range(200):
        line.send(b"x", str(number))
    line.reactor.write(line.near)
    assert taking.taken == b"x" * 200
    assert line.released == [str(number) for number in range(200)]
    assert not taking.counts


def test_an_empty_view_is_released_and_no_obstacle(line: Line) -> None:
    line.send(b"", "nothing")
    line.send(b"x", "x")
    line.send(b"", "nothing")
    line.reactor.write(line.near)
    assert line.released == ["nothing", "x", "nothing"]
    line.send(b"", "alone")
    line.reactor.write(line.near)
    assert line.released[-1] == "alone"
    assert not line.armed


# Producing.


def test_nothing_is_armed_when_there_is_nothing_to_send(line: Line) -> None:
    assert not line.armed
    line.near.wake()
    line.near.wake()
    assert line.armed
    line.reactor.write(line.near)
    assert line.stream.pumped == 1
    assert not line.armed


def test_what_is_pumped_is_sent_until_there_is_no_more(line: Line) -> None:
    pieces = [b"one, ", b"two, ", b"three"]

    def pump() -> bool:
        if not pieces:
            return False
        line.send(pieces.pop(0))
        return True

    line.stream.on_pump = pump
    line.near.wake()
    line.reactor.write(line.near)
    assert line.heard(15) == b"one, two, three"
    assert line.stream.pumped == 4
    assert not line.armed


def test_bytes_that_come_with_the_last_pump_are_sent(line: Line) -> None:
    def pump() -> bool:
        if line.stream.pumped == 1:
            line.send(b"last")
        return False

    line.stream.on_pump = pump
    line.near.wake()
    line.reactor.write(line.near)
    assert line.armed
    line.reactor.write(line.near)
    assert line.heard(4) == b"last"
    assert not line.armed


def test_every_byte_counts_in_the_budget_of_a_turn(line: Line) -> None:
    taking = line.take(*[1 << 30] * 1000)
    piece = bytes(32 << 10)

    def pump() -> bool:
        line.send(piece)
        return True

    line.stream.on_pump = pump
    line.near.wake()
    for turn in (1, 2):
        line.reactor.write(line.near)
        assert TURN // 2 < len(taking.taken) / turn <= TURN + len(piece)
        assert line.armed  # the others are served first


def test_pumps_that_send_nothing_count_as_well(line: Line) -> None:
    line.stream.on_pump = lambda: True
    line.near.wake()
    line.reactor.write(line.near)
    assert line.stream.pumped == -(-TURN // PUMP_COST)
    assert line.armed
    line.stream.on_pump = lambda: False
    line.reactor.write(line.near)
    assert not line.armed


def test_bytes_that_an_arrival_caused_count_as_well(line: Line) -> None:
    taking = line.take(*[1 << 30] * 1000)
    line.stream.on_pump = lambda: True
    line.stream.on_arrival = lambda: line.send(bytes(TURN))
    taking.recv_into = line.near.socket.real.recv_into
    line.far.sendall(b"hello")
    line.reactor.read(line.near)
    assert line.stream.pumped == 0
    assert line.armed


def test_flushing_within_a_flush_changes_nothing(line: Line) -> None:
    order: list[object] = []

    def pump() -> bool:
        if len(order) > 2:
            return False
        line.send(b"x")
        order.append(line.near.flush())
        return True

    line.stream.on_pump = pump
    line.near.wake()
    line.reactor.write(line.near)
    assert order == [None] * 3
    assert line.heard(3) == b"xxx"


# Files that the kernel sends.


class Sender:
    """A stream whose pump lets the kernel send a file, so much at a time."""

    def __init__(self, line: Line, path: Path, size: int, piece: int) -> None:
        self.line = line
        self.piece = piece
        self.at = 0
        self.taken: list[int] = []
        self.full: list[bool] = []
        self.content = bytes(range(251)) * (size // 251 + 1)
        path.write_bytes(self.content[:size])
        self.size = size
        self.file = path.open("rb")
        line.stream.on_pump = self.pump

    def pump(self) -> bool:
        if self.at >= self.size:
            return False
        count = self.line.near.sendfile(self.file.fileno(), self.at, self.piece)
        self.taken.append(count)
        self.full.append(self.line.near.full)
        self.at += count
        return True


@pytest.fixture
def sender(line: Line, tmp_path: Path) -> Iterator[Callable[[int, int], Sender]]:
    made: list[Sender] = []

    def make(size: int, piece: int) -> Sender:
        made.append(Sender(line, tmp_path / "file", size, piece))
        return made[0]

    yield make
    for one in made:
        one.file.close()


def kernel(monkeypatch, *answers: int | OSError) -> list[int]:
    """From now on the kernel takes so much of a file, or fails; what it was asked for."""
    left, asked = list(answers), []

    def sendfile(out: int, file: int, offset: int, count: int) -> int:
        asked.append(count)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, OSError):
            raise answer
        return min(answer, count)

    monkeypatch.setattr(module.os, "sendfile", sendfile)
    return asked


def test_files_can_be_sent_by_the_kernel(line: Line) -> None:
    assert line.near.sends_files


def test_a_file_is_sent_between_what_is_queued(line: Line, sender) -> None:
    file = sender(1000, 300)
    line.send(b"before, ")
    line.reactor.write(line.near)
    line.send(b"after")
    line.reactor.write(line.near)
    assert line.heard(1013) == b"before, " + file.content[:1000] + b"after"
    assert file.taken == [300, 300, 300, 100]
    assert (line.near.sent, line.near.queued) == (1013, 0)
    assert not line.armed


def test_the_end_of_a_file_is_no_full_socket(line: Line, sender) -> None:
    file = sender(100, 300)
    assert line.near.sendfile(file.file.fileno(), 100, 300) == 0
    assert not line.near.full
    assert line.near.sent == 0


def test_a_socket_that_takes_no_more_of_a_file_is_waited_for(line: Line, sender) -> None:
    line.near.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    file = sender(8 << 20, 8 << 20)
    line.near.wake()
    line.reactor.write(line.near)
    assert file.full == [True]
    assert 0 < file.taken[0] < 8 << 20
    assert line.armed
    for _ in range(5):
        line.reactor.write(line.near)
    assert file.full[-1]
    assert len(file.taken) <= 6  # one look for each time that the socket is ready
    assert line.near.sent == sum(file.taken)
    assert line.armed


def test_a_socket_that_is_full_at_once_is_waited_for(line: Line, sender, monkeypatch) -> None:
    file = sender(100, 100)
    kernel(monkeypatch, BlockingIOError(), 100)
    line.near.wake()
    line.reactor.write(line.near)
    assert (file.taken, file.full, line.armed) == ([0], [True], True)
    line.reactor.write(line.near)
    assert (file.taken, file.full, line.armed) == ([0, 100], [True, False], False)
    assert line.near.sent == 100


def test_what_the_kernel_sends_counts_in_the_budget_of_a_turn(
    line: Line, sender, monkeypatch
) -> None:
    piece = 32 << 10
    file = sender(100 << 20, piece)
    kernel(monkeypatch, piece)
    line.near.wake()
    for turn in (1, 2, 3):
        line.reactor.write(line.near)
        assert TURN // 2 < line.near.sent / turn <= TURN + piece
        assert line.armed  # the others are served first
    assert line.near.sent == file.at


def test_what_the_last_pump_of_a_turn_sent_is_not_charged_to_the_next(
    line: Line, sender, monkeypatch
) -> None:
    kernel(monkeypatch, TURN)
    line.stream.on_pump = lambda: line.near.sendfile(0, 0, TURN) < 0
    line.near.wake()
    line.reactor.write(line.near)
    assert (line.near.sent, line.armed) == (TURN, False)
    line.stream.pumped = 0
    line.stream.on_pump = lambda: line.stream.pumped < 3
    line.near.wake()
    line.reactor.write(line.near)
    assert (line.stream.pumped, line.armed) == (3, False)


def test_a_full_socket_of_one_turn_is_not_taken_for_that_of_the_next(
    line: Line, monkeypatch
) -> None:
    kernel(monkeypatch, BlockingIOError())
    line.stream.on_pump = lambda: line.near.sendfile(0, 0, 1) > 0
    line.near.wake()
    line.reactor.write(line.near)
    line.stream.pumped = 0
    line.stream.on_pump = lambda: line.stream.pumped < 3
    line.near.wake()
    line.reactor.write(line.near)
    assert (line.stream.pumped, line.armed, line.near.full) == (3, False, False)


@pytest.mark.parametrize("error", [errno.EPIPE, errno.ECONNRESET, errno.EIO])
def test_a_stream_that_lets_the_error_of_a_file_through_is_cut(
    line: Line, sender, monkeypatch, error: int
) -> None:
    sender(100, 100)
    kernel(monkeypatch, OSError(error, "broken"))
    line.near.wake()
    line.reactor.write(line.near)
    assert line.stream.lost == ["ConnectionLost"]
    assert line.near.sent == 0


def test_a_kernel_without_room_of_its_own_is_asked_again(line: Line, sender, monkeypatch) -> None:
    sender(100, 100)
    asked = kernel(monkeypatch, OSError(errno.ENOBUFS, "no room"), 100)
    line.near.wake()
    line.reactor.write(line.near)
    assert line.armed
    line.reactor.write(line.near)
    assert (asked, line.near.sent, line.armed) == ([100, 100], 100, False)


# Ending: every view is given back exactly once.


def test_closing_sends_what_is_queued_and_pumps_no_more(line: Line) -> None:
    line.stream.on_pump = lambda: True
    line.send(b"the end")
    line.near.loseConnection()
    assert line.near not in line.reactor.readers
    line.reactor.write(line.near)
    assert line.heard(7) == b"the end"
    assert line.far.recv(1) == b""
    assert line.stream.pumped == 0
    assert line.released == ["one"]
    assert line.stream.lost == ["ConnectionDone"]


def test_closing_without_anything_to_send_closes_at_once(line: Line) -> None:
    line.near.loseConnection()
    line.reactor.write(line.near)
    assert line.stream.lost == ["ConnectionDone"]


def test_closing_while_bytes_arrive_still_sends_the_answer(line: Line) -> None:
    def say_goodbye() -> None:
        line.send(b"goodbye")
        line.near.loseConnection()

    line.stream.on_arrival = say_goodbye
    line.far.sendall(b"hello")
    line.reactor.read(line.near)
    assert line.heard(7) == b"goodbye"
    assert line.far.recv(1) == b""
    assert line.stream.lost == ["ConnectionDone"]


def test_closing_waits_for_a_full_socket(line: Line) -> None:
    real = line.near.socket
    line.take(1)
    line.send(b"the end")
    line.near.loseConnection()
    line.reactor.write(line.near)
    assert line.armed
    assert not line.stream.lost
    line.near.socket = real
    line.reactor.write(line.near)
    assert line.stream.lost == ["ConnectionDone"]


def in_part(line: Line) -> None:
    line.take(4)
    line.reactor.write(line.near)
    line.reactor._lost(line.near, "a fault")


def never(line: Line) -> None:
    line.reactor._lost(line.near, "a fault")


def failing(line: Line) -> None:
    line.take(4, error=errno.EPIPE)
    line.reactor.write(line.near)


def aborting(line: Line) -> None:
    line.near.abortConnection()
    line.near.abortConnection()
    line.reactor.advance(0)


def aborting_soon(line: Line) -> None:
    line.near.abort_soon()
    line.reactor.advance(LAST_WORDS)
    line.reactor.advance(0)


def closing(line: Line) -> None:
    line.near.loseConnection()
    line.reactor.write(line.near)


def ended_by_the_peer(line: Line) -> None:
    line.far.close()
    line.reactor.read(line.near)


@pytest.mark.parametrize(
    "end", [in_part, never, failing, aborting, aborting_soon, closing, ended_by_the_peer]
)
def test_every_view_is_released_once_however_it_ends(
    line: Line, end: Callable[[Line], None]
) -> None:
    for name in ("abc", "def", "ghi"):
        line.send(name.encode(), name)
    end(line)
    assert sorted(line.released) == ["abc", "def", "ghi"]
    assert line.near.queued == 0
    assert len(line.stream.lost) == 1
    assert not line.reactor.getDelayedCalls()
    assert line.near not in line.reactor.readers | line.reactor.writers
    line.send(b"late", "late")  # what nobody will ever take is given back at once
    line.near.write(b"late")
    line.near.send(memoryview(b"late"))
    line.near.wake()
    line.near.abort_soon()
    line.near.loseConnection()
    assert line.released[-1] == "late"
    assert len(line.released) == 4
    assert line.near.queued == 0
    assert not line.reactor.getDelayedCalls()
    assert line.near not in line.reactor.readers | line.reactor.writers


def test_a_release_that_sends_more_is_no_trouble_at_the_end(line: Line) -> None:
    line.near.send(memoryview(b"first"), lambda: line.send(b"more", "more"))
    line.send(b"second", "second")
    never(line)
    assert sorted(line.released) == ["more", "second"]
    assert line.near.queued == 0


def test_a_release_that_sends_more_is_sent_in_the_same_turn(line: Line) -> None:
    line.near.send(memoryview(b"first, "), lambda: line.send(b"more", "more"))
    line.reactor.write(line.near)
    assert line.heard(11) == b"first, more"
    assert line.released == ["more"]
    assert not line.armed


def test_what_was_not_taken_is_known_after_the_end(line: Line) -> None:
    line.take(4)
    line.send(b"abcdef")
    line.reactor.write(line.near)
    assert (line.near.queued, line.near.unsent) == (2, 0)
    line.reactor._lost(line.near, "a fault")
    assert (line.near.queued, line.near.unsent, line.near.sent) == (0, 2, 4)


def test_nothing_is_unsent_when_all_was_taken(line: Line) -> None:
    line.send(b"the end")
    line.near.loseConnection()
    line.reactor.write(line.near)
    assert line.stream.lost == ["ConnectionDone"]
    assert line.near.unsent == 0


def test_views_without_a_release_can_be_lost(line: Line) -> None:
    line.near.write(b"never sent")
    never(line)
    assert line.near.queued == 0


def test_a_peer_that_takes_nothing_is_cut_off_after_a_while(line: Line) -> None:
    line.take()
    line.send(b"the reason")
    line.near.loseConnection()
    line.near.abort_soon()
    line.near.abort_soon()
    assert len(line.reactor.getDelayedCalls()) == 1
    line.reactor.write(line.near)
    line.reactor.advance(LAST_WORDS - 0.1)
    assert not line.stream.lost
    line.reactor.advance(0.1)
    line.reactor.advance(0)
    assert line.stream.lost == ["ConnectionAborted"]


def test_a_peer_that_takes_the_reason_is_not_cut_off(line: Line) -> None:
    line.send(b"the reason")
    line.near.loseConnection()
    line.near.abort_soon()
    line.reactor.write(line.near)
    assert line.heard(10) == b"the reason"
    assert line.stream.lost == ["ConnectionDone"]
    assert not line.reactor.getDelayedCalls()


def test_small_answers_are_not_held_back(line: Line) -> None:
    assert line.near.getTcpNoDelay()


def test_a_port_makes_such_connections() -> None:
    reactor, stream = Reactor(), Stream()
    factory = Factory()
    factory.buildProtocol = lambda address: stream  # type: ignore[assignment,method-assign,return-value]  # the fake
    factory.noisy = False
    port = Port(0, factory, interface="127.0.0.1", reactor=reactor)
    port.startListening()
    try:
        with socket.create_connection(("127.0.0.1", port.getHost().port)):
            port.doRead()
            assert isinstance(stream.transport, Connection)
            assert stream.transport in reactor.readers
            reactor._lost(stream.transport, "a fault")
    finally:
        port.stopListening()
        reactor.advance(0)


# Sending no more, and still hearing.


def test_who_sends_no_more_says_so_behind_what_is_queued(line: Line) -> None:
    line.take()
    line.send(b"last words")
    line.near.finish_sending()
    line.take(1 << 20)
    line.reactor.write(line.near)
    line.near.socket = line.near.socket.real
    line.near.finish_sending()
    assert line.far.recv(100) == b""


def test_what_comes_is_still_heard_after_that(line: Line) -> None:
    line.near.write(b"bye")
    line.near.finish_sending()
    assert line.heard(3) == b"bye"
    assert line.far.recv(1) == b""
    line.far.sendall(b"more")
    line.reactor.read(line.near)
    assert line.stream.arrivals == [b"more"]
    assert not line.stream.lost


def test_sending_no_more_to_who_has_gone_is_no_fault(line: Line) -> None:
    line.near.socket.shutdown(socket.SHUT_RDWR)
    line.near.finish_sending()
    line.near.abortConnection()
    line.near.finish_sending()
