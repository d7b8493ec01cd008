"""What was replaced is kept, for a while."""

from functools import partial
from pathlib import Path

from mft.daemon.archives.replaced import FOLDER, KEPT, keep


def test_files_are_kept_by_their_paths_and_modes(tmp_path: Path) -> None:
    instance, other = tmp_path / "instance", tmp_path / "other"
    for place in (instance / "conf/keys/k", other / "scan.sh"):
        place.parent.mkdir(parents=True)
        place.write_text("old")
        place.chmod(0o640)
    folder = keep(instance, [instance / "conf/keys/k", other / "scan.sh"], None, clock=lambda: 1e9)
    assert folder == instance / FOLDER / "2001-09-09T01-46-40Z"
    assert (folder / "conf/keys/k").read_text() == "old"
    assert (folder / "conf/keys/k").stat().st_mode & 0o777 == 0o640
    assert (folder / f"outside{other}/scan.sh").read_text() == "old"
    for above in (folder, folder.parent, folder / "conf"):
        assert above.stat().st_mode & 0o777 == 0o700


def test_nothing_is_kept_of_nothing(tmp_path: Path) -> None:
    assert keep(tmp_path, [], None) is None
    assert list(tmp_path.iterdir()) == []


def test_the_last_few_are_kept_also_of_one_second(tmp_path: Path) -> None:
    place = tmp_path / "a.ini"
    made = []
    for number in range(KEPT + 3):
        place.write_text(str(number))
        made.append(keep(tmp_path, [place], None, clock=partial(float, 1e9 + number // 2 * 2)))
    assert sorted((tmp_path / FOLDER).iterdir()) == made[3:]
    last = made[-1]
    assert last is not None
    assert (last / "a.ini").read_text() == str(KEPT + 2)
