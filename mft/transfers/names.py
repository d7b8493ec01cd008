"""Which files of a source are sent, and what they are called at the destination. Pure.

    *.csv, transform, {path.file_base}-{now.date}{path.file_extension}
    m/^(\\w+)-.*/, transform, {group.1}/{path.file_name}
    *, lowercase

Every rule that matches is applied, one after the other, to what the one before has made of it. A
file that none matches stops the transfer: `*, no-action` lets such files keep their names. Paths
are below a folder and cannot leave it; values in them never become more than one name.
"""

import hashlib
import posixpath
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from mft.config.ini import split_commas
from mft.config.kinds import Wrong
from mft.config.section import suggestion
from mft.core.failure import Reason, Refused
from mft.core.matching import Expression
from mft.core.vpath import MAX_NAME_BYTES, VPath

MAX_RULES: Final = 200  # of one transfer; a path is matched against each of them
MAX_TEMPLATE: Final = 1024  # characters
MAX_EXTENSION: Final = 100  # bytes of a name behind its last dot that stay there
MARK: Final = 16  # hexadecimal digits that tell names apart which had to be cut
IGNORE: Final = "ignore_destination_path"
_NOW: Final[Mapping[str, str]] = {
    "year": "%Y",
    "month": "%m",
    "day": "%d",
    "hour": "%H",
    "minute": "%M",
    "second": "%S",
    "date": "%Y%m%d",
    "time": "%H%M%S",
    "timestamp": "%Y%m%d%H%M%S",
    "iso_8601": "%Y-%m-%dT%H:%M:%S%z",
}


class Named(NamedTuple):
    """What a file is called at the destination."""

    path: VPath
    prefix: str = ""  # of its temporary name, where rules say so
    suffix: str = ""
    from_top: bool = False  # the path begins at the top of the location, not at the folder


class Facts(NamedTuple):
    """What templates may name."""

    path: VPath
    groups: tuple[str, ...]
    now: datetime


class _Value(NamedTuple):
    """A part of a template that stands for something."""

    of: Callable[[Facts], str]
    is_path: bool = False  # it may be several names


class Template:
    """Text with names in braces, read once."""

    def __init__(self, text: str, groups: int) -> None:
        """Read it; raises ValueError with a sentence for a name that cannot stand here."""
        if len(text) > MAX_TEMPLATE:
            raise ValueError(f"is longer than {MAX_TEMPLATE} characters")
        self.from_top = f"{{{IGNORE}}}" in text.lower()
        self.parts: list[str | _Value] = []
        rest = text
        while rest:
            literal, opening, rest = rest.partition("{")
            if "}" in literal:
                raise ValueError('has a "}" that belongs to no name')
            self.parts.append(literal)
            name, closing, rest = rest.partition("}")
            if opening and not closing:
                raise ValueError('has a "{" that belongs to no name')
            if opening and name.strip().lower() != IGNORE:
                self.parts.append(_value(name.strip().lower(), groups))

    def render(self, facts: Facts) -> str:
        """The text for one file; raises Refused where a value is no name."""
        return "".join(
            part if isinstance(part, str) else _safe(part, part.of(facts)) for part in self.parts
        )


def _safe(part: _Value, value: str) -> str:
    """A value that stands in a path as it is: one name unless it is known to be a path."""
    if not part.is_path and "/" in value:
        return value.replace("/", "_")
    return value


def _value(name: str, groups: int) -> _Value:
    family, _, key = name.partition(".")
    if family == "group" and key.isdecimal():
        number = int(key)
        if not 1 <= number <= groups:
            raise ValueError(f"names group {number}; the expression has {groups}")
        return _Value(lambda facts: facts.groups[number - 1], is_path=True)
    if family == "now" and key in _NOW:
        form = _NOW[key]
        return _Value(lambda facts: facts.now.strftime(form))
    found = _OF_PATH.get(name)
    if found is None:
        known = (*_OF_PATH, *(f"now.{one}" for one in _NOW), "group.1", IGNORE)
        raise ValueError(f'names "{name}", which is not known{suggestion(name, known)}')
    return found


def _base(path: VPath) -> str:
    return posixpath.splitext(path.name)[0]


_OF_PATH: Final[Mapping[str, _Value]] = {
    "path.source": _Value(lambda facts: "/".join(facts.path.parts), is_path=True),
    "path.directory_path": _Value(lambda facts: "/".join(facts.path.parts[:-1]), is_path=True),
    "path.file_name": _Value(lambda facts: facts.path.name),
    "path.file_base": _Value(lambda facts: _base(facts.path)),
    "path.file_extension": _Value(lambda facts: posixpath.splitext(facts.path.name)[1]),
}


class Rule(NamedTuple):
    """One line of `destination_path_actions`."""

    text: str
    expression: Expression
    action: str
    param: str = ""
    template: Template | None = None


def read_rule(line: str) -> Rule:
    """Read one; raises Wrong with a sentence that says what would be right."""
    words = list(_words(line))
    if len(words) < 2:
        raise Wrong("needs an expression and an action, such as *.csv, lowercase")
    action, params = words[1].lower(), words[2:]
    if action not in ACTIONS:
        raise Wrong(f'has no action "{words[1]}"{suggestion(action, ACTIONS)}')
    if len(params) != ACTIONS[action].params:
        raise Wrong(f"has {len(params)} words after {action}; that takes {ACTIONS[action].params}")
    param = params[0] if params else ""
    rule = Rule(line, _expression(words[0]), action, param)
    if action in ("transform", "fixed-path"):
        return rule._replace(template=_template(rule))
    if action.startswith("temporary-") or action == "replace-separator":
        _check_piece(param)
    return rule


