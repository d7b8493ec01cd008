"""What looks at a source tell, and how files become batches."""

from typing import Any

from twisted.internet.defer import Deferred

from mft.events import catalogue as events
from mft.transfers import looking, source
from tests.fakes.transferring import Desk, LocalDesk, Programs


def paths(at: Desk, event: Any) -> list[str]:
    return [told.path for told in at.payloads(event.number)]


def test_files_are_told_by_when_they_were_seen_first(desk):
    at = desk(stable_interval="1h")
    at.put("a.csv")
    at.start()
    at.put("b.csv")
    at.pass_time()
    at.put("b.csv", b"longer")
    at.pass_time()
    assert paths(at, events.TRANSFER_SOURCE_PRESENT) == ["/out/a.csv"]
    assert paths(at, events.TRANSFER_SOURCE_APPEARED) == ["/out/b.csv"]
    assert paths(at, events.TRANSFER_SOURCE_MODIFIED) == ["/out/b.csv"]


def test_how_much_is_there_is_told_when_it_changes(desk):
    at = desk(stable_interval="1h")
    at.put("a.csv")
    at.put("sub/b.csv")
    at.start()
    at.pass_time(60)
    (told,) = at.payloads(events.TRANSFER_SNAPSHOT.number)
    assert (told.total_files, told.total_directories) == (1, 1)


def test_names_that_cannot_be_used_are_told_when_their_number_changes(desk):
    at = desk(stable_interval="1h")
    at.put("a.csv")
    at.source.left_out = 2
    at.start()
    at.pass_time(60)
    (told,) = at.payloads(events.TRANSFER_FILE_EXCLUDED.number)
    assert told.path == "/out"
    assert told.reason.startswith("2 names cannot be used")
    at.source.left_out = 0
    at.pass_time(60)
    at.source.left_out = 1
    at.pass_time(60)
    assert len(at.payloads(events.TRANSFER_FILE_EXCLUDED.number)) == 2


def test_files_of_this_machine_whose_names_cannot_be_used_are_told(tmp_path):
    at = LocalDesk(tmp_path)
    for name in ("out", "in"):
        (tmp_path / name).mkdir()
    for name in ("a\nb.csv", ".mft-0123456789abcdef0123456789abcdef", "c.csv"):
        (tmp_path / "out" / name).write_bytes(b"x")
    at.go(30)
    assert list(at.sent) == ["c.csv"]
    (told,) = at.payloads(events.TRANSFER_FILE_EXCLUDED.number)
    assert told.reason.startswith("1 names cannot be used")


def test_a_folder_with_very_many_files_is_told_once(desk, monkeypatch):
    monkeypatch.setattr(source, "LARGE", 3)
    at = desk(stable_interval="1h")
    for number in range(4):
        at.put(f"{number}.csv")
    at.start()
    at.pass_time(60)
    (told,) = at.payloads(events.TRANSFER_SOURCE_LARGE.number)
    assert (told.path, told.files_count) == ("/out/", 4)


def test_what_the_queue_has_no_room_for_is_told_and_comes_later(desk, monkeypatch):
    monkeypatch.setattr(looking, "MAX_QUEUED", 2)
    at = desk()
    for number in range(5):
        at.put(f"{number}.csv")
    at.start()
    assert at.has_told(events.TRANSFER_FILE_EXCLUDED)
    at.pass_time(60)
    assert len(at.arrived) == 5


def test_a_batch_is_told_from_its_first_file_on(desk):
    at = desk(batch_interval="15")
    at.put("a.csv")
    at.start()
    at.pass_time(5)
    assert at.has_told(events.TRANSFER_BATCH_STARTS)
    at.pass_time(30)
    (queued,) = at.payloads(events.TRANSFER_JOB_QUEUED.number)
    assert (queued.count_, queued.files) == (1, ["/out/a.csv"])
    assert paths(at, events.TRANSFER_BATCHED) == ["/out/a.csv"]
    assert at.has_told(events.TRANSFER_JOB_STARTS)


def test_a_batch_whose_files_all_go_is_cancelled(desk):
    at = desk(batch_interval="30")
    at.put("a.csv")
    at.start()
    at.source.tree.directory(source.ROOT.child("out")).children.clear()
    at.pass_time(30)
    assert at.has_told(events.TRANSFER_BATCH_CANCELLED)
    assert at.arrived == {}


def test_a_batch_is_made_once_though_a_run_and_a_look_find_it_at_the_same_time(desk, monkeypatch):
    at = desk(batch_interval="5", execute_before="/bin/may")
    at.put("a.csv")
    waiting: list[Deferred[None]] = []
    call = Programs.__call__

    async def slow(programs: Programs, *words: Any) -> Any:
        waiting.append(Deferred())
        await waiting[-1]
        return await call(programs, *words)

    monkeypatch.setattr(Programs, "__call__", slow)
    at.start()
    at.pass_time(11)
    at.transfer.run("the test asks for it")
    at.pass_time(2)
    for one in waiting:
        one.callback(None)
    at.pass_time(2)
    (queued,) = at.payloads(events.TRANSFER_JOB_QUEUED.number)
    assert queued.files == ["/out/a.csv"]
    assert at.programs.names == ["/bin/may"]
    assert list(at.arrived) == ["a.csv"]
