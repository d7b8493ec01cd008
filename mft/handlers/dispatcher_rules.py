"""Rules of a dispatcher: how they are written, which one a path has, and where it sends a file."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from mft.config.ini import split_commas
from mft.config.kinds import Context, Wrong, each_line
from mft.config.named_files import as_program
from mft.config.section import suggestion
from mft.core.failure import Reason, Refused
from mft.core.matching import Expression
from mft.core.vpath import MAX_PATH_BYTES, check_name
from mft.events.escape import argument, path_part
from mft.events.facts import Fact, Facts
from mft.events.model import Occurrence
from mft.events.template import Template

MAX_RULES: Final = 500  # of one dispatcher; a path is matched against each of them
MAX_DESTINATIONS: Final = 20  # of one rule, or arguments of a program
MAX_MATCHES: Final = 50  # lines of `matching_expressions`
_EXPLICIT: Final = re.compile(r"[gme]/")
_PLAIN_REGEX: Final = re.compile(r"m/.*/i?", re.DOTALL)
_SLASHES: Final = re.compile(r"[/\\]+")


class Action(NamedTuple):
    """What can be done with a file."""

    name: str
    least: int  # destinations
    most: int
    leaves: bool = True  # whether the file stays where it is
    stamp: str = ""  # how its new name is told from others


COPY: Final = Action("copy", 1, MAX_DESTINATIONS)
MOVE: Final = Action("move", 1, MAX_DESTINATIONS, leaves=False)
MOVE_STAMPED: Final = Action("move-with-timestamp", 1, MAX_DESTINATIONS, False, "date")
RENAME: Final = Action("rename", 1, 1, leaves=False)
RENAME_STAMPED: Final = Action("rename-prepend-unixtime", 1, 1, False, "seconds")
DELETE: Final = Action("delete", 0, 0, leaves=False)
IGNORE: Final = Action("ignore", 0, 0)
EXECUTE: Final = Action("execute", 1, MAX_DESTINATIONS)
ACTIONS: Final[Mapping[str, Action]] = {
    one.name: one
    for one in (COPY, MOVE, MOVE_STAMPED, RENAME, RENAME_STAMPED, DELETE, IGNORE, EXECUTE)
}


class Rule(NamedTuple):
    """One rule as it is written; the fallback has no expression."""

    text: str
    action: Action
    expression: Expression | None
    destinations: tuple[str, ...]  # or a program and its arguments

    @property
    def templates(self) -> bool:
        """Whether names in braces stand for values: where the expression says what it is."""
        return self.expression is None or _EXPLICIT.match(self.expression.text) is not None


class Match(NamedTuple):
    """One line of `matching_expressions`: names of what a fact's groups have found."""

    attribute: str  # in small letters
    expression: Expression

    @property
    def names(self) -> list[str]:
        """What can stand in destinations."""
        return [
            f"{self.attribute}.{number}{form}"
            for number in range(1, self.expression.count + 1)
            for form in ("", "_upper", "_lower")
        ]


def _words(line: str) -> list[str]:
    try:
        return list(split_commas(line))
    except ValueError as error:
        raise Wrong(f"is not a list of items between commas: {error}") from None


def _action(word: str) -> Action:
    found = ACTIONS.get(word.lower())
    if found is None:
        raise Wrong(f'has no action "{word}"{suggestion(word.lower(), ACTIONS)}')
    return found


def _expression(text: str) -> Expression:
    try:
        return Expression.parse(text)
    except ValueError as error:
        raise Wrong(f"cannot be matched: {error}") from None


def _rule(line: str) -> Rule:
    words = _words(line)
    action = _action(words[0])
    if len(words) < 2:
        raise Wrong("needs an expression after the action, such as move, */inbox/*.pdf, /srv/out")
    return _checked(Rule(line, action, _expression(words[1]), tuple(words[2:])))


def _checked(rule: Rule) -> Rule:
    action, destinations = rule.action, rule.destinations
    if not action.least <= len(destinations) <= action.most:
        few = {0: "none", 1: "one"}.get(action.most, f"1 to {action.most}")
        raise Wrong(f"has {len(destinations)} destinations; {action.name} has {few}")
    if not rule.templates and any("{" in one or "}" in one for one in destinations):
        raise Wrong("has names in braces; for them the expression is written g/.../ or m/.../")
    if action is EXECUTE:
        if not destinations[0].startswith("/"):
            raise Wrong("names no program by its whole path, such as /usr/local/bin/scan")
        return rule
    return rule._replace(destinations=tuple(_destination(one) for one in destinations))


def _destination(text: str) -> str:
    path = _SLASHES.sub("/", text)
    if not path.startswith("/"):
        raise Wrong("has a destination that is not an absolute path such as /srv/outbox", text)
    if any(name in (".", "..") for name in path.split("/")):
        raise Wrong("has . or .. in a destination", text)
    return path


def read_rules(text: str, context: Context | None) -> tuple[Rule, ...]:
    """Read `dispatch_rules`; raises Wrong and Wrongs."""
    rules = each_line(text, _rule)
    if not rules:
        raise Wrong("has no rule such as move, */inbox/*.pdf, /srv/outbox")
    if len(rules) > MAX_RULES:
        raise Wrong(f"has more than {MAX_RULES} rules")
    return rules


