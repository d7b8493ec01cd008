"""Results: events by which a handler tells of each event that it has handled.

Two handlers that both take everything and tell of everything would keep each other busy for ever.
So they are given the results of others only where `target` names their numbers.
"""

from typing import Final

from mft.events import catalogue
from mft.events.filters import Items

RESULTS: Final = frozenset(
    str(event.number)
    for event in (catalogue.PROGRAM_DONE, catalogue.PROGRAM_FAILED, catalogue.HTTP_DELIVERED)
)


def without_results(target: Items) -> Items:
    """What is wanted, less the results that it does not name."""
    if target.items and not target.excluded:
        return target
    return Items(target.items | RESULTS, excluded=True)
