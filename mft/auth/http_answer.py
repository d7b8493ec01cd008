"""What an authentication server may say of an account, and how that reads in server.ini.

Whatever could be read there in another way than it was meant is refused.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from mft.auth.options import DEFAULT_GROUP
from mft.config.problem import shown
from mft.core.secret import MASK

MAX_BODY: Final = 64 << 10  # bytes of an answer; one with 100 rules and folders takes some 20 KiB
MAX_ITEMS: Final = 1000  # of one list
_ID: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.@")
MAX_ID: Final = 150  # characters


class UnknownKeys(ValueError):  # noqa: N818 - it says which
    """Keys that mean nothing here: what they were to allow or forbid is not known."""


class Told(NamedTuple):
    """What was said of an account: the options as text of server.ini, and who and where it is."""

    options: Mapping[str, str] = {}
    groups: tuple[str, ...] = (DEFAULT_GROUP,)
    uuid: str = ""  # empty: nothing was said


NOTHING: Final = Told()


def read_account(body: bytes) -> Told:
    """Read `{"account": {...}}`; raises UnknownKeys, or ValueError with a sentence."""
    document = _document(body)
    if not isinstance(document, dict) or "account" not in document:
        raise ValueError('the answer is not {"account": {...}}')
    account = document["account"]
    if not isinstance(account, dict):
        raise ValueError("account is not an object")
    unknown = [*(document.keys() - {"account"}), *(account.keys() - _READERS.keys())]
    if unknown:
        names = ", ".join(shown(name)[:MAX_ID] for name in sorted(unknown)[:5])
        raise UnknownKeys(f"keys that are not known: {names}")
    told = {key: _read(key, value) for key, value in account.items()}
    groups = tuple(told.pop("group", DEFAULT_GROUP).split("\n"))
    uuid = told.pop("uuid", "")
    return Told({key: text for key, text in told.items() if key not in _NOT_HERE}, groups, uuid)


def read_refusal(body: bytes, secret: str) -> str:
    """Why a server refuses, for the audit trail, in one line; what it repeats of us is masked."""
    try:
        document = _document(body)
    except ValueError:
        document = None
    if isinstance(document, dict):
        said = [document.get(key) for key in ("message", "public_response")]
        text = "; ".join(one for one in said if isinstance(one, str) and one.strip())
    else:
        text = body.decode("utf-8", "replace")
    return shown(text.replace(secret, MASK) if secret else text)


def _document(body: bytes) -> Any:
    """Read JSON; raises ValueError, also for keys twice in one object, which others may drop."""
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_constant)
    except _Twice as error:
        raise ValueError(str(error)) from None
    except (ValueError, RecursionError):
        raise ValueError("the answer is not JSON") from None


class _Twice(ValueError):  # noqa: N818 - a verdict on input
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice("the answer has a key twice in one object")
    return found


def _constant(name: str) -> Any:
    raise ValueError("not a number of JSON")


def _read(key: str, value: Any) -> str:
    try:
        return _READERS[key](value)
    except ValueError as error:
        raise ValueError(f"{key} {error}") from None


def _text(value: Any) -> str:
    """One line of text, as it is."""
    if not isinstance(value, str):
        raise ValueError("is not text")
    if not value or value != value.strip() or not value.isprintable():
        raise ValueError("is empty, has spaces around it, or is not one printable line")
    return value


def _line(value: Any) -> str:
    """Text that is a line of its own: server.ini would take `;` and `#` for comments."""
    text = _text(value)
    if text[0] in ";#":
        raise ValueError("begins with ; or #")
    return text


def _item(value: Any) -> str:
    """Text between commas, quoted where it would be read otherwise."""
    text = _text(value)
    if any(mark in text for mark in ',";#'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _list(value: Any, least: int = 0) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= MAX_ITEMS:
        raise ValueError(f"is not a list of {least} to {MAX_ITEMS} items")
    return value


def _yes_no(value: Any) -> str:
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false")
    return "Yes" if value else "No"


def _identifier(value: Any) -> str:
    text = _text(value)
    if len(text) > MAX_ID or not set(text) <= _ID or text[0] in ".-":
        raise ValueError("is not an ID of letters, digits and -_.@")
    return text


def _groups(value: Any) -> str:
    given = value if isinstance(value, list) else [value]
    return "\n".join(_text(one) for one in _list(given, 1))


def _emails(value: Any) -> str:
    given = value if isinstance(value, list) else [value]
    return ", ".join(_item(one) for one in _list(given))


def _lines(value: Any) -> str:
    return "\n".join(_line(one) for one in _list(value))


def _rows(value: Any) -> str:
    """A list of lists: a line for each, with commas between its items."""
    return "\n".join(", ".join(_item(item) for item in _list(row, 1)) for row in _list(value))


def _moment(value: Any) -> str:
    text = _text(value)
    if not text[0].isdigit():
        raise ValueError("is not a date")
    return text


_READERS: Final[Mapping[str, Callable[[Any], str]]] = {
    "create_home_folder": _yes_no,
    "create_home_folder_group": _text,
    "create_home_folder_owner": _text,
    "email": _emails,
    "expire_datetime": _moment,
    "group": _groups,
    "home_folder_path": _text,
    "home_folder_structure": _lines,
    "permissions": _rows,
    "uuid": _identifier,
    "virtual_folders": _rows,
}
# Folders belong to the account that the server runs as.
_NOT_HERE: Final = frozenset(("create_home_folder_group", "create_home_folder_owner"))
