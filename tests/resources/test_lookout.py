"""What a lookout keeps in mind; what is told is tested with the monitor."""

from pathlib import Path

from mft.config.kinds import Context
from mft.resources.lookout import Lookout
from mft.resources.monitor_options import MonitorOptions


def test_nothing_is_kept_in_mind_of_files_that_are_gone_or_have_another_name(
    tmp_path: Path,
) -> None:
    given = {
        "name": "inbox",
        "type": "monitor",
        "source_path": str(tmp_path),
        "recursive": "yes",
        "stable_interval": "25",
        "file_age_notification": "60",
    }
    lookout = Lookout(MonitorOptions.model_validate(given, context=Context(tmp_path)))
    sub = tmp_path / "sub0"
    sub.mkdir()
    lookout.look(1.9e9)
    for number in range(1, 20):
        (sub / f"kept{number}").touch()
        (sub / f"gone{number - 1}").unlink(missing_ok=True)
        (sub / f"gone{number}").touch()
        sub = sub.rename(tmp_path / f"sub{number}")
        lookout.look(1.9e9 + 20 * number)
    names = {f"kept{number}" for number in range(1, 20)} | {"gone19"}
    assert set(lookout._pending) <= {(sub.name, name) for name in names}
    assert set(lookout._aged) == {(sub.name, name) for name in names}
