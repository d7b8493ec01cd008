"""Section: what every class of options derives from, and how one is read with every problem."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from mft.config.ini import RawSection, Value
from mft.config.kinds import (
    INHERIT,
    Context,
    Maybe,
    Moment,
    Name,
    Text,
    Wrong,
    Wrongs,
    YesNo,
    kinds_of,
)
from mft.config.problem import Problem, Severity, shown
from mft.core.secret import Secret

MAX_SUGGESTIONS = 1
OPTION = re.compile(r"\s*[a-z][a-z0-9_]* *= *[^=\s]")  # what looks like one, and not like a key
MAX_ROUNDS = 4  # what is checked between options is told only once each of them is right


class Declared(NamedTuple):
    """What `option` says beside pydantic's own: old names, and how the option stands to others."""

    old_names: tuple[str, ...] = ()
    joined: bool = False  # the values of the old names are added to the option's own list
    ours: bool = False  # other servers of this kind do not have it
    safer: str = ""  # why our default is safer than the usual one
    secret: bool = False


def option(
    description: str,
    default: Any = ...,
    *,
    examples: Sequence[str] = (),
    old_names: Sequence[str] = (),
    joined: bool = False,
    ours: bool = False,
    safer: str = "",
    secret: bool = False,
) -> Any:
    """Declare an option; without a default it must be given.

    `description` says what it means, for the generated reference. `examples` are values as
    text; the first is shown when the option is missing. `old_names` are accepted with a warning;
    with `joined` their values are added to the list (comma separated) instead of standing for it.
    """
    declared: dict[str, Any] = {
        "old_names": list(old_names),
        "joined": joined,
        "ours": ours,
        "safer": safer,
        "secret": secret,
    }
    if isinstance(default, Secret):  # pydantic would copy it, and a secret is never copied
        return Field(
            default_factory=lambda: default,
            description=description,
            examples=list(examples),
            json_schema_extra=declared,
        )
    return Field(
        default=default,
        description=description,
        examples=list(examples),
        json_schema_extra=declared,
    )


def declared(field: FieldInfo) -> Declared:
    """Read back what `option` declared; nothing special for a field made otherwise."""
    extra = field.json_schema_extra
    if not isinstance(extra, dict):
        return Declared()
    said = cast(dict[str, Any], extra)
    return Declared(
        tuple(said.get("old_names", ())),
        bool(said.get("joined")),
        bool(said.get("ours")),
        str(said.get("safer", "")),
        bool(said.get("secret")),
    )


def choices(annotation: object) -> tuple[str, ...]:
    """Give the words of the Literal in an annotation, also inside a union; empty without one."""
    if get_origin(annotation) is Literal:
        return tuple(word for word in get_args(annotation) if isinstance(word, str))
    found = (choices(inner) for inner in get_args(annotation))
    return next((words for words in found if words), ())


class Section(BaseModel):
    """A frozen set of options, declared once: parser, problems and reference read it.

    A choice is written `Literal[...]` and read without regard to case. A validator raises Wrong
    (or Wrongs, for several lines).
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
        validate_default=False,
        defer_build=True,
    )

    # Options that other servers of this kind have and that mean nothing here: name -> why.
    # Giving one is a warning, so that a file written for them loads.
    ignored: ClassVar[Mapping[str, str]] = {}
    # What server.full.ini gives beside what must be given: options and their text.
    shown: ClassVar[Mapping[str, str]] = {}
    # How the value of an old name becomes the new option's; None drops it.
    converted: ClassVar[Mapping[str, Callable[[str], str | None]]] = {}

    @field_validator("*", mode="before")
    @classmethod
    def _fold_choice(cls, value: object, info: ValidationInfo) -> object:
        field = cls.model_fields.get(info.field_name or "")
        if not isinstance(value, str) or field is None:
            return value
        words = {word.lower(): word for word in choices(field.annotation)}
        return words.get(value.strip().lower(), value)

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell what is wrong beyond single values, such as key files; each names its option."""
        yield from ()

    def unnamed_files(self, directory: Path) -> Iterator[Path]:
        """Give the files that it reads in an instance although no option names them."""
        yield from ()


class NamedSection(Section):
    """The options that every section of a family has."""

    enabled: YesNo = option("Whether this section is in use.", True)
    name: Name = option("The name that people see.", examples=["partner-files"])
    description: Text = option("A note for administrators.", "")
    created: Maybe[Moment] = option("When this section was written; for administrators only.", None)
    changed: Maybe[Moment] = option("When it was last changed; for administrators only.", None)


