"""`type = https`: a server that gives, takes and removes files by their URLs, without WebDAV."""

from mft.core.failure import Reason
from mft.core.peer import Component
from mft.core.vpath import ROOT, VPath
from mft.remote.base import Parts
from mft.remote.http_connector import HttpReach
from mft.remote.http_download import FOLDER, Version
from mft.remote.http_options import HttpsOptions
from mft.remote.http_peer import Asked
from mft.remote.http_status import GOOD, reason_of, refusal
from mft.remote.http_tree import HttpTree, file_entry
from mft.vfs.base import Entry, Listing
from mft.wire.http.answer import Answer, content_length
from mft.wire.http.date import parse_http_date


class HttpsTree(HttpTree):
    """A `Remote` of single files: HTTP itself has no folders, and no other names for files."""

    async def known(self, path: VPath) -> tuple[Entry, Version]:
        """What HEAD tells; what has no length, or ends in a slash, is a folder."""
        target = self.peer.place.target(path)
        fields = ("Accept-Encoding", "identity")
        async with self.peer.asking("HEAD", target, fields, subject=str(path)) as asked:
            answer = asked.answer
            led = self.peer.led_to(answer, target)
        if led == self.peer.place.target(path, folder=True):
            return _folder(path), Version(None, None, None)
        if answer.status not in GOOD:
            raise refusal(answer.status, str(path))
        version = version_of(answer)
        if version.size is None or path.is_root:
            return _folder(path), version
        return file_entry(path.name, version), version

    async def list(self, path: VPath) -> Listing:
        """Refused: a page of links is no listing."""
        raise self.unsupported(path)

    async def make_directory(self, path: VPath, *, mode: int = 0o777) -> None:
        """Refused: there are no folders."""
        raise self.unsupported(path)

    async def remove_directory(self, path: VPath) -> None:
        """Refused: there are no folders."""
        raise self.unsupported(path)

    async def rename(self, source: VPath, target: VPath, *, replace: bool) -> None:
        """Refused: a file has one name."""
        raise self.unsupported(source)

    async def ping(self) -> None:
        """Ask about the URL; only a login that is refused is a failure."""
        asked: Asked
        target = self.peer.place.target(ROOT)
        async with self.peer.asking("HEAD", target, subject="/") as asked:
            status = asked.answer.status
        if status not in GOOD and status in (401, 407):
            raise refusal(status, "/")
        if reason_of(status) is Reason.BUSY:
            raise refusal(status, "/")


def version_of(answer: Answer) -> Version:
    """What the fields of an answer tell of the file."""
    date = answer.fields.get("last-modified")
    modified = None if date is None else parse_http_date(date)
    return Version(content_length(answer), modified, answer.fields.get("etag"))


def _folder(path: VPath) -> Entry:
    return Entry(path.name, FOLDER, 0, 0, 0)


class HttpsConnector:
    """Connects to a server of HTTPS."""

    def __init__(self, component: Component, options: HttpsOptions, parts: Parts) -> None:
        self.component = component
        self._reach = HttpReach(component, options, options.url, parts)

    async def connect(self, folder: str) -> HttpsTree:
        """Connect, and see that the login is not refused."""
        tree = HttpsTree((await self._reach.reach(folder)).peer)
        try:
            await tree.ping()
        except BaseException:
            await tree.close()
            raise
        return tree
