"""What `mft explain` says of an operation is what the gate does, whatever the rules are."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.auth.account import Account
from mft.auth.inheritance import Membership, build_account
from mft.auth.permissions import LOOKS, ListMode, Operation, Permission, Rules
from mft.cli.explain import OPERATIONS, explain
from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.session.looking import ENTERING
from mft.session.session import Session
from mft.vfs.base import Attributes, Existing
from mft.vfs.memory import MemoryFileSystem
from mft.vfs.mounts import MountedFileSystem
from tests.fakes.accounts import PEER, account, group
from tests.fakes.files import put
from tests.fakes.run import run
from tests.fakes.sessions import session, shape, tree
from tests.fakes.trail import Trail

EXPRESSIONS = (
    "/here",
    "/here/*",
    "/HERE*",
    "*.csv",
    "*",
    "/${USER}/*",
    "/${USER}*|*/file",
    "!/here/*",
    "g/*file/",
    "m/^.here/",
    "m/FILE$/i",
    "e/^.there/",
    "e/${USER}/i",
    "/team-?",
    "/team-[ab]/*",
)
PLACES = ("/", "/here", "/there", "/ann", "/team-a", "/team-b", "/here/full")
NAMES = ("file", "new", "link", "a.csv", "empty")
MEMBERS = ("a", "b", "c")

permissions = st.lists(st.sampled_from([one.value for one in Permission]), min_size=1, max_size=3)
paths = st.tuples(st.sampled_from(PLACES), st.sampled_from(("", *NAMES))).map(
    lambda found: VPath.parse("/".join(found))
)


@st.composite
def lines(draw: st.DrawFn) -> str:
    """The `permissions` of an account or a group."""
    by_path = st.tuples(st.sampled_from(EXPRESSIONS), permissions)
    found = draw(st.lists(by_path, max_size=3))
    rest = [", ".join([expression, *names]) for expression, names in found]
    return "\n".join([", ".join(draw(permissions)), *rest])


class Drawn(NamedTuple):
    """The options of an account and of its groups, as text."""

    options: dict[str, str]
    groups: dict[str, dict[str, str]]

    def member(self) -> Membership:
        """The account with its groups."""
        groups = {uuid: group(f"team {uuid}", **given) for uuid, given in self.groups.items()}
        return Membership.of("id-ann", account(**self.options), groups)


@st.composite
def accounts(draw: st.DrawFn) -> Drawn:
    """An account in one to three groups, with virtual folders of some of them."""
    chosen = draw(st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=3, unique=True))
    groups = {}
    for uuid in chosen:
        groups[uuid] = {"permissions": draw(lines())}
        if draw(st.booleans()):
            groups[uuid]["virtual_folders"] = f"/team-{uuid}, /srv/${{USER}}/{uuid}"
    options = {
        "group": ", ".join(chosen),
        "hide_denied_entries": draw(st.sampled_from(("yes", "no"))),
        "permissions": draw(st.just("inherit") | st.just("inherit") | lines()),
    }
    return Drawn(options, groups)


def opened(account_: Account) -> tuple[Session, list[MemoryFileSystem]]:
    """A session of the account, over a home and its virtual folders; and what they hold."""
    home = tree()
    run(home.make_directory(VPath.parse("/ann")))
    put(home, VPath.parse("/ann/file"), b"mine")
    mounted = {where: tree() for where, _ in account_.virtual_folders}
    for files in mounted.values():
        put(files, VPath.parse("/a.csv"), b"shared")
    over = MountedFileSystem(home, mounted) if mounted else home
    return session(files=over, account_=account_, trail=Trail()), [home, *mounted.values()]


async def read(peer: Session, path: VPath) -> None:
    async with await peer.download(path):
        return


async def write(peer: Session, path: VPath) -> None:
    async with await peer.upload(path, Existing.REPLACE):
        return


async def listed(peer: Session, path: VPath) -> None:
    await (await peer.list(path)).close()


async def rename(peer: Session, path: VPath) -> None:
    await peer.rename(path, path, replace=True)


ACTS: dict[Operation, Callable[[Session, VPath], Coroutine[Any, Any, object]]] = {
    Operation.READ: read,
    Operation.READ_ATTRIBUTES: lambda peer, path: peer.usage(path),
    Operation.LIST: listed,
    Operation.TRAVERSE: lambda peer, path: peer.enter(path),
    Operation.READ_LINK: lambda peer, path: peer.read_link(path),
    Operation.WRITE: write,
    Operation.CREATE_FOLDER: lambda peer, path: peer.make_directory(path),
    Operation.RENAME: rename,
    Operation.DELETE_FILE: lambda peer, path: peer.remove(path),
    Operation.DELETE_FOLDER: lambda peer, path: peer.remove_directory(path),
    Operation.SET_ATTRIBUTES: lambda peer, path: peer.change(path, Attributes(mode=0o600)),
    Operation.MAKE_LINK: lambda peer, path: peer.make_link(path, "file"),
}


def explained(rules: Rules, operation: Operation, path: VPath) -> bool:
    """Whether what `mft explain` prints lets it through; its answers agree with each other."""
    decision = rules.decide(operation, path)
    assert rules.explain(operation, path)[-1].rule is decision.rule
    assert rules.allow(operation, path) is decision.allowed
    if operation is Operation.LIST:
        return rules.list_mode(path) is not ListMode.NONE  # which it says as well
    if operation is Operation.TRAVERSE:
        return any(rules.decide(one, path).allowed for one in ENTERING)
    if operation is Operation.MAKE_LINK and rules.by_path:
        return False
    return decision.allowed


def barred(peer: Session, operation: Operation, path: VPath) -> Refused | None:
    """The gate's own refusal, if there is one; what is not there is no matter of rules."""
    try:
        run(ACTS[operation](peer, path))
    except Refused as refused:
        ours = refused.details.startswith(("group ", "account ", "links could lead"))
        return refused if ours else None
    return None