S = TypeVar("S", bound=Section)


def read_section(
    model: type[S],
    raw: RawSection,
    context: Context,
    problems: list[Problem],
    elsewhere: Callable[[str], str] = lambda _: "",
) -> S | None:
    """Read one section; every problem of every option is appended, None is returned with errors.

    `elsewhere` says of an option that is not known here where it belongs, such as `; groups have
    it`, or nothing.
    """
    report = _Report(raw, problems)
    values = _known_values(model, report, elsewhere)
    options: S | None = None
    try:
        texts = {name: value.text for name, value in values.items()}
        options = model.model_validate(texts, context=context)
    except ValidationError as error:
        seen: set[object] = set()
        for details in error.errors(include_url=False):
            name = str(details["loc"][0]) if details["loc"] else ""
            if name not in seen:  # a union tells of each of its members; the first is ours
                seen.add(name)
                report.invalid(model, name, details)
    return None if report.errors else options


class Partly(NamedTuple):
    """What is right in a section that has errors, and the options that are not."""

    options: Section
    wrong: frozenset[str]


def read_partly(model: type[Section], raw: RawSection, context: Context) -> Partly | None:
    """Read a section that has errors, with an example or a default where it is wrong; tells none.

    Only for the checks beyond single values, so that one wrong value hides no other problem.
    None: it cannot be read even so.
    """
    values = _known_values(model, _Report(raw, []))
    texts = {name: value.text for name, value in values.items()}
    wrong: set[str] = set()
    for _ in range(MAX_ROUNDS):
        try:
            return Partly(model.model_validate(texts, context=context), frozenset(wrong))
        except ValidationError as error:
            found = {_wrong_option(details) for details in error.errors(include_url=False)}
        for name in found:
            field = model.model_fields.get(name)
            if field is None or (name in wrong and name not in texts):
                return None
            texts.pop(name, None)
            if field.examples and name not in wrong:
                texts[name] = str(field.examples[0])
        wrong |= found
    return None


def _wrong_option(details: ErrorDetails) -> str:
    cause = details.get("ctx", {}).get("error")
    named = cause.option if isinstance(cause, Wrong) else ""
    return named or (str(details["loc"][0]) if details["loc"] else "")


