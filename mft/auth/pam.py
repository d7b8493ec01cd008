"""PAM: one question to the operating system, whether a password is an account's. It blocks.

`pamela` brings the functions of libpam. What it would do with them by itself is not enough here: it
lets an account without a password in, and changes the credentials of the whole process.
"""

from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_int, c_uint, c_void_p, cast
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

from mft.core.secret import Secret

STACKS: Final = Path("/etc/pam.d")
MAX_PASSWORD: Final = 511  # bytes: what PAM takes of an answer, less the zero behind it
MAX_TOLD: Final = 160  # characters of PAM's sentence in the audit trail
TERMINAL: Final = "mft"  # what modules are told of where the user sits, as sshd says `ssh`

# Of Linux-PAM's header files.
_SUCCESS: Final = 0
_ABORT: Final = 26
_TTY: Final = 3
_FAIL_DELAY: Final = 10
_SILENT: Final = 0x8000
_DISALLOW_NULL_AUTHTOK: Final = 0x0001
_FLAGS: Final = _SILENT | _DISALLOW_NULL_AUTHTOK
# Denied, wrong, not enough, unknown, too often, password expired, account expired, credentials
# expired or not to be had, more asked than a password, password expired: the stack works and says
# no. Any other code means that it could not say.
_NO: Final = frozenset((6, 7, 8, 10, 11, 12, 13, 16, 17, 19, 27))


class Answer(Enum):
    """What PAM says of a password."""

    RIGHT = "right"
    WRONG = "wrong"
    BROKEN = "broken"  # nothing: it is not there, or does not work


class Reply(NamedTuple):
    """An answer, and for the audit trail why it is not RIGHT; the password is never in it."""

    answer: Answer
    why: str = ""


def _wait_for_nothing(code: int, microseconds: int, data: int) -> None:
    """Whoever is refused waits on a timer, and holds no thread meanwhile."""


_NO_DELAY: Final = CFUNCTYPE(None, c_int, c_uint, c_void_p)(_wait_for_nothing)


def stack_of(service: str) -> Path:
    """The file that says what PAM does for a service."""
    return STACKS / service


def ask(service: str, username: str, password: Secret | None, host: str) -> Reply:
    """Ask whether the password is right, and whether the account may be used now.

    With None for a password that was right before, only the second. Never raises.
    """
    stack = stack_of(service)
    if not stack.is_file():  # PAM would take the stack `other`, which may let many in
        return Reply(Answer.BROKEN, f"there is no {stack}")
    word = None if password is None else password.reveal()
    if not username or word == "" or "\0" in username + (word or ""):
        return Reply(Answer.WRONG, "the name or the password is none that PAM takes")
    try:
        if len((word or "").encode()) > MAX_PASSWORD:
            return Reply(Answer.WRONG, f"the password is longer than {MAX_PASSWORD} bytes")
        pamela: Any = import_module("pamela")
        return _converse(pamela, service, username, word, host)
    except UnicodeEncodeError:
        return Reply(Answer.WRONG, "the name or the password is no text")
    except Exception as error:  # no libpam, or another one than pamela knows
        return Reply(Answer.BROKEN, f"PAM cannot be used: {type(error).__name__}")


def _converse(pamela: Any, service: str, username: str, word: str | None, host: str) -> Reply:
    words = () if word is None else (word,)
    conversation = pamela.new_simple_password_conv(words, "utf-8")  # kept until PAM is done
    handle, code = _begin(pamela, service, username, conversation)
    try:
        if code != _SUCCESS:
            why = f"PAM does not begin: {pamela.pam_strerror(handle, code)}"[:MAX_TOLD]
            return Reply(Answer.BROKEN, why)
        code = _ABORT
        _describe(pamela, handle, host)
        code = _SUCCESS if word is None else pamela.PAM_AUTHENTICATE(handle, _FLAGS)
        if code == _SUCCESS:  # expired and locked accounts have right passwords as well
            code = pamela.PAM_ACCT_MGMT(handle, _FLAGS)
        if code == _SUCCESS:
            return _same(handle.get_item(pamela.PAM_USER), username)
        why = f"PAM says: {pamela.pam_strerror(handle, code)}"[:MAX_TOLD]
        return Reply(Answer.WRONG if code in _NO else Answer.BROKEN, why)
    finally:
        pamela.PAM_END(handle, code)


def _begin(pamela: Any, service: str, username: str, conversation: Any) -> tuple[Any, int]:
    """Begin with the stacks of that folder, and with no other place that PAM may know."""
    handle, conv = pamela.PamHandle(), pamela.PamConv(conversation, 0)
    given = service.encode(), username.encode(), byref(conv)
    if not hasattr(pamela.LIBPAM, "pam_start_confdir"):  # Linux-PAM before 1.4
        return handle, pamela.PAM_START(*given, byref(handle))
    prototype = CFUNCTYPE(
        c_int, c_char_p, c_char_p, POINTER(pamela.PamConv), c_char_p, POINTER(pamela.PamHandle)
    )
    start = prototype(("pam_start_confdir", pamela.LIBPAM))
    return handle, start(*given, bytes(STACKS), byref(handle))


def _describe(pamela: Any, handle: Any, host: str) -> None:
    handle.set_item(pamela.PAM_RHOST, host)
    handle.set_item(_TTY, TERMINAL)
    prototype = CFUNCTYPE(c_int, pamela.PamHandle, c_int, c_void_p)
    set_item = prototype(("pam_set_item", pamela.LIBPAM))
    if set_item(handle, _FAIL_DELAY, cast(_NO_DELAY, c_void_p)) != _SUCCESS:
        raise RuntimeError("PAM keeps its delay")


def _same(user: str | None, asked: str) -> Reply:
    """A module may put another user in the place of the one who was asked about."""
    if user == asked:
        return Reply(Answer.RIGHT)
    return Reply(Answer.WRONG, "PAM made another account of the name")
