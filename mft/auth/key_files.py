"""Files of authorized keys, searched at login for the one key that a peer offers."""

import base64
import os
import stat
from pathlib import Path
from typing import Final, NamedTuple

from mft.trust.authorized_keys import AuthorizedKey, parse_keys
from mft.trust.ssh_keys import MAX_KEY_FILE, open_at_once

MAX_FILES = 200  # of one folder; more are not read, and that is told
MAX_FOLDER_BYTES = 2_000_000  # of all files of one folder: what one login may make us read

PRIVATE: Final = "holds a private key; only public keys belong here"


class Found(NamedTuple):
    """The lines that hold the offered key, and what stood in the way of reading."""

    keys: tuple[AuthorizedKey, ...]
    troubles: tuple[tuple[str, str], ...]  # (path, sentence), for the audit trail


def search(path: Path, blob: bytes) -> Found:
    """Look for a key in a file, or in every file of a folder. Blocks; never raises.

    Only lines with this very key are read further: a file of a thousand keys costs one scan.
    """
    try:
        if path.is_dir():
            return _folder(path, blob)
        return _file(path, blob)
    except OSError as error:
        return Found((), ((str(path), error.strerror or "cannot be read"),))
    except ValueError as error:
        return Found((), ((str(path), str(error)),))


def trouble(path: Path) -> str:
    """Why a file or folder of keys can serve no login, or nothing. Blocks; never raises.

    Single lines, and the files of a folder, are judged at each login.
    """
    try:
        if path.is_dir():
            return "" if os.access(path, os.R_OK) else "cannot be read"
        return PRIVATE if _is_private(_content(path)) else ""
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return error.strerror or "cannot be read"
    except ValueError as error:
        return str(error)


def _is_private(text: str) -> bool:
    return "PRIVATE KEY-----" in text or "PuTTY-User-Key-File" in text


def _folder(path: Path, blob: bytes) -> Found:
    names = sorted(os.listdir(path))
    keys: list[AuthorizedKey] = []
    troubles: list[tuple[str, str]] = []
    if len(names) > MAX_FILES:
        troubles.append((str(path), f"has more than {MAX_FILES} files; the others are not read"))
    budget = MAX_FOLDER_BYTES
    for name in names[:MAX_FILES]:
        try:
            text = _content(path / name)
        except IsADirectoryError:
            continue
        except (OSError, ValueError) as error:
            told = error.strerror if isinstance(error, OSError) else str(error)
            troubles.append((str(path / name), told or "cannot be read"))
            continue
        budget -= len(text)
        if budget < 0:
            troubles.append((str(path), f"holds more than {MAX_FOLDER_BYTES} bytes"))
            break
        found = _in(path / name, text, blob)
        keys += found.keys
        troubles += found.troubles
    return Found(tuple(keys), tuple(troubles))


def _file(path: Path, blob: bytes) -> Found:
    return _in(path, _content(path), blob)


def _content(path: Path) -> str:
    with open(path, "rb", opener=open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("is not a regular file")
        data = file.read(MAX_KEY_FILE + 1)
    if len(data) > MAX_KEY_FILE:
        raise ValueError(f"is longer than {MAX_KEY_FILE} bytes")
    return data.decode(errors="replace")


def _in(path: Path, text: str, blob: bytes) -> Found:
    if _is_private(text):
        return Found((), ((str(path), PRIVATE),))
    encoded = base64.b64encode(blob).decode()
    lines = [line for line in text.split("\n") if encoded in line]
    found = parse_keys("\n".join(lines))
    return Found(
        tuple(key for key in found.keys if key.key.blob == blob),
        tuple((str(path), sentence) for _, sentence in found.problems),
    )
