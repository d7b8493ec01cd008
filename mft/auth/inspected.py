"""The options of a group that say what the uploads of its members must pass."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

from mft.config.kinds import AbsolutePath, Context, Kind, Maybe, Wrong, YesNo, references
from mft.config.section import NamedSection, option

TYPES: Final = ("digital-signature-validation", "content-check", "clamav", "inspection-program")
MAX_MESSAGE: Final = 200  # characters: one line of any protocol


def _message(text: str, context: Context | None) -> str:
    line = text.strip()
    if len(line) > MAX_MESSAGE or not line.isprintable():
        raise Wrong(f"is not one line of at most {MAX_MESSAGE} characters")
    return line


class InspectedOptions(NamedSection):
    """What uploads must pass before anybody sees them."""

    inspections: Annotated[tuple[str, ...], references("resources", *TYPES)] = option(
        "The IDs of the inspections that an upload of a member must pass before it is under its "
        "name, in this order. Those of several groups of an account add up.",
        (),
        examples=["antivirus, no-card-numbers"],
        ours=True,
    )
    inspection_failure: Literal["closed", "open"] = option(
        "What happens when an inspection cannot be made. `closed`: the upload is refused, and kept "
        "for its owner to try again. `open`: it is let through, and an event tells.",
        "closed",
        ours=True,
    )
    quarantine_folder: Maybe[AbsolutePath] = option(
        "The folder for uploads that are rejected; `mft quarantine` shows it. It is made when it "
        "is missing. Empty: they are deleted.",
        None,
        examples=["/srv/mft-quarantine"],
        ours=True,
    )
    inspection_message: Annotated[str, Kind("text", "", _message)] = option(
        "What the sender of a rejected file is told beside the refusal.",
        "",
        examples=["Files with card numbers stay here. Questions: security@example.com"],
        ours=True,
    )
    tell_passed_inspections: YesNo = option(
        "Whether there is an event for each inspection that an upload has passed.",
        True,
        ours=True,
    )

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of a quarantine that others can look into, or that is no folder."""
        yield from super().check(context)
        folder = self.quarantine_folder
        if folder is None:
            return
        if folder.exists() and not folder.is_dir():
            yield Wrong("is not a folder", option="quarantine_folder")
        elif folder.is_dir() and folder.stat().st_mode & 0o077:
            sentence = "can be listed by other accounts of this machine: chmod 700"
            yield Wrong(sentence, option="quarantine_folder", mild=True)
        elif not folder.exists() and not folder.parent.is_dir():
            yield Wrong("cannot be made: the folder above is missing", option="quarantine_folder")


class Demands(NamedTuple):
    """What the uploads of one account must pass, by all its groups together."""

    inspections: tuple[str, ...] = ()  # IDs, in order
    fails_open: bool = False  # what cannot be inspected comes in
    quarantine: str = ""  # a folder; empty: what is rejected is deleted
    message: str = ""  # for the sender of what is rejected
    tell_passed: bool = True


NO_DEMANDS: Final = Demands()


def demands_of(groups: Iterable[InspectedOptions]) -> Demands:
    """Add up groups, the primary one first: the stricter word counts, and the first folder."""
    asking = [group for group in groups if group.inspections]
    if not asking:
        return NO_DEMANDS
    folders: list[Path | None] = [group.quarantine_folder for group in asking]
    return Demands(
        tuple(dict.fromkeys(one for group in asking for one in group.inspections)),
        fails_open=all(group.inspection_failure == "open" for group in asking),
        quarantine=next((str(folder) for folder in folders if folder is not None), ""),
        message=next(
            (group.inspection_message for group in asking if group.inspection_message), ""
        ),
        tell_passed=any(group.tell_passed_inspections for group in asking),
    )
