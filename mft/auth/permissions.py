"""Permissions: what an account may do to which virtual path, and why."""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from mft.config.ini import split_commas
from mft.core.matching import Expression
from mft.core.vpath import VPath

MAX_RULES = 1000  # lines; each costs one match for a path that has not been seen lately
MAX_REMEMBERED = 256  # paths that a session remembers: at most 256 x 4 KiB = 1 MiB of names

_NO_NAMES: Mapping[str, str] = {}


class Operation(Enum):
    """Everything that a peer can do to a path; each names the permissions that allow it."""

    READ = "read"
    READ_ATTRIBUTES = "read attributes"  # of a file or a folder
    LIST = "list"  # every entry; `list_mode` also knows the listing of folders only
    TRAVERSE = "traverse"  # pass through a folder, and read the attributes of a folder
    READ_LINK = "read link"
    WRITE = "write"  # create, overwrite, append
    CREATE_FOLDER = "create folder"
    RENAME = "rename"  # asked for the old path and for the new one
    DELETE_FILE = "delete file"
    DELETE_FOLDER = "delete folder"
    SET_ATTRIBUTES = "set attributes"
    MAKE_LINK = "make link"

    # Members are single objects; Enum's own hash is ten times slower, on the way of every request.
    __hash__ = object.__hash__


class Permission(Enum):
    """The names that an administrator writes."""

    FULL = "allow-full-control"
    NONE = "deny-full-control"
    READ = "allow-read"
    LIST = "allow-list"
    TRAVERSE = "allow-traverse"
    WRITE = "allow-write"
    CREATE_FOLDER = "allow-create-folder"
    RENAME = "allow-rename"
    DELETE_FILE = "allow-delete-file"
    DELETE_FOLDER = "allow-delete-folder"
    SET_ATTRIBUTES = "allow-set-attributes"


ALLOWS: Mapping[Permission, frozenset[Operation]] = {
    Permission.FULL: frozenset(Operation),
    Permission.NONE: frozenset(),
    Permission.READ: frozenset((Operation.READ, Operation.READ_ATTRIBUTES)),
    Permission.LIST: frozenset(
        (Operation.LIST, Operation.TRAVERSE, Operation.READ_LINK, Operation.READ_ATTRIBUTES)
    ),
    Permission.TRAVERSE: frozenset((Operation.TRAVERSE,)),
    Permission.WRITE: frozenset((Operation.WRITE, Operation.MAKE_LINK)),
    Permission.CREATE_FOLDER: frozenset((Operation.CREATE_FOLDER,)),
    Permission.RENAME: frozenset((Operation.RENAME,)),
    Permission.DELETE_FILE: frozenset((Operation.DELETE_FILE,)),
    Permission.DELETE_FOLDER: frozenset((Operation.DELETE_FOLDER,)),
    Permission.SET_ATTRIBUTES: frozenset((Operation.SET_ATTRIBUTES,)),
}

# Those that tell what is there.
LOOKS = frozenset(
    (
        Operation.READ,
        Operation.READ_ATTRIBUTES,
        Operation.LIST,
        Operation.TRAVERSE,
        Operation.READ_LINK,
    )
)

# What an operation needs, as its refusal tells it: the narrowest permission.
NEEDS: Mapping[Operation, Permission] = {
    Operation.READ: Permission.READ,
    Operation.READ_ATTRIBUTES: Permission.READ,
    Operation.LIST: Permission.LIST,
    Operation.TRAVERSE: Permission.TRAVERSE,
    Operation.READ_LINK: Permission.LIST,
    Operation.WRITE: Permission.WRITE,
    Operation.CREATE_FOLDER: Permission.CREATE_FOLDER,
    Operation.RENAME: Permission.RENAME,
    Operation.DELETE_FILE: Permission.DELETE_FILE,
    Operation.DELETE_FOLDER: Permission.DELETE_FOLDER,
    Operation.SET_ATTRIBUTES: Permission.SET_ATTRIBUTES,
    Operation.MAKE_LINK: Permission.WRITE,
}

