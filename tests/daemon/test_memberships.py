"""In which groups an account is, and that a restart does not forget it."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.auth.account import Account
from mft.auth.permissions import Rules
from mft.daemon import memberships as module
from mft.daemon.load import Config
from mft.daemon.memberships import (
    FILE,
    MAX_SIZE,
    Addresses,
    Memberships,
    groups_of,
    read_memberships,
)
from mft.events import catalogue as events
from tests.fakes.daemons import Instance
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

ACCOUNT = (
    "[accounts/id-1]\nname = bob\ngroup = DEFAULT_GROUP\n"
    "home_folder_path = HOME/bob\ncreate_home_folder = yes\n"
)


def of(uuid: str, *groups: str) -> Account:
    return Account(uuid, "bob", "/", Rules(()), groups=groups)


class Kept(Memberships):
    """The memberships of one instance, and what is told of them."""

    def __init__(self, instance: Instance, *sections: str) -> None:
        config: Any = instance.config(*sections)
        instance.state.mkdir(exist_ok=True)
        self.trail: Any = Trail()
        self.path = instance.state / FILE
        super().__init__(instance.state, Inline(), self.trail, lambda: config)


def test_the_configuration_goes_first_and_nothing_is_kept_of_its_accounts(
    instance: Instance,
) -> None:
    groups = Kept(instance, ACCOUNT)
    groups.seen(of("id-1", "OLD"))
    assert list(groups("id-1")) == ["DEFAULT_GROUP"]
    run(groups.save())
    assert not groups.path.exists()


def test_accounts_of_other_systems_are_known_from_their_login_on(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = Kept(instance)
    assert list(groups("x-1")) == list(groups("")) == []
    groups.seen(of("x-1", "A", "B"))
    assert list(groups("x-1")) == ["A", "B"]
    monkeypatch.setattr(module, "MAX_KEPT", 2)
    for uuid in ("x-2", "x-1", "x-3"):
        groups.seen(of(uuid, "C"))
    assert [list(groups(one)) for one in ("x-1", "x-2", "x-3")] == [["C"], [], ["C"]]


def test_they_are_known_after_a_restart(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = Kept(instance)
    for uuid in ("x-1", "x-2", "x-1"):
        groups.seen(of(uuid, "A", "B"))
    run(groups.save())
    later = Kept(instance)
    assert list(later("x-1")) == ["A", "B"]
    assert later.trail.told == []
    monkeypatch.setattr(module, "MAX_KEPT", 1)
    later = Kept(instance)
    assert [list(later(one)) for one in ("x-1", "x-2")] == [["A", "B"], []]


def test_only_groups_that_have_changed_are_written(instance: Instance) -> None:
    groups = Kept(instance)
    groups.seen(of("x-1", "A"))
    run(groups.save())
    groups.path.unlink()
    groups.seen(of("x-1", "A"))
    run(groups.save())
    assert not groups.path.exists()
    groups.seen(of("x-1", "B"))
    run(groups.save())
    assert read_memberships(groups.path) == {"x-1": ("B",)}


def test_who_logs_in_while_they_are_written_is_written_next(instance: Instance) -> None:
    groups = Kept(instance)
    gate: Deferred[None] = Deferred()
    disk: Any = groups._file._disk

    async def slow(*given: Any) -> None:
        await gate
        await disk(*given)

    groups._file._disk = slow  # type: ignore[assignment]  # one that takes its time
    groups.seen(of("x-1", "A"))
    saving = Deferred.fromCoroutine(groups.save())
    groups.seen(of("x-2", "A"))
    gate.callback(None)
    assert saving.called
    assert list(read_memberships(groups.path)) == ["x-1"]
    run(groups.save())
    assert list(read_memberships(groups.path)) == ["x-1", "x-2"]


def test_addresses_are_gathered_once_for_each_configuration(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = [instance.config(ACCOUNT + f"email = bob@{n}.example\n") for n in (1, 2)]
    asked: list[str] = []

    def addresses_of(config: Config, identifier: str) -> tuple[str, ...]:
        asked.append(identifier)
        return of_config(config, identifier)

    of_config = module.addresses_of
    monkeypatch.setattr(module, "addresses_of", addresses_of)
    known = Addresses(lambda: configs[0])
    assert known("DEFAULT_GROUP") == known("DEFAULT_GROUP") == ("bob@1.example",)
    assert known("nobody") == known("nobody") == ()
    assert asked == ["DEFAULT_GROUP", "nobody"]
    del configs[0]  # a reload
    assert known("DEFAULT_GROUP") == ("bob@2.example",)


BROKEN = {
    "no JSON": b'{"x-1": [',
    "a list": b"[1]",
    "no groups": b'{"x-1": "A"}',
    "numbers": b'{"x-1": [1]}',
    "too much": b" " * (MAX_SIZE + 1),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_damaged_file_is_told_put_aside_and_counts_as_none(instance: Instance, kind: str) -> None:
    instance.state.mkdir()
    (instance.state / FILE).write_bytes(BROKEN[kind])
    groups = Kept(instance)
    (told,) = groups.trail.told
    assert told.event is events.MEMBERSHIPS_UNREADABLE
    assert list(groups("x-1")) == []
    assert (instance.state / f"{FILE}.damaged").read_bytes() == BROKEN[kind]


def test_what_cannot_be_written_is_told_once_and_tried_again(instance: Instance) -> None:
    groups = Kept(instance)
    instance.state.rmdir()
    groups.seen(of("x-1", "A"))
    for _ in range(2):
        run(groups.save())
    (told,) = groups.trail.told
    assert told.event is events.MEMBERSHIPS_UNWRITTEN
    instance.state.mkdir()
    run(groups.save())
    assert read_memberships(groups.path) == {"x-1": ("A",)}


def test_a_file_that_is_not_there_knows_nobody(tmp_path: Path, instance: Instance) -> None:
    known = read_memberships(tmp_path / FILE)
    assert groups_of(instance.config(), known, "x-1") == ()
