"""Opening a session: room for it, its home, its storage."""

import os
import pwd
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import NamedTuple

from mft.auth.account import Account
from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component, Origin, source_of
from mft.core.vpath import ROOT
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.model import Event
from mft.session.bandwidth import Bandwidths
from mft.session.inspection import Inspections
from mft.session.latest import Latest
from mft.session.numbers import Numbers
from mft.session.own_credentials import OwnCredentials, Ways
from mft.session.roster import Roster
from mft.session.session import Session
from mft.vfs.base import FileSystem
from mft.vfs.home import prepare_home
from mft.vfs.mounts import MountedFileSystem
from mft.vfs.registry import STORAGE
from mft.vfs.volume import Volumes


class Limits(NamedTuple):
    """What a service limits sessions to."""

    open_files: int  # of one session
    sessions_per_source: int  # 0 is no limit


class Opening:
    """Opens sessions over the storage of accounts."""

    def __init__(
        self,
        bus: Bus,
        volumes: Volumes,
        roster: Roster,
        bandwidths: Bandwidths,
        *,
        sync_events: Callable[[], Awaitable[None]] | None = None,
        tell_requests: bool = False,
        inspections: Inspections | None = None,
    ) -> None:
        self._bus = bus
        self._volumes = volumes
        self._roster = roster
        self._bandwidths = bandwidths
        self._sync_events = sync_events
        self._tell_requests = tell_requests
        self._inspections = inspections
        self._latest = Latest()

    async def open(
        self,
        account: Account,
        peer: Address,
        component: Component,
        numbers: Numbers,
        limits: Limits,
        ways: Ways,
    ) -> Session:
        """Make a session; raises Refused, and tells, when the home or a virtual folder is wrong."""
        origin = Origin(account.actor, peer, component)
        # Counted before anything is waited for, so that logins side by side cannot all pass.
        left = self._admit(account, peer, component, limits.sessions_per_source)
        share = self._bandwidths.enter(account)
        if share is not None:
            left.callback(self._bandwidths.left, account)
        try:
            await self._prepare(account, origin)
            files = await self._storage(account, origin)
        except BaseException as error:
            left.close()
            if isinstance(error, Refused):
                self._bus.emit(events.HOME_UNAVAILABLE, p.Details(str(error)), origin)
            raise
        return Session(
            account,
            files,
            self._bus,
            numbers,
            peer=peer,
            component=component,
            pool=self._volumes.disk,
            sync_events=self._sync_events,
            tell_requests=self._tell_requests,
            max_open=limits.open_files,
            left=left.close,
            share=share,
            inspections=self._inspections,
            latest=self._latest,
            own=OwnCredentials(ways, self._roster.credentials_changed),
        )

    def _admit(self, account: Account, peer: Address, component: Component, each: int) -> ExitStack:
        """Count the session; what is given takes it off again. Raises Refused(QUOTA)."""
        with ExitStack() as counted:
            self._roster.admit(account.uuid, account.maximum_sessions)
            counted.callback(self._roster.left, account.uuid)
            source = source_of(peer)
            self._roster.admit_source(component.uuid, source, each)
            counted.callback(self._roster.left_source, component.uuid, source)
            return counted.pop_all()

    async def _prepare(self, account: Account, origin: Origin) -> None:
        if not account.create_home_folder and not account.home_folder_structure:
            return
        made = await prepare_home(
            self._volumes,
            account.home,
            create=account.create_home_folder,
            structure=account.home_folder_structure,
        )
        for path in made:
            self._bus.emit(events.HOME_CREATED, p.HomeCreated(path, _own_name(), ""), origin)

    async def _storage(self, account: Account, origin: Origin) -> FileSystem:
        home = self._local(account, account.home)
        files: FileSystem = home
        if account.virtual_folders:
            mounted = MountedFileSystem(
                home,
                {path: self._local(account, real) for path, real in account.virtual_folders},
                lambda: self._tell(events.VIRTUAL_FOLDER_PROTECTED, origin),
            )
            files = mounted
        try:
            await home.stat(ROOT)
            if isinstance(files, MountedFileSystem) and await files.conflicts():
                self._bus.emit(events.VIRTUAL_FOLDER_CLASH, p.Nothing(), origin)
                raise Refused(Reason.EXISTS, account.home, "a real entry is at a virtual folder")
        except BaseException:
            await files.close()
            raise
        return files

    def _tell(self, event: Event[p.Nothing], origin: Origin) -> None:
        self._bus.emit(event, p.Nothing(), origin)

    def _local(self, account: Account, root: str) -> FileSystem:
        return STORAGE["local"](
            root,
            account.uuid,
            self._volumes,
            file_write_size=account.file_write_size,
            lifetime=account.interrupted_upload_lifetime,
        )


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