def test_no_operation_is_without_an_act() -> None:
    assert set(ACTS) == set(OPERATIONS.values())


@settings(max_examples=100)
@given(accounts(), st.lists(paths, min_size=1, max_size=4), st.data())
def test_the_gate_does_what_is_explained(drawn: Drawn, where: list[VPath], data: Any) -> None:
    member = drawn.member()
    built = build_account(member, PEER)
    peer, files = opened(built)
    for path in where:
        operation = data.draw(st.sampled_from(list(Operation)))
        before = [shape(one) for one in files]
        refused = barred(peer, operation, path)
        assert (refused is None) is explained(member.rules(), operation, path), operation
        if refused is not None:
            hidden = operation in LOOKS and built.hides(path)
            assert refused.reason is (Reason.NOT_FOUND if hidden else Reason.DENIED)
            assert [shape(one) for one in files] == before


@settings(max_examples=60)
@given(accounts(), st.sampled_from(PLACES))
def test_a_listing_shows_what_may_be_seen_and_nothing_else(drawn: Drawn, place: str) -> None:
    member = drawn.member()
    built = build_account(member, PEER)
    peer, _ = opened(built)
    everything, _ = opened(build_account(_all_powerful(drawn).member(), PEER))
    path = VPath.parse(place)
    rules, mode = member.rules(), member.rules().list_mode(path)
    shown = _names(peer, path)
    if mode is ListMode.NONE:
        assert shown == {}
        return
    assert shown == {
        name: is_folder
        for name, is_folder in _names(everything, path).items()
        if (is_folder or mode is ListMode.FULL)
        and (
            not built.hide_denied_entries
            or any(rules.decide(one, path.child(name)).allowed for one in Operation)
        )
    }


def _all_powerful(drawn: Drawn) -> Drawn:
    options = {"permissions": "allow-full-control", "hide_denied_entries": "no"}
    return drawn._replace(options={**drawn.options, **options})


def _names(peer: Session, path: VPath) -> dict[str, bool]:
    async def all_of() -> dict[str, bool]:
        listing, found = await peer.list(path), {}
        while entries := await listing.batch():
            found.update({entry.name: entry.is_directory for entry in entries})
        return found

    try:
        return run(all_of())
    except Refused:
        return {}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance whose accounts have a home."""
    directory = tmp_path_factory.mktemp("mft")
    for folder in ("conf", "data"):
        (directory / folder).mkdir()
    return directory


@settings(max_examples=20)
@given(drawn=accounts(), path=paths, operation=st.sampled_from(list(OPERATIONS)))
def test_the_command_answers_as_the_gate_does(
    home: Path, drawn: Drawn, path: VPath, operation: str
) -> None:
    file = home / "conf" / "server.ini"
    options = {**drawn.options, "name": "ann", "home_folder_path": str(home / "data")}
    sections = [_section("accounts/id-ann", options)]
    for uuid, given_ in drawn.groups.items():
        sections.append(_section(f"groups/{uuid}", {"name": f"team {uuid}", **given_}))
    file.write_text("\n".join(sections))
    answer = CliRunner().invoke(explain, ["-c", str(file), "ann", operation, str(path)])
    asked = OPERATIONS[operation]
    refused = barred(opened(build_account(drawn.member(), PEER))[0], asked, path)
    told = [line for line in answer.stdout.splitlines() if not line.startswith("Listings")]
    assert "folders only" in told[-1] or answer.exit_code == int(
        f"denied: {asked.value}" in told[-1]
    )
    if refused is None:
        others = {Operation.TRAVERSE: ENTERING, Operation.LIST: (Operation.TRAVERSE,)}
        rules = drawn.member().rules()
        assert answer.exit_code == 0 or any(
            rules.allow(one, path) for one in others.get(asked, ())
        ), answer.output
    elif "path rules" not in refused.details:
        assert answer.exit_code == 1, answer.output
        assert refused.details in answer.stdout or asked is Operation.LIST


def _section(title: str, options: dict[str, str]) -> str:
    lines_ = [f"{name} = {value}".replace("\n", "\n    ") for name, value in options.items()]
    return "\n".join([f"[{title}]", *lines_, ""])
