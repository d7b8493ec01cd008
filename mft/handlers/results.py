"""Results: events by which a handler tells of each event that it has handled.

Two handlers that both take everything and tell of everything would keep each other busy for ever.
So they are given the results of others only where `target` names their numbers.
"""

from typing import Final

from mft.events import catalogue
from mft.events.filters import Items

# Those that mail is not given. A program that failed is mailed, for nobody tells of that mail.
MAIL_RESULTS: Final = frozenset(
    str(event.number)
    for event in (
        catalogue.MAIL_NOT_FOR_ALL,
        catalogue.MAILS_HELD_BACK,
        catalogue.MAILS_SUMMARISED,
        catalogue.ATTACHMENT_LEFT_OUT,
    )
)
RESULTS: Final = MAIL_RESULTS | frozenset(
    str(event.number)
    for event in (catalogue.PROGRAM_DONE, catalogue.PROGRAM_FAILED, catalogue.HTTP_DELIVERED)
)


def without_results(target: Items, results: frozenset[str] = RESULTS) -> Items:
    """What is wanted, less the results that it does not name."""
    if target.items and not target.excluded:
        return target
    return Items(target.items | results, excluded=True)
