"""Where accounts keep files: every home and virtual folder, checked against what is ours."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mft.auth.kinds import VirtualFolder
from mft.auth.options import AccountOptions, GroupOptions
from mft.auth.places import USER, expand, member_path, ours_in, overlap, path_name
from mft.config.kinds import INHERIT, Wrong
from mft.config.problem import Problem, Severity
from mft.config.section import given, wrong_in
from mft.daemon.reading import Read, Reading
from mft.remote.filesystem import FilesystemOptions
from mft.transfers.options import TransferOptions


class Place(NamedTuple):
    """A folder that one account reaches, and the section and option that name it."""

    owner: Read
    option: str
    text: str  # as written
    real: str  # absolute, with the account's name put in; symbolic links not followed
    account: str  # the account's name when its group names the folder, else ""


def check_places(reading: Reading, file: Path) -> None:
    """Check the folders of every enabled account; of a group each folder is told of once."""
    ours = _ours(reading, file)
    told: set[tuple[str, str, str]] = set()
    for one in reading.families["accounts"].values():
        account = one.options
        if not isinstance(account, AccountOptions) or not account.enabled:
            continue
        groups = list(_groups(reading, account))
        for problem in _of_account(one, account, groups, ours):
            known = (problem.section, problem.option, problem.value or problem.remedy)
            if known not in told:
                told.add(known)
                reading.problems.append(problem)


def check_local_folders(reading: Reading, file: Path) -> None:
    """Check the folders of this machine that transfers use: they give away what is there."""
    ours = _ours(reading, file)
    for one in reading.families["locations"].values():
        options = one.options
        if isinstance(options, FilesystemOptions) and options.enabled:
            sentence = overlap(str(options.path), ours)
            if sentence:
                wrong_in(options, one.raw, Wrong(sentence, option="path"), reading.problems)
    for one in reading.families["transfers"].values():
        options = one.options
        if isinstance(options, TransferOptions):
            for name in options.local_folders:
                folder = reading.context.directory / getattr(options, name)
                sentence = overlap(str(folder), ours)
                if sentence:
                    wrong_in(options, one.raw, Wrong(sentence, option=name), reading.problems)


def _ours(reading: Reading, file: Path) -> list[str]:
    """What nobody else may reach, links followed."""
    ours = ours_in(reading.context.directory)
    return [*ours, os.path.realpath(file), *_quarantines(reading)]


def _groups(reading: Reading, account: AccountOptions) -> Iterator[tuple[Read, GroupOptions]]:
    for identifier in account.group:
        found = reading.families["groups"].get(identifier)
        if found is not None and isinstance(found.options, GroupOptions):
            yield found, found.options


def _quarantines(reading: Reading) -> Iterator[str]:
    """Where files are set aside that nobody may have."""
    for one in reading.families["groups"].values():
        if isinstance(one.options, GroupOptions) and one.options.quarantine_folder is not None:
            yield os.path.realpath(one.options.quarantine_folder)


def _of_account(
    one: Read,
    account: AccountOptions,
    groups: list[tuple[Read, GroupOptions]],
    ours: list[str],
) -> Iterator[Problem]:
    if not account.group:
        yield from _told(one, Wrong("is empty; it needs at least one group", option="group"))
        return
    try:
        homes = list(_homes(one, account, groups))
        folders = list(_virtual_folders(one, account, groups))
    except ValueError as error:
        yield from _told(one, Wrong(f"cannot be used: {error}", option="name"))
        return
    if not homes and len(groups) == len(account.group):  # else its group has errors, told already
        yield from _told(one, Wrong('needs "home_folder_path", such as /srv/homes/ann'))
    for home, creates in homes:
        yield from _of_home(home, creates, ours)
    for folder in folders:
        yield from _of_virtual_folder(folder, ours)


def _homes(
    one: Read, account: AccountOptions, groups: list[tuple[Read, GroupOptions]]
) -> Iterator[tuple[Place, bool]]:
    """Find the home, and whether it is made; every group's, for each may become the primary one."""
    name, own = account.name, account.create_home_folder
    if isinstance(account.home_folder_path, Path):
        creates = groups[0][1].create_home_folder if groups and own is INHERIT else own is True
        path = str(account.home_folder_path)
        yield Place(one, "home_folder_path", path, path, ""), creates
        return
    for owner, group in groups:
        if group.home_folder_path is not None:
            text = str(group.home_folder_path)
            creates = group.create_home_folder if own is INHERIT else own is True
            yield Place(owner, "home_folder_path", text, member_path(text, name), name), creates


def _virtual_folders(
    one: Read, account: AccountOptions, groups: list[tuple[Read, GroupOptions]]
) -> Iterator[Place]:

    def places(owner: Read, folders: tuple[VirtualFolder, ...], name: str) -> Iterator[Place]:
        for folder in folders:
            names = {"USER": path_name(account.name)} if USER in folder.real else {}
            real = expand(folder.real, names)
            yield Place(owner, "virtual_folders", folder.real, real, name)

    if isinstance(account.virtual_folders, tuple):
        yield from places(one, account.virtual_folders, "")
        return
    for owner, group in groups:
        yield from places(owner, group.virtual_folders, account.name)


def _of_home(home: Place, creates: bool, ours: list[str]) -> Iterator[Problem]:
    sentence = overlap(home.real, ours)
    if not sentence and os.path.lexists(home.real) and not os.path.isdir(home.real):
        sentence = "is not a folder"
    if not sentence and not os.path.lexists(home.real) and not creates:
        sentence = "does not exist; make it, or write create_home_folder = Yes"
    if sentence:
        yield from _of_place(home, sentence)


def _of_virtual_folder(folder: Place, ours: list[str]) -> Iterator[Problem]:
    sentence = overlap(folder.real, ours)
    if sentence:
        yield from _of_place(folder, sentence)
    elif not os.path.isdir(folder.real):
        for problem in _of_place(folder, "is not an existing folder; nobody sees it until it is"):
            yield problem._replace(severity=Severity.WARNING)


def _of_place(place: Place, sentence: str) -> Iterator[Problem]:
    if place.account:
        sentence = f'is {place.real} for the account "{place.account}": it {sentence}'
    line = _line_of(place)
    part = place.text if line is not None else None
    yield from _told(place.owner, Wrong(sentence, part, line, place.option))


def _line_of(place: Place) -> int | None:
    """Find the line of the value that names a folder, from 0; None when nothing was given."""
    options = place.owner.options
    value = None if options is None else given(type(options), place.owner.raw, place.option)
    lines = [] if value is None else value.text.split("\n")
    named = (line.rpartition(",")[2].strip().strip('"') for line in lines)
    return next((index for index, name in enumerate(named) if name == place.text), None)


def _told(owner: Read, wrong: Wrong) -> Iterator[Problem]:
    problems: list[Problem] = []
    if owner.options is not None:
        wrong_in(owner.options, owner.raw, wrong, problems)
    yield from problems
