"""The options of `type = file-dispatcher`."""

import os
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal

from mft.config.kinds import (
    Context,
    Kind,
    Maybe,
    PositiveSeconds,
    Seconds,
    Text,
    Wrong,
    each_line,
    whole,
)
from mft.config.named_files import as_data
from mft.config.section import option
from mft.core.vpath import MAX_NAME_BYTES
from mft.events.facts import NO_COMPONENT, Facts
from mft.handlers.base import HandlerOptions
from mft.handlers.dispatcher_rules import (
    EXECUTE,
    Match,
    Prepared,
    Rule,
    fact_of,
    fixed_folder,
    programs_of,
    read_fallback,
    read_matches,
    read_rules,
    write_rules,
)
from mft.runtime.safe_programs import why_not_run

MAX_RETRIES: Final = 1000
MAX_ROOTS: Final = 100
_SUFFIX_LENGTH: Final = 50


def _suffix(text: str, context: Context | None) -> str:
    suffix = text.strip()
    if "/" in suffix or not suffix.isprintable() or len(suffix) > _SUFFIX_LENGTH:
        raise Wrong("is not the end of a file name such as .part")
    return suffix


def _roots(text: str, context: Context | None) -> tuple[str, ...]:
    found = each_line(text, _root)
    if len(found) > MAX_ROOTS:
        raise Wrong(f"has more than {MAX_ROOTS} folders")
    return found


def _root(line: str) -> str:
    path = os.path.normpath(line)
    if not line.startswith("/") or path.strip("/") == "" or not line.isprintable():
        raise Wrong("is not an absolute path of a folder such as /srv/mft")
    return "/" + path.lstrip("/")


def is_within(path: str, folder: str) -> bool:
    """Whether a folder is another one or below it, both in their normal form."""
    return path == folder or path.startswith(f"{folder}/")


class DispatcherOptions(HandlerOptions):
    """Copy, move, rename or delete the files that events are about, or give them to programs."""

    delay: ClassVar[float] = 0.0  # somebody waits for the file
    shown: ClassVar[Mapping[str, str]] = {"target": "30068, 10078, 40017"}

    dispatch_rules: Annotated[
        tuple[Rule, ...],
        Kind(
            "rules",
            "move, */inbox/*.pdf, /srv/outbox",
            read_rules,
            write=write_rules,
            files=programs_of,
        ),
    ] = option(
        "Lines of an action, an expression that is matched against the whole path, and "
        "destinations, between commas. The first that matches is done.",
        examples=["move, */inbox/*.pdf, /srv/outbox"],
    )
    fallback_rule: Maybe[
        Annotated[
            Rule,
            Kind(
                "rule",
                "copy, /srv/rest",
                read_fallback,
                write=lambda one: one.text,
                files=lambda one: programs_of((one,)),
            ),
        ]
    ] = option(
        "An action and its destinations, for files that no rule matches. Empty: nothing is done.",
        None,
        examples=["move, /srv/rest"],
    )
    dispatch_attribute: Text = option(
        "The data key of the events that has the path of the file, or a list of paths.",
        "real_path",
        examples=["destination_paths"],
    )
    dispatch_delay: Seconds = option("How long after the event the file is dispatched.", 0.0)
    retry_count: Annotated[int, whole(0, MAX_RETRIES)] = option(
        "How often a dispatch that failed is tried again. Later events wait for it.", 0
    )
    retry_wait: PositiveSeconds = option("How long to wait before that.", 60.0)
    create_destination_folder: Maybe[Literal["parent"]] = option(
        "`parent`: folders of a destination that are missing are made. Empty: they are an error.",
        None,
    )
    overwrite_rule: Literal["fail", "overwrite", "skip", "disable"] = option(
        "What happens when a file of the name is there: `fail`, `overwrite` it, or `skip` the "
        "destination and keep the source. `disable` does not look, and overwrites.",
        "fail",
    )
    destination_temporary_suffix: Annotated[str, Kind("end of a name", ".part", _suffix)] = option(
        "What the name of a file ends in while it is copied. Empty: it is hidden.", ""
    )
    executable_timeout: PositiveSeconds = option("How long a program may take.", 30.0)
    matching_expressions: Annotated[
        tuple[Match, ...],
        Kind("lines of an attribute and a regular expression", r"path, ^/(\w+)/", read_matches),
    ] = option(
        "Lines of an attribute of the event, a comma and a regular expression: its groups can be "
        "used in destinations as {attribute.1}, {attribute.1_upper} and {attribute.1_lower}.",
        (),
        examples=[r"account.name, ^(\w+)-"],
    )
    allowed_roots: Annotated[
        tuple[str, ...],
        Kind("folders, one a line", "/srv/mft", _roots, write="\n".join, files=as_data),
    ] = option(
        "The folders that files are taken from and put into; everything else is refused. Empty: "
        "homes and virtual folders of accounts, and what destinations begin with before their "
        "first variable.",
        (),
        ours=True,
        examples=["/srv/mft"],
    )

    @property
    def every_rule(self) -> tuple[tuple[str, Rule], ...]:
        """Each rule, and the option that has it."""
        rules = tuple(("dispatch_rules", rule) for rule in self.dispatch_rules)
        fallback = self.fallback_rule
        return rules if fallback is None else (*rules, ("fallback_rule", fallback))

    def folders(self) -> frozenset[str]:
        """What destinations begin with, whatever their variables are."""
        return frozenset(
            fixed_folder(one)
            for _, rule in self.every_rule
            if rule.action is not EXECUTE
            for one in rule.destinations
        )

    def check(self, context: Context) -> Iterator[Wrong]:
        """Names that do not exist, destinations outside, programs that are missing."""
        facts = Facts(NO_COMPONENT)
        for match in self.matching_expressions:
            try:
                fact_of(facts, match.attribute)
            except ValueError as error:
                yield Wrong(str(error), match.attribute, option="matching_expressions")
        for name, rule in self.every_rule:
            try:
                Prepared(rule, facts, self.matching_expressions)
            except ValueError as error:
                yield Wrong(str(error), rule.text, option=name)
            yield from self._check_places(name, rule, context)
        if not self.target.items and not self.groups.items:
            sentence = (
                "is empty: files are dispatched by every event that names them, also before they "
                "are whole; name those of finished files, such as 30068, 10078, 40017"
            )
            yield Wrong(sentence, option="target", mild=True)

    def _check_places(self, name: str, rule: Rule, context: Context) -> Iterator[Wrong]:
        if rule.action is EXECUTE:
            program = rule.destinations[0]
            wrong = "" if "{" in program else why_not_run(program, context.directory)
            if wrong:
                yield Wrong(f"names a program that {wrong}", program, option=name, mild=True)
            return
        for one in rule.destinations:
            folder = fixed_folder(one)
            if len(folder.encode()) > 4 * MAX_NAME_BYTES:
                yield Wrong("has a destination that is too long", one, option=name)
            elif self.allowed_roots:
                if not any(is_within(folder, root) for root in self.allowed_roots):
                    yield Wrong("has a destination outside of allowed_roots", one, option=name)
            elif folder == "/":
                sentence = "has a destination that may be anywhere; name folders in allowed_roots"
                yield Wrong(sentence, one, option=name)