def _template(rule: Rule) -> Template:
    try:
        template = Template(rule.param, rule.expression.count)
    except ValueError as error:
        raise Wrong(str(error), rule.param) from None
    if rule.action == "fixed-path" and (len(template.parts) > 1 or not template.parts):
        raise Wrong("has a fixed path with names in it, or an empty one", rule.param)
    pieces = [part for part in template.parts if isinstance(part, str)]
    if any(name == ".." for piece in pieces for name in piece.split("/")):
        raise Wrong("has .. in a path", rule.param)
    return template


def _check_piece(text: str) -> None:
    if not text or "/" in text or not text.isprintable():
        raise Wrong("is not a part of a file name such as .part", text)


def _words(line: str) -> Sequence[str]:
    try:
        return split_commas(line)
    except ValueError as error:
        raise Wrong(f"is not a list of items between commas: {error}") from None


def _expression(text: str) -> Expression:
    try:
        return Expression.parse(text)
    except ValueError as error:
        raise Wrong(f"cannot be matched: {error}") from None


class _Action(NamedTuple):
    params: int
    act: Callable[[Rule, Named, Facts], Named]


def _transform(rule: Rule, named: Named, facts: Facts) -> Named:
    if rule.template is None:
        return named
    text = rule.template.render(facts)
    if any(name in (".", "..") for name in text.split("/")):
        raise Refused(Reason.INVALID, text, "a rule makes a path with . or .. of it")
    path = VPath.parse(text)
    if path.is_root:
        raise Refused(Reason.INVALID, str(facts.path), "a rule leaves nothing of its name")
    return named._replace(path=path, from_top=named.from_top or rule.template.from_top)


def _lowercase(rule: Rule, named: Named, facts: Facts) -> Named:
    return named._replace(path=VPath.parse(str(named.path).lower()))


def _flat(rule: Rule, named: Named, facts: Facts) -> Named:
    return named._replace(path=VPath.parse(rule.param.join(named.path.parts)))


def _only_name(rule: Rule, named: Named, facts: Facts) -> Named:
    return named._replace(path=VPath((named.path.name,)))


ACTIONS: Final[Mapping[str, _Action]] = {
    "transform": _Action(1, _transform),
    "fixed-path": _Action(1, _transform),
    "only-filename": _Action(0, _only_name),
    "replace-separator": _Action(1, _flat),
    "lowercase": _Action(0, _lowercase),
    "temporary-suffix": _Action(1, lambda rule, named, facts: named._replace(suffix=rule.param)),
    "temporary-prefix": _Action(1, lambda rule, named, facts: named._replace(prefix=rule.param)),
    "no-action": _Action(0, lambda rule, named, facts: named),
}


def subject(expression: Expression, path: VPath) -> str:
    """What an expression is matched against: a glob without `/` sees the last name only."""
    text = expression.text
    if text[:2] in ("m/", "e/"):
        return str(path)
    inner = text[2:-1] if text[:2] == "g/" else text
    return str(path) if "/" in inner else path.name


def is_wanted(source_filter: Expression | None, path: VPath) -> bool:
    """Whether a file of the source is to be sent, as far as its name tells."""
    return source_filter is None or source_filter.matches(subject(source_filter, path))


class NoRuleError(Exception):
    """No rule matches a file: the transfer stops, for nobody knows where it should go."""


def destination(rules: Sequence[Rule], path: VPath, now: datetime) -> Named:
    """What a file of the source is called; raises NoRuleError, or Refused for no usable name."""
    named = Named(path)
    matched = not rules
    for rule in rules:
        text = subject(rule.expression, named.path)
        groups = rule.expression.groups(text)
        if groups is not None:
            matched = True
            named = ACTIONS[rule.action].act(rule, named, Facts(named.path, groups, now))
    if not matched:
        raise NoRuleError(str(path))
    return named


def stamped(path: VPath, now: datetime) -> VPath:
    """The path with a moment in its name: `a.csv` is `a-20261127-184500-123.csv`.

    What is too long for that is cut, with a mark of what it was.
    """
    base, extension = posixpath.splitext(path.name)
    if len(extension.encode()) > MAX_EXTENSION:
        base, extension = path.name, ""
    end = f"-{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}{extension}"
    room = MAX_NAME_BYTES - len(end.encode())
    if len(base.encode()) > room:
        mark = f"~{hashlib.sha256(path.name.encode()).hexdigest()[:MARK]}"
        base = base.encode()[: room - len(mark)].decode(errors="ignore") + mark
    return VPath.parse(f"{base}{end}", path.parent)


class Conversion(NamedTuple):
    """One line of `destination_content_actions`."""

    text: str
    expression: Expression
    from_charset: str
    to_charset: str


def read_conversion(line: str) -> Conversion:
    """Read `*.txt, convert-charset, cp1252, utf-8`; raises Wrong."""
    words = list(_words(line))
    if len(words) != 4 or words[1].lower() != "convert-charset":
        raise Wrong("is not a conversion such as *.txt, convert-charset, cp1252, utf-8")
    for charset in words[2:]:
        try:
            "".encode(charset)
        except (LookupError, ValueError):
            raise Wrong(f"names no charset that is known: {charset}", charset) from None
    return Conversion(line, _expression(words[0]), words[2].lower(), words[3].lower())


def conversion_of(conversions: Sequence[Conversion], path: VPath) -> Conversion | None:
    """The first conversion that matches a file of the source."""
    return next(
        (one for one in conversions if one.expression.matches(subject(one.expression, path))), None
    )
