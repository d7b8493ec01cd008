"""Housekeeping: old segments of the journal and old interrupted uploads are removed.

Certificates, accounts and passwords that end soon are told, since nobody but an administrator can
do anything about them.
"""

import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger

from mft.auth.account import DAY
from mft.auth.inheritance import Membership
from mft.core.failure import Refused
from mft.daemon.endings import Endings, watched
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.trust.tls import subject
from mft.vfs.interrupted import Sweeper
from mft.vfs.volume import Volumes

if TYPE_CHECKING:
    from mft.daemon.service import Daemon

INTERVAL: Final = 3600.0  # seconds

log = Logger()


class Housekeeping:
    """One round an hour, in small steps on the disk pool."""

    interval = INTERVAL

    def __init__(
        self,
        daemon: "Daemon",
        volumes: Volumes,
        bus: Bus,
        endings: Endings,
        clock: Callable[[], float] = time.time,
        tells: Callable[[], bool] = lambda: True,
    ) -> None:
        """`clock` gives seconds since the epoch; `tells`: whether no other node tells of accounts.

        Another node of a cluster would send the same mail.
        """
        self._endings = endings
        self._tells = tells
        self._daemon = daemon
        self._volumes = volumes
        self._bus = bus
        self._clock = clock
        self._warned: dict[str, date] = {}  # by the ID of the service

    def warn_of_certificates(self) -> None:
        """Tell of each service's certificate that ends soon or has ended, once a day (UTC)."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        soon = watched(self._daemon.config).certificate_expiration_warning
        for uuid, service in self._daemon.services.items():
            certificate = service.certificate
            if certificate is None or self._warned.get(uuid) == now.date():
                continue
            end = certificate.not_valid_after_utc
            if not soon or end - now > timedelta(seconds=soon):
                continue
            self._warned[uuid] = now.date()
            told = p.CertificateExpires(
                component_name=service.component.name,
                expires_in_days=(end - now).days,
                details=f"{'expires' if now <= end else 'has expired'} on {end:%Y-%m-%d}",
                component=service.component.kind,
                name=subject(certificate),
            )
            self._bus.emit(events.CERTIFICATE_EXPIRES, told)

    async def round(self) -> None:
        """Warn, and remove what is too old, everywhere."""
        self.warn_of_certificates()
        try:
            await self._tell_endings()
            await self._expire_journal()
            places = await self._volumes.disk(self._places)
        except (OSError, Refused) as error:
            log.warn("housekeeping waits for the next round: {error}", error=error)
            return
        for root, lifetime in places.items():
            await self._sweep(root, lifetime)

    async def _tell_endings(self) -> None:
        if not self._tells():
            return
        due, config = self._endings.due, self._daemon.config
        for one in await self._volumes.disk(due, config, self._clock()):
            self._bus.emit(one.event, one.payload)

    async def _expire_journal(self) -> None:
        days = self._daemon.config.server.journal_retention
        if days:
            journal = self._bus.journal
            positions = [one.position for one in self._daemon.handling.subscriptions.values()]
            passed = min(positions, default=journal.last)
            await self._volumes.disk(journal.expire, self._clock() - days * DAY, passed)

    def _places(self) -> dict[str, float]:
        """Every home and virtual folder, each with the longest lifetime of those who share it.

        Who has a folder inside of it, or around it, shares it too.
        """
        places: dict[str, float] = {}
        config = self._daemon.config
        for uuid, options, groups in config.every_account():
            try:
                member = Membership.of(uuid, options, groups)
                roots = {member.home, *(real for _, real in member.virtual_folders)}
            except ValueError:
                continue  # told when somebody logs in
            lifetime = member.interrupted_upload_lifetime
            for root in map(os.path.realpath, roots):
                places[root] = max(places.get(root, 0.0), lifetime)
        return _shared(places)

    async def _sweep(self, root: str, lifetime: float) -> None:
        sweeper = Sweeper(root, self._volumes, lifetime=lifetime)
        try:
            while not sweeper.done:
                for removed in await sweeper.step():
                    self._bus.emit(
                        events.INTERRUPTED_UPLOAD_REMOVED,
                        p.Continued(removed.real_path, removed.real_path, removed.size),
                    )
        except Refused:
            return  # a home that nobody has used yet
        finally:
            await sweeper.close()


def _shared(places: Mapping[str, float]) -> dict[str, float]:
    """For each real path, the most of itself and of what is inside of it and around it."""
    inside: dict[Path, float] = {}
    for root, lifetime in places.items():
        for folder in (Path(root), *Path(root).parents):
            inside[folder] = max(inside.get(folder, 0.0), lifetime)
    return {
        root: max(inside[Path(root)], *(places.get(str(up), 0.0) for up in Path(root).parents))
        for root in places
    }
