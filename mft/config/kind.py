"""Kind: how an option's text becomes a value, and what is told when it cannot.

A reader is a function of the text and the Context; it returns the value or raises Wrong, whose
sentence continues `option = "value"`: "is not a duration such as 30 or 5m". A value that is no
text is taken as it is, so that code and tests may build options from values.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")


class Context(NamedTuple):
    """What readers may know beside the text: the instance folder, where relative paths begin."""

    directory: Path


class Wrong(ValueError):  # noqa: N818 - it says what is wrong with a value
    """A value that cannot be used; the sentence continues `option = "value"`.

    `part` is the piece of a long value to show instead of all of it; `line` counts lines down
    from the first line of the value (None: the option's own line); `option` is set only where
    it is not the one being read, such as by a section's own `check`. A `mild` one is a warning.
    """

    def __init__(
        self,
        sentence: str,
        part: str | None = None,
        line: int | None = None,
        option: str = "",
        mild: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.part = part
        self.line = line
        self.option = option
        self.mild = mild


class Wrongs(ValueError):  # noqa: N818 - several of them
    """Everything wrong with one value, such as each bad line of a list."""

    def __init__(self, each: Iterable[Wrong]) -> None:
        self.each = tuple(each)
        super().__init__("; ".join(wrong.sentence for wrong in self.each))


def plain(value: object) -> str:
    """Write a value as its reader takes it: Yes and No, items between commas."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, tuple):
        return ", ".join(_quoted(plain(item)) for item in value)
    if isinstance(value, frozenset):
        return plain(tuple(sorted(value)))
    return "" if value is None else str(value)


def _quoted(item: str) -> str:
    bare = "," not in item and not item.startswith('"') and item.splitlines() == [item.strip()]
    return item if bare else '"' + item.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: its name and examples for people, and the reader of its text.

    `write` is the reader's inverse, for the values that options have by default.
    """

    name: str
    examples: str
    read: Callable[[str, Context | None], object]
    secret: bool = False
    write: Callable[[Any], str] = plain
    family: str = ""  # of the sections whose IDs the value names (Ref and Refs)
    types: tuple[str, ...] = ()  # that those sections may have; empty: any
    # Of values that name files: those that belong to the configuration (mft.config.named_files).
    files: Callable[[Any], Iterable[Path]] | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Tell pydantic to use this reader for text, and to take any other value as it is."""

        def take(value: object, info: core_schema.ValidationInfo) -> object:
            if not isinstance(value, str):
                return value
            context = info.context if isinstance(info.context, Context) else None
            return self.read(value, context)

        return core_schema.with_info_plain_validator_function(take)


def each_line(text: str, read: Callable[[str], T]) -> tuple[T, ...]:
    """Read every line that is neither blank nor a comment (`;`, `#`).

    Raises Wrongs with everything that is wrong, each by its line.
    """
    values: list[T] = []
    wrongs: list[Wrong] = []
    for number, line in enumerate(text.split("\n")):
        if not line.strip() or line.lstrip()[0] in ";#":
            continue
        try:
            values.append(read(line.strip()))
        except Wrong as wrong:
            wrongs.append(Wrong(wrong.sentence, wrong.part or line.strip(), number))
    if wrongs:
        raise Wrongs(wrongs)
    return tuple(values)


def kinds_of(metadata: Sequence[object], annotation: object) -> tuple[Kind, ...]:
    """Find the kinds in a field's metadata and annotation, outermost first."""
    found = [item for item in metadata if isinstance(item, Kind)]
    for inner in (*getattr(annotation, "__metadata__", ()), *getattr(annotation, "__args__", ())):
        found += [inner] if isinstance(inner, Kind) else kinds_of((), inner)
    return tuple(found)
