"""A start after a kill reads on from the last checkpoint, and finds what all of the run says."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Reason, Refused
from mft.core.peer import Actor, Address, Component, Origin
from mft.daemon.archives.backing_up import backup
from mft.daemon.archives.restoring import restore
from mft.daemon.recovery import RUN, Recovered, recover, still_open
from mft.daemon.state import checkpoints as module
from mft.daemon.state.begun import BEGUN
from mft.daemon.state.checkpoints import FILE, MAX_SIZE, Checkpoint, Checkpoints, go_on, write
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.catalogue import BY_NUMBER
from mft.events.chain import verify
from mft.events.journal import MIN_SEGMENT_SIZE, Journal
from mft.events.line import parse
from mft.events.segments import segments
from tests.fakes.nodes import Node, small_node
from tests.fakes.run import run
from tests.fakes.threads import Inline

FEW = 3  # events between two checkpoints, where a test wants them often
CONNECTED, CLOSED = events.SSH_CONNECTED.number, events.SSH_CLOSED.number
OPENED, DONE = events.FTP_WRITE_OPENED.number, events.FTP_UPLOAD_DONE.number


class Server:
    """What a server tells and remembers, and nothing else of it."""

    def __init__(self, top: Path, sync: Callable[[int], None] = lambda descriptor: None) -> None:
        state = top / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        self.file = state / FILE
        self.journal = Journal.open(top / "log/journal", MIN_SEGMENT_SIZE, sync)
        self.bus = Bus(self.journal, Component("server", "server", "mft"))
        self.recovered = recover(self.journal, self.bus, state)
        self.disk = Inline()
        self.checkpoints = Checkpoints(state, self.bus, self.disk)
        self.bus.emit(events.PROCESS_STARTED, p.ProcessState("mft", "1"))

    def tell(self, number: int, connection: int = 0, thing: str = "a") -> int:
        event = BY_NUMBER[number]
        payload = event.payload(*(f"{name} {thing}" for name in event.payload._fields))
        peer = Address("192.0.2.7", 50_000 + connection)
        origin = Origin(Actor("a", "alice"), peer, Component("any", "any", "any"))
        return self.bus.emit(event, payload, origin)

    def idle(self, count: int = FEW) -> None:
        for _ in range(count):
            self.bus.emit(events.PRIVILEGES_KEPT, p.Nothing())

    def checkpoint(self) -> None:
        self.idle()
        run(self.checkpoints.round())

    def die(self) -> None:
        self.journal.close()


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EACH", FEW)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """An instance that was killed: its checkpoint names one connection, and files came later."""
    server = Server(tmp_path)
    server.tell(CONNECTED)
    server.tell(OPENED, thing="gone")
    server.checkpoint()
    server.tell(DONE, thing="gone")
    server.tell(OPENED)
    server.die()
    return tmp_path


def found(top: Path) -> tuple[bool, object]:
    """What a start would find open."""
    journal = Journal.open(top / "log/journal", sync=lambda descriptor: None)
    still = still_open(journal, top / "state")
    journal.close()
    return still.running, still.by_kinds()


def counts(top: Path) -> str:
    """Why the checkpoint does not; empty when it does."""
    try:
        go_on(top / "log/journal", top / "state", int((top / "state" / RUN).read_text()))
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def lines_read(top: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many lines of the journal a start reads."""
    lines = []

    def counted(raw: bytes) -> object:
        lines.append(raw)
        return parse(raw)

    with monkeypatch.context() as patch:
        patch.setattr("mft.events.reader.parse", counted)
        found(top)
    return len(lines)


# What a start finds.

ABOUT = [(n, m) for n, kind in enumerate(BEGUN) for m in (*kind.begins, kind.learns, *kind.ends)]
TOLD = st.tuples(
    st.sampled_from([number for _, number in ABOUT if number]),
    st.integers(0, 1),  # connections
    st.sampled_from("ab"),  # things on them
)
STEPS = st.lists(st.one_of(TOLD, TOLD, st.sampled_from(["checkpoint", "kill", "drain"])))


def live(top: Path, steps: list[object]) -> None:
    server = Server(top)
    for step in steps:
        if step == "checkpoint":
            server.checkpoint()
        elif step == "kill":
            server.die()
            server = Server(top)
        elif step == "drain":
            server.bus.emit(events.DRAINED, p.Drained(0.0, 0))
        else:
            server.tell(*step)
    server.die()


