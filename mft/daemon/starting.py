"""Starting services: each loads what it needs and takes its address, before root is given up."""

from collections.abc import Iterable

from mft.core.failure import Refused
from mft.daemon.life import StartFailed
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.protocols.base import Service


async def listen(services: Iterable[Service], bus: Bus) -> None:
    """Prepare and bind every service; StartFailed tells all that cannot, each with an event."""
    failed: list[Refused] = []
    for service in services:
        try:
            await service.prepare()
            service.bind()
        except Refused as refused:
            failed.append(refused)
            told = p.ServiceFailed(service.component.name, str(refused))
            bus.emit(events.SERVICE_START_FAILED, told)
    if failed:
        raise StartFailed(failed)


def tell_listening(service: Service, bus: Bus) -> None:
    """A service listens: the event that administrators know, with the port that it has."""
    address = service.address
    if address is not None:
        bus.emit(
            events.SERVICE_STARTED,
            p.ServiceStarted(
                service.component.name, address.host, address.port, service.component.kind
            ),
            bus.origin._replace(component=service.component),
        )


def tell_stopped(service: Service, bus: Bus) -> None:
    """A service does not listen any more."""
    bus.emit(
        events.SERVICE_STOPPED,
        p.ServiceStopped(service.component.name),
        bus.origin._replace(component=service.component),
    )