def read_fallback(text: str, context: Context | None) -> Rule:
    """Read `fallback_rule`; raises Wrong."""
    words = _words(text)
    if not words:
        raise Wrong("is empty")
    return _checked(Rule(text.strip(), _action(words[0]), None, tuple(words[1:])))


def read_matches(text: str, context: Context | None) -> tuple[Match, ...]:
    """Read `matching_expressions`; raises Wrong and Wrongs."""
    found = each_line(text, _match)
    if len(found) > MAX_MATCHES:
        raise Wrong(f"has more than {MAX_MATCHES} lines")
    return found


def _match(line: str) -> Match:
    attribute, _, regex = (part.strip() for part in line.partition(","))
    if not attribute or not regex:
        raise Wrong(r"is not an attribute, a comma and an expression such as path, ^/in/(\w+)/")
    expression = _expression(regex if _PLAIN_REGEX.fullmatch(regex) else f"m/{regex}/")
    if not expression.count:
        raise Wrong("has no group ( ) whose text could be used")
    return Match(attribute.lower(), expression)


def write_rules(rules: Sequence[Rule]) -> str:
    """The inverse of reading."""
    return "\n".join(rule.text for rule in rules)


def programs_of(rules: Sequence[Rule]) -> Iterator[Path]:
    """Name the programs that rules run, and files that those are given."""
    for rule in rules:
        if rule.action is EXECUTE:
            yield from as_program(rule.destinations)


def fact_of(facts: Facts, attribute: str) -> Fact:
    """A fact by its name, or by its key in the data alone; raises ValueError."""
    try:
        return facts.fact(attribute)
    except ValueError:
        return facts.fact(f"data.{attribute}")


def fixed_folder(destination: str) -> str:
    """The folder that a destination is in whatever its variables are; `/` where there is none."""
    if "{" not in destination:
        return destination.rstrip("/") or "/"
    return destination.partition("{")[0].rpartition("/")[0] or "/"


class Prepared:
    """A rule that is ready to be used."""

    def __init__(self, rule: Rule, facts: Facts, matches: Sequence[Match]) -> None:
        """Raises ValueError with a sentence for a name that does not exist."""
        self.rule = rule
        self.action = rule.action
        count = 0 if rule.expression is None else rule.expression.count
        own = {str(number) for number in range(1, count + 1)}
        own |= {name for match in matches for name in match.names}
        escape = argument if rule.action is EXECUTE else path_part
        self._templates = (
            [Template(text, facts, escape, own) for text in rule.destinations]
            if rule.templates
            else None
        )

    def groups(self, path: str) -> tuple[str, ...] | None:
        """What the expression has found in a path; None where it is not for it.

        Refused for a path that is too long to be matched: a rule is never passed over for that.
        """
        expression = self.rule.expression
        if expression is None:
            return ()
        if len(path) > expression.limit:
            details = f"longer than {expression.limit} characters, which no rule is matched against"
            raise Refused(Reason.INVALID, "", details)
        return expression.groups(path)

    def destinations(self, told: Occurrence, own: Mapping[str, str]) -> list[str]:
        """Where the rule sends a file, or the program that it gives it to."""
        if self._templates is None:
            return list(self.rule.destinations)
        return [template.render(told, own) for template in self._templates]

    def paths(
        self, destinations: Sequence[str], name: str, stamped: Callable[[str], str]
    ) -> list[str]:
        """The whole path of the file in each destination; Refused for what is no path.

        A destination without variables, or one that ends in `/`, is a folder.
        """
        found = []
        for text, rendered in zip(self.rule.destinations, destinations, strict=True):
            folder = text.endswith("/") or "{" not in text
            path = f"{rendered.rstrip('/')}/{name}" if folder else rendered
            above, _, last = path.rpartition("/")
            found.append(check_path(f"{above}/{stamped(last)}"))
        return found


def check_path(path: str) -> str:
    """Give a path back whose every name may be used; Refused(INVALID) for any other."""
    if len(path) > MAX_PATH_BYTES:
        raise Refused(Reason.INVALID, "", f"a path is longer than {MAX_PATH_BYTES} characters")
    for name in path[1:].split("/"):
        if name in ("", ".", ".."):
            raise Refused(Reason.INVALID, path, "a name in it is empty, or made of dots")
        check_name(name)
    return path


def own_values(
    groups: Sequence[str], matches: Sequence[tuple[Match, Fact]], told: Occurrence
) -> dict[str, str]:
    """The values of `{1}` and of `{attribute.1}`; what is not found is empty."""
    values = {str(number): text for number, text in enumerate(groups, 1)}
    for match, fact in matches:
        found = match.expression.groups(fact(told)) or ()
        for number, text in enumerate(found, 1):
            name = f"{match.attribute}.{number}"
            values[name] = text
            values[f"{name}_upper"] = text.upper()
            values[f"{name}_lower"] = text.lower()
    return values