# Spellings of older configurations; reading then implied listing.
_OLD: Mapping[str, tuple[Permission, ...]] = {
    "full-control": (Permission.FULL,),
    "read": (Permission.READ, Permission.LIST),
    "write": (Permission.WRITE,),
}
# A glob without alternatives that begins with a plain character: no virtual path begins so.
_NEVER = re.compile(r"(?![gme]/)[^/*?\[!|][^|]*\Z", re.DOTALL)
_NAMED: Mapping[str, tuple[Permission, ...]] = {
    **{permission.value: (permission,) for permission in Permission},
    **_OLD,
}


class ListMode(Enum):
    """What a listing of a folder may show."""

    FULL = "everything"
    FOLDERS_ONLY = "folders only"
    NONE = "nothing"


class Rule(NamedTuple):
    """One line: where it applies (None: everywhere else) and what it allows."""

    text: str
    source: str  # whose line it is, such as `group partners`
    line: int  # counted from 1 within its value
    expression: Expression | None
    allows: frozenset[Operation]
    denies: bool = False  # has deny-full-control

    def __str__(self) -> str:
        return f"{self.source}, line {self.line}: {self.text}"


class Decision(NamedTuple):
    """Whether an operation is allowed, and which line said so."""

    allowed: bool
    operation: Operation
    needed: str  # the permission that is missing, or that was found
    rule: Rule
    why: str


class Step(NamedTuple):
    """One rule that was consulted for a decision."""

    rule: Rule
    decided: bool
    sentence: str


_TOO_LONG = Rule("(built in)", "limit", 1, None, frozenset(), denies=True)
_NO_RULES = Rule("(none)", "no permissions", 1, None, frozenset())


