"""The options of the method that knows the accounts of the operating system."""

import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Annotated, ClassVar, Final, Literal, NamedTuple

from mft.auth.options import DEFAULT_GROUP, MethodOptions
from mft.auth.pam import stack_of
from mft.auth.system_accounts import ListedAccounts
from mft.config.kinds import (
    CommaList,
    Context,
    Count,
    GroupRefs,
    Kind,
    Wrong,
    comma_list,
    duration,
    each_line,
)
from mft.config.section import option

ALL_GROUPS: Final = "${ALL_OS_GROUPS}"
_SERVICE: Final = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,63}", re.ASCII)

Patience = Annotated[float, duration(1, 300)]
Delay = Annotated[float, duration(0, 30)]


class Association(NamedTuple):
    """One line of `group_association`: a group of the operating system, and ours."""

    system: str
    group: str  # ID

    @property
    def identifiers(self) -> tuple[str, ...]:
        """The IDs of the sections that it names."""
        return (self.group,)

    @property
    def line(self) -> None:
        """Not known."""

    def __str__(self) -> str:
        return f"{self.system}, {self.group}"


def _association(line: str) -> Association:
    items = comma_list(line)
    if len(items) != 2 or not all(items):
        raise Wrong("is not a group of the operating system, a comma, and the ID of a group")
    return Association(*items)


def _associations(text: str, context: Context | None) -> tuple[Association, ...]:
    return each_line(text, _association)


def _service(text: str, context: Context | None) -> str:
    name = text.strip()
    if _SERVICE.fullmatch(name) is None:  # PAM folds capitals; a slash would leave the folder
        raise Wrong("is not a PAM service: lower-case letters, digits, dots, dashes, underscores")
    return name


PamService = Annotated[str, Kind("PAM service", "login", _service)]
Associations = Annotated[
    tuple[Association, ...],
    Kind(
        "lines of a group of the operating system, a comma, and the ID of a group",
        "staff, GROUP-ID",
        _associations,
        write=lambda lines: "\n".join(map(str, lines)),
        family="groups",
    ),
]


class SystemOptions(MethodOptions):
    """The accounts of the operating system, as an authentication method."""

    ignored: ClassVar[Mapping[str, str]] = {
        "access_filesystem_as_service_user": "files are always reached as the account that the "
        "server runs as",
        "manager_allowed_groups": "this server has no console for managers",
        "pam_usage": "passwords are checked by PAM, and by nothing else",
        "roles": "this server has no console for managers",
    }

    type: Literal["os"] = option("The kind of method.", "os")
    pam_service: PamService = option(
        "The PAM service that checks passwords: the name of a file in /etc/pam.d.",
        "login",
        examples=["login"],
    )
    allowed_groups: CommaList = option(
        "The groups of the operating system whose members may log in, by name, or "
        "`${ALL_OS_GROUPS}`. Empty: nobody.",
        (),
        examples=["staff"],
    )
    minimum_uid: Count = option(
        "Accounts of the operating system with a lower number are refused, and root always.",
        1000,
        ours=True,
    )
    base_groups: GroupRefs = option(
        "The IDs of the groups that accounts are in, unless a line of `group_association` says "
        "otherwise. The first is the primary one.",
        (DEFAULT_GROUP,),
        examples=["DEFAULT_GROUP"],
    )
    group_association: Associations = option(
        "Lines of a group of the operating system and the ID of a group: the first line whose "
        "group the account is in gives its group, and `base_groups` does not count then.",
        (),
        examples=["staff, GROUP-ID"],
    )
    home_folder: Literal["account", "group"] = option(
        "Whose home counts: the one that the operating system has for the `account`, or the "
        "`home_folder_path` of the `group`.",
        "account",
        ours=True,
    )
    timeout: Patience = option(
        "How long a login waits for PAM; then it is refused.", 30.0, ours=True
    )
    refusal_delay: Delay = option(
        "How long every refusal takes at least, also for names that the operating system does "
        "not know. It stands in place of the delay that PAM asks for.",
        2.0,
        ours=True,
    )

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of PAM, of the stack, and of groups that are not there."""
        if not self.enabled:
            return
        if find_spec("pamela") is None:
            remedy = 'needs the Python package pamela: install it, or "mft[pam]"'
            yield Wrong(remedy, option="type")
        stack = stack_of(self.pam_service)
        if not stack.is_file():
            remedy = f"has no file {stack}; make it, or name one that is there, such as login"
            yield Wrong(remedy, option="pam_service")
        for name in self.allowed_groups:
            if name != ALL_GROUPS and ListedAccounts().group(name) is None:
                remedy = "is no group of this machine"
                yield Wrong(remedy, option="allowed_groups", part=name, mild=True)
