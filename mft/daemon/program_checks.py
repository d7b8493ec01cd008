"""Programs that would not run: root runs none."""

import os
from collections.abc import Callable
from typing import Final

from mft.config.kinds import Wrong
from mft.config.section import wrong_in
from mft.daemon.options import ServerOptions
from mft.daemon.reading import Reading
from mft.handlers.dispatcher_options import DispatcherOptions
from mft.handlers.dispatcher_rules import EXECUTE
from mft.handlers.program_options import ProgramOptions
from mft.resources.inspection import ProgramOptions as InspectionOptions
from mft.runtime.program import ROOT

SENTENCE: Final = (
    "keeps root from starting this server: programs never run as root, so name the account to run "
    "as in account of [server]"
)
OF_RULES: Final = (
    "names a program that would fail for every file: programs never run as root, so name the "
    "account to run as in account of [server]"
)


def check_programs(reading: Reading, who: Callable[[], int] = os.geteuid) -> None:
    """Tell root, who asks, where it could not start the server itself."""
    server = None if reading.server is None else reading.server.options
    if not isinstance(server, ServerOptions) or server.account or not server.allow_root:
        return  # it becomes somebody else, or refuses root anyway
    if who() != ROOT:
        return
    for one in (
        *reading.families["event-handlers"].values(),
        *reading.families["resources"].values(),
    ):
        if isinstance(one.options, ProgramOptions | InspectionOptions) and one.options.enabled:
            path = str(one.options.executable_path)
            wrong = Wrong(SENTENCE, path, option="executable_path", mild=True)
            wrong_in(one.options, one.raw, wrong, reading.problems)
        if isinstance(one.options, DispatcherOptions) and one.options.enabled:
            for name, rule in one.options.every_rule:
                if rule.action is EXECUTE:
                    wrong = Wrong(OF_RULES, rule.text, option=name, mild=True)
                    wrong_in(one.options, one.raw, wrong, reading.problems)
