"""Inheritance: an account's options and its groups' become one Account.

The account's value counts unless it is `Inherit`; then the primary group's, except that path
rules and virtual folders of several groups add up. A group that the source address leaves out
counts for nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from mft.auth.account import Account, GroupRestrictions, Restrictions, admits
from mft.auth.inspected import demands_of
from mft.auth.kinds import PASSWORD, VirtualFolder
from mft.auth.options import AccountOptions, GroupOptions
from mft.auth.permissions import Rules
from mft.auth.places import expand, member_path, path_name, virtual_path
from mft.config.kinds import Inherit
from mft.core.peer import Address
from mft.core.vpath import VPath

T = TypeVar("T")


class Membership(NamedTuple):
    """An account's options together with its groups, the primary one first."""

    uuid: str
    options: AccountOptions
    groups: tuple[tuple[str, GroupOptions], ...]
    kind: str = ""  # where it is not in server.ini: the type of the method that knows it
    told: tuple[tuple[str, str], ...] = ()  # and what that has said of it

    @classmethod
    def of(
        cls, uuid: str, options: AccountOptions, groups: Mapping[str, GroupOptions]
    ) -> "Membership":
        """Find the groups of an account; raises ValueError for one that does not exist."""
        missing = [name for name in options.group if name not in groups]
        if missing or not options.group:
            raise ValueError(f"the account has no group {', '.join(missing)}".rstrip())
        return cls(uuid, options, tuple((name, groups[name]) for name in options.group))

    def restrictions(self) -> Restrictions:
        """When the account may act, by its own options and by its groups'."""
        expires = self.options.expire_datetime
        written = (self.options.created, self.options.changed)
        return Restrictions(
            inactivity=_own(
                self.options.disable_on_inactivity, self._primary.disable_on_inactivity
            ),
            renewed=max((one.timestamp() for one in written if one is not None), default=None),
            enabled=self.options.enabled,
            expires=None if expires is None else expires.timestamp(),
            sources=tuple(self.options.source_ip_filter),
            groups=tuple(
                GroupRestrictions(group.name, group.enabled, tuple(group.source_ip_filter))
                for _, group in self.groups
            ),
        )

    def counted(self, peer: Address) -> "Membership":
        """The same without the groups that the peer's address leaves out."""
        left = tuple(each for each in self.groups if admits(each[1].source_ip_filter, peer))
        return self._replace(groups=left)

    @property
    def required_credentials(self) -> frozenset[str]:
        """The kinds of credential that a login takes, all of them; empty for any one."""
        return _own(self.options.required_credentials, self._primary.required_credentials)

    def password_expires(self, changed: float | None) -> float | None:
        """When the password lets nobody in any more; None: never.

        `changed` is when the account chose it itself. A password of which nobody knows the age
        has expired, where it has a lifetime at all.
        """
        lifetime = _own(self.options.password_lifetime, self._primary.password_lifetime)
        if not lifetime:
            return None
        if changed is None:
            moment = self.options.last_password_update or self.options.created
            changed = 0.0 if moment is None else moment.timestamp()
        return changed + lifetime

    @property
    def allows_certificates(self) -> bool:
        """Whether a TLS certificate logs in."""
        own = self.options.allow_certificate_authentication
        return _own(own, self._primary.allow_certificate_authentication)

    @property
    def _in_paths(self) -> str:
        """The name that stands in paths for `${USER}`; raises ValueError where it would change.

        In another system `a:b` and `a.b` may be two people, who would have one folder here.
        """
        name = self.options.name
        if self.told and path_name(name) != name:
            raise ValueError('the name has one of \\ / : * ? " < > | in it')
        return name

    @property
    def keys_path(self) -> Path | None:
        """The file or folder of authorized keys, if there is one; raises ValueError."""
        own = self.options.ssh_authorized_keys_path
        if not isinstance(own, Inherit):
            return own
        path = self._primary.ssh_authorized_keys_path
        return None if path is None else Path(member_path(path, self._in_paths))

    @property
    def home(self) -> str:
        """The home folder, an absolute path; raises ValueError where there is none."""
        own = self.options.home_folder_path
        if not isinstance(own, Inherit):
            return str(own)
        path = self._primary.home_folder_path
        if path is None:
            raise ValueError("neither the account nor its primary group has a home_folder_path")
        return member_path(path, self._in_paths)

    @property
    def virtual_folders(self) -> tuple[tuple[VPath, str], ...]:
        """Where a client sees each other folder, and its real path; raises ValueError."""
        folders = self.options.virtual_folders
        if isinstance(folders, Inherit):
            folders = tuple(one for _, group in self.groups for one in group.virtual_folders)
        return _placed(folders, lambda: self._in_paths)

    @property
    def interrupted_upload_lifetime(self) -> float:
        """For how many seconds an interrupted upload is kept."""
        own = self.options.interrupted_upload_lifetime
        return _own(own, self._primary.interrupted_upload_lifetime)

    @property
    def amends_names(self) -> bool:
        """Whether every upload of it gets a name of its own."""
        return _own(self.options.amend_write_name, self._primary.amend_write_name)

    @property
    def hides_denied(self) -> bool:
        """Whether what it may do nothing with is hidden from it."""
        return _own(self.options.hide_denied_entries, self._primary.hide_denied_entries)

    @property
    def _primary(self) -> GroupOptions:
        return self.groups[0][1]

    def rules(self) -> Rules:
        """The permissions in force; raises ValueError."""
        names = {"USER": self.options.name}
        own = self.options.permissions
        if not isinstance(own, Inherit):
            return Rules.parse(own, source=f"account {self.options.name}", names=names)
        return Rules.joined(
            Rules.parse(group.permissions, source=f"group {group.name}", names=names)
            for _, group in self.groups
        )