class Rules:
    """The rules of one account: path rules from top to bottom, then the global set.

    The first path rule whose expression matches the virtual path decides alone; nothing is added
    from the global set. Within a set the allows add up, and `deny-full-control` beats them all.
    """

    __slots__ = ("_global", "_known", "_paths")

    def __init__(self, everywhere: Rule, paths: Sequence[Rule] = ()) -> None:
        self._global = everywhere
        self._paths = tuple((each.expression, each) for each in paths if each.expression)
        self._known: dict[VPath, frozenset[Operation]] = {}

    @classmethod
    def parse(
        cls,
        lines: Sequence[str],
        *,
        source: str = "permissions",
        names: Mapping[str, str] = _NO_NAMES,
    ) -> "Rules":
        """Read the lines of a `permissions` option: names first, then `EXPRESSION, names` lines.

        `names` are what `${USER}` and the like stand for. Raises ValueError for the first bad line.
        """
        if len(lines) > MAX_RULES:
            raise ValueError(f"has more than {MAX_RULES} lines")
        if not lines:
            return cls(_NO_RULES)
        everywhere = _rule(lines[0], source, 1, None)
        return cls(
            everywhere,
            [path_rule(line, source, at, names) for at, line in enumerate(lines[1:], start=2)],
        )

    @classmethod
    def joined(cls, several: Iterable["Rules"]) -> "Rules":
        """Rules inherited from several groups: all path rules in order, the first's global set."""
        given = list(several)
        if not given:
            return cls(_NO_RULES)
        return cls(given[0].rules[-1], [rule for rules in given for rule in rules.rules[:-1]])

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule in the order in which they are consulted; the global set is the last."""
        return (*(rule for _, rule in self._paths), self._global)

    @property
    def by_path(self) -> bool:
        """Whether any path is judged otherwise than the rest."""
        return bool(self._paths)

    def allow(self, operation: Operation, path: VPath) -> bool:
        """Whether the operation is allowed on this path; quick, on the way of every request."""
        if not self._paths:
            return operation in self._global.allows
        allowed = self._known.get(path)
        if allowed is None:
            allowed = self._remember(path)
        return operation in allowed

    def allow_any(self, path: VPath) -> bool:
        """Whether anything at all is allowed on this path."""
        if not self._paths:
            return bool(self._global.allows)
        allowed = self._known.get(path)
        return bool(self._remember(path) if allowed is None else allowed)

    def allow_all(self, operation: Operation) -> bool:
        """Whether no rule tells paths apart by this operation, and each of them allows it."""
        return all(operation in rule.allows for rule in self.rules)

    def list_mode(self, path: VPath) -> ListMode:
        """What a listing of this folder may show."""
        if self.allow(Operation.LIST, path):
            return ListMode.FULL
        if self.allow(Operation.TRAVERSE, path):
            return ListMode.FOLDERS_ONLY
        return ListMode.NONE

    def decide(self, operation: Operation, path: VPath) -> Decision:
        """The same answer as `allow`, with the permission and the line that it came from."""
        rule = self._deciding(path)
        allowed = operation in rule.allows
        needed = NEEDS[operation].value
        if allowed:
            why = f"{rule} allows to {operation.value}"
        elif rule.denies:
            why = f"{rule} denies everything"
        else:
            why = f"{rule} does not give {needed}"
        return Decision(allowed, operation, needed, rule, why)

    def explain(self, operation: Operation, path: VPath) -> list[Step]:
        """Every rule consulted for a decision, in order; the last one decided."""
        decision = self.decide(operation, path)
        steps: list[Step] = []
        for _, rule in self._paths:
            if rule is decision.rule:
                break
            steps.append(Step(rule, False, f"does not match {path}"))
        if decision.rule is self._global:
            matched = "applies where no path rule matches"
        elif decision.rule is _TOO_LONG:
            matched = "the path is too long for the expressions"
        else:
            matched = f"is the first that matches {path}"
        verdict = "allowed" if decision.allowed else f"denied ({decision.needed} is missing)"
        steps.append(Step(decision.rule, True, f"{matched}: {verdict}"))
        return steps

    def _deciding(self, path: VPath) -> Rule:
        text = str(path)
        for expression, rule in self._paths:
            if len(text) > expression.limit:
                # The rule cannot tell whether it is meant; it could be the one that denies.
                return _TOO_LONG
            if expression.matches(text):
                return rule
        return self._global

    def _remember(self, path: VPath) -> frozenset[Operation]:
        allowed = self._deciding(path).allows
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[path] = allowed
        return allowed

    def __repr__(self) -> str:
        return f"Rules({'; '.join(rule.text for rule in self.rules)})"


def path_rule(line: str, source: str, at: int, names: Mapping[str, str] = _NO_NAMES) -> Rule:
    """Read one `EXPRESSION, permission[, permission...]` line; raises ValueError."""
    found = split_commas(line)
    if len(found) < 2:
        raise ValueError(f"{line!r} is not PATH-EXPRESSION, permission")
    if found[0].lower() in _NAMED:
        raise ValueError(f"{line!r} begins with a permission; only the first line does")
    if _NEVER.match(found[0]):
        raise ValueError(f"{found[0]!r} matches no path: paths begin with /, such as /inbox/*")
    return _rule(line, source, at, Expression.parse(found[0], names))


def global_rule(line: str, source: str = "permissions") -> Rule:
    """Read the first line, which holds only names of permissions; raises ValueError."""
    return _rule(line, source, 1, None)


def _rule(line: str, source: str, at: int, expression: Expression | None) -> Rule:
    given = split_commas(line)[0 if expression is None else 1 :]
    found: set[Permission] = set()
    for name in given:
        permissions = _NAMED.get(name.lower())
        if permissions is None:
            raise ValueError(f"{name!r} is not a permission such as allow-read{_hint(name)}")
        found.update(permissions)
    if not found:
        raise ValueError(f"{line!r} names no permission")
    denies = Permission.NONE in found
    allows = frozenset[Operation]().union(*(ALLOWS[permission] for permission in found))
    return Rule(line, source, at, expression, frozenset() if denies else allows, denies)


def _hint(name: str) -> str:
    return "; the first line holds no path" if name.startswith(("/", "*")) else ""
