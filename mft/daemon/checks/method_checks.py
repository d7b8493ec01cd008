"""What an administrator may not have meant with a method of logging in; warnings only."""

from collections.abc import Iterator
from typing import Final

from mft.auth.anonymous import AnonymousOptions
from mft.auth.http_options import HttpAuthOptions
from mft.auth.inheritance import Membership
from mft.auth.options import AccountOptions, GroupOptions
from mft.auth.permissions import Operation, Rule
from mft.config.http_kinds import shown_url
from mft.config.kinds import Wrong
from mft.config.problem import Problem, Severity
from mft.config.section import wrong_in
from mft.daemon.reading import Read, Reading

CHANGING: Final = frozenset(
    (
        Operation.WRITE,
        Operation.CREATE_FOLDER,
        Operation.RENAME,
        Operation.DELETE_FILE,
        Operation.DELETE_FOLDER,
        Operation.SET_ATTRIBUTES,
        Operation.MAKE_LINK,
    )
)


def check_methods(reading: Reading) -> None:
    """Warn of passwords in clear, and of changes by whoever comes."""
    for one in reading.families["authentications"].values():
        options = one.options
        found: list[Problem] = []
        if isinstance(options, HttpAuthOptions):
            for url in options.clear:
                sentence = "is not https: passwords go over the network as they are"
                wrong_in(options, one.raw, Wrong(sentence, shown_url(url), option="url"), found)
        elif isinstance(options, AnonymousOptions):
            for rule in _changing(reading, options.anonymous_account_uuid):
                sentence = f"lets whoever comes change files: {rule}"
                wrong = Wrong(sentence, option="anonymous_account_uuid")
                wrong_in(options, one.raw, wrong, found)
        reading.problems += (each._replace(severity=Severity.WARNING) for each in found)


def _changing(reading: Reading, uuid: str) -> Iterator[Rule]:
    """The first rule of an account that lets it change anything, if there is one."""
    account = _options(reading.families["accounts"].get(uuid))
    groups = {
        name: group.options
        for name, group in reading.families["groups"].items()
        if isinstance(group.options, GroupOptions)
    }
    if not isinstance(account, AccountOptions):
        return
    try:
        rules = Membership.of(uuid, account, groups).rules().rules
    except ValueError:
        return  # told as an error already
    yield from [rule for rule in rules if rule.allows & CHANGING][:1]


def _options(one: Read | None) -> object:
    return None if one is None else one.options
