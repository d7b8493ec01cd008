"""Transfers start with the server, change with its configuration, and do what they are asked."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, gatherResults

from mft.cli.check import plan
from mft.core.failure import Reason, Refused
from mft.daemon import transfers as room
from mft.daemon.answers import Answer
from mft.daemon.load import load
from mft.daemon.service import Daemon
from mft.events import catalogue as events
from mft.transfers.queue import Queue
from mft.transfers.runs import ENDED
from mft.transfers.transfer import State
from tests.fakes.daemons import Instance
from tests.fakes.loop import run_loop, until
from tests.fakes.refused import refused

Body = Callable[[Daemon, Any], Awaitable[None]]
START = {"do": "start-transfer", "transfer": "out"}
SHARE = "[locations/SHARE]\nname = share\ntype = filesystem\npath = HOME/share\n"


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    made = Instance(tmp_path)
    for name in ("out", "in", "share/in"):
        (tmp_path / "data" / name).mkdir(parents=True)
    return made


def transfer(name: str = "out", **options: str) -> str:
    """The section of a transfer between two folders of this machine."""
    given = {
        "name": name,
        "source_path": "HOME/out",
        "destination_path": "HOME/in",
        "stable_interval": "0",
        **options,
    }
    lines = "".join(f"{key} = {value}\n" for key, value in given.items())
    return f"[transfers/{name}-1]\n{lines}"


def running(instance: Instance, body: Body, *sections: str) -> None:
    """Start, do it, stop."""

    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, *sections)
        await daemon.start()
        try:
            await body(daemon, reactor)
        finally:
            await daemon.stop()

    run_loop(main)


def put(instance: Instance, name: str, data: bytes = b"data") -> Path:
    path = instance.directory / "data" / "out" / name
    path.write_bytes(data)
    return path


def arrived(instance: Instance, folder: str = "in") -> list[str]:
    return sorted(one.name for one in (instance.directory / "data" / folder).iterdir())


async def asked(daemon: Daemon, **request: Any) -> dict[str, Any]:
    """What the control socket says."""
    found: dict[str, Any] = json.loads(await Answer(daemon).to(json.dumps(request).encode()))
    return found


def test_files_are_sent_while_the_server_runs(instance: Instance) -> None:
    source = put(instance, "a.csv", b"one")

    async def body(daemon: Daemon, reactor: Any) -> None:
        await until(reactor, lambda: not source.exists())

    running(instance, body, transfer())
    assert (instance.directory / "data" / "in" / "a.csv").read_bytes() == b"one"
    assert events.TRANSFER_FILE_DONE.number in instance.numbers


def test_they_use_locations_and_start_after_them(instance: Instance) -> None:
    source = put(instance, "a.csv")

    async def body(daemon: Daemon, reactor: Any) -> None:
        await until(reactor, lambda: not source.exists())

    running(instance, body, SHARE, transfer(destination_uuid="SHARE", destination_path="/in"))
    assert arrived(instance, "share/in") == ["a.csv"]
    order = [
        (one.event.number, one.data["name"])
        for one in instance.told
        if one.event in (events.COMPONENT_STARTED, events.COMPONENT_STOPPED)
    ]
    assert order == [(20156, "share"), (20156, "out"), (20157, "out"), (20157, "share")]


def test_a_reload_begins_those_anew_that_have_changed_or_whose_location_has(
    instance: Instance,
) -> None:
    (instance.directory / "data" / "share2").mkdir()
    sections = SHARE, transfer(), transfer("two", destination_uuid="SHARE", destination_path="in")

    async def body(daemon: Daemon, reactor: Any) -> None:
        one, two = daemon.transfers.of("out"), daemon.transfers.of("two-1")
        instance.write(SHARE.replace("HOME/share", "HOME/share2"), *sections[1:])
        await daemon.reload()
        assert daemon.transfers.of("out") is one
        assert daemon.transfers.of("two") is not two
        assert two.state is State.STOPPED
        instance.write(SHARE, transfer(retry_count="9"))
        await daemon.reload()
        assert daemon.transfers.of("out").options.retry_count == 9
        with refused(Reason.NOT_FOUND):
            daemon.transfers.of("two")

    running(instance, body, *sections)


def test_a_run_can_be_asked_for_and_looked_at(instance: Instance) -> None:
    put(instance, "a.csv")
    put(instance, "b.csv")
    (instance.directory / "data" / "in" / "b.csv").write_bytes(b"old")

    async def body(daemon: Daemon, reactor: Any) -> None:
        run = await asked(daemon, do="run-transfer", transfer="out")
        assert run["ok"]
        known = daemon.transfers.of("out").runs.find(run["run"])
        assert known is not None
        await until(reactor, lambda: known.state == ENDED)
        look_at = {"transfer": run["id"], "run": run["run"]}
        found = await asked(daemon, do="transfer-run", **look_at)
        assert (found["done"], found["failed"]) == (1, 1)
        (listed,) = (await asked(daemon, do="transfers"))["transfers"]
        assert (listed["name"], listed["state"], listed["done"]) == ("out", "suspended", 1)
        shown = (await asked(daemon, do="transfer", transfer="out-1"))["transfer"]
        (failure,) = shown["failures"]
        assert failure["path"].endswith("/out/b.csv")
        assert "exists" in failure["why"]

    running(instance, body, transfer(enabled="no", retry_count="0"))


def test_one_can_be_stopped_and_started(instance: Instance) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        assert (await asked(daemon, do="stop-transfer", transfer="out"))["name"] == "out"
        assert daemon.transfers.of("out").state is State.STOPPED
        assert (await asked(daemon, do="run-transfer", transfer="out"))["error"]
        shown = (await asked(daemon, do="transfer", transfer="out"))["transfer"]
        assert shown["queue"] == {}
        assert (await asked(daemon, do="start-transfer", transfer="out"))["ok"]
        assert daemon.transfers.of("out").state is State.STARTED

    running(instance, body, transfer())


def both(*requests: Any) -> Any:
    """Two requests that are answered side by side."""
    return gatherResults([Deferred.fromCoroutine(one) for one in requests])


def test_two_that_start_it_at_once_start_it_once(instance: Instance) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        await asked(daemon, do="stop-transfer", transfer="out")
        start = [asked(daemon, do="start-transfer", transfer="out") for _ in range(2)]
        assert all(found["ok"] for found in await both(*start))
        assert daemon.transfers.of("out").state is State.STARTED
        put(instance, "a.csv")
        await until(reactor, lambda: arrived(instance) == ["a.csv"])

    running(instance, body, transfer())


def test_a_start_that_is_asked_for_while_it_stops_follows_that(instance: Instance) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        stop = asked(daemon, do="stop-transfer", transfer="out")
        assert all(found["ok"] for found in await both(stop, asked(daemon, **START)))
        assert daemon.transfers.of("out").state is State.STARTED

    running(instance, body, transfer())


def test_one_that_is_taken_out_while_it_starts_does_not_run(instance: Instance) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        await asked(daemon, do="stop-transfer", transfer="out")
        one = daemon.transfers.of("out")
        await both(asked(daemon, **START), daemon.transfers.stop("out-1", "the test wants it"))
        assert one.state is State.STOPPED

    running(instance, body, transfer())


@pytest.mark.parametrize(
    "request_",
    [
        {"do": "transfer", "transfer": "none"},
        {"do": "transfer"},
        {"do": "run-transfer", "transfer": 7},
        {"do": "transfer-run", "transfer": "out", "run": "x"},
        {"do": "transfer-run", "transfer": "out", "run": 99},
        {"do": "stop-transfer", "transfer": "none"},
        {"do": "start-transfer"},
    ],
)
def test_what_cannot_be_answered_is_refused(instance: Instance, request_: dict[str, Any]) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        assert not (await asked(daemon, **request_))["ok"]

    running(instance, body, transfer(enabled="no"))


def test_an_event_runs_one(instance: Instance) -> None:
    source = put(instance, "a.csv")
    handler = (
        "[event-handlers/H]\nname = send it on\ntype = transfer\ntransfers = out-1\n"
        "target = 20156\n"  # the start of the transfer's own location, as good as any
    )

    async def body(daemon: Daemon, reactor: Any) -> None:
        await until(reactor, lambda: not source.exists())

    running(instance, body, SHARE, transfer(enabled="no"), handler)
    assert arrived(instance) == ["a.csv"]


def test_an_event_counts_as_handled_once_the_run_that_it_asks_for_is_written_down(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, full = Queue.keep, [True]

    def kept(queue: Queue, name: str, value: float) -> None:
        if full:
            raise Refused(Reason.NO_SPACE, "", "the disk is full")
        keep(queue, name, value)

    async def body(daemon: Daemon, reactor: Any) -> None:
        monkeypatch.setattr(Queue, "keep", kept)
        with pytest.raises(Refused, match="full"):  # the event comes again
            await daemon.transfers.ask("out-1", "event 30068")
        full.clear()
        asked = Deferred.fromCoroutine(daemon.transfers.ask("out-1", "event 30068"))
        assert not asked.called
        await asked
        await until(reactor, lambda: daemon.transfers.of("out").runs.running is None)

    running(instance, body, transfer(enabled="no"))


def test_a_queue_that_is_damaged_fails_one_transfer_and_not_the_server(instance: Instance) -> None:
    queues = instance.state / "transfers"
    queues.mkdir(parents=True)
    (queues / "out-1.db").write_bytes(b"no database" * 1000)

    async def body(daemon: Daemon, reactor: Any) -> None:
        assert daemon.transfers.of("out").state is State.FAILED
        assert daemon.transfers.of("two").state is State.STARTED
        with pytest.raises(Refused) as caught:  # the event comes again
            await daemon.transfers.ask("out-1", "event 30068")
        assert caught.value.reason is Reason.BUSY

    running(instance, body, transfer(), transfer("two"))


@pytest.mark.parametrize("option", ["source_path", "destination_path", "archive_success_path"])
@pytest.mark.parametrize("folder", ["conf", "state", "log/journal", "."])
def test_folders_of_ours_are_given_to_nobody(instance: Instance, option: str, folder: str) -> None:
    loaded = load(instance.write(transfer(**{option: folder})))
    assert loaded.config is None
    assert any(one.option == option for one in loaded.problems)


def test_locations_must_be_there(instance: Instance) -> None:
    loaded = load(instance.write(SHARE, transfer(destination_uuid="SHAER")))
    (problem,) = (one for one in loaded.problems if one.is_error)
    assert problem.option == "destination_uuid"
    assert 'did you mean "SHARE"' in problem.remedy


ENDS = {"source_uuid": "SHARE", "source_path": "out", "destination_path": "in"}


@pytest.mark.parametrize(
    "other",
    [
        {"destination_uuid": "SHARE"},
        {"archive_location_uuid": "SHARE", "archive_success_path": "kept"},
    ],
)
def test_one_connection_is_not_enough_for_both_ends(
    instance: Instance, other: dict[str, str]
) -> None:
    given = {**ENDS, "destination_path": "in" if len(other) == 1 else "HOME/in", **other}
    loaded = load(instance.write(f"{SHARE}max_connections = 1\n", transfer(**given)))
    (problem,) = (one for one in loaded.problems if one.is_error)
    assert problem.option == next(iter(other))
    assert "max_connections = 2" in problem.remedy
    loaded = load(instance.write(f"{SHARE}max_connections = 2\n", transfer(**given)))
    assert not any(one.is_error for one in loaded.problems)


def test_a_check_tells_which_would_start(instance: Instance) -> None:
    config = instance.config(transfer(), transfer("two", enabled="no"))
    assert "transfers: out, two (when asked)" in list(plan(config))


def test_changes_are_noticed_in_folders_of_this_machine(instance: Instance) -> None:
    (instance.directory / "data" / "share" / "out").mkdir()
    here = transfer("here", changes_poll_interval="1h")
    share = transfer(
        "share", source_uuid="SHARE", source_path="out", changes_poll_interval="1h", recursive="yes"
    )
    off = transfer(
        "off",
        changes_notification="no",
        source_path="HOME/share/in",
        destination_path="HOME/share",
    )
    looked = events.TRANSFER_SNAPSHOT.number

    async def body(daemon: Daemon, reactor: Any) -> None:
        await until(reactor, lambda: instance.numbers.count(looked) == 3)
        files = [instance.directory / "data" / name for name in ("out/a.csv", "share/out/b.csv")]
        for one in files:
            one.write_bytes(b"data")
        await until(reactor, lambda: not any(one.exists() for one in files))
        names = "here", "share", "off"
        shown = [(await daemon.transfers.show(name))["changes"] for name in names]
        assert shown == ["told at once", "told at once", "looked for"]

    running(instance, body, SHARE, here, share, off)
    assert arrived(instance) == ["a.csv", "b.csv"]


def test_a_file_rests_longer_only_where_looks_come_from_time_to_time(instance: Instance) -> None:
    def problems(**options: str) -> list[str]:
        far = "[locations/FAR]\nname = far\ntype = webdavs\nurl = https://far.example.com/\n"
        rests = {"stable_interval": "5", "changes_poll_interval": "60", **options}
        found = load(instance.write(SHARE, far, transfer(**rests))).problems
        return [one.remedy for one in found if one.option == "stable_interval"]

    assert problems() == problems(source_uuid="SHARE", source_path="out") == []
    assert problems(changes_notification="no") == problems(source_uuid="FAR")
    (remedy,) = problems(source_uuid="FAR")
    assert "is shorter than changes_poll_interval" in remedy


def test_a_queue_is_copied_for_a_backup_while_it_is_open(
    instance: Instance, tmp_path: Path
) -> None:
    folder = instance.state / "transfers"

    async def body(daemon: Daemon, reactor: Any) -> None:
        assert await asked(daemon, do="copy-queue", name="out-1.db") == {"ok": True}
        copied = Queue(folder / "out-1.db.copy")
        copied.open()
        assert copied.counts() == {}
        copied.close()
        assert (folder / "out-1.db.copy").stat().st_mode & 0o777 == 0o600
        assert (await asked(daemon, do="copy-queue", name="out-1.db"))["ok"]  # over the first
        for name in ("other.db", "../run", 7):
            answer = await asked(daemon, do="copy-queue", name=name)
            assert not answer["ok"]
        await daemon.transfers.stop_one("out")
        answer = await asked(daemon, do="copy-queue", name="out-1.db")
        assert "the queue is closed" in answer["error"]

    running(instance, body, transfer())


def test_a_copy_that_the_disk_does_not_take_is_an_answer(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*words: object) -> None:
        raise OSError(28, "No space left on device")

    async def body(daemon: Daemon, reactor: Any) -> None:
        monkeypatch.setattr(room, "write_new", full)
        answer = await asked(daemon, do="copy-queue", name="out-1.db")
        assert answer == {"ok": False, "error": "it cannot be copied: No space left on device"}

    running(instance, body, transfer())
