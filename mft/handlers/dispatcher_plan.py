"""What a dispatcher is to do with one file of an event, by its rules; nothing is touched yet."""

import os
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.events.facts import Facts
from mft.events.model import Occurrence
from mft.handlers.dispatcher_options import DispatcherOptions
from mft.handlers.dispatcher_record import Intent, Target, hidden_name, moment_of
from mft.handlers.dispatcher_rules import (
    COPY,
    EXECUTE,
    IGNORE,
    MOVE,
    MOVE_STAMPED,
    Prepared,
    check_path,
    fact_of,
    own_values,
)

MAX_FILES: Final = 1000  # of one event


class Planned(NamedTuple):
    """What is to be done, and why it cannot be; empty where it can."""

    intent: Intent
    refusal: str


def random_word() -> str:
    """Six digits that nobody can foresee."""
    return secrets.token_hex(3)


class Planner:
    """The rules of one dispatcher, ready to be used."""

    def __init__(
        self,
        component: Component,
        section: str,
        options: DispatcherOptions,
        server: Component,
        now: Callable[[], float],
        token: Callable[[], str],
    ) -> None:
        """`section` tells hidden names from those of others; `now`: seconds since the epoch."""
        facts, matches = Facts(server, component), options.matching_expressions
        self._section = section
        self._now = now
        self._token = token
        self._suffix = options.destination_temporary_suffix
        self._matches = [(match, fact_of(facts, match.attribute)) for match in matches]
        self._rules = [Prepared(rule, facts, matches) for rule in options.dispatch_rules]
        fallback = options.fallback_rule
        self._fallback = None if fallback is None else Prepared(fallback, facts, matches)

    def plan(self, told: Occurrence, index: int, path: str) -> Planned | None:
        """What the first rule that matches wants, in a thread; None for nothing."""
        intent = None
        try:
            if index >= MAX_FILES:
                raise Refused(Reason.INVALID, path, f"one event of more than {MAX_FILES} files")
            for prepared in self._rules:
                intent = self._begun(told, index, path, prepared)
                groups = prepared.groups(path)
                if groups is not None:
                    return self._planned(intent, prepared, groups, told)
            if self._fallback is None:
                return None
            intent = self._begun(told, index, path, self._fallback)
            return self._planned(intent, self._fallback, (), told)
        except Refused as refused:
            intent = intent or self._begun(told, index, path, self._rules[0])
            return Planned(intent, str(refused))

    def _begun(self, told: Occurrence, index: int, path: str, chosen: Prepared) -> Intent:
        serial, time = moment_of(told)
        return Intent(
            serial=serial,
            time=time,
            file=index,
            path=path,
            mode=chosen.action.name,
            fallback=chosen is self._fallback,
            destinations=list(chosen.rule.destinations),
            taken=hidden_name(self._section, serial, time, index),
        )

    def _planned(
        self, intent: Intent, chosen: Prepared, groups: tuple[str, ...], told: Occurrence
    ) -> Planned | None:
        """Fill in where the file goes; Refused for what is no path."""
        if chosen.action is IGNORE:
            return None
        own = own_values(groups, self._matches, told)
        intent.destinations = chosen.destinations(told, own)
        if chosen.action is not EXECUTE:
            name = intent.path.rpartition("/")[2]
            paths = chosen.paths(intent.destinations, name, self._stamp(chosen.action.stamp))
            suffixed = chosen.action in (COPY, MOVE, MOVE_STAMPED)
            intent.targets = [
                Target(path, f"{intent.taken}{number}", self._shown(path) if suffixed else "")
                for number, path in enumerate(paths)
            ]
        return Planned(intent, "")

    def _shown(self, path: str) -> str:
        return check_path(path + self._suffix).rpartition("/")[2] if self._suffix else ""

    def _stamp(self, kind: str) -> Callable[[str], str]:
        """How a name is told from others of the same."""
        now = self._now()
        if kind == "date":
            moment = f"{datetime.fromtimestamp(now):%Y-%m-%d-%H-%M-%S-%f}-{self._token()}"
            return lambda name: "{0}.{2}{1}".format(*os.path.splitext(name), moment)
        return (lambda name: f"{now:.3f}-{name}") if kind else (lambda name: name)
