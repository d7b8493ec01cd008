"""Who the client is, and how the control connection is protected (RFC 959 4.1.1, RFC 4217)."""

from typing import TYPE_CHECKING, Final

from mft.auth.base import Password
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.ftp.replies import LOGIN_REFUSED, OK
from mft.session.session import Session
from mft.wire.ftp.reply import Reply

if TYPE_CHECKING:
    from mft.protocols.ftp.control import Control

MAX_NAME: Final = 200  # characters of a name in an event
TLS_WORDS: Final = frozenset(("TLS", "TLS-C", "TLS-P", "SSL"))
PROTECTS_DATA: Final = frozenset(("TLS-P", "SSL"))  # old words that mean PROT P as well
NOT_SECURED: Final = Reply.of(503, "The control connection is not secured: send AUTH TLS first.")


async def user(control: "Control", name: str) -> Reply:
    """USER: the answer is the same for every name."""
    if control.logged_in:
        return Reply.of(503, "Already logged in: REIN begins anew.")
    control.username = name
    return Reply.of(331, "Password required.")


async def password(control: "Control", text: str) -> Reply | None:
    """PASS: judge the login, and open the session."""
    if control.logged_in:
        return Reply.of(503, "Already logged in: REIN begins anew.")
    username, control.username = control.username, ""
    if not text:
        return _refused(control)
    result = await control.login.attempt(Password(username, Secret(text)))
    if result.session is None:
        return _refused(control)
    if control.leaving or not control.alive:
        await result.session.close("the client left during its login")
        return None
    return _entered(control, result.session)


def _entered(control: "Control", session: Session) -> Reply:
    control.log_in(session)
    home = session.account.home
    control.emit(events.FTP_SESSION_OPENED, p.TreeShown(home, "/", home))
    return Reply.of(230, "Logged in.")


def _refused(control: "Control") -> Reply | None:
    control.refusals += 1
    most = control.hub.options.maximum_login_attempts
    if control.refusals < most:
        return LOGIN_REFUSED
    control.emit(events.LIMIT_REACHED, p.LimitReached("maximum_login_attempts", most))
    control.end("Too many login attempts.")
    return None


async def account(control: "Control", text: str) -> Reply:
    """ACCT: nobody has one."""
    return Reply.of(202, "Not needed here.")


async def reinitialise(control: "Control", argument: str) -> Reply:
    """REIN: as if the connection had just been made; TLS stays."""
    await control.start_anew()
    control.emit(events.FTP_REINITIALISED, p.Nothing())
    return Reply.of(220, "Ready for a new login.")


async def quit_(control: "Control", argument: str) -> None:
    """QUIT: say goodbye, and close."""
    control.emit(events.FTP_QUIT, p.Nothing())
    control.say(Reply.of(221, "Goodbye."))
    control.leave()


async def host(control: "Control", name: str) -> Reply:
    """HOST (RFC 7151): every name leads to the same server."""
    if control.logged_in or control.username:
        return Reply.of(503, "HOST comes before USER.")
    control.emit(events.FTP_HOST_NAMED, p.Host(name[:MAX_NAME]))
    return control.hub.greeting


# TLS.


async def auth(control: "Control", mechanism: str) -> Reply | None:
    """AUTH: secure the control connection."""
    if not control.hub.options.explicit:
        return Reply.of(502, "TLS cannot be asked for here.")
    if control.is_secured:
        return Reply.of(503, "The control connection is secured already.")
    word = mechanism.strip().upper()
    if word not in TLS_WORDS:
        return Reply.of(504, "Only AUTH TLS is known here.")
    control.emit(events.FTP_TLS_ACCEPTED, p.Nothing())
    if control.logged_in:
        await control.start_anew()
    await control.secure(Reply.of(234, "Begin TLS now."))
    control.parameters.private = word in PROTECTS_DATA
    return None


async def buffer_size(control: "Control", text: str) -> Reply:
    """PBSZ: TLS needs no protection buffer, whatever its size (RFC 4217 8)."""
    if not control.is_secured:
        return NOT_SECURED
    control.parameters.sized = True
    return Reply.of(200, "PBSZ=0")


async def protection(control: "Control", level: str) -> Reply:
    """PROT: whether data connections are secured from now on (RFC 4217 9)."""
    parameters, options = control.parameters, control.hub.options
    if not control.is_secured:
        return NOT_SECURED
    if not parameters.sized:
        return Reply.of(503, "PBSZ comes before PROT.")
    word = level.strip().upper()
    if word == "P":
        parameters.private = True
        return OK
    if word != "C":
        known = word in ("S", "E")
        return Reply.of(536 if known else 504, "Only PROT P and PROT C are known here.")
    if not options.clear_data:
        return Reply.of(534, "Data connections must be secured here.")
    parameters.private = False
    return OK


async def clear_commands(control: "Control", argument: str) -> Reply | None:
    """CCC: go back to clear commands, where that is allowed at all."""
    if not control.is_secured:
        control.emit(events.FTP_CLEAR_ALREADY, p.Nothing())
        return Reply.of(533, "The control connection is not secured.")
    if not control.hub.options.leaves_tls:
        control.emit(events.FTP_CLEAR_REFUSED, p.Nothing())
        return Reply.of(534, "The control connection must stay secured.")
    await control.clear(Reply.of(200, "The control connection is in clear from here on."))
    control.emit(events.FTP_CLEAR_AGAIN, p.Nothing())
    return None
