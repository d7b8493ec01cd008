"""What a location is to transfers: connections that are file systems, and who is at their end.

A `Remote` is one connection. Its paths begin at the folder that it was opened for; names that a
peer tells are checked like those of clients before anybody sees them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, NamedTuple, Protocol, runtime_checkable

from mft.config.kinds import Seconds, Text, duration, whole
from mft.config.section import NamedSection, option
from mft.core.failure import Refused
from mft.core.peer import Component
from mft.core.vpath import VPath
from mft.runtime.threads import Blocking
from mft.vfs.base import Entry, FileSystem, Listing, Upload
from mft.vfs.volume import Volumes

MAX_LISTED = 200_000  # entries of one remote folder; more ends the listing with Refused(QUOTA)
REPLY_TIMEOUT = 60.0  # seconds for a peer to answer anything; then the connection ends
MOST_CONNECTIONS: Final = 64  # to one location: a socket and its buffers each
MOST_RETRIES: Final = 1_000_000  # to connect: more would be a slip of the keyboard


class Identity(NamedTuple):
    """Who a peer has proved to be."""

    kind: str  # "SSH host key" or "certificate"; empty where the protocol proves nothing
    fingerprint: str  # "SHA256:" and base64 of a key, hexadecimal of a certificate; or empty
    details: str  # the peer's software and the algorithms in use, for people


class Remote(FileSystem, Protocol):
    """One connection to a location, as a tree whose root is the folder it was opened for.

    Several files may be open at a time only where `files_at_a_time` says so. Lanes of remote files
    answer LATER whenever the network would make them wait; they are read and written from the first
    byte on, or from one offset on, in order. An error of a write may be told by a later one, by
    `sync`, or by `commit`.

    An upload goes to the very name that it is given, in place: whoever wants a file to appear whole
    gives a temporary name, and renames it. `REFUSE` and `REPLACE` begin it anew, `EXTEND` goes on
    at the end of what is there (`start`), or begins anew where the peer cannot (`start` is 0);
    `MODIFY` is Refused(UNSUPPORTED). `commit` returns when the peer has said that it has
    everything; `abort` leaves what was sent only with `keep`.

    Everything raises Refused. After the connection is lost (`connected` is false) that is
    ABORTED, for whatever is asked and whatever was under way.
    """

    files_at_a_time: int
    # Whether what is written goes where it belongs, however late it comes: bytes of two connections
    # that send one file then do no harm to each other.
    places_bytes: bool

    @property
    def rounds_times(self) -> bool:
        """Whether times of its files may be told in whole minutes.

        Then a time at a full minute may stand for any in that minute.
        """

    @property
    def identity(self) -> Identity:
        """Who is at the other end."""

    @property
    def connected(self) -> bool:
        """Whether the connection lives."""

    def may_digest(self, algorithm: str) -> bool:
        """Whether `digest` may give one: where it cannot, nobody needs to compute the other.

        As far as is known now, without asking the peer.
        """

    async def digest(self, path: VPath, algorithm: str) -> bytes | None:
        """The peer's own digest ("sha256", "sha512") of a file; None where it makes none."""

    async def ping(self) -> None:
        """Ask for a sign of life."""


@runtime_checkable
class Announced(Protocol):
    """An `Upload` whose peer is told beforehand how large the file will be.

    Who knows it says so before the first byte. Otherwise large files go in chunks, which not every
    web server takes, and none of them goes on where it was cut.
    """

    def announce(self, size: int) -> None:
        """Tell how many bytes the whole file will have; another number is not committed."""


def announce(upload: Upload, size: int) -> None:
    """Tell an `Announced` upload how large the whole file will be; others need not know."""
    told = getattr(upload, "announce", None)  # a check of the protocol costs more than the telling
    if told is not None:
        told(size)


class Looking(Protocol):
    """A `Remote` whose peer takes a question before it has answered the last one.

    Several looks, and one at what it has just renamed, cost one way to it and back. Its uploads
    have `seen`: what the peer told of the file along with the end of `commit`, without its name;
    None where it did not, or has answered otherwise.
    """

    async def stat_each(self, *paths: VPath) -> list[Entry | Refused]:
        """What has each of these names, or why that is not told; all are asked for at once."""

    async def rename_seen(self, source: VPath, target: VPath, *, replace: bool) -> Entry | None:
        """Rename, and tell what has the new name then; None where that must be asked for."""


def seen(upload: Upload) -> Entry | None:
    """What the peer of a `Looking` told of a file along with its end; None asks for a look."""
    found: Entry | None = getattr(upload, "seen", None)
    return found


async def stat_each(remote: Remote, *paths: VPath) -> list[Entry | Refused]:
    """What has each of these names once it is whole, or why that is not told."""
    call = getattr(remote, "stat_each", None)
    if call is not None:
        answers: list[Entry | Refused] = await call(*paths)
        return answers
    found: list[Entry | Refused] = []
    for path in paths:
        try:
            found.append(await remote.stat(path, finished=True))
        except Refused as refused:
            found.append(refused)
    return found


