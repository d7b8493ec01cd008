"""Programs that would not run: root runs none."""

import os
from collections.abc import Callable, Iterator
from typing import Final, cast

from mft.config.kinds import Wrong
from mft.config.section import NamedSection, Section, wrong_in
from mft.daemon.options import ServerOptions
from mft.daemon.reading import Reading
from mft.handlers.antivirus import ProgramHandlerOptions
from mft.handlers.dispatcher_options import DispatcherOptions
from mft.handlers.dispatcher_rules import EXECUTE
from mft.handlers.program_options import ProgramOptions
from mft.resources.inspection import ProgramOptions as InspectionOptions
from mft.runtime.program import ROOT
from mft.transfers.options import TransferOptions

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
    for family in ("event-handlers", "resources", "transfers"):
        for one in reading.families[family].values():
            for option, value, sentence in _programs(one.options):
                wrong = Wrong(sentence, value, option=option, mild=True)
                wrong_in(cast(Section, one.options), one.raw, wrong, reading.problems)


def _programs(options: Section | None) -> Iterator[tuple[str, str, str]]:
    """The options of a section that name programs, what they say, and what comes of that."""
    if not isinstance(options, NamedSection):
        return
    if isinstance(options, TransferOptions):  # which runs when asked, also if it is not enabled
        for name in options.programs:
            yield name, getattr(options, name)[0], OF_RULES
    if not options.enabled:
        return
    if isinstance(options, ProgramOptions | InspectionOptions | ProgramHandlerOptions):
        yield "executable_path", str(options.executable_path), SENTENCE
    if isinstance(options, DispatcherOptions):
        rules = (one for one in options.every_rule if one[1].action is EXECUTE)
        yield from ((name, rule.text, OF_RULES) for name, rule in rules)
