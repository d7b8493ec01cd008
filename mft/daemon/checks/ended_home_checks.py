"""Whether a home may be deleted once its account has expired: nobody else may have a part in it.

It is checked with `server.ini`, whose every path counts, and again before a home is deleted, when
links may lead elsewhere and files of accounts have changed.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import mft
from mft.auth.inheritance import Membership
from mft.auth.options import AccountOptions, GroupOptions
from mft.auth.parts import AccountsOfFile
from mft.auth.places import SHARED, USER, ours_in
from mft.config.kinds import Wrong
from mft.config.section import wrong_in
from mft.daemon.reading import Read, Reading
from mft.remote.filesystem import FilesystemOptions
from mft.transfers.options import TransferOptions
from mft.vfs.removal import LEAST_DEPTH

if TYPE_CHECKING:
    from mft.daemon.load import Config

OPTION: Final = "home_folder_delete_on_expire"
LATEST: Final = datetime.max.replace(tzinfo=UTC).timestamp() - 86400.0
# Folders of systems: nothing in the first ones is anybody's home, nor are the others themselves.
_SYSTEM: Final = ("/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/run", "/sbin", "/sys")
_TOPS: Final = (
    *("/usr/bin", "/usr/lib", "/usr/local", "/usr/sbin", "/usr/share"),
    *("/var/cache", "/var/lib", "/var/log", "/var/mail", "/var/spool", "/var/tmp"),  # noqa: S108 - only compared
)
_PATH = re.compile(r"/[^\s,;\"'|]*")
_PATTERN = re.compile(r"[$*?\[{]")  # from here on a path depends on something


class Claim(NamedTuple):
    """A folder that somebody has a part in."""

    who: str  # words for people
    folder: str  # absolute, links followed
    around: bool = True  # also in all that is in it


class Claims:
    """Who has a part in which folders, so that one question costs no more for more of them."""

    def __init__(self, claims: Iterable[Claim]) -> None:
        # By the folder itself, by each folder above it, and those that are also around others.
        self._at: dict[str, list[Claim]] = {}
        self._inside: dict[str, list[Claim]] = {}
        self._around: dict[str, list[Claim]] = {}
        for claim in claims:
            _keep(self._at, claim.folder, claim)
            if claim.around:
                _keep(self._around, claim.folder, claim)
            for above in Path(claim.folder).parents:
                _keep(self._inside, str(above), claim)

    def other(self, home: str, who: str) -> Claim | None:
        """The claim of somebody else than `who` on a home, or on anything in it or around it."""
        found = [*self._at.get(home, ()), *self._inside.get(home, ())]
        found += (one for up in Path(home).parents for one in self._around.get(str(up), ()))
        return next((one for one in found if one.who != who), None)


def _keep(known: dict[str, list[Claim]], folder: str, claim: Claim) -> None:
    """Two of different people are enough to know that there is somebody else."""
    claims = known.setdefault(folder, [])
    if len(claims) < 2 and all(one.who != claim.who for one in claims):
        claims.append(claim)


# What a configuration says.


def owner(uuid: str) -> str:
    """How the owner of a home is called."""
    return f"[accounts/{uuid}]"


def claims_of(config: "Config") -> Claims:
    """Every claim that a configuration in force makes, with links as they are now."""
    accounts = (
        AccountsOfFile(config.accounts, config.groups, ()),
        *config.account_files.values(),
    )
    return Claims(
        _claims(config.directory, config.file, accounts, config.locations, config.transfers)
    )


def _claims(
    directory: Path,
    file: Path,
    accounts: Iterable[AccountsOfFile],
    locations: Mapping[str, Any],
    transfers: Mapping[str, Any],
) -> Iterator[Claim]:
    for ours in (*ours_in(directory), str(file), os.path.dirname(mft.__file__)):
        yield Claim("this server", os.path.realpath(ours))
    for each in (*_SYSTEM, *_TOPS, sys.prefix):
        yield Claim("the system", os.path.realpath(each), around=each in _SYSTEM)
    for known in accounts:
        for uuid, account in known.accounts.items():
            yield from _of_account(uuid, account, known.groups)
        for uuid, group in known.groups.items():
            yield from _of_group(uuid, group)
    yield from _of_transfers(directory, locations, transfers)


def _of_transfers(
    directory: Path, locations: Mapping[str, Any], transfers: Mapping[str, Any]
) -> Iterator[Claim]:
    for uuid, location in locations.items():
        if isinstance(location, FilesystemOptions):
            yield Claim(f"[locations/{uuid}]", os.path.realpath(location.path))
    for uuid, transfer in transfers.items():
        for name in transfer.local_folders if isinstance(transfer, TransferOptions) else ():
            folder = directory / getattr(transfer, name)
            yield Claim(f"[transfers/{uuid}]", os.path.realpath(folder))


def _of_account(
    uuid: str, account: AccountOptions, groups: Mapping[str, GroupOptions]
) -> Iterator[Claim]:
    try:
        member = Membership.of(uuid, account, groups)
        yield Claim(owner(uuid), os.path.realpath(member.home))
        for _, folder in member.virtual_folders:
            yield Claim(f"a virtual folder of {owner(uuid)}", os.path.realpath(folder))
    except ValueError:
        return  # told with the places of accounts, or when somebody logs in


def _of_group(uuid: str, group: GroupOptions) -> Iterator[Claim]:
    """What is of all its members, also of those that only a directory knows."""
    who = f"[groups/{uuid}]"
    if group.quarantine_folder is not None:
        yield Claim(who, os.path.realpath(group.quarantine_folder))
    home = group.home_folder_path or ""
    if home.startswith(SHARED) and USER not in home:
        yield Claim(who, os.path.realpath(home.removeprefix(SHARED)))


# With server.ini.


def check_ended_homes(reading: Reading, files: Mapping[str, AccountsOfFile], file: Path) -> None:
    """Refuse what may not be deleted, and warn of what will be."""
    ending = list(_ending(reading))
    if not ending:
        return
    claims = Claims(_of_reading(reading, files, file))
    for one, member in ending:
        sentence = _sentence(member, claims)
        wrong = Wrong(sentence, option=OPTION)
        if not sentence:
            ahead = f"deletes {member.home} and all that is in it{_when(member)}"
            wrong = Wrong(ahead, option=OPTION, mild=True)
        wrong_in(member.options, one.raw, wrong, reading.problems)


def refuse_ended_homes(reading: Reading) -> None:
    """A file of accounts, which others write as well, deletes nothing."""
    for one, member in _ending(reading):
        wrong = Wrong("is for accounts of server.ini only", option=OPTION)
        wrong_in(member.options, one.raw, wrong, reading.problems)


def _ending(reading: Reading) -> Iterator[tuple[Read, Membership]]:
    """Each account whose home is to be deleted, where that is known."""
    groups = _groups(reading)
    for uuid, one in reading.families["accounts"].items():
        account = one.options
        if not isinstance(account, AccountOptions) or not account.home_folder_delete_on_expire:
            continue
        try:
            member = Membership.of(uuid, account, groups)
            member.home  # noqa: B018 - ValueError where there is none
        except ValueError:
            continue  # which has been told
        yield one, member


def _groups(reading: Reading) -> dict[str, GroupOptions]:
    return {
        uuid: one.options
        for uuid, one in reading.families["groups"].items()
        if isinstance(one.options, GroupOptions)
    }


def _sentence(member: Membership, claims: Claims) -> str:
    """Why a home may not be deleted; empty where it may."""
    home, real = member.home, os.path.realpath(member.home)
    if os.path.normpath(home) != home or len(Path(home).parts) <= LEAST_DEPTH:
        return f"is not for a home at the top of the disk: {home}"
    if real != home:
        return f"is not for a home behind a link: {home} is {real}"
    other = claims.other(home, owner(member.uuid))
    if other is None:
        return ""
    return f"would delete what is not only its own: {other.folder}, of {other.who}"


def _when(member: Membership) -> str:
    moment = deletion_of(member)
    if moment is None:
        return ""
    return f", from {datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC on"


def deletion_of(member: Membership) -> float | None:
    """From when on the home is to be deleted, in seconds since the epoch; None: never."""
    expires = member.restrictions().expires
    after = member.options.home_folder_delete_on_expire
    if expires is None or not after:
        return None
    return min(expires + after, LATEST)


def _of_reading(
    reading: Reading, files: Mapping[str, AccountsOfFile], file: Path
) -> Iterator[Claim]:
    members = {
        family: {uuid: one.options for uuid, one in reading.families[family].items()}
        for family in ("locations", "transfers")
    }
    accounts = {
        uuid: one.options
        for uuid, one in reading.families["accounts"].items()
        if isinstance(one.options, AccountOptions)
    }
    known = (AccountsOfFile(accounts, _groups(reading), ()), *files.values())
    directory = reading.context.directory
    yield from _claims(directory, file, known, members["locations"], members["transfers"])
    for family, found in reading.families.items():
        for uuid, one in found.items():
            who = owner(uuid) if family == "accounts" else f"[{one.raw.name}]"
            yield from _written(one, who, directory)
    if reading.server is not None:
        yield from _written(reading.server, "[server]", directory)


def _written(one: Read, who: str, directory: Path) -> Iterator[Claim]:
    """Each path that a section names, whatever for: what is in a home is not only its owner's."""
    for name, value in one.raw.values.items():
        for found in _PATH.findall(value.text):
            yield Claim(who, _fixed(found), around=False)
        read = getattr(one.options, name, None)
        if isinstance(read, Path):
            yield Claim(who, os.path.realpath(directory / read), around=False)


def _fixed(path: str) -> str:
    """What of a path is the same for everybody, links followed."""
    special = _PATTERN.search(path)
    if special is not None:
        path = path[: path.rindex("/", 0, special.start() + 1)] or "/"
    return os.path.realpath(path)