def check_section(
    options: Section, raw: RawSection, context: Context, problems: list[Problem]
) -> None:
    """Run a section's own check and append what it finds, with lines."""
    for wrong in options.check(context):
        wrong_in(options, raw, wrong, problems)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Give `; did you mean "..."?` with the nearest known name, or nothing."""
    near = get_close_matches(name, list(known), MAX_SUGGESTIONS)
    return f'; did you mean "{near[0]}"?' if near else ""


def wrong_in(options: Section, raw: RawSection, wrong: Wrong, problems: list[Problem]) -> None:
    """Append what is wrong with `wrong.option` of a section that was read, with its line."""
    field = type(options).model_fields.get(wrong.option)
    value = given(type(options), raw, wrong.option)
    report = _Report(raw, problems)
    if value is None and field is not None:  # a default is wrong: there is no value to show
        part = "" if wrong.part is None else f" ({shown(wrong.part)})"
        sentence = f"{wrong.option}{part} {wrong.sentence}"
        wrong = Wrong(sentence, option=wrong.option, mild=wrong.mild)
    report.wrong(wrong.option, value, wrong, field is not None and is_secret(field))


def given(model: type[Section], raw: RawSection, name: str) -> Value | None:
    """Find where an option was given, under its own name or an old one."""
    field = model.model_fields.get(name)
    old_names = () if field is None else declared(field).old_names
    return next((raw.values[each] for each in (name, *old_names) if each in raw.values), None)


def files_of(options: Section, directory: Path) -> Iterator[tuple[str, Path]]:
    """Name the files that belong to a section: each with its option, empty for none."""
    for name, field in type(options).model_fields.items():
        value = getattr(options, name)
        for kind in kinds_of(field.metadata, field.annotation):
            if kind.files is not None and value is not None and value is not INHERIT:
                yield from ((name, path) for path in kind.files(value))
    yield from (("", path) for path in options.unnamed_files(directory))


def is_secret(field: FieldInfo) -> bool:
    """Whether the value of this option must never be shown."""
    return declared(field).secret or any(
        kind.secret for kind in kinds_of(field.metadata, field.annotation)
    )


class _Report:
    """Appends the problems of one section, each with its line."""

    def __init__(self, raw: RawSection, problems: list[Problem]) -> None:
        self.raw = raw
        self.errors = 0
        self._problems = problems

    def add(
        self,
        option: str,
        value: Value | None,
        remedy: str,
        *,
        text: str | None = None,
        line: int | None = None,
        severity: Severity = Severity.ERROR,
    ) -> None:
        file, start = (self.raw.file, self.raw.line) if value is None else (value.file, value.line)
        if value is not None and line is not None:
            start = value.line_of(line)
        self.errors += severity is Severity.ERROR
        self._problems.append(Problem(file, start, self.raw.name, option, text, remedy, severity))

    def warn(self, option: str, value: Value, remedy: str) -> None:
        self.add(option, value, remedy, severity=Severity.WARNING)

    def wrong(self, name: str, value: Value | None, wrong: Wrong, secret: bool) -> None:
        severity = Severity.WARNING if wrong.mild else Severity.ERROR
        if not name or value is None:
            self.add(name, value, wrong.sentence, severity=severity)
        elif secret:
            sentence = f"{name} {wrong.sentence}"
            self.add(name, value, sentence, line=wrong.line, severity=severity)
        else:
            text = value.text if wrong.part is None else wrong.part
            said = wrong.sentence + (_continued(value) if wrong.line is None else "")
            self.add(name, value, said, text=text, line=wrong.line, severity=severity)

    def invalid(self, model: type[Section], name: str, details: ErrorDetails) -> None:
        """Turn one error of pydantic into our sentence."""
        cause = details.get("ctx", {}).get("error")
        name = _wrong_option(details) or name
        field = model.model_fields.get(name)
        value = given(model, self.raw, name)
        if field is None:
            self.add("", None, str(cause or details["msg"]))
        elif details["type"] == "missing":
            such_as = f", such as {field.examples[0]}" if field.examples else ""
            self.add(name, value, f'needs "{name}"{such_as}')
        else:
            for wrong in _causes(cause, field, details):
                self.wrong(name, value, wrong, is_secret(field))


def _continued(value: Value) -> str:
    """Say that a line was taken for more of a value, where it looks like an option of its own."""
    for index, line in enumerate(value.text.split("\n")[1:], 1):
        if OPTION.match(line):
            return f"; line {value.line_of(index)} is indented, so that it continues the value"
    return ""


def _causes(cause: object, field: FieldInfo, details: ErrorDetails) -> tuple[Wrong, ...]:
    if isinstance(cause, Wrongs):
        return cause.each
    if isinstance(cause, Wrong):
        return (cause,)
    if details["type"] == "literal_error":
        return (Wrong(f"is not one of: {', '.join(choices(field.annotation))}"),)
    return (Wrong(str(cause or details["msg"])),)


def _known_values(
    model: type[Section], report: _Report, elsewhere: Callable[[str], str] = lambda _: ""
) -> dict[str, Value]:
    """Sort the given options: known ones are kept, old ones renamed, others are problems."""
    fields = model.model_fields
    given = report.raw.values
    known = {name: value for name, value in given.items() if name in fields}
    if len(known) == len(given):
        return known
    renamed = {old: new for new, field in fields.items() for old in declared(field).old_names}
    for name, value in given.items():
        if name in fields:
            continue
        if name in renamed:
            _take_old(model, report, known, name, renamed[name])
        elif name in model.ignored:
            report.warn(name, value, f"{name} has no effect here: {model.ignored[name]}")
        else:
            hint = elsewhere(name) or suggestion(name, [*fields, *renamed])
            report.add(name, value, f'has no option "{name}"{hint}')
    return known


def _take_old(
    model: type[Section], report: _Report, known: dict[str, Value], old: str, new: str
) -> None:
    value = report.raw.values[old]
    convert = model.converted.get(old)
    text = value.text if convert is None else convert(value.text)
    joined = declared(model.model_fields[new]).joined
    if new in known and not joined:
        report.warn(old, value, f'{old} is ignored: it is an old name of "{new}", given as well')
        return
    report.warn(old, value, f'{old} is an old name; write "{new}"')
    if text is None:
        return
    if new in known:
        known[new] = known[new]._replace(text=f"{known[new].text}, {text}")
    else:
        known[new] = value._replace(text=text)
