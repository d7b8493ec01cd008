"""`type = content-check`: lines of the file of an event that match, and its digest, as events."""

from typing import ClassVar, Literal

from mft.config.section import option
from mft.core.peer import Component
from mft.handlers.base import HandlerOptions
from mft.handlers.inspecting import InspectingOptions, InspectionHandler
from mft.inspection.content import ContentInspection, ContentRules
from mft.resources.base import Surroundings
from mft.resources.inspection import CONTENT, means


class ContentHandlerOptions(InspectingOptions, ContentRules):
    """Look for expressions and terms in the files that events name, and tell their digest."""

    ignored: ClassVar[dict[str, str]] = {**HandlerOptions.ignored}

    type: Literal["content-check"] = option("What the handler does.", CONTENT)


def content_handler(
    component: Component, options: ContentHandlerOptions, around: Surroundings
) -> InspectionHandler:
    """The handler, not started."""
    inspection = ContentInspection(options, means(around))
    return InspectionHandler(component, options, around, inspection)
