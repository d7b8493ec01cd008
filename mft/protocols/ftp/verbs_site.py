"""SITE: what clients expect beyond the standards."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mft.auth.base import PasswordChange
from mft.auth.own_passwords import Fault, NotChanged
from mft.core.secret import Secret
from mft.protocols.ftp.replies import DONE
from mft.protocols.ftp.verbs_tree import file_path_of, path_of
from mft.protocols.password_sentences import password_sentence
from mft.vfs.base import Attributes
from mft.wire.ftp import facts
from mft.wire.ftp.command import Command, parse_inner, parse_number
from mft.wire.ftp.reply import Reply
from mft.wire.ftp.verbs import SITE, help_lines, judge

if TYPE_CHECKING:
    from mft.protocols.ftp.control import Control

LEAST_IDLE: Final = 10  # seconds
_NOT_CHANGED: Final = {Fault.BUSY: 450, Fault.BROKEN: 451}


async def site(control: "Control", argument: str) -> Reply | None:
    """SITE: do the command that its argument is."""
    command = parse_inner(argument)
    if not isinstance(command, Command):
        return Reply.of(501, f"Not understood: {command.value}.")
    refused = judge(command, logged_in=True, verbs=SITE)
    if refused is not None:
        return refused
    return await SITE_ANSWERS[command.verb](control, command.argument)


async def _chmod(control: "Control", text: str) -> Reply:
    mode, name = facts.parse_chmod(text)
    attributes = Attributes(mode=mode & 0o777)
    await control.current.change(path_of(control, name), attributes, what="UNIX.mode")
    return Reply.of(200, "Permissions changed.")


async def _utime(control: "Control", text: str) -> Reply:
    asked = facts.parse_utime(text)
    attributes = Attributes(modified=asked.modified, accessed=asked.accessed)
    await control.current.change(path_of(control, asked.path), attributes, what="modify")
    return Reply.of(200, "Times changed.")


async def _idle(control: "Control", text: str) -> Reply:
    most = int(control.hub.options.idle_connection_timeout)
    if text:
        seconds = parse_number(text.strip())
        if not min(LEAST_IDLE, most) <= seconds <= most:
            return Reply.of(501, f"From {min(LEAST_IDLE, most)} to {most} seconds.")
        control.limit_idle(seconds)
    return Reply.of(200, f"Idle clients are sent away after {int(control.idle_limit)} seconds.")


async def _password(control: "Control", text: str) -> Reply:
    old, new = facts.parse_passwords(text)
    try:
        session = control.current
        await session.own.change(session, PasswordChange(Secret(old), Secret(new)))
    except NotChanged as why:
        return Reply.of(_NOT_CHANGED.get(why.fault, 550), password_sentence(why))
    return Reply.of(200, "Password changed.")


async def _copy(control: "Control", text: str) -> Reply:
    source, target = facts.parse_copy(text)
    await control.current.copy(path_of(control, source), file_path_of(control, target))
    return DONE


async def _symlink(control: "Control", text: str) -> Reply:
    return Reply.of(502, "Links are not made over FTP.")


async def _help(control: "Control", name: str) -> Reply:
    if name:
        verb = SITE.get(name.strip().upper())
        return Reply.of(214, verb.help) if verb else Reply.of(502, "No such command.")
    return Reply.of(214, "SITE commands:", *help_lines(SITE), "End.")


SITE_ANSWERS: Final[Mapping[str, Callable[["Control", str], Awaitable[Reply | None]]]] = (
    MappingProxyType(
        {
            "CHMOD": _chmod,
            "UTIME": _utime,
            "IDLE": _idle,
            "PSWD": _password,
            "COPY": _copy,
            "SYMLINK": _symlink,
            "HELP": _help,
        }
    )
)