def build_account(whole: Membership, peer: Address) -> Account:
    """The account as it is for a peer; raises ValueError where the options do not make one.

    Whether it may act at all is `Account.may_act`, which the login asks.
    """
    member = whole.counted(peer)
    if not member.groups:
        raise ValueError(f"no group of the account is allowed from {peer.host}")
    own, primary = whole.options, member.groups[0][1]
    left_out = [group.name for name, group in whole.groups if (name, group) not in member.groups]
    structure = _own(own.home_folder_structure, primary.home_folder_structure)
    return Account(
        uuid=whole.uuid,
        name=own.name,
        kind=whole.kind or own.type,
        email=own.email,
        groups=tuple(name for name, _ in member.groups),
        group_names=tuple(group.name for _, group in member.groups),
        ignored_groups=tuple(left_out),
        home=member.home,
        rules=member.rules(),
        virtual_folders=member.virtual_folders,
        create_home_folder=_own(own.create_home_folder, primary.create_home_folder),
        home_folder_structure=tuple(virtual_path(one) for one in structure),
        file_write_size=_own(own.file_write_size, primary.file_write_size),
        amend_write_name=member.amends_names,
        durable_uploads=_own(own.durable_uploads, primary.durable_uploads),
        interrupted_upload_lifetime=member.interrupted_upload_lifetime,
        maximum_sessions=_own(own.maximum_sessions, primary.maximum_sessions),
        upload_bandwidth=_own(own.upload_bandwidth, primary.upload_bandwidth),
        download_bandwidth=_own(own.download_bandwidth, primary.download_bandwidth),
        group_bandwidths=tuple(
            (name, group.group_upload_bandwidth, group.group_download_bandwidth)
            for name, group in member.groups
            if group.group_upload_bandwidth or group.group_download_bandwidth
        ),
        allow_own_password_change=primary.allow_own_password_change and own.password is not None,
        allow_own_one_time_codes=_gives_itself_codes(own, primary, member.required_credentials),
        one_time_codes=own.multi_factor_authentication is not None,
        hide_denied_entries=member.hides_denied,
        required_credentials=member.required_credentials,
        demands=demands_of(group for _, group in member.groups),
        restrictions=whole.restrictions(),
        told=whole.told,
    )


def _gives_itself_codes(
    own: AccountOptions, primary: GroupOptions, required: frozenset[str]
) -> bool:
    """Whether an account may: it logs in by password, and server.ini has no codes for it."""
    by_password = own.password is not None and (not required or PASSWORD in required)
    given = own.multi_factor_authentication is not None
    return primary.allow_own_one_time_codes and by_password and not given


def _own(value: T | Inherit, inherited: T) -> T:
    return inherited if isinstance(value, Inherit) else value


def _placed(
    folders: Sequence[VirtualFolder], user: Callable[[], str]
) -> tuple[tuple[VPath, str], ...]:
    """Virtual folders of one account; the first that names a place has it."""
    placed: dict[VPath, str] = {}
    for folder in folders:
        together = folder.virtual + folder.real
        names = {"USER": path_name(user())} if "${USER}" in together else {}
        where = virtual_path(expand(folder.virtual, names))
        placed.setdefault(where, expand(folder.real, names))
    return tuple(placed.items())
