"""Files that other processes put into the source of a transfer that looks once an hour."""

import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from mft.events import catalogue as events
from tests.system.rig import Rig, until

# A user namespace of its own has limits of its own: what root sets there bounds this server only.
LIMITED = (
    "exec unshare --user --map-root-user sh -ec "
    '\'echo {value} > /proc/sys/user/max_inotify_{what}; exec "$@"\' sh "$@"'
)


def prepare(rig: Rig, **options: str) -> tuple[Path, Path]:
    """A transfer, and its two folders."""
    source, target = rig.directory.parent / "source", rig.directory.parent / "target"
    source.mkdir()
    target.mkdir()
    given = {
        "name": "on",
        "source_path": str(source),
        "destination_path": str(target),
        "recursive": "yes",
        "changes_poll_interval": "1h",
        "stable_interval": "0.3",
        **options,
    }
    rig.section("transfers/on-1", **given)
    return source, target


def looked(rig: Rig) -> int:
    """How often the number of files in the source has changed, as looks have seen it."""
    return sum(one["id"] == events.TRANSFER_SNAPSHOT.number for one in rig.trail.told)


def start(rig: Rig, before: str = "") -> None:
    """Start it, and wait for its first look."""
    rig.start(before=before)
    until(lambda: looked(rig) == 1, "the first look")


def copy(source: Path, *targets: Path) -> None:
    """Put a file somewhere, as another process does it, in two parts."""
    code = (
        "import sys, pathlib\n"
        "data = pathlib.Path(sys.argv[1]).read_bytes()\n"
        "for name in sys.argv[2:]:\n"
        "    with open(name, 'wb') as file:\n"
        "        file.write(data[:100]); file.flush(); file.write(data[100:])\n"
    )
    subprocess.run([sys.executable, "-c", code, source, *targets], check=True)


def found(folder: Path) -> dict[str, bytes]:
    """What is below a folder; files may go meanwhile."""
    there = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file() and not path.name.startswith("."):
                there[str(path.relative_to(folder))] = path.read_bytes()
    return there


def test_what_another_process_puts_there_is_sent_at_once(rig: Rig, tmp_path: Path) -> None:
    source, target = prepare(rig)
    data = tmp_path / "data"
    data.write_bytes(bytes(range(256)) * 1000)
    start(rig)
    copy(data, source / "a.csv")
    until(lambda: not found(source))
    (tmp_path / "far" / "one").mkdir(parents=True)
    copy(data, tmp_path / "far" / "b.csv", tmp_path / "far" / "one" / "c.csv")
    (tmp_path / "far").rename(source / "far")
    until(lambda: not found(source))
    copy(data, source / "far" / "one" / "d.csv")
    until(lambda: not found(source))
    shutil.rmtree(source)
    source.mkdir()
    copy(data, source / "e.csv")
    until(lambda: not found(source))
    sent = found(target)
    assert sorted(sent) == ["a.csv", "e.csv", "far/b.csv", "far/one/c.csv", "far/one/d.csv"]
    assert set(sent.values()) == {data.read_bytes()}
    assert "told at once" in rig.mft("transfer", "status", "on").stdout
    rig.stop()


def test_where_the_system_watches_no_more_folders_are_looked_at_as_often_as_ever(
    rig: Rig, tmp_path: Path
) -> None:
    source, target = prepare(rig, changes_poll_interval="1")
    names = [f"{number}" for number in range(8)]
    for name in names:
        (source / name).mkdir()
    data = tmp_path / "data"
    data.write_bytes(b"data")
    start(rig, LIMITED.format(value=4, what="watches"))
    (told,) = [one for one in rig.trail.told if one["id"] == events.TRANSFER_UNNOTICED.number]
    assert "fs.inotify.max_user_watches" in told["data"]["details"]
    copy(data, *(source / name / "a.csv" for name in names))
    until(lambda: not found(source))
    assert sorted(found(target)) == [f"{name}/a.csv" for name in names]
    rig.stop()


def test_where_the_system_tells_nothing_the_source_is_looked_at_as_often_as_ever(
    rig: Rig, tmp_path: Path
) -> None:
    source, target = prepare(rig, changes_poll_interval="1")
    data = tmp_path / "data"
    data.write_bytes(b"data")
    start(rig, LIMITED.format(value=0, what="instances"))
    (told,) = [one for one in rig.trail.told if one["id"] == events.TRANSFER_UNNOTICED.number]
    assert "fs.inotify.max_user_instances" in told["data"]["details"]
    copy(data, source / "a.csv")
    until(lambda: not found(source))
    assert found(target) == {"a.csv": b"data"}
    rig.stop()
