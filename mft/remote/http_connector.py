"""How a location of HTTP connects: to one site only, which has proved who it is."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import VPath
from mft.remote.base import Identity, OtherIdentityError, Parts
from mft.remote.http_line import HttpLine, connect
from mft.remote.http_options import HttpLocationOptions
from mft.remote.http_peer import Field, HttpPeer, Place
from mft.remote.http_tls import Trust, endpoint
from mft.wire.http.reference import Reference, parse_reference, parse_segments

AGENT: Final[Field] = ("User-Agent", "mft")


def login(options: HttpLocationOptions) -> list[Field]:
    """The fields of each request: ours, those that are configured, and who we are."""
    fields = [AGENT, *((header.name, header.value.reveal()) for header in options.headers)]
    if options.bearer_token:
        fields.append(("Authorization", f"Bearer {options.bearer_token.reveal()}"))
    elif options.username:
        pair = f"{options.username}:{options.password.reveal()}".encode()
        fields.append(("Authorization", f"Basic {b64encode(pair).decode()}"))
    return fields


@dataclass(frozen=True, slots=True)
class Reached:
    """The server of a location, connected to."""

    peer: HttpPeer
    url: Reference


class HttpReach:
    """Makes connections to the server of one location."""

    def __init__(
        self, component: Component, options: HttpLocationOptions, url: str, parts: Parts
    ) -> None:
        """Raises ValueError for a URL that is none."""
        self.component = component
        self._options = options
        self._parts = parts
        self._url = parse_reference(url)
        self._trust: Trust | None = None

    async def reach(self, folder: str, *, tree: bool = True) -> Reached:
        """Connect; the names of the tree begin at the URL, and there at `folder`.

        Without `tree`, the URL is asked as it is. Raises Refused: DENIED for another server than
        was meant.
        """
        site = self._url.site
        if site is None:
            raise Refused(Reason.INVALID, folder, "the URL names no host")
        base: Sequence[str] = ()
        if tree:
            base = (*parse_segments(self._url.path)[0], *VPath.parse(folder).parts)
        line, identity = await self._dial()
        place = Place(site, tuple(base), login(self._options))
        return Reached(HttpPeer(place, self._dial, line, identity), self._url)

    async def _dial(self) -> tuple[HttpLine, Identity]:
        site = self._url.site
        subject = str(site)
        if site is None:
            raise Refused(Reason.INVALID, subject, "the URL names no host")
        seen, trust, tls = self._parts.first_seen, None, None
        if site.scheme == "https":
            trust = await self._trusted()
            tls = await trust.creator(site.host, self.component.uuid, seen)
        try:
            made = endpoint(self._parts.reactor, site, tls, self._options.proxy)
        except ValueError as error:
            raise Refused(Reason.INVALID, subject, str(error)) from None
        try:
            line = await connect(self._parts.reactor, made, subject, secure=tls is not None)
        except Refused as refused:
            if tls is None or not tls.refused:
                raise
            raise OtherIdentityError(Reason.DENIED, refused.subject, tls.refused) from None
        if trust is None:
            return line, Identity("", "", line.details)
        try:
            shown, details = line.certificate, line.details
            identity = await trust.judge(shown, details, self.component.uuid, seen)
        except BaseException:
            line.abort()
            raise
        return line, identity

    async def _trusted(self) -> Trust:
        if self._trust is None:
            try:
                self._trust = await self._parts.disk(_load, self._options)
            except ValueError as error:
                raise Refused(Reason.BROKEN, self.component.name, str(error)) from None
        return self._trust


def _load(options: HttpLocationOptions) -> Trust:
    """Read certificates, which may take long."""
    return Trust(options.context(), options.ssl_server_identity)
