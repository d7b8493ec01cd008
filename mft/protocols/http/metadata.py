"""What a client says of a file that it sends, in a header: tags that travel into the events."""

import re
from typing import Annotated, Any, Final, NamedTuple

from mft.config.ini import split_commas
from mft.config.kinds import Context, Kind, Wrong, Wrongs
from mft.core.matching import Expression
from mft.wire.http.grammar import TOKEN
from mft.wire.http.head import BadRequest, Fields

MAX_RULES: Final = 64  # lines of `metadata_fields`
MAX_TAGS: Final = 64  # pairs of a key and a value that one file has
MAX_KEY: Final = 100  # characters
MAX_VALUE: Final = 1000  # characters

Tags = dict[str, list[str]]


class Rule(NamedTuple):
    """Which keys there may be, and whether one of them must be."""

    keys: Expression
    required: bool


class MetadataFields(NamedTuple):
    """The header, and what it may say."""

    header: str
    required: bool
    rules: tuple[Rule, ...]

    def read(self, fields: Fields) -> Tags:
        """The tags of a request, by their keys; raises BadRequest(400) for what must not be.

        The header holds `key=value` between commas; a key that comes again has several values.
        """
        value = fields.get(self.header)
        if value is None:
            if self.required:
                raise BadRequest(400, "the header with the metadata is missing")
            return {}
        tags = _tags(value)
        for key in tags:
            if not any(rule.keys.matches(key) for rule in self.rules):
                raise BadRequest(400, "metadata with a key that is not known here")
        for rule in self.rules:
            if rule.required and not any(map(rule.keys.matches, tags)):
                raise BadRequest(400, "metadata without a key that is needed")
        return tags


def _tags(value: str) -> Tags:
    try:
        pairs = split_commas(value)
    except ValueError:
        raise BadRequest(400, "metadata that are not keys and values between commas") from None
    if len(pairs) > MAX_TAGS:
        raise BadRequest(400, f"metadata of more than {MAX_TAGS} pairs")
    tags: Tags = {}
    for pair in pairs:
        key, equals, text = (part.strip() for part in pair.partition("="))
        if not equals or not 0 < len(key) <= MAX_KEY or len(text) > MAX_VALUE:
            raise BadRequest(400, "metadata that are not keys and values between commas")
        tags.setdefault(key, []).append(text)
    return tags


def _read(text: str, context: Context | None) -> object:
    lines = [(at, line.strip()) for at, line in enumerate(text.split("\n")) if line.strip()]
    if not lines:
        return None
    wrongs: list[Wrong] = []
    header, required = _header(lines[0][1])
    rules = []
    for at, line in lines[1:]:
        try:
            rules.append(_rule(line))
        except ValueError as error:
            wrongs.append(Wrong(f"is no rule: {error}", line, at))
    if not wrongs and not 0 < len(rules) <= MAX_RULES:
        wrongs.append(Wrong(f"needs 1 to {MAX_RULES} lines of keys", lines[0][1], lines[0][0]))
    if wrongs:
        raise Wrongs(wrongs)
    return MetadataFields(header, required, tuple(rules))


def _header(line: str) -> tuple[str, bool]:
    name, _, word = (part.strip() for part in line.partition(","))
    if not _is_token(name) or word.lower() not in ("", "required"):
        raise Wrong("does not begin with the name of a header, such as X-Tags, required", line)
    return name, bool(word)


def _is_token(name: str) -> bool:
    return re.fullmatch(TOKEN, name) is not None


def _rule(line: str) -> Rule:
    keys, _, word = (part.strip() for part in line.rpartition(","))
    if word.lower() not in ("required", "optional"):
        raise ValueError("it ends in `, required` or `, optional`")
    return Rule(Expression.parse(keys), word.lower() == "required")


def _write(fields: Any) -> str:
    if fields is None:
        return ""
    first = f"{fields.header}, required" if fields.required else fields.header
    rest = (f"{r.keys.text}, {'required' if r.required else 'optional'}" for r in fields.rules)
    return "\n".join((first, *rest))


Metadata = Annotated[
    MetadataFields | None,
    Kind("lines of a header, and of its keys", "X-Tags\ncase, required", _read, write=_write),
]
