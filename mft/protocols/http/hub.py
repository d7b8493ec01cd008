"""What the connections of one HTTP service share: options, TLS, buffers, who is here."""

import secrets
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from mft.core.peer import Address, Component
from mft.protocols.base import ServiceParts
from mft.protocols.http.answers import AnswerHeads
from mft.protocols.http.client import Client
from mft.protocols.http.events import NUMBERS
from mft.protocols.http.options import HttpOptions, HttpsOptions
from mft.protocols.http.pages import Pages
from mft.protocols.http.router import Serve, serve
from mft.protocols.http.taking_over import TakingOver
from mft.protocols.http.upload_turns import UploadTurns
from mft.protocols.http.web_sessions import WebSessions
from mft.protocols.presence import Presence
from mft.protocols.protection import Protection
from mft.runtime.buffers import INLET_SIZE, Buffers
from mft.session.login import Login
from mft.session.numbers import NO_METADATA, Metadata
from mft.session.opening import Limits
from mft.trust.tls import ServerContext
from mft.wire.http.head import Fields

HEADS: Final = 16 << 10  # bytes of requests in one read
SESSION_ID: Final = 16  # bytes that bind TLS sessions to this service


class Manner(NamedTuple):
    """How a service treats those who come."""

    serve: Serve  # answers each request
    logs_in: bool = True  # whether they log in sooner or later
    tells: bool = True  # whether their coming and going are events


SITE: Final = Manner(serve)  # the files of accounts


class Hub:
    """Shared by every connection of one service."""

    def __init__(
        self,
        options: HttpOptions,
        component: Component,
        parts: ServiceParts,
        manner: Manner = SITE,
    ) -> None:
        self.options = options
        self.origins = options.origins
        self.is_secure = options.is_secure
        self.manner = manner
        self.component = component
        self.bus = parts.bus
        self.reactor: Any = parts.reactor
        self.roster = parts.roster
        self.protection: Protection | None = None
        self.takes_certificates = False
        if isinstance(options, HttpsOptions):
            self.protection = Protection(options, component, parts)
            self.takes_certificates = options.enable_ssl_certificate_authentication
        self.presence: Presence[Client] = Presence()
        self.rooms: Buffers = Buffers(HEADS)
        self.blocks: Buffers = Buffers(INLET_SIZE)
        self.heads = AnswerHeads(options)
        self.pages = Pages(options)
        self.session_id = secrets.token_bytes(SESSION_ID)
        self.web_sessions = WebSessions(
            parts.reactor,
            parts.roster,
            most=options.maximum_web_sessions,
            idle=options.idle_connection_timeout,
            closing=self.presence.ending,
            component=component,
            shared=parts.shared,
        )
        self.elsewhere = TakingOver(self.web_sessions, self.login)
        self.turns = UploadTurns()
        self.recent = parts.recent
        self._logins = parts.logins
        self._limits = Limits(options.maximum_open_files, options.maximum_sessions_per_source)

    @property
    def context(self) -> ServerContext | None:
        """The TLS of its connections, or None for clear ones."""
        return None if self.protection is None else self.protection.context

    def login(self, peer: Address) -> Login:
        """A login for one source."""
        return self._logins(peer, self.component, NUMBERS, self._limits)

    def metadata(self, fields: Fields) -> Metadata:
        """What a request says of the file that it sends; raises BadRequest(400)."""
        wanted = self.options.metadata_fields
        return NO_METADATA if wanted is None else wanted.read(fields)

    def soon(self, work: Callable[[], None]) -> None:
        """Do a thing in the next turn, when others have had theirs."""
        self.reactor.callLater(0, work)
