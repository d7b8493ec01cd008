"""`type = digital-signature-validation`: whether the file of an event is signed, as an event."""

from typing import ClassVar, Literal

from mft.config.section import option
from mft.core.peer import Component
from mft.handlers.base import HandlerOptions
from mft.handlers.inspecting import InspectingOptions, InspectionHandler
from mft.inspection.signature import SignatureInspection, SignatureRules
from mft.resources.base import Surroundings
from mft.resources.inspection import SIGNATURE, means


class SignatureHandlerOptions(InspectingOptions, SignatureRules):
    """Verify the digital signature (RSASSA-PSS) of the files that events name."""

    ignored: ClassVar[dict[str, str]] = {**HandlerOptions.ignored, **SignatureRules.REFRESH}

    type: Literal["digital-signature-validation"] = option("What the handler does.", SIGNATURE)


def signature_handler(
    component: Component, options: SignatureHandlerOptions, around: Surroundings
) -> InspectionHandler:
    """The handler, not started."""
    inspection = SignatureInspection(options, means(around))
    return InspectionHandler(component, options, around, inspection)
