"""Triggers: words that a client says to files, for whoever acts on the event."""

from collections.abc import Iterable
from typing import Annotated, Final, NamedTuple

from mft.auth.account import Account
from mft.config.kinds import Context, Kind, Wrong, each_line

COLOURS: Final = ("primary", "info", "success", "warning", "danger", "inverse")
MAX_TRIGGERS: Final = 20
MAX_LABEL: Final = 50  # characters


class Trigger(NamedTuple):
    """One of them: what its button says, how it looks, and the ID of the group that has it."""

    label: str
    colour: str
    group: str = ""  # empty: everybody

    def is_for(self, account: Account) -> bool:
        """Whether an account may say it."""
        return not self.group or self.group in account.groups


def triggers_of(account: Account, triggers: Iterable[Trigger]) -> dict[str, Trigger]:
    """Those that an account may say, by their labels."""
    return {one.label: one for one in triggers if one.is_for(account)}


def _trigger(line: str) -> Trigger:
    parts = [part.strip() for part in line.split(",")]
    if len(parts) not in (2, 3) or not all(parts):
        raise Wrong("is not a label, a colour and perhaps the ID of a group, between commas")
    found = Trigger(*parts)
    if len(found.label) > MAX_LABEL or not found.label.isprintable():
        raise Wrong(f"has a label of more than {MAX_LABEL} characters, or of unprintable ones")
    if found.colour not in COLOURS:
        raise Wrong(f"has a colour other than {', '.join(COLOURS)}")
    return found


def _triggers(text: str, context: Context | None) -> tuple[Trigger, ...]:
    found = each_line(text, _trigger)
    if len(found) > MAX_TRIGGERS:
        raise Wrong(f"has more than {MAX_TRIGGERS} triggers", found[0].label)
    labels = [one.label for one in found]
    for label in labels:
        if labels.count(label) > 1:
            raise Wrong("has a label twice", label)
    return found


def _text(triggers: tuple[Trigger, ...]) -> str:
    return "\n".join(", ".join(part for part in one if part) for one in triggers)


Triggers = Annotated[
    tuple[Trigger, ...],
    Kind(
        "lines of a label, a colour and perhaps a group's ID",
        "Release, success",
        _triggers,
        write=_text,
    ),
]
