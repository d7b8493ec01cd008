"""The gate: every operation by its effect, its permission and its one event."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from mft.auth.permissions import ALLOWS, NEEDS, Operation, Permission
from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.protocols.ftp.events import NUMBERS as FTP
from mft.protocols.ssh.events import NUMBERS
from mft.session.session import Session
from mft.vfs.base import Attributes, Existing
from tests.fakes.files import get, put
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import account, session, shape, tree
from tests.fakes.trail import Trail

HERE, THERE = VPath.parse("/here"), VPath.parse("/there")
FILE = HERE.child("file")
NEW = HERE.child("new")

# Every operation as a client would use it in a folder. The answer is None for one that shows
# less than everything instead of being refused.


async def read(peer: Session, top: VPath) -> object:
    async with await peer.download(top.child("file")) as sent:
        buffer = bytearray(9)
        sent.sent(await sent.lane.read_later([memoryview(buffer)], 0))
    return bytes(buffer)


async def write(peer: Session, top: VPath) -> object:
    async with await peer.upload(top.child("file"), Existing.REPLACE) as received:
        await received.lane.write_later([memoryview(b"new")], 0)
        received.wrote(0, 3)
    return True


async def listed(peer: Session, top: VPath, name: str) -> object:
    listing, found = await peer.list(top.child("full")), []
    while entries := await listing.batch():
        found += [entry.name for entry in entries]
    return True if name in found else None


async def rename(peer: Session, top: VPath) -> object:
    await peer.rename(top.child("file"), top.child("renamed"), replace=False)
    return True


ACTS: dict[Operation, Callable[[Session, VPath], Coroutine[Any, Any, object]]] = {
    Operation.READ: read,
    Operation.READ_ATTRIBUTES: lambda peer, top: peer.stat(top.child("file")),
    Operation.LIST: lambda peer, top: listed(peer, top, "file"),
    Operation.TRAVERSE: lambda peer, top: listed(peer, top, "inner"),
    Operation.READ_LINK: lambda peer, top: peer.read_link(top.child("link")),
    Operation.WRITE: write,
    Operation.CREATE_FOLDER: lambda peer, top: peer.make_directory(top.child("made")),
    Operation.RENAME: rename,
    Operation.DELETE_FILE: lambda peer, top: peer.remove(top.child("file")),
    Operation.DELETE_FOLDER: lambda peer, top: peer.remove_directory(top.child("empty")),
    Operation.SET_ATTRIBUTES: lambda peer, top: peer.change(
        top.child("file"), Attributes(mode=0o600)
    ),
    Operation.MAKE_LINK: lambda peer, top: peer.make_link(top.child("made"), "file"),
}
LOOKING = {
    Operation.READ,
    Operation.READ_ATTRIBUTES,
    Operation.LIST,
    Operation.TRAVERSE,
    Operation.READ_LINK,
}
FAILED = {
    Operation.READ: NUMBERS.writing.failed,
    Operation.READ_ATTRIBUTES: NUMBERS.stat.failed,
    Operation.LIST: NUMBERS.list.failed,
    Operation.TRAVERSE: NUMBERS.list.failed,
    Operation.READ_LINK: NUMBERS.read_link.failed,
    Operation.WRITE: NUMBERS.writing.failed,
    Operation.CREATE_FOLDER: NUMBERS.make_directory.failed,
    Operation.RENAME: NUMBERS.rename.failed,
    Operation.DELETE_FILE: NUMBERS.remove.failed,
    Operation.DELETE_FOLDER: NUMBERS.remove_directory.failed,
    Operation.SET_ATTRIBUTES: NUMBERS.set_attributes.failed,
    Operation.MAKE_LINK: NUMBERS.make_link.failed,
}
DONE = {
    Operation.READ: [NUMBERS.writing.done, NUMBERS.download.done],
    Operation.READ_ATTRIBUTES: [NUMBERS.stat.done],
    Operation.LIST: [NUMBERS.list.done],
    Operation.TRAVERSE: [NUMBERS.list.done],
    Operation.READ_LINK: [NUMBERS.read_link.done],
    Operation.WRITE: [NUMBERS.writing.done, NUMBERS.upload.done],
    Operation.CREATE_FOLDER: [NUMBERS.make_directory.done],
    Operation.RENAME: [NUMBERS.rename.done],
    Operation.DELETE_FILE: [NUMBERS.remove.done],
    Operation.DELETE_FOLDER: [NUMBERS.remove_directory.done],
    Operation.SET_ATTRIBUTES: [NUMBERS.set_attributes.done],
    Operation.MAKE_LINK: [NUMBERS.make_link.done],
}
SINGLE = [
    permission for permission in Permission if permission not in (Permission.FULL, Permission.NONE)
]
every_operation = pytest.mark.parametrize("operation", list(Operation), ids=lambda one: one.name)


def is_done(operation: Operation, *rules: str, top: VPath = HERE) -> bool:
    """Do it, and compare what happened with what was told."""
    files, trail = tree(), Trail()
    peer = session(*rules, files=files, trail=trail)
    before = shape(files)
    try:
        seen = run(ACTS[operation](peer, top))
    except Refused as error:
        told = error
    else:
        told = None
    assert not peer.opened
    if told is not None:
        assert told.reason is Reason.DENIED
        assert shape(files) == before
        assert trail.events == [FAILED[operation]]
        assert trail.told[0].payload.details == told.details
        return False
    assert trail.events == DONE[operation]
    assert (shape(files) == before) is (operation in LOOKING)
    return seen is not None or operation not in LOOKING


def test_every_operation_has_its_act_and_its_events() -> None:
    assert set(ACTS) == set(FAILED) == set(DONE) == set(Operation)


@every_operation
@pytest.mark.parametrize("permission", SINGLE, ids=lambda one: one.value)
def test_a_permission_does_its_operations_and_nothing_else(
    operation: Operation, permission: Permission
) -> None:
    assert is_done(operation, permission.value) is (operation in ALLOWS[permission])


@every_operation
def test_without_its_permission_nothing_is_done(operation: Operation) -> None:
    others = [one.value for one in SINGLE if operation not in ALLOWS[one]]
    assert not is_done(operation, ", ".join(others))
    assert not is_done(operation, "deny-full-control")
    assert not is_done(operation, "allow-full-control, deny-full-control")
    assert is_done(operation, "allow-full-control")


@every_operation
def test_a_permission_for_one_path_is_none_for_another(operation: Operation) -> None:
    rules = ("deny-full-control", f"/here/*, {NEEDS[operation].value}")
    assert is_done(operation, *rules) is (operation is not Operation.MAKE_LINK)
    assert not is_done(operation, *rules, top=THERE)


def test_what_is_told_of_a_refusal_names_the_rule() -> None:
    trail = Trail()
    with refused(Reason.DENIED):
        run(session("allow-read", "/here/*, allow-list", trail=trail).remove(FILE))
    assert "line 2" in trail.told[0].payload.details
    assert "allow-delete-file" in trail.told[0].payload.details


# Operations that need two permissions.


@pytest.mark.parametrize(
    "rule", ["/here/file, allow-rename", "/here/new, allow-rename", "/here/*, allow-write"]
)
def test_a_rename_needs_its_permission_for_both_names(rule: str) -> None:
    files, trail = tree(), Trail()
    before = shape(files)
    with refused(Reason.DENIED):
        run(session("allow-read", rule, files=files, trail=trail).rename(FILE, NEW, replace=True))
    assert shape(files) == before
    assert trail.events == [NUMBERS.rename.failed]


def test_what_may_be_renamed_is_seen_without_the_right_to_look_at_it() -> None:
    run(session("deny-full-control", "/here/*, allow-rename").renamable(FILE))


@pytest.mark.parametrize(
    ("rule", "reason"), [("allow-read", Reason.DENIED), ("allow-rename", Reason.NOT_FOUND)]
)
def test_what_may_not_be_renamed_or_is_not_there_is_refused_as_a_rename(
    rule: str, reason: Reason
) -> None:
    trail = Trail()
    with refused(reason):
        run(session(rule, trail=trail).renamable(NEW if reason is Reason.NOT_FOUND else FILE))
    assert trail.events == [NUMBERS.rename.failed]


def test_a_rename_keeps_what_is_there_unless_it_may_replace_it() -> None:
    files = tree()
    put(files, NEW, b"precious")
    peer = session(files=files)
    with refused(Reason.EXISTS):
        run(peer.rename(FILE, NEW, replace=False))
    assert get(files, NEW) == b"precious"
    run(peer.rename(FILE, NEW, replace=True))
    assert get(files, NEW) == b"old bytes"


@pytest.mark.parametrize("lacking", ["allow-set-attributes", "allow-write"])
def test_a_new_size_by_name_needs_two_permissions(lacking: str) -> None:
    only = {"allow-set-attributes", "allow-write"} - {lacking}
    files, trail = tree(), Trail()
    with refused(Reason.DENIED):
        run(session(*only, files=files, trail=trail).change(FILE, Attributes(size=1)))
    assert get(files, FILE) == b"old bytes"
    assert trail.events == [NUMBERS.set_attributes.failed]
    run(session("allow-set-attributes, allow-write", files=files).change(FILE, Attributes(size=3)))
    assert get(files, FILE) == b"old"


def test_writing_and_reading_one_file_needs_both_permissions() -> None:
    for rules in ("allow-read", "allow-write"):
        with refused(Reason.DENIED):
            run(session(rules).upload(FILE, Existing.MODIFY, reading=True))
    received = run(session("allow-read, allow-write").upload(FILE, Existing.MODIFY, reading=True))
    assert received.reading


ALL_BUT_READ = "allow-list, allow-write, allow-rename, allow-delete-file, allow-set-attributes"
ALL_BUT_WRITE = "allow-read, allow-list, allow-rename, allow-delete-file, allow-set-attributes"


@pytest.mark.parametrize(
    "rules",
    [
        ("allow-full-control", f"/here/*, {ALL_BUT_READ}"),
        ("allow-full-control", f"/here/*, {ALL_BUT_WRITE}"),
        ("allow-full-control", f"/there/*, {ALL_BUT_WRITE}"),
    ],
)
def test_a_second_name_gives_nothing_that_the_first_does_not(rules: tuple[str, ...]) -> None:
    files, trail = tree(), Trail()
    before = shape(files)
    with refused(Reason.DENIED):
        run(
            session(*rules, files=files, trail=trail).make_hard_link(
                FILE, THERE.child("second"), allowed=True
            )
        )
    assert shape(files) == before
    assert trail.events == [NUMBERS.make_link.failed]


def test_a_second_name_is_made_where_the_service_allows_it() -> None:
    files, trail = tree(), Trail()
    peer = session(files=files, trail=trail)
    with refused(Reason.UNSUPPORTED):
        run(peer.make_hard_link(FILE, NEW, allowed=False))
    run(peer.make_hard_link(FILE, NEW, allowed=True))
    assert get(files, NEW) == b"old bytes"
    assert trail.events == [NUMBERS.make_link.failed, NUMBERS.make_link.done]


def test_no_link_leads_around_the_path_rules() -> None:
    files = tree()
    peer = session("allow-full-control", "/there/*, deny-full-control", files=files)
    for target in ("/there/file", "/there", "/", "../there/file", "/here/file"):
        with refused(Reason.DENIED):
            run(peer.make_link(NEW, target))
    with refused(Reason.NOT_FOUND):
        run(peer.download(NEW))


# Looking.


@pytest.mark.parametrize(
    ("rule", "known"),
    [
        ("allow-list", True),
        ("allow-traverse", True),
        ("allow-read", True),
        ("allow-write", False),
        ("allow-delete-folder", False),
        ("deny-full-control", False),
    ],
)
def test_whether_a_path_leads_to_a_folder_is_known_to_who_may_know_of_it(
    rule: str, known: bool
) -> None:
    trail = Trail()
    peer = session(rule, trail=trail)
    assert run(peer.leads_to_folder(HERE)) is known
    assert not run(peer.leads_to_folder(FILE))
    assert not run(peer.leads_to_folder(NEW))
    assert not trail.told


def test_what_is_looked_at_is_told_by_who_asks_and_what_cannot_be_is_told_here() -> None:
    trail = Trail()
    peer = session("allow-traverse", trail=trail)
    assert run(peer.look(HERE)).is_directory
    assert not trail.told
    with refused(Reason.DENIED):
        run(peer.look(FILE))
    with refused(Reason.NOT_FOUND):
        run(session(trail=trail).look(NEW))
    assert trail.events == [NUMBERS.stat.failed] * 2
    assert [told.payload.path for told in trail.told] == ["/here/file", "/here/new"]
    assert run(session().look(HERE.child("link"))).size == len(b"old bytes")


def test_what_is_there_is_known_to_us_whatever_the_rules_and_events_are() -> None:
    trail = Trail()
    peer = session("deny-full-control", trail=trail)
    link = HERE.child("link")
    for path, follow, is_link in ((FILE, False, False), (link, False, True), (link, True, False)):
        entry = run(peer.entry_at(path, follow=follow))
        assert entry is not None
        assert entry.is_link is is_link
    assert run(peer.entry_at(NEW)) is None
    assert not trail.told


# Entering a folder.


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        (("allow-list",), True),
        (("allow-traverse",), True),
        (("allow-read",), True),
        (("allow-write, allow-create-folder, allow-rename, allow-delete-folder",), False),
        (("deny-full-control", "/here/*, allow-traverse"), True),
        (("deny-full-control", "/there/*, allow-list"), False),
        (("allow-full-control", "/here/*, allow-write"), False),
    ],
)
def test_a_folder_is_entered_by_who_may_see_it(rules: tuple[str, ...], allowed: bool) -> None:
    files, trail = tree(), Trail()
    before = shape(files)
    peer = session(*rules, files=files, trail=trail, numbers=FTP)
    if allowed:
        run(peer.enter(HERE.child("full")))
        assert trail.events == [FTP.enter.done]
    else:
        with refused(Reason.DENIED):
            run(peer.enter(HERE.child("full")))
        assert trail.events == [FTP.enter.failed]
        assert "line" in trail.told[0].payload.details
    assert shape(files) == before


@pytest.mark.parametrize(
    ("path", "reason"), [(FILE, Reason.NOT_A_DIRECTORY), (NEW, Reason.NOT_FOUND)]
)
def test_only_a_folder_is_entered(path: VPath, reason: Reason) -> None:
    trail = Trail()
    with refused(reason):
        run(session(trail=trail, numbers=FTP).enter(path))
    assert trail.events == [FTP.enter.failed]


def test_what_is_there_is_known_without_a_rule_or_an_event() -> None:
    trail = Trail()
    peer = session("deny-full-control", trail=trail)
    link = HERE.child("link")
    found = [run(peer.entry_at(path)) for path in (FILE, HERE, link, NEW)]
    assert [entry and (entry.is_file, entry.is_directory) for entry in found] == [
        (True, False),
        (False, True),
        (False, False),
        None,
    ]
    followed = run(peer.entry_at(link, follow=True))
    assert followed is not None
    assert followed.is_file
    assert not trail.told


@every_operation
def test_what_is_hidden_is_not_there_for_who_looks_and_denied_to_who_changes(
    operation: Operation,
) -> None:
    """Told the same of a place where nothing is, and never of the root."""
    who = account("allow-full-control", "/here*, deny-full-control", hide_denied_entries=True)
    files, trail = tree(), Trail()
    reason = Reason.NOT_FOUND if operation in LOOKING else Reason.DENIED
    told = []
    for top in (HERE, VPath.parse("/here-is-nothing")):
        with pytest.raises(Refused) as raised:
            run(ACTS[operation](session(account_=who, files=files, trail=trail), top))
        assert raised.value.reason is reason
        told.append(raised.value.details)
    assert told[0] == told[1]
    assert trail.events == [FAILED[operation]] * 2
    nothing = account("deny-full-control", hide_denied_entries=True)
    with refused(Reason.DENIED):
        run(session(account_=nothing).stat(VPath()))


@pytest.mark.parametrize("name", ["file", "full", "nothing"])
def test_a_rule_is_about_a_path_whatever_is_there(name: str) -> None:
    peer = session("allow-full-control", f"/here/{name}, allow-write")
    for operation in (peer.stat, peer.remove, peer.remove_directory, peer.make_directory):
        with refused(Reason.DENIED):
            run(operation(HERE.child(name)))