async def rename_seen(
    remote: Remote, source: VPath, target: VPath, *, replace: bool
) -> Entry | None:
    """Rename, and tell what a `Looking` sees under the new name; None asks for a look."""
    call = getattr(remote, "rename_seen", None)
    if call is None:
        await remote.rename(source, target, replace=replace)
        return None
    found: Entry | None = await call(source, target, replace=replace)
    return found


class Sure(Protocol):
    """A `Remote` that looks once more at what it removes, so that nobody can come between."""

    async def remove_same(self, path: VPath, same: Callable[[Entry], bool]) -> bool:
        """Remove a file only if it is, at that very moment, what it should be: whether it was."""


async def remove_same(remote: Remote, path: VPath, same: Callable[[Entry], bool]) -> bool:
    """Remove what was looked at just now; only a `Sure` can tell that it was another by then."""
    call = getattr(remote, "remove_same", None)
    if call is None:
        await remote.remove(path)
        return True
    done: bool = await call(path, same)
    return done


class Finishing(Protocol):
    """A `Remote` whose `remove_same` moves a file aside, where a kill may leave it."""

    async def finish_removal(self, path: VPath, same: Callable[[Entry], bool]) -> None:
        """Remove what is left there, or put it back where it is not what it should be."""


async def finish_removal(remote: Remote, path: VPath, same: Callable[[Entry], bool]) -> None:
    """See that nothing is left of a file that has gone; only a `Finishing` may have left any."""
    call = getattr(remote, "finish_removal", None)
    if call is not None:
        await call(path, same)


class Hiding(Protocol):
    """A `Remote` that hides what it has of an upload until that is finished."""

    async def discard_unfinished(self, path: VPath) -> None:
        """Remove what is hidden there; what has the name itself stays."""


async def discard_unfinished(remote: Remote, path: VPath) -> None:
    """See that nothing hidden is left of an upload; only a `Hiding` may have any."""
    call = getattr(remote, "discard_unfinished", None)
    if call is not None:
        await call(path)


@runtime_checkable
class Placed(Protocol):
    """A `Remote` that can tell whether its folder has been moved, removed or replaced."""

    async def in_place(self) -> bool:
        """Whether it still is what its name leads to; False where nobody can tell."""


@runtime_checkable
class Watchable(Protocol):
    """A `Listing` of a folder of this machine, of which the system may tell what changes in it."""

    async def watch(self, begin: Callable[[int], object]) -> None:
        """Give the folder's descriptor to a call where calls on its disk run.

        What that begins holds for everything that is read afterwards.
        """


def left_out(listing: Listing) -> int:
    """How many names of a folder nobody could use again, of those that were read so far."""
    count: int = getattr(listing, "left_out", 0)
    return count


class Connector(Protocol):
    """Makes connections to one location."""

    component: Component

    async def connect(self, folder: str) -> Remote:
        """Connect, prove who is who, and log in; paths then begin at `folder` of the peer.

        A folder that does not begin with `/` is below the one that the login leads to. Raises
        Refused: DENIED where the peer's identity or ours is refused, which is not tried again by
        itself; NOT_FOUND, NOT_A_DIRECTORY or INVALID where only this folder cannot be had;
        anything else is tried again.
        """


class OtherIdentityError(Refused):
    """A peer that is not who was meant."""


class FirstSeen(Protocol):
    """Identities of peers that were trusted when they were seen first, kept over restarts."""

    async def of(self, location: str) -> str | None:
        """What was kept for a location, by its ID; Refused(BROKEN) for what cannot be read."""

    async def keep(self, location: str, shown: str) -> None:
        """Keep it, on the disk before this returns; raises Refused where that cannot be."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a connector is given to work with."""

    reactor: Any  # for connections and timers
    disk: Blocking
    outside: Blocking  # for what other systems answer, slowly or never: names of hosts
    volumes: Volumes  # of local folders
    directory: Path  # of the instance: relative paths of keys and certificates begin here
    first_seen: FirstSeen


class LocationOptions(NamedSection):
    """What every location has."""

    ignored: ClassVar[Mapping[str, str]] = {
        "cluster_activation": "this server is not part of a cluster"
    }

    type: Text = option("What the location is.", examples=["sftp"], old_names=["protocol"])
    max_connections: Annotated[int, whole(1, MOST_CONNECTIONS)] = option(
        "How many connections there are at once, for all transfers together.", 4, ours=True
    )
    idle_connection_timeout: Seconds = option(
        "How long a connection that nobody uses is kept; 0 keeps it for ever, and makes it anew "
        "when it breaks off.",
        300.0,
    )
    idle_connection_keepalive_interval: Seconds = option(
        "How often a connection that nobody uses is asked for a sign of life; 0 for never.", 0.0
    )
    connection_retry_count: Annotated[int, whole(0, MOST_RETRIES)] = option(
        "How often it is tried again to connect, until the location has failed and must be "
        "started anew.",
        12,
    )
    connection_retry_interval: Annotated[float, duration(minimum=1, maximum=86400)] = option(
        "How long to wait until it is tried again to connect.", 300.0
    )
