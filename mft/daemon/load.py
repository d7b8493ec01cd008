"""load: `server.ini` to a Config, or to every problem that it has."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, cast

from mft.auth.options import AccountOptions, GroupOptions
from mft.auth.parts import AccountsOfFile
from mft.auth.policy_options import PolicyOptions
from mft.config.ini import read
from mft.config.kinds import Context
from mft.config.problem import Problem, Severity
from mft.config.section import NamedSection, check_section
from mft.daemon.account_files import read_account_files
from mft.daemon.checks.cluster_checks import check_cluster, check_shared_folders
from mft.daemon.checks.cross_checks import (
    check_connections,
    check_denied,
    check_detached,
    check_inspections,
    check_lifetimes,
    check_names,
    check_ports,
    check_references,
    check_stable_intervals,
    check_targets,
)
from mft.daemon.checks.ended_home_checks import check_ended_homes
from mft.daemon.checks.mail_checks import check_recipients, name_the_only_client
from mft.daemon.checks.method_checks import check_methods
from mft.daemon.checks.places import check_local_folders, check_places
from mft.daemon.checks.program_checks import check_programs
from mft.daemon.checks.second_factors import check_second_factors
from mft.daemon.checks.secret_checks import check_shared_secret
from mft.daemon.options import ServerOptions
from mft.daemon.reading import Reading
from mft.daemon.swapping import undisturbed
from mft.protocols.options import ServiceOptions
from mft.remote.base import LocationOptions
from mft.transfers.options import TransferOptions

CONF_FOLDER: Final = "conf"  # of an instance; server.ini is in it


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration without errors: the options of every section by ID, in file order."""

    directory: Path  # the instance folder; relative paths begin there
    file: Path
    server: ServerOptions
    services: Mapping[str, ServiceOptions]
    accounts: Mapping[str, AccountOptions]
    groups: Mapping[str, GroupOptions]
    authentications: Mapping[str, NamedSection]
    security_policies: Mapping[str, PolicyOptions]
    resources: Mapping[str, NamedSection]
    event_handlers: Mapping[str, NamedSection]
    locations: Mapping[str, LocationOptions]
    transfers: Mapping[str, TransferOptions]
    account_files: Mapping[str, AccountsOfFile]  # by the ID of the method

    def every_account(self) -> Iterator[tuple[str, AccountOptions, Mapping[str, GroupOptions]]]:
        """Give each account that is written down, here or in another file, and its groups."""
        own = AccountsOfFile(self.accounts, self.groups, ())
        for file in (own, *self.account_files.values()):
            for uuid, options in file.accounts.items():
                yield uuid, options, file.groups


class Loaded(NamedTuple):
    """What loading gives: no config with any error, and always every problem."""

    config: Config | None
    problems: tuple[Problem, ...]


def whole_path(file: Path) -> Path:
    """The whole path of a server.ini; one that goes up by `..` is that of its real folder.

    Else files that it names would be in another folder, to all appearances.
    """
    whole = file.absolute()
    return whole.parent.resolve() / whole.name if ".." in whole.parts else whole


def instance_folder(file: Path) -> Path:
    """Give the instance that a server.ini belongs to: what holds its `conf`, or its own folder."""
    folder = whole_path(file).parent
    return folder.parent if folder.name == CONF_FOLDER else folder


def read_sections(
    file: Path, problems: list[Problem], *, overridden: bool = True, partly: bool = False
) -> Reading:
    """Read server.ini, and with `overridden` what is laid over it; nothing is checked yet.

    With `partly` sections with errors are read as far as they are right.
    """
    reading = Reading(Context(instance_folder(file)), problems, partly)
    for raw in read(file, problems, overridden=overridden).values():
        reading.take(raw)
    reading.add_defaults(file.name)
    return reading


def load(path: Path) -> Loaded:
    """Read server.ini and the override beside it, and check all of it. Never raises.

    An import that was killed while it put its files in place is finished first.
    """
    file = whole_path(path)
    try:
        with undisturbed(file.parent):
            return _load(file)
    except (OSError, ValueError) as error:
        details = error.strerror if isinstance(error, OSError) else str(error)
        remedy = f"cannot be read while an import is not finished: {details}"
        if isinstance(error, PermissionError) and not os.access(file.parent, os.X_OK):
            whom = f"the account with number {os.geteuid()}, as which this runs"
            remedy = f"cannot be read: {file.parent} is not open to {whom}"
        return Loaded(None, (Problem(file.name, 0, "", "", None, remedy),))


class _Checked(NamedTuple):
    """All that was read, and all that is wrong in it."""

    reading: Reading
    files: Mapping[str, AccountsOfFile]
    problems: list[Problem]


def _load(file: Path) -> Loaded:
    reading, files, problems = _checked(file)
    if reading.failed:
        problems.extend(_checked(file, partly=True).reading.hidden(problems))
    problems.sort(key=lambda problem: (problem.file != file.name, problem.line))
    failed = any(problem.is_error for problem in problems)
    return Loaded(None if failed else _config(reading, file, files), tuple(problems))


def _checked(file: Path, *, partly: bool = False) -> _Checked:
    problems: list[Problem] = []
    reading = read_sections(file, problems, partly=partly)
    context = reading.context
    for one in reading.every():
        if one.options is not None:
            check_section(one.options, one.raw, context, problems)
    name_the_only_client(reading)
    check_references(reading)
    check_second_factors(reading)
    check_names(reading.families["services"], problems)
    check_names(reading.families["accounts"], problems)
    check_names(reading.families["locations"], problems)
    check_targets(reading)
    check_denied(reading)
    check_ports(reading.families["services"], problems)
    check_connections(reading)
    check_stable_intervals(reading)
    check_lifetimes(reading)
    check_inspections(reading)
    check_detached(reading)
    check_cluster(reading)
    check_places(reading, file)
    check_local_folders(reading, file)
    check_shared_folders(reading)
    check_methods(reading)
    check_programs(reading)
    files = read_account_files(reading)
    check_recipients(reading, files)
    check_ended_homes(reading, files, file)
    check_shared_secret(reading, files)
    _check_mode(file, problems)
    return _Checked(reading, files, problems)


def _check_mode(file: Path, problems: list[Problem]) -> None:
    try:
        everybody = file.stat().st_mode & 0o002
    except OSError:
        return  # reading it told the problem
    if everybody:
        remedy = f"everybody on this machine can change it: chmod o-w {file.name}"
        problems.append(Problem(file.name, 0, "", "", None, remedy, Severity.WARNING))


def _config(reading: Reading, file: Path, files: Mapping[str, AccountsOfFile]) -> Config:
    """Give the configuration; only when nothing was wrong."""
    server = ServerOptions() if reading.server is None else reading.server.options
    members = {
        family: {key: one.options for key, one in found.items()}
        for family, found in reading.families.items()
    }
    return Config(
        directory=reading.context.directory,
        file=file,
        server=cast(ServerOptions, server),
        services=cast(dict[str, ServiceOptions], members["services"]),
        accounts=cast(dict[str, AccountOptions], members["accounts"]),
        groups=cast(dict[str, GroupOptions], members["groups"]),
        authentications=cast(dict[str, NamedSection], members["authentications"]),
        security_policies=cast(dict[str, PolicyOptions], members["security-policies"]),
        resources=cast(dict[str, NamedSection], members["resources"]),
        event_handlers=cast(dict[str, NamedSection], members["event-handlers"]),
        locations=cast(dict[str, LocationOptions], members["locations"]),
        transfers=cast(dict[str, TransferOptions], members["transfers"]),
        account_files=files,
    )
