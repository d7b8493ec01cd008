"""The options of a transfer."""

from pathlib import Path
from typing import Any

import pytest

from mft.config.ini import read
from mft.config.kinds import Context
from mft.config.problem import Problem
from mft.config.section import check_section, read_section
from mft.transfers.options import TransferOptions

CONTEXT = Context(Path("/instance"))
LEAST = {"name": "out", "source_path": "/srv/out", "destination_path": "in"}


def options(**given: str) -> TransferOptions:
    return TransferOptions.model_validate({**LEAST, **given}, context=CONTEXT)


def problems(tmp_path: Path, **given: str) -> list[str]:
    """Everything that is wrong with a section."""
    lines = [f"{name} = {text}" for name, text in {**LEAST, **given}.items() if text != "-"]
    file = tmp_path / "server.ini"
    file.write_text("[transfers/one]\n" + "\n".join(lines) + "\n")
    found: list[Problem] = []
    (raw,) = read(file, found).values()
    made = read_section(TransferOptions, raw, CONTEXT, found)
    if made is not None:
        check_section(made, raw, CONTEXT, found)
    return [str(one) for one in found]


def test_the_least_that_must_be_given_is_a_name_and_two_folders(tmp_path):
    found = options()
    assert (found.source_uuid, found.destination_uuid) == (None, None)
    assert found.destination_temporary_suffix == ".part"
    assert found.concurrent_files == 4
    assert found.delete_source_on_success
    assert problems(tmp_path, source_uuid="partner-1") == []


@pytest.mark.parametrize("word", ["local", "LOCAL", "", "DEFAULT-LOCAL-FILESYSTEM"])
def test_this_machine_has_a_name(word):
    assert options(source_uuid=word).source_uuid is None


@pytest.mark.parametrize(("old", "deleted"), [("copy", False), ("Move", True), ("monitor", False)])
def test_an_old_type_says_whether_the_source_goes(tmp_path, old, deleted):
    file = tmp_path / "server.ini"
    lines = "".join(f"{name} = {text}\n" for name, text in {**LEAST, "type": old}.items())
    file.write_text(f"[transfers/one]\n{lines}")
    found: list[Problem] = []
    (raw,) = read(file, found).values()
    made = read_section(TransferOptions, raw, CONTEXT, found)
    assert made is not None
    assert made.delete_source_on_success is deleted
    assert not any(one.is_error for one in found)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"source_path": "-"}, 'needs "source_path"'),
        ({"source_path": "a/../b"}, "not a folder"),
        ({"source_filter": "m/[/"}, "cannot be matched"),
        ({"destination_temporary_suffix": "a/b"}, "not the end of a file name"),
        ({"destination_path_actions": "*, lowercas"}, 'did you mean "lowercase"'),
        ({"destination_content_actions": "*, utf-8"}, "not a conversion"),
        ({"overwrite_rule": "maybe"}, "is not one of"),
        ({"schedule": "8-start"}, "not a time such as"),
        ({"schedule": "cron 1 2"}, "not a cron expression"),
        ({"concurrent_files": "0"}, "from 1 to 64"),
        ({"execute_before": "scan --now"}, "whole path"),
        ({"execute_before": "/bin/scan 'a"}, "cannot be split"),
        ({"execute_on_destination_before": "format c"}, "no command"),
        ({"batch_marker_path": "m/(/"}, "cannot be matched"),
        ({"destination_path": "/srv/out"}, "is the source"),
        ({"recursive": "yes", "destination_path": "/srv/out/done"}, "is the source, or below"),
        ({"archive_success_path": "/srv/out"}, "would send it again"),
        (
            {"archive_success_path": "/srv", "archive_retention_period": "30d"},
            "has source_path in it, whose files archive_retention_period removes",
        ),
        (
            {
                "archive_failure_path": "in",
                "archive_location_uuid": "partner-1",
                "destination_uuid": "partner-1",
                "destination_path": "in/new",
                "archive_retention_period": "30d",
            },
            "has destination_path in it",
        ),
        ({"destination_temporary_suffix": "none"}, "shows parts of files"),
        ({"transfer_chunk_size": "1"}, "is less than 4096 bytes"),
        ({"cluster_activation": "all"}, "has no effect here"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, given: dict[str, Any], sentence):
    found = problems(tmp_path, **given)
    assert len(found) == 1
    assert sentence in found[0]


def test_a_folder_beside_the_source_may_be_the_destination(tmp_path):
    assert problems(tmp_path, destination_path="/srv/out2", recursive="yes") == []
    assert problems(tmp_path, destination_path="/srv/out/done") == []  # it is not looked at
    assert problems(tmp_path, destination_path="/srv/out", destination_uuid="partner-1") == []


def test_a_file_rests_at_least_until_the_next_look():
    assert options(stable_interval="5", changes_poll_interval="10").stable_after == 11
    assert options(stable_interval="0").stable_after == 0
    assert options(stable_interval="20").stable_after == 20


def test_values_are_written_as_they_are_read():
    given = {
        "schedule": "08:00-start, 18:00-stop",
        "destination_path_actions": "*.csv, lowercase\n*, no-action",
        "execute_before": "/bin/scan 'a b'",
        "execute_on_destination_before": "mkdir a; delete b",
    }
    found = options(**given)
    assert [one.action for one in found.destination_path_actions] == ["lowercase", "no-action"]
    assert found.execute_before == ("/bin/scan", "a b")
    assert [one.verb for one in found.execute_on_destination_before] == ["mkdir", "delete"]