def damaged(raw: bytes, place: int, how: str) -> bytes:
    place %= len(raw)
    if how == "cut":
        return raw[:place]
    if how == "more":
        return raw + raw[place:]
    return raw[:place] + bytes([raw[place] ^ 1 << place % 8]) + raw[place + 1 :]


@settings(max_examples=50)
@given(STEPS, st.integers(0, 10_000), st.sampled_from(["cut", "more", "flipped"]))
def test_whatever_happened_it_is_the_same_with_a_checkpoint_with_a_damaged_one_and_without(
    steps: list[object], place: int, how: str
) -> None:
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr("mft.daemon.state.files.os.fsync", lambda descriptor: None)
        patch.setattr(module, "EACH", FEW)
        top, file = Path(name), Path(name) / "state" / FILE
        live(top, steps)
        with_it = found(top)
        if file.exists():
            assert counts(top) in ("", "it is of another run")
            raw = file.read_bytes()
            file.write_bytes(damaged(raw, place, how))
            assert found(top) == with_it
            file.unlink()
        assert found(top) == with_it


def test_only_what_is_behind_the_checkpoint_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path)
    server.tell(CONNECTED)
    server.idle(600)
    server.checkpoint()
    server.idle(40)
    server.die()
    with_it = lines_read(tmp_path, monkeypatch)
    server.file.unlink()
    assert lines_read(tmp_path, monkeypatch) >= 600
    assert with_it < 40 + 2 + 30, "the events behind it, two looked up, and the rest of 4 KiB"


def test_what_was_open_at_a_checkpoint_is_closed_once_however_often_it_is_killed(
    top: Path,
) -> None:
    server = Server(top)
    assert server.recovered == Recovered(1, 1)
    server.checkpoint()
    server.die()
    server = Server(top)
    assert server.recovered == Recovered(0, 0)
    numbers = [one.event.number for one in server.journal.read()]
    assert numbers.count(CLOSED) == 1
    assert numbers.count(events.FTP_UPLOAD_FAILED.number) == 1
    server.die()


def test_a_start_that_is_killed_while_it_closes_is_made_up_for(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, data: bytes, mode: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mft.daemon.recovery.replace", killed)
        journal = Journal.open(top / "log/journal")
        with pytest.raises(KeyboardInterrupt):
            recover(journal, Bus(journal, Component("server", "server", "mft")), top / "state")
        journal.close()
    assert counts(top) == ""
    server = Server(top)
    assert server.recovered == Recovered(0, 0)
    server.die()


def test_the_journal_is_what_it_was_without_checkpoints(top: Path) -> None:
    checked = verify(top / "log/journal")
    assert (checked.first_bad, checked.lines) == (None, checked.last)
    assert not list((top / "log/journal").glob(f"*{FILE}*"))


def test_a_backup_has_the_checkpoint_and_what_is_restored_goes_on_from_it(tmp_path: Path) -> None:
    node, new = small_node(tmp_path / "mft"), Node(tmp_path / "new")
    server = Server(node.directory)
    server.tell(CONNECTED)
    server.checkpoint()
    server.tell(OPENED)
    backup(node.config, tmp_path / "mft.tar", copy_queue=lambda name: "nobody")
    server.checkpoint()
    server.die()
    restore(tmp_path / "mft.tar", new.directory)
    assert counts(new.directory) == ""
    restored = Server(new.directory)
    assert restored.recovered == Recovered(1, 1)
    restored.die()


# What does not count.


def written(top: Path) -> Checkpoint:
    raw = (top / "state" / FILE).read_bytes()
    return Checkpoint(**orjson.loads(raw.partition(b"\n")[0]))


def names_what_did_not_begin(top: Path) -> None:
    there = written(top)
    kind = next(n for n, one in enumerate(BEGUN) if CONNECTED in one.begins)
    there.open[kind].append(1)  # an event of ours
    write(top / "state" / FILE, there)


def of_another_journal(top: Path) -> None:
    (top / "other").mkdir()
    live(top / "other", ["checkpoint"])
    (top / "state" / FILE).write_bytes((top / "other/state" / FILE).read_bytes())


def newer_than_its_journal(top: Path) -> None:
    newest = segments(top / "log/journal")[-1]
    write(top / "state" / FILE, written(top)._replace(serial=newest.first + 1000))


def journal_hides_what_it_names(top: Path) -> None:
    path = segments(top / "log/journal")[0].path
    path.write_bytes(path.read_bytes().replace(b'{"serial":2,', b'{"serial":?,'))


def of_a_run_before(top: Path) -> None:
    write(top / "state" / FILE, written(top)._replace(run=7))


def of_other_fields(top: Path) -> None:
    there = {**written(top)._asdict(), "more": 1}
    write(top / "state" / FILE, type("Other", (), {"_asdict": lambda self: there})())


def too_long(top: Path) -> None:
    write(top / "state" / FILE, written(top)._replace(open=[list(range(MAX_SIZE))]))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (names_what_did_not_begin, "event 1 did not begin what is said of it"),
        (of_another_journal, "the journal has no such event as its 4"),
        (newer_than_its_journal, "the journal has no such event as its 1001"),
        (journal_hides_what_it_names, "event 2 cannot be read"),
        (of_a_run_before, "it is of another run"),
        (of_other_fields, "it is of another version"),
        (too_long, "it is damaged, or of another version"),
    ],
)
def test_all_of_the_run_is_read_when_the_checkpoint_is(
    top: Path, spoil: Callable[[Path], None], why: str
) -> None:
    spoil(top)
    assert counts(top) == why
    with_it = found(top)
    (top / "state" / FILE).unlink()
    assert found(top) == with_it


