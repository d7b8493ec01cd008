"""Who the client is, and how the control connection is protected (RFC 959 4.1.1, RFC 4217)."""

from typing import TYPE_CHECKING, Final

from mft.auth.base import Certificate, Password
from mft.auth.kinds import ONE_TIME_CODE, SSL_CERTIFICATE
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.ftp.replies import LOGIN_REFUSED, OK
from mft.session.login import LoginResult
from mft.session.session import Session
from mft.trust.certificates import certificate_pem, fingerprint
from mft.trust.tls import common_name
from mft.wire.ftp.reply import Reply

if TYPE_CHECKING:
    from mft.protocols.ftp.control import Control

MAX_NAME: Final = 200  # characters of a name in an event
TLS_WORDS: Final = frozenset(("TLS", "TLS-C", "TLS-P", "SSL"))
PROTECTS_DATA: Final = frozenset(("TLS-P", "SSL"))  # old words that mean PROT P as well
CODE_MISSING: Final = "a second factor is missing; a one-time code is appended to the password"
NOT_SECURED: Final = Reply.of(503, "The control connection is not secured: send AUTH TLS first.")
PASSWORD_NEEDED: Final = Reply.of(331, "Password required.")


async def user(control: "Control", name: str) -> Reply | None:
    """USER: a client's certificate may do alone; any other answer is the same for every name."""
    if control.logged_in:
        return Reply.of(503, "Already logged in: REIN begins anew.")
    control.username = name
    certificate = _certificate(control, name)
    if certificate is not None:
        return await _by_certificate(control, certificate)
    if control.hub.options.enable_password_authentication:
        return PASSWORD_NEEDED
    _tell_required(control, name)
    return _refused(control)


def _certificate(control: "Control", name: str) -> Certificate | None:
    """The verified certificate of the client, where one counts here (RFC 4217 16)."""
    found = control.line.peer_certificate
    if not control.hub.options.enable_ssl_certificate_authentication:
        return None
    if found is None:
        return None
    return Certificate(name, common_name(found), fingerprint(found), pem=certificate_pem(found))


async def _by_certificate(control: "Control", certificate: Certificate) -> Reply | None:
    """Log in at once; else a password may still do, alone or with the certificate."""
    result = await control.login.attempt(certificate)
    if result.session is not None:
        return await _entered(control, result.session)
    passwords = control.hub.options.enable_password_authentication
    if result.missing and passwords:
        return PASSWORD_NEEDED
    _tell_failure(control, result)
    told = p.UserFailed(certificate.username[:MAX_NAME], control.certificate)
    control.emit(events.FTP_CERTIFICATE_LOGIN_REFUSED, told)
    return _refused(control, PASSWORD_NEEDED if passwords else LOGIN_REFUSED)


async def password(control: "Control", text: str) -> Reply | None:
    """PASS: judge the login, and open the session."""
    if control.logged_in:
        return Reply.of(503, "Already logged in: REIN begins anew.")
    username, control.username = control.username, ""
    if not text or not control.hub.options.enable_password_authentication:
        return _refused(control)
    result = await control.login.attempt(Password(username, Secret(text)))
    if result.session is not None:
        return await _entered(control, result.session)
    _tell_failure(control, result)
    needed = SSL_CERTIFICATE in result.missing | result.required
    if needed and _certificate(control, username) is None:
        _tell_required(control, username)
    return _refused(control)


async def _entered(control: "Control", session: Session) -> Reply | None:
    if control.leaving or not control.line.alive:
        await session.close("the client left during its login")
        return None
    control.log_in(session)
    control.username = ""
    home = session.account.home
    control.emit(events.FTP_SESSION_OPENED, p.TreeShown(home, "/", home))
    return Reply.of(230, "Logged in.")


def _tell_failure(control: "Control", result: LoginResult) -> None:
    failure = result.failure or (CODE_MISSING if ONE_TIME_CODE in result.missing else "")
    if failure:
        control.emit(events.FTP_SESSION_FAILED, p.Details(failure))


def _tell_required(control: "Control", name: str) -> None:
    control.emit(events.FTP_CERTIFICATE_REQUIRED, p.Username(name[:MAX_NAME]))


def _refused(control: "Control", reply: Reply = LOGIN_REFUSED) -> Reply | None:
    """Answer, unless it was the last attempt that this connection has."""
    control.refusals += 1
    most = control.hub.options.maximum_login_attempts
    if control.refusals < most:
        return reply
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
    if control.line.is_secured:
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
    if not control.line.is_secured:
        return NOT_SECURED
    control.parameters.sized = True
    return Reply.of(200, "PBSZ=0")


async def protection(control: "Control", level: str) -> Reply:
    """PROT: whether data connections are secured from now on (RFC 4217 9)."""
    parameters, options = control.parameters, control.hub.options
    if not control.line.is_secured:
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
    if not control.line.is_secured:
        control.emit(events.FTP_CLEAR_ALREADY, p.Nothing())
        return Reply.of(533, "The control connection is not secured.")
    if not control.hub.options.leaves_tls:
        control.emit(events.FTP_CLEAR_REFUSED, p.Nothing())
        return Reply.of(534, "The control connection must stay secured.")
    await control.clear(Reply.of(200, "The control connection is in clear from here on."))
    control.emit(events.FTP_CLEAR_AGAIN, p.Nothing())
    return None
