"""Reading: every section of `server.ini` to its options, by family and ID."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from mft.auth.options import DEFAULT_GROUP
from mft.auth.policy_options import DEFAULT_POLICY
from mft.config.ini import RawSection, Value
from mft.config.kinds import Context
from mft.config.problem import Problem, Severity
from mft.config.section import Section, read_partly, read_section, suggestion
from mft.daemon.options import ServerOptions
from mft.daemon.sections import (
    OLD_FAMILIES,
    OLD_NAMES_OF_TYPE,
    SECTIONS,
    SERVER,
    TYPE_ALIASES,
)

WORD: Final = re.compile(r"\w+")
MAX_ID: Final = 150  # characters
# Families whose options are looked for in each other's sections.
NEIGHBOURS: Final = {"accounts": "groups", "services": SERVER, SERVER: "services"}
DEFAULTS: Final = {"groups": DEFAULT_GROUP, "security-policies": DEFAULT_POLICY}


class Read(NamedTuple):
    """A section that was read; the options are None when they have errors."""

    raw: RawSection
    options: Section | None


@dataclass(slots=True)
class Reading:
    """What was read so far: sections by family and ID; everything wrong is in `problems`.

    With `partly` a section with errors has its other options all the same, and what is wrong in
    it is in `wrong`: for finding more problems, never for a server.
    """

    context: Context
    problems: list[Problem]
    partly: bool = False
    server: Read | None = None
    families: dict[str, dict[str, Read]] = field(
        default_factory=lambda: {family: {} for family in SECTIONS}
    )
    wrong: dict[str, frozenset[str]] = field(default_factory=dict)  # options, by name of a section

    def every(self) -> Iterator[Read]:
        """Give every section that was read, [server] first."""
        if self.server is not None:
            yield self.server
        for members in self.families.values():
            yield from members.values()

    @property
    def failed(self) -> bool:
        """Whether the options of any section have errors."""
        return any(one.options is None for one in self.every())

    def hidden(self, told: Iterable[Problem]) -> Iterator[Problem]:
        """Tell what else is wrong in sections with a wrong value: of the values that are given.

        For what was read with `partly` and checked; `told` is what the same file has without.
        What stands for a wrong value is nobody's mistake, nor is what only names its option.
        """
        raws = {one.raw.name: one.raw for one in self.every()}
        known = frozenset(told)
        for problem in self.problems:
            wrong = self.wrong.get(problem.section)
            if wrong is None or problem in known:
                continue
            if wrong & {problem.option, *WORD.findall(problem.remedy)}:
                continue
            if problem.option in raws[problem.section].values:
                yield problem

    def take(self, raw: RawSection) -> None:
        """Read one section, whatever its family."""
        family, slash, identifier = raw.name.partition("/")
        family = family.strip().lower()
        if slash and family in OLD_FAMILIES:
            family = OLD_FAMILIES[family]
            remedy = f"is an old name; write [{family}/{identifier.strip()}]"
            self._tell(raw, remedy, Severity.WARNING)
        if family == SERVER and not slash:
            self._take_server(raw)
        elif family in SECTIONS and slash:
            self._take_member(family, identifier.strip(), raw)
        else:
            self._tell(raw, _no_family(raw.name, family))

    def add_defaults(self, file: str) -> None:
        """Make the group and the policy of those that name none, unless they were configured."""
        for family, identifier in DEFAULTS.items():
            if identifier not in self.families[family]:
                raw = RawSection(f"{family}/{identifier}", file, 0)
                raw.values["name"] = Value(identifier, file, 0)
                model = SECTIONS[family].types[""]
                self.families[family][identifier] = Read(raw, self._options(model, raw))

    def _options(self, model: type[Section], raw: RawSection) -> Section | None:
        belongs = partial(_elsewhere, raw.name.partition("/")[0].strip().lower())
        options = read_section(model, raw, self.context, self.problems, belongs)
        if options is not None or not self.partly:
            return options
        partly = read_partly(model, raw, self.context)
        if partly is None:
            return None
        self.wrong[raw.name] = partly.wrong
        return partly.options

    def _tell(self, raw: RawSection, remedy: str, severity: Severity = Severity.ERROR) -> None:
        self.problems.append(Problem(raw.file, raw.line, raw.name, "", None, remedy, severity))

    def _take_server(self, raw: RawSection) -> None:
        if self.server is not None:
            self._tell(raw, f"is there already, on line {self.server.raw.line}")
            return
        self.server = Read(raw, self._options(ServerOptions, raw))

    def _take_member(self, family: str, identifier: str, raw: RawSection) -> None:
        members = self.families[family]
        if wrong := _wrong_id(family, identifier):
            self._tell(raw, wrong)
        elif identifier in members:
            self._tell(raw, f"is there already, on line {members[identifier].raw.line}")
        else:
            members[identifier] = Read(raw, None)  # also with errors: others may refer to it
            found = self._typed(family, raw)
            if found is not None:
                model, typed = found
                members[identifier] = Read(typed, self._options(model, typed))

    def _typed(self, family: str, raw: RawSection) -> tuple[type[Section], RawSection] | None:
        """Find the options that belong to a section's `type`, which is then written our way."""
        types = SECTIONS[family].types
        if "" in types:
            return types[""], raw
        value = raw.values.get("type") or raw.values.get(OLD_NAMES_OF_TYPE.get(family, "type"))
        if value is None:
            self._tell(raw, f'needs "type", such as {next(iter(types))}')
            return None
        word = value.text.strip().lower()
        name = TYPE_ALIASES.get(family, {}).get(word, word)
        model = types.get(name)
        if model is None:
            remedy = f"is not one of: {', '.join(types)}{suggestion(word, types)}"
            problem = Problem(value.file, value.line, raw.name, "type", value.text, remedy)
            self.problems.append(problem)
            return None
        values = {
            option: given._replace(text=name) if given is value else given
            for option, given in raw.values.items()
            if given is not value or "type" in model.model_fields
        }
        return model, RawSection(raw.name, raw.file, raw.line, values)


def _elsewhere(family: str, option: str) -> str:
    other = NEIGHBOURS.get(family)
    models = (
        (ServerOptions,) if other == SERVER else SECTIONS[other].types.values() if other else ()
    )
    if not any(option in model.model_fields for model in models):
        return ""
    return f"; it belongs into [{other}]" if other == SERVER else f"; it belongs into [{other}/ID]"


def _no_family(name: str, family: str) -> str:
    if family in SECTIONS:
        return f"needs an ID: [{family}/ID]"
    if family == SERVER:
        return "has no ID: write [server]"
    return f"is no section of server.ini{suggestion(family, [SERVER, *SECTIONS])}"


def _wrong_id(family: str, identifier: str) -> str:
    if not identifier:
        return f"needs an ID: [{family}/ID]"
    if "/" in identifier or "|" in identifier:
        return "has an ID with / or |"
    if len(identifier) > MAX_ID or not identifier.isprintable():
        return f"has an ID that is longer than {MAX_ID} characters, or not printable"
    return ""
