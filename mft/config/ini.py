"""The grammar of `server.ini`: text to sections and values that know their file and line.

Nothing here raises on what an administrator wrote: everything wrong becomes a Problem.

`[section]` and `option = value` (or `option: value`) begin at column 0. Indented lines continue
the value above; their common indentation is removed. `;` and `#` at column 0 begin a comment.
"""

import csv
import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from mft.config.problem import Problem, shown

MAX_FILE = 4 << 20  # bytes of one file; a million accounts belong in a directory server
MAX_PROBLEMS = 200  # of one file's grammar; what is no configuration at all is not read further

_HEADER = re.compile(r"\[\s*(\S.*?)\s*\]\s*")
_OPTION = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)\s*[=:](.*)", re.ASCII)


class Value(NamedTuple):
    """The text of one option and where it stands; continuation lines are joined by newlines.

    `numbers` are the lines of the file that the lines of the text stand on.
    """

    text: str
    file: str
    line: int
    numbers: tuple[int, ...] = ()

    def line_of(self, index: int) -> int:
        """Give the line of the file that a line of the text (from 0) stands on."""
        return self.numbers[index] if index < len(self.numbers) else self.line


@dataclass(frozen=True, slots=True)
class RawSection:
    """One `[section]`: its full name, where it begins, and its options in the order given."""

    name: str
    file: str
    line: int
    values: dict[str, Value] = field(default_factory=dict)


Document = dict[str, RawSection]  # by full name, in the order of the file


def split_commas(text: str) -> tuple[str, ...]:
    """Split at commas and line ends; an item in double quotes may hold commas.

    A quote inside a quoted item is doubled. Empty items are dropped. Raises ValueError for a
    quote that is never closed, or for text after a closing quote.
    """
    items: list[str] = []
    rows = csv.reader(text.strip().splitlines(keepends=True), skipinitialspace=True, strict=True)
    try:
        for row in rows:
            items += (item.strip() for item in row)
    except csv.Error:
        raise ValueError("a double quote is not closed, or not followed by a comma") from None
    return tuple(item for item in items if item)


def override_of(path: Path) -> Path:
    """Give the file that is merged on top: `server.override.ini` for `server.ini`."""
    return path.with_name(f"{path.stem}.override{path.suffix}")


def read(path: Path, problems: list[Problem], *, overridden: bool = True) -> Document:
    """Read a file and the override beside it, if there is one; problems are appended.

    Without `overridden` it is read as other nodes have it.
    """
    document = parse(_content(path, problems), path.name, problems)
    override = override_of(path)
    if overridden and override.exists():
        merge(document, parse(_content(override, problems), override.name, problems))
    return document


def merge(document: Document, override: Document) -> None:
    """Put the options of `override` in the place of the same ones; what is new is added."""
    for name, section in override.items():
        if name in document:
            document[name].values.update(section.values)
        else:
            document[name] = section


def _content(path: Path, problems: list[Problem]) -> bytes:
    try:
        if not path.is_file():
            remedy = "is not a file" if path.exists() else "does not exist"
            problems.append(Problem(path.name, 0, "", "", None, f"{remedy} ({path.parent})"))
            return b""
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        remedy = f"cannot be read: {error.strerror}"
        problems.append(Problem(path.name, 0, "", "", None, remedy))
        return b""
    if len(content) > MAX_FILE:
        remedy = f"is larger than {MAX_FILE >> 20} MiB"
        problems.append(Problem(path.name, 0, "", "", None, remedy))
        return b""
    return content


def parse(content: bytes, file: str, problems: list[Problem]) -> Document:
    """Read the text of one file; what is wrong is appended to `problems`, the rest is kept."""
    text = _text(content, file, problems)
    reader = _Reader(file, problems)
    most = len(problems) + MAX_PROBLEMS
    for number, line in enumerate(text.split("\n"), 1):
        reader.take(number, line.rstrip())
        if len(problems) >= most:
            reader.wrong(number, "the rest of the file was not read: too many problems")
            break
    reader.close()
    return reader.document


def _text(content: bytes, file: str, problems: list[Problem]) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problems.append(Problem(file, line, "", "", None, "is not UTF-8 text"))
        return ""
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        problems.append(Problem(file, line, "", "", None, "has a NUL character"))
        return ""
    return text


class _Reader:
    """Takes lines one by one; owns the section and the option that are open."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.document: Document = {}
        self._file = file
        self._problems = problems
        self._section: RawSection | None = None
        self._option = ""  # the open option; empty when its lines are to be dropped
        self._line = 0  # of the open option; 0 when none is open
        self._texts: list[tuple[int, str]] = []  # its own line, then those that continue it

    def wrong(self, line: int, remedy: str) -> None:
        section = "" if self._section is None else self._section.name
        self._problems.append(Problem(self._file, line, section, "", None, remedy))

    def take(self, number: int, line: str) -> None:
        """Take one line without its end."""
        if not line:
            self._texts.append((number, ""))
        elif line[0] in " \t":
            self._continue(number, line)
        elif line[0] == "[":
            self._begin_section(number, line)
        elif line[0] not in ";#":
            self._begin_option(number, line)

    def close(self) -> None:
        """End the open option and keep its value."""
        if self._line and self._section is not None and self._option:
            numbers = [number for number, _ in self._texts]
            first, *rest = (text for _, text in self._texts)
            lines = [first.strip(), *textwrap.dedent("\n".join(rest)).split("\n")]
            start = next((index for index, line in enumerate(lines) if line), 0)
            end = max((index for index, line in enumerate(lines) if line), default=0) + 1
            self._section.values[self._option] = Value(
                "\n".join(lines[start:end]), self._file, self._line, tuple(numbers[start:end])
            )
        self._line = 0
        self._texts = []

    def _continue(self, number: int, line: str) -> None:
        if self._line:
            self._texts.append((number, line))
        else:
            self.wrong(number, "this line is indented, but there is no option that it continues")

    def _begin_section(self, number: int, line: str) -> None:
        self.close()
        match = _HEADER.fullmatch(line)
        if match is None:
            # What follows belongs to a section without a name: read, and dropped.
            self._section = RawSection("", self._file, number)
            self.wrong(number, f"is not a section such as [server]: {shown(line)}")
            return
        section = RawSection(match[1], self._file, number)
        first = self.document.get(section.name)
        if first is None:
            self.document[section.name] = section
        self._section = section
        if first is not None:
            self.wrong(number, f"is there already, on line {first.line}")

    def _begin_option(self, number: int, line: str) -> None:
        self.close()
        match = _OPTION.fullmatch(line)
        self._line, self._option = number, ""
        self._texts = [(number, match[2] if match else "")]
        if match is None:
            # The line itself is not shown: it may be part of a key.
            self.wrong(number, "is neither a section nor an option; lines of a value are indented")
        elif self._section is None:
            self.wrong(number, f"{shown(match[1])} is outside every section")
        elif (name := match[1].lower()) in self._section.values:
            first = self._section.values[name].line
            self.wrong(number, f"{shown(name)} is there already, on line {first}")
        else:
            self._option = name
