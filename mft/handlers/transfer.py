"""`type = transfer`: transfers run because something has happened.

A transfer that runs already runs once more afterwards, however many events ask for it meanwhile.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final, Literal

from mft.config.kinds import references
from mft.config.section import option
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.events.model import Occurrence
from mft.handlers.base import HandlerOptions
from mft.resources.base import Surroundings

BATCH: Final = 100  # events that ask for one run together


class TransferHandlerOptions(HandlerOptions):
    """Run transfers when events happen; it does not wait for their end."""

    delay: ClassVar[float] = 0.0  # somebody waits for the file
    shown: ClassVar[Mapping[str, str]] = {"transfers": "example", "target": "30068"}

    type: Literal["transfer"] = option("The kind of event handler.", "transfer")
    transfers: Annotated[tuple[str, ...], references("transfers")] = option(
        "IDs of the transfers that run. Events that these tell themselves are passed over.",
        examples=["ORDERS-TO-ACME"],
    )


class TransferHandler:
    """The handler."""

    batch: int = BATCH
    attempts: int = 0  # a transfer that is not there yet comes with the start or the next reload

    def __init__(
        self, component: Component, options: TransferHandlerOptions, around: Surroundings
    ) -> None:
        self.component = component
        self._transfers = options.transfers
        self._around = around

    async def start(self) -> None:
        """Nothing is needed."""

    async def stop(self) -> None:
        """Nothing is held."""

    async def handle_many(self, occurrences: Sequence[Occurrence]) -> None:
        """Ask for one run of each transfer; raises Refused where one cannot be asked."""
        if self._around.replaying:
            raise Refused(Reason.UNSUPPORTED, "", "only a running server runs transfers")
        told = [one for one in occurrences if one.origin.component.uuid not in self._transfers]
        if told:
            for transfer in self._transfers:
                await self._around.run_transfer(transfer, f"event {told[-1].event.number}")
