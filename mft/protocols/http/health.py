"""The service that balancers and monitors ask."""

from mft.core.peer import Component
from mft.protocols.base import ServiceParts
from mft.protocols.http.answers import as_json
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.hub import Manner
from mft.protocols.http.metrics import CONTENT_TYPE, Metrics
from mft.protocols.http.options import HealthOptions
from mft.protocols.http.service import HttpService


class HealthService(HttpService):
    """One `[services/ID]` section of type health; it counts from `prepare` until `drained`."""

    def __init__(self, component: Component, options: HealthOptions, parts: ServiceParts) -> None:
        """Know whom to ask."""
        manner = Manner(self._serve, logs_in=False, tells=False)
        super().__init__(component, options.as_http(), parts, manner)
        self.options = options
        self._vital = parts.vital
        self._metrics = Metrics(parts.bus, parts.vital)
        self._pages = {
            ("health", "live"): self._live,
            ("health", "ready"): self._ready,
            ("metrics",): self._tell_metrics,
        }

    async def prepare(self) -> None:
        """Begin to count."""
        await super().prepare()
        self._metrics.start()

    async def drained(self) -> None:
        """Wait until every connection has ended, and count no more."""
        await super().drained()
        self._metrics.stop()

    async def _serve(self, exchange: Exchange) -> None:
        page = self._pages.get(exchange.target.segments)
        if page is None:
            exchange.refuse(404, "There is nothing here.")
        elif exchange.head.method not in ("GET", "HEAD"):
            exchange.refuse(405, "This cannot be done here.", ("Allow", "GET, HEAD"))
        else:
            page(exchange)

    def _live(self, exchange: Exchange) -> None:
        """The process runs, and its reactor turns: otherwise nobody would answer."""
        exchange.answer_json(200, as_json({"live": True}))

    def _ready(self, exchange: Exchange) -> None:
        """Whether new clients are welcome, and why not."""
        reasons = list(self._vital.unready())
        body = as_json({"ready": not reasons, "reasons": reasons})
        exchange.answer_json(503 if reasons else 200, body)

    def _tell_metrics(self, exchange: Exchange) -> None:
        exchange.answer(200, self._metrics.text(), ("Content-Type", CONTENT_TYPE))
