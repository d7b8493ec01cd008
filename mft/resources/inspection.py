"""Inspections as resources: what the uploads of a group must pass has one name and one start."""

from collections.abc import Callable
from typing import Any, ClassVar, Final, Literal

from mft.config.section import option
from mft.core.peer import Component
from mft.inspection.antivirus import ClamdInspection, ClamdRules
from mft.inspection.base import Inspection, Means, Subject, Verdict
from mft.inspection.content import ContentInspection, ContentRules
from mft.inspection.program import ProgramInspection, ProgramRules
from mft.inspection.signature import SignatureInspection, SignatureRules
from mft.resources.base import ResourceOptions, Surroundings

SIGNATURE: Final = "digital-signature-validation"
CONTENT: Final = "content-check"
CLAMAV: Final = "clamav"
PROGRAM: Final = "inspection-program"


class SignatureOptions(ResourceOptions, SignatureRules):
    """Uploads must have a digital signature (RSASSA-PSS)."""

    ignored: ClassVar[dict[str, str]] = {**ResourceOptions.ignored, **SignatureRules.REFRESH}

    type: Literal["digital-signature-validation"] = option("The kind of resource.", SIGNATURE)


class ContentOptions(ResourceOptions, ContentRules):
    """Uploads must have no line that matches; their digest can be told."""

    ignored: ClassVar[dict[str, str]] = {**ResourceOptions.ignored}

    type: Literal["content-check"] = option("The kind of resource.", CONTENT)


class ClamdOptions(ResourceOptions, ClamdRules):
    """Uploads must be no malware that ClamAV knows."""

    ignored: ClassVar[dict[str, str]] = {**ResourceOptions.ignored}

    type: Literal["clamav"] = option("The kind of resource.", CLAMAV)


class ProgramOptions(ResourceOptions, ProgramRules):
    """Uploads must be nothing that a program of this machine rejects."""

    ignored: ClassVar[dict[str, str]] = {**ResourceOptions.ignored}

    type: Literal["inspection-program"] = option("The kind of resource.", PROGRAM)


class InspectionResource:
    """An inspection that runs. It holds nothing between two files."""

    def __init__(self, component: Component, inspection: Inspection) -> None:
        self.component = component
        self.ending = inspection.ending
        self._inspection = inspection

    async def start(self) -> None:
        """Get ready; raises ValueError, OSError or Refused where that is impossible."""
        await self._inspection.start()

    async def stop(self) -> None:
        """Nothing: what is being inspected goes on."""

    async def inspect(self, subject: Subject) -> Verdict:
        """Look at one file."""
        return await self._inspection.inspect(subject)


def means(around: Surroundings) -> Means:
    """What an inspection is given of what a resource or a handler has."""
    return Means(around.blocking, around.work, around.clock, around.directory)


def _built(
    make: Callable[[Any, Means], Inspection],
) -> Callable[[Component, Any, Surroundings], InspectionResource]:
    def build(component: Component, options: Any, around: Surroundings) -> InspectionResource:
        return InspectionResource(component, make(options, means(around)))

    return build


signature = _built(SignatureInspection)
content = _built(ContentInspection)
clamav = _built(ClamdInspection)
program = _built(ProgramInspection)