def test_a_version_with_other_rules_reads_all_of_the_run(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RULES", b"[]")
    assert counts(top) == "it is damaged, or of another version"


def test_what_began_in_a_segment_that_was_removed_is_not_told(tmp_path: Path) -> None:
    """As without a checkpoint; all others are."""
    server = Server(tmp_path)
    server.tell(CONNECTED, 1)
    server.idle(50)
    server.tell(CONNECTED, 2)
    server.checkpoint()
    server.journal.expire(before=1e12, passed=server.journal.last - 10)
    server.die()
    assert counts(tmp_path) == ""
    running, with_it = found(tmp_path)
    assert running, "it is still known that it was killed"
    checkpoint = server.file.rename(server.file.with_name("aside"))
    assert found(tmp_path) == (False, with_it)
    checkpoint.rename(server.file)
    assert Server(tmp_path).recovered == Recovered(1, 0)


def test_a_file_that_was_being_written_at_the_kill_is_removed(top: Path) -> None:
    left = top / "state" / f"{FILE}.123.new"
    left.touch()
    assert counts(top) == ""
    assert not left.exists()


# Making them.


def test_nothing_is_written_before_enough_has_happened(tmp_path: Path) -> None:
    server = Server(tmp_path)
    run(server.checkpoints.round())
    assert server.disk.calls == 0
    server.checkpoint()
    first = server.file.read_bytes()
    server.idle(FEW - 1)
    run(server.checkpoints.round())
    assert server.file.read_bytes() == first
    server.checkpoint()
    assert server.file.read_bytes() != first
    server.die()


def test_with_more_open_than_it_names_the_last_one_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_NAMED", 2)
    server = Server(tmp_path)
    for connection in (1, 2):
        server.tell(CONNECTED, connection)
    server.checkpoint()
    first = server.file.read_bytes()
    server.tell(CONNECTED, 3)
    server.checkpoint()
    assert server.file.read_bytes() == first
    server.tell(CLOSED, 3)
    server.checkpoint()
    assert server.file.read_bytes() != first
    server.die()


@pytest.mark.parametrize("error", [OSError(28, "No space left"), Refused(Reason.BUSY)])
def test_one_that_cannot_be_written_leaves_the_last_and_the_next_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    server = Server(tmp_path)
    server.checkpoint()
    first = server.file.read_bytes()

    def fails(path: Path, there: Checkpoint) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(module, "write", fails)
        server.checkpoint()
        server.checkpoint()
    assert server.file.read_bytes() == first
    assert server.bus.healthy
    server.checkpoint()
    assert server.file.read_bytes() != first
    server.die()


def test_none_names_an_event_that_is_not_on_the_disk(tmp_path: Path) -> None:
    full: list[int] = []

    def sync(descriptor: int) -> None:
        if full:
            raise OSError("no space left")

    server = Server(tmp_path, sync)
    full.append(1)
    server.checkpoint()
    assert not server.file.exists()
    full.clear()
    server.checkpoint()
    assert server.file.exists()
    server.die()


def test_a_run_whose_beginning_could_not_be_noted_does_not_count_its_checkpoints(
    top: Path,
) -> None:
    """What the start told may be lost: the run before is read again, and all since."""
    full = [1]

    def sync(descriptor: int) -> None:
        if full:
            raise OSError("no space left")

    server = Server(top, sync)
    full.clear()
    server.checkpoint()
    server.die()
    assert counts(top) == "it is of another run"
    assert Server(top).recovered == Recovered(0, 0)
