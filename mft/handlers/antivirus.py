"""`type = clamav` and `type = inspection-program`: whether the file of an event is malware.

What they find has no event of its own: 90250 and 90251 tell, as of an inspection before a commit.
"""

import os
from collections.abc import Callable
from typing import ClassVar, Literal

from mft.config.section import option
from mft.core.peer import Component
from mft.handlers.base import HandlerOptions
from mft.handlers.inspecting import InspectingOptions, InspectionHandler
from mft.inspection.antivirus import ClamdInspection, ClamdRules
from mft.inspection.program import ProgramInspection, ProgramRules
from mft.resources.base import Surroundings
from mft.resources.inspection import CLAMAV, PROGRAM, means


class ClamdHandlerOptions(InspectingOptions, ClamdRules):
    """Let clamd look at the files that events name."""

    ignored: ClassVar[dict[str, str]] = {**HandlerOptions.ignored}

    type: Literal["clamav"] = option("What the handler does.", CLAMAV)


class ProgramHandlerOptions(InspectingOptions, ProgramRules):
    """Let a program of this machine look at the files that events name, one at a time."""

    ignored: ClassVar[dict[str, str]] = {**HandlerOptions.ignored}

    type: Literal["inspection-program"] = option("What the handler does.", PROGRAM)


def clamd_handler(
    component: Component, options: ClamdHandlerOptions, around: Surroundings
) -> InspectionHandler:
    """The handler that asks clamd, not started."""
    inspection = ClamdInspection(options, means(around))
    return InspectionHandler(component, options, around, inspection, tells=True)


def program_handler(
    component: Component,
    options: ProgramHandlerOptions,
    around: Surroundings,
    who: Callable[[], int] = os.geteuid,
) -> InspectionHandler:
    """The handler that runs a program, not started; `who` tells the account of this process."""
    inspection = ProgramInspection(options, means(around), who)
    return InspectionHandler(component, options, around, inspection, tells=True)
