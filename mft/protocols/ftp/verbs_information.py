"""What the server says of itself: HELP, FEAT, SYST, OPTS, and small talk (RFC 2389, RFC 2640)."""

from typing import TYPE_CHECKING, Final

from mft.core.failure import Malformed
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.ftp.replies import OK
from mft.wire.ftp import digest, listing
from mft.wire.ftp.command import Command, parse_inner
from mft.wire.ftp.reply import Reply
from mft.wire.ftp.verbs import VERBS, feature_lines, help_lines

if TYPE_CHECKING:
    from mft.protocols.ftp.control import Control

MAX_CLIENT: Final = 200  # characters of a client's name in an event


async def help_(control: "Control", name: str) -> Reply:
    """HELP: every command, or the syntax of one."""
    if name:
        verb = VERBS.get(name.strip().upper())
        return Reply.of(214, verb.help) if verb else Reply.of(502, "No such command.")
    return Reply.of(214, "Commands:", *help_lines(VERBS), "HELP COMMAND tells its syntax.")


async def nothing(control: "Control", argument: str) -> Reply:
    """NOOP: still here."""
    return OK


async def system(control: "Control", argument: str) -> Reply:
    """SYST: listings are those of Unix."""
    return Reply.of(215, "UNIX Type: L8")


async def features(control: "Control", argument: str) -> Reply:
    """FEAT: what there is beyond RFC 959."""
    options, parameters = control.hub.options, control.parameters
    lines = feature_lines(
        options.explicit or options.implicit,
        facts=parameters.facts,
        algorithm=parameters.algorithm,
        without={
            *(() if options.leaves_tls else ("CCC",)),
            *(() if options.explicit else ("AUTH",)),
            *(() if options.active_mode else ("EPRT",)),
        },
    )
    return Reply.of(211, "Features:", *lines, "End.")


async def options(control: "Control", argument: str) -> Reply:
    """OPTS: options of other commands."""
    command = parse_inner(argument)
    name, value = command if isinstance(command, Command) else ("", "")
    parameters = control.parameters
    if name == "UTF8" and value.strip().upper() in ("", "ON"):
        return Reply.of(200, "Names are always UTF-8.")
    if name == "MLST":
        parameters.facts = listing.parse_facts(value)
        return Reply.of(200, listing.facts_text(parameters.facts))
    if name == "HASH":
        try:
            parameters.algorithm = digest.parse_algorithm(value or parameters.algorithm)
        except Malformed:
            return Reply.of(504, "No such algorithm.")
        return Reply.of(200, parameters.algorithm)
    return Reply.of(501, "No such option.")


async def client(control: "Control", name: str) -> Reply:
    """CLNT: what the client calls itself."""
    control.emit(events.FTP_CLIENT_NAMED, p.ClientVersion(name[:MAX_CLIENT]))
    return OK


async def language(control: "Control", tag: str) -> Reply:
    """LANG: replies are in English (RFC 2640 4.1)."""
    if tag.strip().lower().split("-")[0] in ("", "en"):
        return Reply.of(200, "Replies are in English.")
    return Reply.of(504, "Only English is spoken here.")
