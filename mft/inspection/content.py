"""`content-check`: lines that match an expression or a dictionary, and the digest of the file."""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal, NamedTuple

from mft.config.kind import each_line
from mft.config.kinds import Context, FilePaths, Kind, Wrong
from mft.config.section import NamedSection, option
from mft.core.backtracking import steps
from mft.core.matching import Expression
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.inspection.base import Means, Subject, Told, Verdict, fed
from mft.inspection.changing import Kept
from mft.inspection.lines import PIECE, Pieces
from mft.inspection.terms import Terms

MAX_RULES: Final = 100
MAX_DESCRIPTION: Final = 200  # characters
MAX_FOUND: Final = 100  # things told of one file: rules, and terms of dictionaries
# Of one expression and one piece of a line: 2 ms for ordinary ones, 15 ms for the worst, in which
# nobody else has a turn. Two repeats without a bound are let through, three are not.
MAX_COST: Final = 1 << 21
_RULE: Final = re.compile(r"([gme]/.*/[a-z]*|[^,]+?)\s*,\s*(.*\S)", re.DOTALL)
_REGEX: Final = re.compile(r"[me]/(.*)/([a-z]*)", re.DOTALL)


class LineRule(NamedTuple):
    """An expression that is looked for in each line, and what a find is called."""

    expression: Expression
    description: str

    def __str__(self) -> str:
        return f"{self.expression.text}, {self.description}"


def _rule(line: str) -> LineRule:
    found = _RULE.fullmatch(line)
    if found is None:
        raise Wrong("is not an expression, a comma and a description")
    text, description = found.groups()
    if len(description) > MAX_DESCRIPTION or not description.isprintable():
        raise Wrong(f"has a description that is longer than {MAX_DESCRIPTION} characters")
    try:
        expression = Expression.parse(text)
    except ValueError as error:
        raise Wrong(str(error)) from None
    regex = _REGEX.fullmatch(text)
    if regex is not None and steps(regex[1], 0, PIECE) > MAX_COST:
        raise Wrong(
            "could take too long on a hostile line; say how many, such as .{0,80} for .*, and use "
            "few of *, + and |"
        )
    return LineRule(expression, description)


def _rules(text: str, context: Context | None) -> tuple[LineRule, ...]:
    rules = each_line(text, _rule)
    if len(rules) > MAX_RULES:
        raise Wrong(f"has more than {MAX_RULES} lines")
    return rules


def _rules_text(rules: Iterable[LineRule]) -> str:
    return "\n".join(map(str, rules))


LineSearch = Annotated[
    tuple[LineRule, ...],
    Kind("lines of an expression and a description", "", _rules, write=_rules_text),
]


class ContentRules(NamedSection):
    """What is looked for in a file, line by line."""

    shown: ClassVar[Mapping[str, str]] = {"enabled": "No"}  # there is nothing yet to look for

    line_search: LineSearch = option(
        "Lines of an expression, a comma and a description. A line of the file that matches is "
        "told with the description, once for each description.",
        (),
        examples=[r"m/\b\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}\b/, number of a credit card"],
    )
    dictionary_files: FilePaths = option(
        "Files of terms in UTF-8, one a line. A term is found as whole words, in any case, and "
        "told once.",
        (),
        examples=["conf/terms/projects.txt"],
        ours=True,
    )
    digest_format: Literal["disabled", "base64", "gnu", "bsd"] = option(
        "How the digest of the file is told: in base64, as the line of sha256sum, or as that of "
        "BSD.",
        "disabled",
    )
    digest_algorithm: Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"] = option(
        "Which digest that is.", "sha256"
    )

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of dictionaries that cannot be read, and of nothing to do."""
        yield from super().check(context)
        if not self.enabled:
            return
        for path in self.dictionary_files:
            try:
                Terms.load(path)
            except ValueError as error:
                yield Wrong(f"cannot be used: {error}", str(path), option="dictionary_files")
        if not self.line_search and not self.dictionary_files and self.digest_format == "disabled":
            yield Wrong(
                "is empty, as are dictionary_files and digest_format: nothing would be checked",
                option="line_search",
            )

    def dictionaries(self) -> tuple[Terms, ...]:
        """Read the dictionaries; blocks. Raises ValueError."""
        return tuple(map(Terms.load, self.dictionary_files))


class ContentInspection:
    """An `Inspection`: no line of the file matches."""

    ending = ""

    def __init__(self, rules: ContentRules, means: Means) -> None:
        self._rules = rules
        self._disk, self._work = means.disk, means.work
        self._terms = Kept(rules.dictionary_files, rules.dictionaries)

    async def start(self) -> None:
        """Read the dictionaries; raises ValueError or OSError."""
        await self._disk(self._terms.get)

    async def inspect(self, subject: Subject) -> Verdict:
        """Look through the file once."""
        try:
            search = _Search(self._rules, await self._disk(self._terms.get))
        except (ValueError, OSError) as error:
            return Verdict.unable(f"the dictionaries are not known: {error}")
        await fed(subject, self._work, search.take, subject.size)
        await self._work(search.finish)
        told = [
            Told(events.CONTENT_FOUND, p.ContentFound(subject.path, subject.real_path, description))
            for description in search.found
        ]
        if search.digest is not None:
            output = _shown(self._rules, search.digest, subject.name)
            digest = p.FileDigest(output, subject.path, subject.real_path)
            told.append(Told(events.FILE_DIGEST, digest))
        if search.found:
            return Verdict.rejected("; ".join(search.found), *told)
        return Verdict.passed(*told)


class _Search:
    """One file on its way through the rules."""

    def __init__(self, rules: ContentRules, dictionaries: tuple[Terms, ...]) -> None:
        self.found: dict[str, None] = {}  # descriptions, in the order in which they were found
        self._rules: dict[str, list[Expression]] = {
            rule.description: [] for rule in rules.line_search
        }
        for rule in rules.line_search:
            self._rules[rule.description].append(rule.expression)
        self._dictionaries = dictionaries
        self._pieces = Pieces()
        self._hash = None
        if rules.digest_format != "disabled":
            self._hash = hashlib.new(rules.digest_algorithm, usedforsecurity=False)

    def take(self, view: memoryview) -> bool:
        """Look at more of it; whether nothing more can be found."""
        if self._hash is not None:
            self._hash.update(view)
        self._look(self._pieces.take(view))
        return self._hash is None and self._done

    def finish(self) -> None:
        """Look at what is left at its end."""
        self._look(self._pieces.finish())

    @property
    def digest(self) -> bytes | None:
        """The digest of what was taken, where one was asked for."""
        return None if self._hash is None else self._hash.digest()

    @property
    def _done(self) -> bool:
        return len(self.found) >= MAX_FOUND or not (self._rules or self._dictionaries)

    def _look(self, pieces: Iterator[str]) -> None:
        for text in pieces:
            for description in self._hits(text):
                self.found[description] = None
                if self._done:
                    return

    def _hits(self, text: str) -> Iterator[str]:
        for description, expressions in list(self._rules.items()):
            if any(expression.matches(text) for expression in expressions):
                del self._rules[description]
                yield description
        for terms in self._dictionaries:
            for term in terms.found(text):
                yield f"{terms.name}: {term}"


def _shown(rules: ContentRules, digest: bytes, name: str) -> str:
    if rules.digest_format == "base64":
        return base64.b64encode(digest).decode()
    if rules.digest_format == "gnu":
        return f"{digest.hex()}  {name}"
    return f"{rules.digest_algorithm.upper()} ({name}) = {digest.hex()}"
