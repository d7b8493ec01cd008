"""A partner's server of WebDAV: honest but where his files lie."""

from collections.abc import Callable
from email.utils import formatdate
from urllib.parse import quote, unquote, urlsplit

from tests.fakes.odd_http import Asked, Talk, multi, reply
from tests.fakes.partner_files import FullError, PartnerFiles

FOLDER = "<D:resourcetype><D:collection/></D:resourcetype>"


def _row(href: str, properties: str) -> str:
    answer = f"<D:prop>{properties}</D:prop><D:status>HTTP/1.1 200 OK</D:status>"
    return f"<D:response><D:href>{href}</D:href><D:propstat>{answer}</D:propstat></D:response>"


def _file(path: str, size: int, modified: int) -> str:
    length = f"<D:getcontentlength>{size}</D:getcontentlength><D:resourcetype/>"
    when = f"<D:getlastmodified>{formatdate(modified, usegmt=True)}</D:getlastmodified>"
    return _row(quote(path), length + when)


class _Answers:
    def __init__(self, files: PartnerFiles) -> None:
        self._files = files
        self._known: dict[str, Callable[[str, Asked], bytes]] = {
            "PROPFIND": self._propfind,
            "GET": self._get,
            "PUT": self._put,
            "DELETE": self._delete,
            "MOVE": self._move,
        }

    def __call__(self, asked: Asked, talk: Talk) -> None:
        known = self._known.get(asked.method)
        try:
            talk.write(known(_path(asked.target), asked) if known else reply(405))
        except KeyError:
            talk.write(reply(404))
        except FullError:
            talk.write(reply(507))

    def _propfind(self, path: str, asked: Asked) -> bytes:
        files = self._files
        if path != "/":
            return multi(_file(path, files.size(path), files.time(path)))
        deep = asked.field("Depth") == "1"
        rows = [_file(f"/{name}", *facts) for name, *facts in files.in_listing() if deep]
        return multi(_row("/", FOLDER), *rows)

    def _get(self, path: str, asked: Asked) -> bytes:
        self._files.fetched.append(path)
        return _ranged(self._files.files[path], asked)

    def _put(self, path: str, asked: Asked) -> bytes:
        self._files.stored.append(path)
        self._files.files.pop(path, None)
        self._files.write(path, 0, asked.body)
        return reply(201)

    def _delete(self, path: str, asked: Asked) -> bytes:
        self._files.remove(path)
        return reply(204)

    def _move(self, path: str, asked: Asked) -> bytes:
        self._files.rename(path, _path(asked.field("Destination") or ""))
        return reply(201)


def answers(files: PartnerFiles) -> Callable[[Asked, Talk], None]:
    """What answers every request of every connection."""
    return _Answers(files)


def _path(reference: str) -> str:
    return unquote(urlsplit(reference).path)


def _ranged(data: bytes, asked: Asked) -> bytes:
    wanted = asked.field("Range")
    if wanted is None:
        return reply(200, data)
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    part = data[int(first) : int(last) + 1 if last else None]
    if not part:
        return reply(416, b"", f"Content-Range: bytes */{len(data)}")
    told = f"Content-Range: bytes {first}-{int(first) + len(part) - 1}/{len(data)}"
    return reply(206, part, told)
