"""What was trusted when it was seen first is kept, on the disk, and nothing takes its place."""

import os
from pathlib import Path

import pytest

from mft.core.failure import Reason
from mft.daemon.state.first_seen import FOLDER, MAX_SIZE, FirstSeenFiles
from mft.events import catalogue as events
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

KEY = "SSH host key SHA256:AAAA"


@pytest.fixture
def trail() -> Trail:
    return Trail()


@pytest.fixture
def disk() -> Inline:
    return Inline()


@pytest.fixture
def seen(tmp_path: Path, disk: Inline, trail: Trail) -> FirstSeenFiles:
    return FirstSeenFiles(tmp_path, disk, trail, {"location-1": "acme"}.__getitem__)


def only_file(tmp_path: Path) -> Path:
    (found,) = (tmp_path / FOLDER).iterdir()
    return found


def test_what_is_kept_is_found_after_a_restart(
    seen: FirstSeenFiles, tmp_path: Path, disk: Inline, trail: Trail
) -> None:
    assert run(seen.of("location-1")) is None
    run(seen.keep("location-1", KEY))
    assert run(FirstSeenFiles(tmp_path, disk, trail, str).of("location-1")) == KEY
    assert run(seen.of("location-2")) is None
    assert trail.events == [events.LOCATION_FIRST_SEEN]
    assert trail.told[0].message.endswith(KEY)
    assert 'Location "acme"' in trail.told[0].message


def test_the_file_is_for_nobody_else(seen: FirstSeenFiles, tmp_path: Path) -> None:
    run(seen.keep("location-1", KEY))
    assert only_file(tmp_path).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / FOLDER).stat().st_mode & 0o777 == 0o700


def name_of(held: int) -> str:
    """The name of what is open, without what is behind its first dot."""
    return Path(os.readlink(f"/proc/self/fd/{held}")).name.split(".")[0]


def test_root_gives_nothing_away_that_is_elsewhere(
    seen: FirstSeenFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda held, *_: given.append(name_of(held)))
    monkeypatch.setattr(os, "chown", lambda path, *_: given.append(str(path)))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / FOLDER).symlink_to("elsewhere")
    with refused(Reason.BROKEN):
        run(seen.accept("location-1", KEY))
    assert given == []
    assert [*(tmp_path / "elsewhere").iterdir()] == []


def test_what_root_accepts_is_for_the_account_that_has_the_state(
    seen: FirstSeenFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, tuple[int, int]] = {}
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda held, *who: given.update({name_of(held): who}))
    run(seen.accept("location-1", KEY))
    status = tmp_path.stat()
    assert set(given) == {FOLDER, only_file(tmp_path).stem}
    assert set(given.values()) == {(status.st_uid, status.st_gid)}


def test_nobody_but_root_gives_anything_away(
    seen: FirstSeenFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.delattr(os, "fchown")
    run(seen.accept("location-1", KEY))
    assert run(seen.of("location-1")) == KEY


def test_every_call_that_touches_the_disk_may_wait_for_it(
    seen: FirstSeenFiles, disk: Inline
) -> None:
    run(seen.of("location-1"))
    assert disk.calls == 1


def test_the_first_stays_when_two_connections_are_the_first(
    seen: FirstSeenFiles, trail: Trail
) -> None:
    run(seen.keep("location-1", KEY))
    run(seen.keep("location-1", KEY))
    with refused(Reason.DENIED):
        run(seen.keep("location-1", "another"))
    assert run(seen.of("location-1")) == KEY
    assert len(trail.told) == 1


def test_an_administrator_may_accept_another(seen: FirstSeenFiles, tmp_path: Path) -> None:
    run(seen.keep("location-1", KEY))
    run(seen.accept("location-1", "another"))
    assert run(seen.of("location-1")) == "another"
    assert only_file(tmp_path).is_file()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        '{"location": "location-2", "identity": "x"}',
        '{"location": "location-1", "identity": 7}',
        '{"location": "location-1", "identity": ""}',
        '{"location": "location-1", "identity": "' + "x" * MAX_SIZE + '"}',
    ],
)
def test_what_cannot_be_read_trusts_nobody(seen: FirstSeenFiles, tmp_path: Path, text: str) -> None:
    run(seen.keep("location-1", KEY))
    only_file(tmp_path).write_text(text)
    with refused(Reason.BROKEN):
        run(seen.of("location-1"))
    with refused(Reason.BROKEN):
        run(seen.keep("location-1", KEY))
    run(seen.accept("location-1", KEY))
    assert run(seen.of("location-1")) == KEY


@pytest.mark.parametrize("shown", ["", "x" * MAX_SIZE])
def test_what_is_no_identity_is_not_kept(seen: FirstSeenFiles, shown: str) -> None:
    with refused(Reason.BROKEN):
        run(seen.keep("location-1", shown))


def test_what_cannot_be_written_is_not_trusted(seen: FirstSeenFiles, tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    with refused(Reason.BROKEN):
        run(seen.keep("location-1", KEY))


def test_what_a_killed_process_left_is_removed(seen: FirstSeenFiles, tmp_path: Path) -> None:
    run(seen.keep("location-1", KEY))
    kept = only_file(tmp_path)
    kept.with_name(f"{kept.name}.99999.new").write_text("half")
    run(seen.accept("location-1", KEY))
    assert only_file(tmp_path) == kept
