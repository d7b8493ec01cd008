"""Files of accounts beside server.ini: read with it, and again while the server runs."""

import os
import stat
from collections.abc import Collection
from pathlib import Path
from typing import cast

from mft.auth.local_file import LocalFileOptions
from mft.auth.options import DEFAULT_GROUP, AccountOptions, GroupOptions
from mft.auth.parts import AccountsOfFile, Stamp
from mft.config.ini import MAX_FILE, parse
from mft.config.kinds import Context
from mft.config.problem import Problem, Severity
from mft.config.section import check_section, given
from mft.daemon.checks.cross_checks import check_lifetimes, check_names, check_references
from mft.daemon.checks.ended_home_checks import refuse_ended_homes
from mft.daemon.checks.places import check_places
from mft.daemon.reading import Reading
from mft.trust.ssh_keys import open_at_once

ACCOUNTS, GROUPS = "accounts", "groups"
FAMILIES = (ACCOUNTS, GROUPS)
OWN = ("allow_own_password_change", "allow_own_one_time_codes")


def read_account_files(reading: Reading) -> dict[str, AccountsOfFile]:
    """Read the file of every enabled method that has one; its problems join the others."""
    taken = ids_of(reading)
    found: dict[str, AccountsOfFile] = {}
    for uuid, one in reading.families["authentications"].items():
        options = one.options
        if isinstance(options, LocalFileOptions) and options.enabled:
            read = read_accounts(options.path, reading.context, taken, reading.problems)
            taken |= ids_of(read)
            found[uuid] = read
    return found


def ids_of(read: Reading | AccountsOfFile) -> set[str]:
    """The IDs of accounts and groups; every file may have a default group of its own."""
    if isinstance(read, Reading):
        members = {*read.families[ACCOUNTS], *read.families[GROUPS]}
    else:
        members = {*read.accounts, *read.groups}
    return members - {DEFAULT_GROUP}


def read_again(
    path: Path, context: Context, taken: Collection[str], stamp: Stamp
) -> AccountsOfFile | None:
    """Read a file unless it is as it was; raises ValueError with its first problem."""
    try:
        if _stamp(os.stat(path)) == stamp:
            return None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    problems: list[Problem] = []
    read = read_accounts(path, context, taken, problems)
    first = next((one for one in problems if one.is_error), None)
    if first is not None:
        raise ValueError(str(first))
    return read


def read_accounts(
    path: Path, context: Context, taken: Collection[str], problems: list[Problem]
) -> AccountsOfFile:
    """Read a file of accounts and check all of it; it counts only without errors."""
    file = str(path)
    try:
        content, found = _content(path)
    except (OSError, ValueError) as error:
        sentence = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
        problems.append(Problem(file, 0, "", "", None, sentence))
        return AccountsOfFile({}, {}, ())
    if found.st_mode & 0o002:
        remedy = f"everybody on this machine can change it: chmod o-w {path.name}"
        problems.append(Problem(file, 0, "", "", None, remedy, Severity.WARNING))
    reading = _checked(content, path, taken, Reading(context, []))
    problems.extend(reading.problems)
    if reading.failed:
        partly = _checked(content, path, taken, Reading(context, [], partly=True))
        problems.extend(partly.hidden(reading.problems))
    members = {
        family: {uuid: one.options for uuid, one in reading.families[family].items()}
        for family in FAMILIES
    }
    return AccountsOfFile(
        cast(dict[str, AccountOptions], members[ACCOUNTS]),
        {uuid: _fixed(one) for uuid, one in members[GROUPS].items() if one is not None},
        _stamp(found),
    )


def _checked(content: bytes, path: Path, taken: Collection[str], reading: Reading) -> Reading:
    """Give the sections of a file, checked; all that is wrong is in its problems."""
    file, problems = str(path), reading.problems
    for raw in parse(content, file, problems).values():
        family = raw.name.partition("/")[0].strip().lower()
        if family in FAMILIES:
            reading.take(raw)
        else:
            remedy = "does not belong here: a file of accounts has accounts and groups only"
            problems.append(Problem(file, raw.line, raw.name, "", None, remedy))
    reading.add_defaults(file)
    _check(reading, path, taken)
    return reading


def _check(reading: Reading, path: Path, taken: Collection[str]) -> None:
    problems = reading.problems
    for one in reading.every():
        if one.options is not None:
            check_section(one.options, one.raw, reading.context, problems)
    check_references(reading)
    check_names(reading.families[ACCOUNTS], problems)
    check_lifetimes(reading)
    check_places(reading, path)
    refuse_ended_homes(reading)
    for family in FAMILIES:
        for uuid, one in reading.families[family].items():
            if uuid in taken:
                remedy = "has an ID that server.ini or another file of accounts has as well"
                problems.append(Problem(str(path), one.raw.line, one.raw.name, "", None, remedy))
    if not reading.families[ACCOUNTS]:
        problems.append(Problem(str(path), 0, "", "", None, "has no accounts"))
    _warn_of_own(reading, path)


def _warn_of_own(reading: Reading, path: Path) -> None:
    for one in reading.families[GROUPS].values():
        for name in OWN if isinstance(one.options, GroupOptions) else ():
            if not getattr(one.options, name):
                continue
            value = given(GroupOptions, one.raw, name)
            line = one.raw.line if value is None else value.line
            remedy = f"{name} has no effect here: servers that share accounts share no other place"
            reading.problems.append(
                Problem(str(path), line, one.raw.name, name, None, remedy, Severity.WARNING)
            )


def _fixed(group: object) -> GroupOptions:
    """A group whose members keep the credentials that the file has."""
    return cast(GroupOptions, group).model_copy(update=dict.fromkeys(OWN, False))


def _content(path: Path) -> tuple[bytes, os.stat_result]:
    with open(path, "rb", opener=open_at_once) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("is not a regular file")
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise ValueError(f"is larger than {MAX_FILE >> 20} MiB")
    return content, found


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
