"""From declarations to what people read: the reference in Markdown, and `server.full.ini`.

Both are texts; who calls writes them to files. They are the same for the same declarations.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Final, NamedTuple

from pydantic.fields import FieldInfo

from mft.config.kinds import INHERIT, Kind, kinds_of, plain
from mft.config.section import Section, choices, declared

COMMENT_WIDTH: Final = 96  # characters of a comment line in server.full.ini
GENERATED: Final = "Generated from the declarations by `make docs`; do not edit."


class Family(NamedTuple):
    """One family of sections: `[name/ID]`, or `[name]` when there is only one."""

    name: str
    about: str
    types: Mapping[str, type[Section]]  # by the value of `type`; "" is a family without types
    single: bool = False
    # What server.full.ini gives beside what must be given: options and their text.
    shown: Mapping[str, str] = {}

    @property
    def title(self) -> str:
        """The header of a section, with ID for the ID."""
        return f"[{self.name}]" if self.single else f"[{self.name}/ID]"


def kind_text(field: FieldInfo) -> str:
    """Name the kind of an option's value: `duration`, or the words that it may be."""
    words = choices(field.annotation)
    kinds = kinds_of(field.metadata, field.annotation)
    if kinds:
        name = kinds[0].name
    elif words:
        name = f"one of {', '.join(words)}" if len(words) > 1 else f"the word {words[0]}"
    else:
        name = "text"
    return name + (", or Inherit" if "Inherit" in str(field.annotation) else "")


def default_text(field: FieldInfo) -> str:
    """Write the default as an administrator would; secrets are never written."""
    value = field.default
    kinds = kinds_of(field.metadata, field.annotation)
    if value is INHERIT:
        return str(INHERIT.value)
    if value is None or field.default_factory is not None or (kinds and kinds[0].secret):
        return ""
    if not kinds:
        return plain(value)
    written = str(kinds[0].write(value))
    texts = (written, "", *map(str, field.examples or ()))
    return next((text for text in texts if _reads_as(kinds[0], text, value)), written)


def _reads_as(kind: Kind, text: str, value: object) -> bool:
    """Whether a text is read as a value: what the reference calls a default must be one."""
    try:
        return bool(kind.read(text, None) == value)
    except ValueError:
        return False


def markdown(families: Sequence[Family]) -> str:
    """Write the whole reference of options."""
    lines = ["# Options of server.ini", "", f"<!-- {GENERATED} -->", ""]
    lines += wrap(
        "One row per option. A default of `(needed)` means that the option must be given. "
        "*Ours* marks options that other servers of this kind do not have; *safer* says where our "
        "default is stricter than the usual one. Relative paths begin in the instance folder.",
        COMMENT_WIDTH,
    )
    for family in families:
        lines += ["", f"## {family.title}", "", family.about, ""]
        lines += _family_rows(family)
    return "\n".join(lines) + "\n"


def about_type(model: type[Section]) -> str:
    """Give the first line of the docstring of a class of options."""
    return (model.__doc__ or "").strip().partition("\n")[0]


def _family_rows(family: Family) -> Iterator[str]:
    models = list(family.types.values())
    common = _common(models)
    if len(models) > 1:
        yield from _table((name, models[0].model_fields[name]) for name in common)
    for name, model in family.types.items():
        if name:
            yield from ("", f"### {family.title} with `type = {name}`", "")
        yield from (about_type(model), "")
        own = {
            option: field
            for option, field in model.model_fields.items()
            if len(models) == 1 or option not in common
        }
        if own:
            yield from _table(own.items())


def _common(models: Sequence[type[Section]]) -> tuple[str, ...]:
    """Find the options that every type of a family has, declared alike."""
    first, *others = models
    return tuple(
        name
        for name, field in first.model_fields.items()
        if all(
            name in other.model_fields
            and other.model_fields[name].description == field.description
            and _default(other.model_fields[name]) == _default(field)
            for other in others
        )
    )


def _table(fields: Iterable[tuple[str, FieldInfo]]) -> Iterator[str]:
    yield "| option | kind | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in fields:
        default = _default(field)
        code = default if default == "(needed)" or not default else f"`{default}`"
        meaning = " ".join([field.description or "", *_marks(field, "*")])
        cells = (f"`{name}`", kind_text(field), code, meaning)
        yield "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _default(field: FieldInfo) -> str:
    return "(needed)" if field.is_required() else default_text(field)


def _marks(field: FieldInfo, emphasis: str = "") -> Iterator[str]:
    said = declared(field)
    if field.examples:
        example = str(field.examples[0]).replace("\n", " / ")
        yield f"Example: `{example}`."
    if said.old_names:
        yield f"Old names: {', '.join(f'`{name}`' for name in said.old_names)}."
    if said.ours:
        yield f"{emphasis}Ours.{emphasis}"
    if said.safer:
        yield f"{emphasis}Safer:{emphasis} {said.safer}"


def full_ini(families: Sequence[Family]) -> str:
    """Write a server.ini with every option: its meaning, and its default as a comment.

    What must be given is given, with its example, so that the file loads.
    """
    lines = _comment(
        f"Every option, with its meaning and its default. {GENERATED} "
        "Copy from it what you need; an option that is left out has its default."
    )
    for family in families:
        lines += ["", ""]
        lines += _comment(family.about)
        for name, model in family.types.items():
            lines += ["", *_ini_section(family, name, model)]
    return "\n".join(lines) + "\n"


def _ini_section(family: Family, type_name: str, model: type[Section]) -> Iterator[str]:
    identifier = type_name or "example"
    shown = {**family.shown, **model.shown}
    yield from _comment(about_type(model))
    yield f"[{family.name}]" if family.single else f"[{family.name}/{identifier}]"
    if type_name and "type" not in model.model_fields:
        yield f"type = {type_name}"
    for name, field in model.model_fields.items():
        about = " ".join([field.description or "", f"({kind_text(field)})", *_marks(field)])
        yield from ("", *_comment(about))
        if type_name and name == "type":
            yield f"type = {type_name}"
        elif name in shown:
            yield _assign(name, shown[name])
        elif field.is_required():
            example = identifier if name == "name" else (field.examples or [""])[0]
            yield _assign(name, str(example))
        else:
            text = _assign(name, default_text(field))
            yield from (f";{line}" for line in text.splitlines())


def _assign(name: str, text: str) -> str:
    first, *rest = text.split("\n")
    if rest:
        return "\n    ".join([f"{name} =", first, *rest])
    return f"{name} = {first}".rstrip()


def _comment(text: str) -> list[str]:
    return [f"; {line}" for line in wrap(text, COMMENT_WIDTH - 2)]
