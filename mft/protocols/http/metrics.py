"""Figures for Prometheus: counted as events happen, or looked up when somebody asks."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mft.events import catalogue as events
from mft.events.bus import Bus
from mft.events.model import Occurrence
from mft.protocols.base import Vital

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

# What moved, by the key of an event's data that tells how many bytes: also where it was cut.
_MOVED: Final[Mapping[int, tuple[str, str]]] = {
    events.FTP_DOWNLOAD_DONE.number: ("sent", "total"),
    events.FTP_DOWNLOAD_FAILED.number: ("sent", "total"),
    events.FTP_UPLOAD_DONE.number: ("received", "total"),
    events.FTP_UPLOAD_FAILED.number: ("received", "total"),
    events.SSH_DOWNLOAD_DONE.number: ("sent", "total_read"),
    events.SSH_DOWNLOAD_FAILED.number: ("sent", "total_read"),
    events.SSH_UPLOAD_DONE.number: ("received", "total_write"),
    events.SSH_UPLOAD_FAILED.number: ("received", "total_write"),
    events.HTTP_DOWNLOAD_DONE.number: ("sent", "total_read"),
    events.HTTP_DOWNLOAD_FAILED.number: ("sent", "total_read"),
    events.HTTP_UPLOAD_DONE.number: ("received", "total_write"),
    events.HTTP_UPLOAD_FAILED.number: ("received", "total_write"),
}


class Metrics(Collector):
    """The figures since `start`."""

    def __init__(self, bus: Bus, vital: Vital) -> None:
        self._bus = bus
        self._vital = vital
        self._events: Counter[int] = Counter()
        self._bytes: Counter[tuple[str, str]] = Counter()  # by direction and type of service
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def start(self) -> None:
        """Count from now on."""
        self._bus.subscribe(self)

    def stop(self) -> None:
        """Count no more."""
        self._bus.unsubscribe(self)

    def offer(self, occurrence: Occurrence) -> None:
        """An event has happened."""
        number = occurrence.event.number
        self._events[number] += 1
        moved = _MOVED.get(number)
        if moved is not None:
            direction, key = moved
            self._bytes[direction, occurrence.origin.component.kind] += occurrence.data[key]

    def text(self) -> bytes:
        """All of it, in the text format of Prometheus (version 0.0.4)."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Each figure as it is now."""
        status = self._vital.status()
        yield _gauge("mft_start_time_seconds", "When the server started.", status["running_since"])
        yield _gauge("mft_sessions", "Who is logged in.", status["sessions"])
        yield _gauge("mft_journal_healthy", "1 while events are recorded.", self._bus.healthy)
        yield _gauge("mft_ready", "1 while new clients are welcome.", not self._vital.unready())
        yield self._connections(status["services"])
        yield self._behind()
        yield from self._counted()

    def _connections(self, services: list[dict[str, Any]]) -> Metric:
        family = GaugeMetricFamily(
            "mft_connections", "Connections of each service.", labels=["service", "type"]
        )
        for service in services:
            family.add_metric([service["name"], service["type"]], service["connections"])
        return family

    def _behind(self) -> Metric:
        family = GaugeMetricFamily(
            "mft_handler_events_behind", "Events that a handler has to look at.", labels=["handler"]
        )
        for name, count in self._vital.behind().items():
            family.add_metric([name], count)
        return family

    def _counted(self) -> Iterator[Metric]:
        told = CounterMetricFamily("mft_events", "Events by their number.", labels=["id"])
        for number, count in sorted(self._events.items()):
            told.add_metric([str(number)], count)
        yield told
        moved = CounterMetricFamily(
            "mft_file_bytes", "Bytes of files that moved.", labels=["direction", "type"]
        )
        for (direction, kind), count in sorted(self._bytes.items()):
            moved.add_metric([direction, kind], count)
        yield moved


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=float(value))
