"""What a dispatcher does with files, and what it tells of that."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from mft.core.peer import NOWHERE
from mft.events import catalogue as events
from mft.handlers import dispatcher as module
from mft.handlers import dispatcher_plan
from mft.handlers.dispatcher import Dispatcher
from mft.handlers.subscription import Subscription
from tests.fakes.dispatching import DISPATCHER, NOW
from tests.fakes.loop import run_loop
from tests.fakes.occurrences import ALICE, uploaded
from tests.fakes.run import run

DONE, FAILED, GONE = 20130, 20125, 20124
FALLBACK_DONE, FALLBACK_FAILED, RETRIED = 20109, 20110, 20146


def test_a_move_takes_the_file_away_and_says_where_it_is(desk):
    at = desk("move, *.pdf, OUT")
    assert at.dispatch() == (
        DONE,
        {
            "path": f"{at.home}/in/a.pdf",
            "mode": "move",
            "destinations": [str(at.out)],
            "destination_paths": [f"{at.out}/a.pdf"],
        },
    )
    assert at.files() == {"a.pdf": b"whole"}
    assert at.inbox == {}


def test_it_tells_who_caused_it_and_that_it_was_the_dispatcher(desk):
    at = desk("move, *.pdf, OUT")
    at.dispatch()
    *_, one = at.house.journal.read()
    assert (one.origin.actor.name, one.origin.component) == ("alice", DISPATCHER)
    assert one.origin.peer != NOWHERE


def test_a_copy_leaves_the_file_and_is_another_one(desk):
    at = desk("copy, *.pdf, OUT/one, OUT/two", create_destination_folder="parent")
    os.chmod(at.put(), 0o640)
    os.utime(at.home / "in" / "a.pdf", (1e9, 1e9))
    number, data = at.dispatch()
    assert number == DONE
    assert data["destination_paths"] == [f"{at.out}/one/a.pdf", f"{at.out}/two/a.pdf"]
    assert at.files() == {"one/a.pdf": b"whole", "two/a.pdf": b"whole"}
    assert at.inbox == {"a.pdf": b"whole"}
    status = (at.out / "one" / "a.pdf").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_nlink) == (0o640, 1)
    assert status.st_mtime_ns == (at.home / "in" / "a.pdf").stat().st_mtime_ns


def test_a_move_to_several_places_gives_each_a_file_of_its_own(desk):
    at = desk("move, *.pdf, OUT/one, OUT/two", create_destination_folder="parent")
    at.dispatch()
    assert at.files() == {"one/a.pdf": b"whole", "two/a.pdf": b"whole"}
    assert at.inbox == {}
    inodes = {(at.out / name / "a.pdf").stat().st_ino for name in ("one", "two")}
    assert len(inodes) == 2


def test_a_move_that_fails_at_one_place_keeps_the_source(desk):
    at = desk("move, *.pdf, OUT, OUT/missing")
    number, data = at.dispatch()
    assert number == FAILED
    assert data["mode"] == "move"
    assert data["destinations"] == [str(at.out), f"{at.out}/missing"]
    assert "No such file" in data["details"]
    assert at.inbox == {"a.pdf": b"whole"}


def test_a_move_with_a_timestamp(desk):
    at = desk("move-with-timestamp, *, OUT")
    at.dispatch("a.tar.gz")
    at.dispatch("no-end")
    one, two = at.files()
    assert one.startswith("a.tar.2017-11-27-")
    assert one.endswith("-123000-abcdef.gz")
    assert two.startswith("no-end.2017-11-27-")
    assert two.endswith("-123000-abcdef")


def test_a_rename_is_the_same_file_under_another_name(desk):
    at = desk("rename, *.pdf, OUT")
    inode = Path(at.put()).stat().st_ino
    at.put()
    assert at.dispatch()[0] == DONE
    assert (at.out / "a.pdf").stat().st_ino == inode
    assert at.inbox == {}


@pytest.mark.parametrize("rule", ["fail", "overwrite", "skip", "disable"])
def test_a_rename_never_overwrites_whatever_the_rule(desk, rule):
    at = desk("rename, *.pdf, OUT", overwrite_rule=rule)
    (at.out / "a.pdf").write_bytes(b"old")
    number, data = at.dispatch()
    assert number == FAILED
    assert "exists" in data["details"]
    assert at.files() == {"a.pdf": b"old"}
    assert at.inbox == {"a.pdf": b"whole"}


def test_a_rename_may_put_the_time_before_the_name(desk):
    at = desk("rename-prepend-unixtime, *.pdf, OUT")
    at.dispatch()
    assert at.files() == {f"{NOW:.3f}-a.pdf": b"whole"}


def test_a_deletion(desk):
    at = desk("delete, *.tmp")
    number, data = at.dispatch("a.tmp")
    assert (number, data["mode"], data["destination_paths"]) == (DONE, "delete", [])
    assert at.inbox == {}


def test_what_is_ignored_stays_and_is_not_told(desk):
    at = desk("ignore, *.tmp\nmove, *, OUT")
    at.handle(at.told(at.put("a.tmp")), at.told(at.put("b")))
    assert at.numbers == [DONE]
    assert at.inbox == {"a.tmp": b"whole"}


def test_the_first_rule_that_matches_is_done_and_nothing_without_one(desk):
    at = desk("copy, *.pdf, OUT/one\nmove, */a.txt, OUT/two", create_destination_folder="parent")
    at.handle(at.told(at.put("a.pdf")), at.told(at.put("a.txt")), at.told(at.put("b.txt")))
    assert at.files() == {"one/a.pdf": b"whole", "two/a.txt": b"whole"}
    assert at.inbox == {"a.pdf": b"whole", "b.txt": b"whole"}


def test_the_fallback_is_for_what_no_rule_matches(desk):
    at = desk("ignore, *.pdf", fallback_rule="move, OUT")
    at.handle(at.told(at.put("a.pdf")), at.told(at.put("b.txt")))
    assert at.numbers == [FALLBACK_DONE]
    assert at.files() == {"b.txt": b"whole"}
    at.handle(at.told(at.put("b.txt")))
    assert at.numbers == [FALLBACK_DONE, FALLBACK_FAILED]


@pytest.mark.parametrize(
    ("rule", "number", "there", "left"),
    [
        ("fail", FAILED, b"old", {"a.pdf": b"whole"}),
        ("overwrite", DONE, b"whole", {}),
        ("disable", DONE, b"whole", {}),
        ("skip", DONE, b"old", {"a.pdf": b"whole"}),
    ],
)
def test_what_happens_when_the_name_is_taken(desk, rule, number, there, left):
    for action in ("move", "copy"):
        at = desk(f"{action}, *.pdf, OUT", overwrite_rule=rule)
        (at.out / "a.pdf").write_bytes(b"old")
        got, data = at.dispatch()
        assert got == number
        assert at.files() == {"a.pdf": there}
        assert at.inbox == (left if action == "move" else {"a.pdf": b"whole"})
        if number == DONE:
            skipped = there == b"old"
            assert data["destination_paths"] == ([] if skipped else [f"{at.out}/a.pdf"])


@pytest.mark.parametrize("rule", ["fail", "overwrite", "skip", "disable"])
@pytest.mark.parametrize("action", ["copy", "move", "rename"])
def test_a_file_that_is_sent_to_where_it_is_stays(desk, rule, action):
    at = desk(f"{action}, *, HOME/in", overwrite_rule=rule)
    assert at.dispatch()[0] == FAILED
    assert at.inbox == {"a.pdf": b"whole"}


def test_a_file_that_could_not_be_removed_is_not_moved(desk, monkeypatch):
    at = desk("move, *, OUT")
    monkeypatch.setattr(os, "access", lambda *words, **named: False)
    number, data = at.dispatch()
    assert number == FAILED
    assert "could not be removed" in data["details"]
    assert at.files() == {}
    assert at.inbox == {"a.pdf": b"whole"}


@pytest.mark.parametrize("rule", ["fail", "overwrite", "skip", "disable"])
def test_a_folder_is_never_replaced(desk, rule):
    at = desk("move, *.pdf, OUT", overwrite_rule=rule)
    (at.out / "a.pdf").mkdir()
    assert at.dispatch()[0] == FAILED
    assert at.inbox == {"a.pdf": b"whole"}


def test_folders_are_made_only_when_that_is_said(desk):
    at = desk("copy, *.pdf, OUT/a/b")
    assert at.dispatch()[0] == FAILED
    assert list(at.out.iterdir()) == []
    at.options = at.option("copy, *.pdf, OUT/a/b", create_destination_folder="parent")
    assert at.dispatch()[0] == DONE
    assert at.files() == {"a/b/a.pdf": b"whole"}


def test_a_home_that_nobody_has_used_yet_is_not_made(desk):
    at = desk("copy, *.pdf, HOME-2/in", create_destination_folder="parent")
    home = f"{at.home}-2"
    at.around = replace(at.around, homes=lambda: frozenset({str(at.home), home}))
    assert at.dispatch()[0] == FAILED
    assert not Path(home).exists()


def test_a_suffix_is_what_a_name_ends_in_until_the_file_is_whole(desk, monkeypatch):
    at = desk("copy, *.pdf, OUT", destination_temporary_suffix=".part")
    seen = []
    fsync = os.fsync

    def look(descriptor):
        seen.append(list(at.files()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    at.dispatch()
    assert seen[0] == ["a.pdf.part"]
    assert at.files() == {"a.pdf": b"whole"}


@pytest.mark.parametrize("action", ["copy", "move"])
def test_a_file_of_somebody_else_with_the_suffix_stays(desk, action):
    at = desk(f"{action}, *.pdf, OUT", destination_temporary_suffix=".part")
    (at.out / "a.pdf.part").write_bytes(b"another's")
    assert at.dispatch()[0] == FAILED
    assert at.files() == {"a.pdf.part": b"another's"}


def test_groups_of_the_expression_and_facts_of_the_event_make_the_destination(desk):
    at = desk(
        r"move, m/\/in\/(\w+)-(\d+)\.(pdf|txt)$/, OUT/{account.name}/{2}_{1}.{3}",
        create_destination_folder="parent",
    )
    assert at.dispatch("order-17.pdf")[0] == DONE
    assert at.files() == {"alice/17_order.pdf": b"whole"}


def test_a_destination_with_variables_that_ends_in_a_slash_is_a_folder(desk):
    at = desk("move, g/*.pdf/, OUT/{account.name}/", create_destination_folder="parent")
    at.dispatch()
    assert at.files() == {"alice/a.pdf": b"whole"}


def test_attributes_of_the_event_can_be_taken_apart(desk):
    at = desk(
        "move, g/*/, OUT/{data.file_name.1_upper}/{file_name.2_lower}/{file_name.1}/",
        matching_expressions="data.file_name, ^([a-z]+)\nfile_name, m/^([a-z]+)-(\\w+)/i",
        create_destination_folder="parent",
    )
    at.handle(at.told(at.put("abc-Xy.pdf"), path="/in/abc-Xy.pdf"))
    assert at.files() == {"ABC/xy/abc/abc-Xy.pdf": b"whole"}


def test_every_file_of_a_list_is_dispatched_until_one_fails(desk):
    at = desk("move, *.pdf, OUT\nmove, *, OUT/missing", dispatch_attribute="destination_paths")
    paths = [at.put(name) for name in ("a.pdf", "b.pdf", "c.txt", "d.pdf")]
    at.handle(at.told("", destination_paths=paths))
    assert at.numbers == [DONE, DONE, FAILED]
    assert at.files() == {"a.pdf": b"whole", "b.pdf": b"whole"}
    assert at.inbox == {"c.txt": b"whole", "d.pdf": b"whole"}


def test_a_file_that_is_gone_does_not_end_the_list(desk):
    at = desk("move, *, OUT", dispatch_attribute="destination_paths")
    paths = [at.put("a"), f"{at.home}/in/b", at.put("c")]
    at.handle(at.told("", destination_paths=paths))
    assert at.numbers == [DONE, GONE, DONE]


def test_an_event_has_no_more_files_than_it_may(desk, monkeypatch):
    monkeypatch.setattr(dispatcher_plan, "MAX_FILES", 2)
    at = desk("move, *, OUT", dispatch_attribute="destination_paths")
    at.handle(at.told("", destination_paths=[at.put(name) for name in "abcd"]))
    assert at.numbers == [DONE, DONE, FAILED]


@pytest.mark.parametrize("value", [None, "", 17, [], {"a": 1}, [None, 5]])
def test_an_event_without_a_path_is_about_no_file(desk, value):
    at = desk("move, *, OUT")
    at.handle(at.told(value))
    assert at.events == []


def test_a_file_that_is_not_there_is_told_as_gone(desk):
    at = desk("move, *, OUT")
    at.handle(at.told(f"{at.home}/in/none"), at.told(f"{at.home}/none/none"))
    gone = [(GONE, {"path": f"{at.home}/{name}/none"}) for name in ("in", "none")]
    assert at.events == gone


def test_a_path_too_long_for_a_regular_expression_fails_and_is_not_passed_over(desk):
    at = desk(r"move, m/\.exe$/, OUT", fallback_rule="ignore")
    path = f"{at.home}/" + "a/" * 600 + "virus.exe"
    at.handle(at.told(path))
    ((number, data),) = at.events
    assert number == FAILED
    assert "longer than 1024" in data["details"]


@pytest.mark.parametrize("name", ["..", "a/../b", ".mft-x", "a\0b", "", "b/"])
def test_a_path_that_is_none_is_refused(desk, name):
    at = desk("delete, *")
    at.handle(at.told(f"{at.home}/{name}"))
    assert at.numbers == [FAILED]


def test_a_relative_path_is_refused(desk):
    at = desk("delete, *")
    at.handle(at.told("in/a.pdf"))
    assert at.numbers == [FAILED]


def test_a_folder_is_not_dispatched(desk):
    at = desk("move, *, OUT")
    at.handle(at.told(f"{at.home}/in"))
    ((number, data),) = at.events
    assert number == FAILED
    assert "not a regular file" in data["details"]


# Waiting.


def waiting(at, *occurrences):
    """The work on events, which waits for the clock."""
    handler = at.dispatcher()
    return Deferred.fromCoroutine(handler.handle_many(occurrences))


def test_a_delay_counts_from_the_event(desk):
    at = desk("move, *, OUT", dispatch_delay=60)
    at.made["now"] = lambda: 1e9 + 20 + at.house.clock.seconds()
    told = at.told(at.put())
    done = waiting(at, told._replace(time=1e9))
    at.house.clock.advance(39)
    assert at.inbox != {}
    at.house.clock.advance(2)
    assert at.inbox == {}
    assert done.called
    assert at.numbers == [DONE]


def test_a_file_that_goes_meanwhile_is_told_as_gone(desk):
    at = desk("move, *, OUT", dispatch_delay=60)
    at.made["now"] = lambda: 1e9
    path = at.put()
    waiting(at, at.told(path))
    os.unlink(path)
    at.house.clock.advance(60)
    assert at.numbers == [GONE]


def test_a_failure_is_tried_again_as_often_as_is_said(desk):
    at = desk("move, *, OUT/late", retry_count=2, retry_wait=30)
    waiting(at, at.told(at.put()))
    assert at.numbers == [RETRIED]
    at.house.clock.advance(30)
    at.house.clock.advance(30)
    assert at.numbers == [RETRIED, RETRIED, FAILED]
    assert at.events[1][1] == {
        "mode": "move",
        "path": f"{at.home}/in/a.pdf",
        "count": 2,
        "wait": 30.0,
        "details": at.events[2][1]["details"],
    }


def test_what_has_worked_is_not_done_again_by_a_retry(desk):
    at = desk("move, *, OUT, OUT/late", retry_count=1, retry_wait=30)
    waiting(at, at.told(at.put()))
    assert at.files() == {"a.pdf": b"whole"}
    (at.out / "a.pdf").unlink()  # whoever reads the outbox has taken it
    (at.out / "late").mkdir()
    at.house.clock.advance(30)
    assert at.numbers == [RETRIED, DONE]
    assert at.files() == {"late/a.pdf": b"whole"}
    assert at.inbox == {}


def test_a_source_that_goes_between_two_tries_is_a_failure_when_part_is_done(desk):
    at = desk("move, *, OUT, OUT/late", retry_count=1, retry_wait=30)
    path = at.put()
    waiting(at, at.told(path))
    os.unlink(path)
    at.house.clock.advance(30)
    assert at.numbers == [RETRIED, FAILED]
    assert "1 of 2" in at.events[1][1]["details"]


# The record.


def test_the_same_event_twice_is_done_and_told_once(desk):
    at = desk("copy, *, OUT")
    told = at.told(at.put())
    at.handle(told, told)
    at.handle(told)
    at.handle(at.told(at.put("b")), told)
    assert at.numbers == [DONE, DONE]


def test_a_failure_is_told_once_as_well(desk):
    at = desk("move, *, OUT/missing")
    told = at.told(at.put())
    at.handle(told)
    at.handle(told)
    assert at.numbers == [FAILED]


def test_an_event_that_is_read_from_the_journal_is_the_same_event(desk):
    at = desk("move, *, OUT")
    at.house.clock.advance(0.1234567)
    at.handle(at.told(at.put()))
    again = next(at.house.journal.read(at.house.journal.last - 1))
    at.handle(again)
    assert at.numbers == [DONE]


def test_a_new_journal_begins_anew(desk):
    at = desk("move, *, OUT")
    at.handle(at.told(at.put("a"))._replace(serial=1000))
    later = at.told(at.put("b"))
    at.handle(later._replace(time=later.time + 5))
    assert at.numbers == [DONE, DONE]


def test_a_replay_does_past_events_again_and_leaves_the_record_of_the_server(desk):
    at = desk("copy, *, OUT", overwrite_rule="overwrite")
    told = at.told(at.put())
    at.handle(told)
    record = at.directory / "instance" / "state" / "dispatcher" / "dispatcher-1.json"
    before = record.read_bytes()
    at.put(data=b"newer")
    at.around = replace(at.around, replaying=True)
    at.handle(told)
    assert at.files() == {"a.pdf": b"newer"}
    assert record.read_bytes() == before


def test_a_replay_and_a_server_that_copy_the_same_file_keep_out_of_each_others_way(desk):
    at = desk("copy, *, OUT")
    told = at.told(at.put())
    server = at.dispatcher()
    planned = server._planner.plan(told, 0, told.data["real_path"])
    at.around = replace(at.around, replaying=True)
    replayed = at.dispatcher()._planner.plan(told, 0, told.data["real_path"])
    (here,), (there,) = planned.intent.targets, replayed.intent.targets
    assert here.path == there.path
    assert here.temporary != there.temporary
    assert planned.intent.taken != replayed.intent.taken


def test_two_uploads_of_one_path_are_told_twice_also_after_a_kill(desk):
    at = desk("move, *, OUT", overwrite_rule="overwrite")
    one, two = at.told(at.put(data=b"1")), at.told(str(at.home / "in" / "a.pdf"))
    handler = at.dispatcher()
    run(handler.handle_many([one]))
    at.put(data=b"2")

    class KilledError(BaseException):
        pass

    async def tell(*words):
        raise KilledError

    handler._tell = tell
    with pytest.raises(KilledError):
        run(handler.handle_many([two]))
    run(at.dispatcher().handle_many([two]))
    assert at.numbers == [DONE, DONE]
    assert at.files() == {"a.pdf": b"2"}


@pytest.mark.parametrize("action", ["copy", "move", "rename", "delete"])
def test_nothing_is_done_that_cannot_be_recorded(desk, action):
    at = desk(action + (", *, OUT" if action != "delete" else ", *"))
    handler, told = at.dispatcher(), at.told(at.put())
    state = at.directory / "instance" / "state"
    state.write_bytes(b"no folder")
    with pytest.raises(OSError, match="cannot be recorded"):
        run(handler.handle_many([told]))
    assert at.numbers == []
    assert "a.pdf" not in at.files()
    assert at.inbox == {"a.pdf": b"whole"}
    state.unlink()
    run(handler.handle_many([told]))
    assert at.numbers == [DONE]


@pytest.mark.parametrize("action", ["copy", "move", "rename", "delete"])
def test_what_goes_before_anything_could_be_recorded_is_told_as_gone(desk, action):
    at = desk(action + (", *, OUT" if action != "delete" else ", *"))
    path = at.put()
    handler, told = at.dispatcher(), at.told(path)
    state = at.directory / "instance" / "state"
    state.write_bytes(b"no folder")
    with pytest.raises(OSError, match="cannot be recorded"):
        run(handler.handle_many([told]))
    os.unlink(path)  # its owner, while nothing is done
    state.unlink()
    run(handler.handle_many([told]))
    assert at.numbers == [GONE]
    assert at.files() == {}


@pytest.mark.parametrize(
    "rule",
    [
        r"move, m/a(x?)\.pdf$/, OUT/{1}/b.pdf",
        r"rename, m/a(x?)\.pdf$/, OUT/{1}/b.pdf",
        r"delete, m/\.tmp$/",
    ],
)
def test_what_is_refused_is_not_done_either_once_that_can_be_recorded(desk, rule):
    at = desk(rule)
    # Longer than an expression is matched against, or without a name for its destination.
    name = "a.pdf" if "OUT" in rule else "d/" * 600 + "a.pdf"
    (at.home / "in" / name).parent.mkdir(parents=True, exist_ok=True)
    handler, told = at.dispatcher(), at.told(at.put(name))
    state = at.directory / "instance" / "state"
    state.write_bytes(b"no folder")
    for _ in range(2):
        with pytest.raises(OSError, match="cannot be recorded"):
            run(handler.handle_many([told]))
    state.unlink()
    run(handler.handle_many([told]))
    assert at.numbers == [FAILED]
    assert at.inbox == {name: b"whole"}


def test_a_fault_of_ours_is_told_as_a_failure_and_the_next_file_is_dispatched(desk, monkeypatch):
    at = desk("move, *, OUT")
    handler = at.dispatcher()

    def broken(self):
        raise ZeroDivisionError("oops")

    with monkeypatch.context() as patch:
        patch.setattr(module.Work, "advance", broken)
        run(handler.handle_many([at.told(at.put())]))
    run(handler.handle_many([at.told(at.put("b"))]))
    assert at.numbers == [FAILED, DONE]
    assert "ZeroDivisionError" in at.house.log[0]


# Programs.


def program(at, text):
    path = at.directory / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def executed(at, name="a.pdf", is_root=lambda: False, actor=ALICE.actor):
    told = at.told(at.put(name))
    told = told._replace(origin=told.origin._replace(actor=actor))

    async def main(reactor):
        around = replace(at.around, clock=reactor)
        handler = Dispatcher(DISPATCHER, at.options, around, is_root=is_root)
        await handler.start()
        await handler.handle_many([told])

    run_loop(main)
    return at.events[-1]


def test_a_program_is_told_the_file_and_its_arguments(desk):
    at = desk()
    says = program(at, f'printf "%s|" "$SOURCE_PATH" "$ARGUMENTS" "$#" "$@" > {at.out}/said')
    at.options = at.option(f'execute, g/*.pdf/, {says}, "one, two", "{{data.file_name}}; rm *"')
    number, data = executed(at)
    assert number == DONE
    assert data["mode"] == "execute"
    said = (at.out / "said").read_text().split("|")
    assert said[0] == f"{at.home}/in/a.pdf"
    assert said[1] == '"one, two",a.csv; rm *' or said[1] == '"one, two", a.csv; rm *'
    assert said[2:5] == ["2", "one, two", "a.csv; rm *"]


def test_a_program_that_fails_is_a_failure_with_what_it_said(desk):
    at = desk()
    at.options = at.option(f"execute, *, {program(at, 'echo infected >&2; exit 3')}")
    number, data = executed(at)
    assert number == FAILED
    assert data["details"] == "exit code 3 infected"


def test_a_program_that_is_missing_is_a_failure(desk):
    at = desk(rules="execute, *, /nonexistent/program")
    number, data = executed(at)
    assert (number, data["details"]) == (
        FAILED,
        "/nonexistent/program cannot be run: No such file or directory",
    )


def test_a_program_that_takes_too_long_is_ended(desk):
    at = desk(executable_timeout=0.05)
    at.options = at.option(f"execute, *, {program(at, 'exec sleep 60')}", executable_timeout=0.05)
    number, data = executed(at)
    assert number == FAILED
    assert "took too long" in data["details"]


def test_arguments_that_no_system_takes_are_a_failure(desk):
    at = desk()
    says = program(at, f"touch {at.out}/ran")
    at.options = at.option(f'execute, g/*.pdf/, {says}, "{{account.name}}"')
    number, data = executed(at, actor=ALICE.actor._replace(name="half \ud800"))
    assert number == FAILED
    assert f"{says} cannot be run" in data["details"]
    assert at.files() == {}


def test_no_program_runs_that_an_account_could_have_written(desk):
    at = desk()
    inside = at.around.directory / "data" / "alice" / "scan"
    inside.parent.mkdir(parents=True, exist_ok=True)
    program(at, f"touch {at.out}/ran").rename(inside)
    at.options = at.option(f"execute, *, {inside}")
    number, data = executed(at)
    assert number == FAILED
    assert "is in a folder that accounts write to" in data["details"]
    assert at.files() == {}


def test_no_program_runs_as_root(desk):
    at = desk()
    at.options = at.option(f"execute, *, {program(at, f'touch {at.out}/ran')}")
    number, data = executed(at, is_root=lambda: True)
    assert number == FAILED
    assert "root" in data["details"]
    assert at.files() == {}


# With everything around it.


def test_events_come_without_delay_and_its_own_never(desk):
    at = desk("move, *, OUT")
    handler = Dispatcher(DISPATCHER, at.options, at.around)
    subscription = Subscription(handler, at.options, at.house.bus, at.around)
    run(subscription.start())
    path = at.put()
    at.house.bus.emit(events.SSH_UPLOAD_DONE, uploaded()._replace(real_path=path), ALICE)
    at.house.clock.advance(0)
    assert at.numbers == [DONE]
    at.house.clock.advance(10)
    assert at.numbers == [DONE]


def test_ten_thousand_files(desk):
    at = desk("move, *, OUT")
    count = 10_000
    first = at.told(at.put("00000"))
    handler = at.dispatcher()
    for number in range(count):
        path = f"{at.home}/in/{number:05}"
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
        one = first._replace(serial=first.serial + number, data={"real_path": path})
        run(handler.handle_many([one]))
    assert at.house.journal.last == 1 + count
    assert sorted(path.name for path in at.out.iterdir()) == [f"{one:05}" for one in range(count)]
    assert at.inbox == {}
    for path in at.out.iterdir():  # nobody else is to have the work of it
        path.unlink()
