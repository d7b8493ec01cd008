"""What the uploads of an account must pass is what all its groups together ask for."""

from pathlib import Path
from typing import Any

import pytest

from mft.auth.inspected import NO_DEMANDS, TYPES, InspectedOptions, demands_of
from mft.config.kinds import Context
from mft.resources.registry import RESOURCES

PLACE = "mft.resources.inspection"


def group(**given: Any) -> InspectedOptions:
    return InspectedOptions.model_validate({"name": "g", **given})


def test_a_group_asks_for_nothing_unless_it_says_so() -> None:
    assert demands_of([group(), group(quarantine_folder="/q")]) == NO_DEMANDS


def test_inspections_of_several_groups_add_up_and_the_stricter_word_counts() -> None:
    first = group(inspections="a, b", inspection_failure="open", tell_passed_inspections="no")
    second = group(inspections="b, c", quarantine_folder="/q", inspection_message="Ask us")
    both = demands_of([first, second, group(inspection_failure="open")])
    assert both.inspections == ("a", "b", "c")
    assert not both.fails_open
    assert (both.quarantine, both.message, both.tell_passed) == ("/q", "Ask us", True)
    alone = demands_of([first])
    assert alone.fails_open
    assert not alone.tell_passed


@pytest.mark.parametrize("message", ["two\nlines", "x" * 201, "\x1b[2J"])
def test_a_message_fits_into_one_line_of_any_protocol(message: str) -> None:
    with pytest.raises(ValueError, match="is not one line"):
        group(inspection_message=message)


def test_a_quarantine_must_be_possible(tmp_path: Path) -> None:
    def told(path: Path) -> list[tuple[str, bool]]:
        wrongs = group(quarantine_folder=str(path)).check(Context(tmp_path))
        return [(one.sentence, one.mild) for one in wrongs]

    (tmp_path / "file").touch()
    (tmp_path / "wide").mkdir(mode=0o755)
    (tmp_path / "own").mkdir(mode=0o700)
    assert told(tmp_path / "own") == told(tmp_path / "later") == []
    assert told(tmp_path / "file") == [("is not a folder", False)]
    assert "the folder above is missing" in told(tmp_path / "a" / "b")[0][0]
    ((sentence, mild),) = told(tmp_path / "wide")
    assert mild
    assert "chmod 700" in sentence


def test_every_inspection_is_a_type_of_resource() -> None:
    assert set(TYPES) <= RESOURCES.keys()
    inspections = {name for name in RESOURCES if RESOURCES[name].options.__module__ == PLACE}
    assert set(TYPES) == inspections
