"""The options of a transfer."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal

from mft.config.kinds import Context, Count, PositiveSeconds, Seconds, Wrong, YesNo, size, whole
from mft.config.section import NamedSection, option
from mft.runtime.safe_programs import why_not_run
from mft.transfers.option_kinds import (
    Commands,
    Conversions,
    Expressions,
    Filter,
    Folder,
    LocationRef,
    PathActions,
    Program,
    Suffix,
    Times,
)
from mft.transfers.schedule import ALWAYS

MAX_RETRIES: Final = 10_000
MAX_CONCURRENT: Final = 64  # files of one transfer; each holds two connections and two buffers
CHUNK: Final = (
    255 << 10
)  # bytes: what a large packet of SFTP holds; a quarter of it costs half more
MAX_CHUNK: Final = 16 << 20  # bytes of one buffer; two of them for each file that moves


def _from_type(text: str) -> str | None:
    """What an old transfer was: one that only looks has nothing to remove."""
    return {"copy": "No", "monitor": "No", "move": "Yes"}.get(text.strip().lower(), text)


class TransferOptions(NamedSection):
    """Copy or move files from one location to another."""

    ignored: ClassVar[Mapping[str, str]] = {
        "cluster_activation": "this server is not part of a cluster"
    }
    converted: ClassVar[Mapping[str, Callable[[str], str | None]]] = {"type": _from_type}

    enabled: YesNo = option(
        "Whether it starts with the server. With No it only runs when somebody asks for it.", True
    )
    source_uuid: LocationRef = option(
        "The ID of the location that files are taken from; `local` is this machine.",
        None,
        examples=["partner-1"],
    )
    source_path: Folder = option(
        "The folder that files are taken from. On this machine, a relative one begins in the "
        "instance folder.",
        examples=["/srv/outbox"],
    )
    recursive: YesNo = option("Whether folders below it are looked at as well.", False)
    source_filter: Filter = option(
        "Which files are sent. A pattern without `/` is about their names, any other expression "
        "about their paths below the folder. Empty: all.",
        None,
        examples=["! *.tmp"],
    )
    source_filter_age: Seconds = option(
        "Files that were last written longer ago than this are left alone. 0: however old.", 0.0
    )
    changes_poll_interval: PositiveSeconds = option("How often the folder is looked at.", 10.0)
    changes_notification: YesNo = option(
        "Whether the folder is also looked at as soon as something in it changes, where it is on "
        "this machine and the system tells that (Linux: inotify).",
        True,
        ours=True,
    )
    stable_interval: Seconds = option(
        "How long a file must keep its size and its time before it is sent.", 10.0
    )
    delete_source_on_success: YesNo = option(
        "Whether a file is removed from where it was once it is all at its destination.",
        True,
        old_names=["type"],
    )
    destination_uuid: LocationRef = option(
        "The ID of the location that files are sent to; `local` is this machine.",
        None,
        examples=["partner-1"],
    )
    destination_path: Folder = option(
        "The folder that files are put into. It must be there, so that nothing goes into a wrong "
        "one; folders below it are made.",
        examples=["incoming"],
    )
    destination_fallback_path: Folder = option(
        "A folder of the destination for files that cannot be put into `destination_path`, once "
        "every try has failed. Empty: none.",
        "",
    )
    destination_temporary_suffix: Suffix = option(
        "What the name of a file ends in until all of it is there. `none` is for servers that "
        "cannot rename: whoever reads there may then see parts of files.",
        ".part",
        safer="nobody at the destination takes a part of a file for the whole",
    )
    destination_path_actions: PathActions = option(
        "What files are called at the destination: lines of an expression and an action, which "
        "are all applied, in order. A file that none matches stops the transfer, so end with "
        "`*, no-action`.",
        (),
        examples=["*.csv, transform, {path.file_base}-{now.date}{path.file_extension}"],
    )
    destination_content_actions: Conversions = option(
        "Conversions of text on its way, the first that matches is done.", ()
    )
    overwrite_rule: Literal[
        "fail",
        "overwrite",
        "disable",
        "skip",
        "timestamp-always",
        "timestamp-to-new-file",
        "timestamp-to-existing-file",
    ] = option(
        "What happens when the destination has a file of the name: `fail`, `overwrite` it, `skip` "
        "the new one, or give a moment to the name of the new or the existing one. `disable` does "
        "not look, and overwrites.",
        "fail",
    )
    batch_interval: Seconds = option(
        "Files are collected until no new one has come for so long, and sent together. 0: each as "
        "soon as it is whole.",
        0.0,
    )
    batch_marker_path: Expressions = option(
        "Files are collected until one file for each of these expressions is there; these are "
        "sent last.",
        (),
        examples=["*.done"],
    )
    retry_count: Annotated[int, whole(0, MAX_RETRIES)] = option(
        "How often a file is tried again. Others do not wait for it.", 2
    )
    retry_wait: PositiveSeconds = option("How long to wait before that.", 60.0)
    schedule: Times = option(
        "When it runs: times such as `08:00-start, 18:00-stop`, `Monday-08:00-start`, "
        "`month_day_1-08:00-start` or `month_day_last-18:00-stop`; or lines such as "
        "`cron 15 3 * * MON-FRI`, each a run. A line `zone Europe/Berlin` names the time zone; "
        "without it, this machine's is used. Empty: always.",
        ALWAYS,
        examples=["08:00-start, 18:00-stop"],
    )
    concurrent_files: Annotated[int, whole(1, MAX_CONCURRENT, "number of files")] = option(
        "How many files are moved at a time. 1 keeps their order.", 4, ours=True
    )
    execute_timeout: PositiveSeconds = option("How long a program may take.", 30.0)
    execute_before: Program = option(
        "A program that is run before a file is sent, with its path as the last argument. Unless "
        "it ends with exit code 0, the file is not sent.",
        (),
    )
    execute_after_success: Program = option(
        "A program that is run once a file has arrived, with its path as the last argument.", ()
    )
    execute_after_failure: Program = option(
        "A program that is run once every try of a file has failed.", ()
    )
    execute_on_destination_before: Commands = option(
        "Commands at the destination before a file is sent: `rename A B`, `delete A`, `mkdir A`, "
        "`rmdir A`, one a line or with `;` between them. {source.path}, {source.name}, "
        "{destination.path} and {destination.name} stand for those of the file.",
        (),
        examples=["delete {destination.path}.old"],
    )
    execute_on_destination_after_success: Commands = option(
        "The same once it has arrived.", (), examples=["rename {destination.path} ready.csv"]
    )
    execute_on_destination_after_failure: Commands = option(
        "The same once every try has failed.", ()
    )
    archive_location_uuid: LocationRef = option(
        "The ID of the location of the archive; `local` is this machine.", None
    )
    archive_success_path: Folder = option(
        "A folder that files are put into once they have arrived. Empty: none.", ""
    )
    archive_failure_path: Folder = option(
        "A folder that files are put into once every try has failed. Empty: they stay.", ""
    )
    archive_format: Literal["timestamp-always", "exact"] = option(
        "What files are called there: `exact` keeps their name, and replaces older ones.",
        "timestamp-always",
    )
    archive_retention_period: Seconds = option(
        "How long files are kept there; older ones are removed, whoever has put them there, also "
        "from folders below. 0: for ever.",
        0.0,
        examples=["30d"],
    )
    transfer_memory_duration: Seconds = option(
        "How long it is remembered that a file was sent: one of the same path, size and time is "
        "not sent again. While a file stays where it is, it is remembered in any case.",
        0.0,
        examples=["30d"],
    )
    ignore_duplicate_paths: YesNo = option(
        "Whether a path that is remembered is not sent again whatever its size and time.", False
    )
    ignore_missing_source_files: YesNo = option(
        "Whether a file that somebody else has taken away before it was sent is no failure.", False
    )
    delete_source_parent_delay: Seconds = option(
        "How long after a file has been removed the folders that it leaves empty are. 0: they "
        "stay.",
        0.0,
    )
    minimum_transfer_count: Count = option(
        "How many files are expected in `minimum_transfer_interval`; fewer are an event. 0: none.",
        0,
    )
    minimum_transfer_interval: PositiveSeconds = option("See there.", 86400.0)
    transfer_chunk_size: Annotated[int, size(4096, MAX_CHUNK)] = option(
        "How many bytes are moved at a time; each file that is moved has two buffers of so many.",
        CHUNK,
    )

    @property
    def ends_verified(self) -> bool:
        """Whether nothing is left to do for a file once it has its own name at the destination."""
        return not (
            self.delete_source_on_success
            or self.archive_success_path
            or self.execute_after_success
            or self.execute_on_destination_after_success
        )

    @property
    def stable_after(self) -> float:
        """How long a file must rest where looks come from time to time only.

        At least two of them must have seen it alike.
        """
        if 0 < self.stable_interval < self.changes_poll_interval:
            return self.changes_poll_interval + 1
        return self.stable_interval

    @property
    def local_folders(self) -> tuple[str, ...]:
        """The options that name a folder of this machine."""
        named = (
            ("source_path", self.source_uuid),
            ("destination_path", self.destination_uuid),
            ("destination_fallback_path", self.destination_uuid),
            ("archive_success_path", self.archive_location_uuid),
            ("archive_failure_path", self.archive_location_uuid),
        )
        return tuple(name for name, uuid in named if uuid is None and getattr(self, name))

    @property
    def programs(self) -> tuple[str, ...]:
        """The options that name a program."""
        names = ("execute_before", "execute_after_success", "execute_after_failure")
        return tuple(name for name in names if getattr(self, name))

    def check(self, context: Context) -> Iterator[Wrong]:
        """What does not fit together."""
        if not self.source_path:
            yield Wrong("is empty; it needs a folder", option="source_path")
        yield from self._check_folders()
        yield from self._check_archives()
        for name in self.programs:
            program = getattr(self, name)[0]
            wrong = why_not_run(program, context.directory)
            if wrong:
                yield Wrong(f"names a program that {wrong}", program, option=name, mild=True)
        if not self.destination_temporary_suffix:
            sentence = "shows parts of files at the destination while they are sent"
            yield Wrong(sentence, option="destination_temporary_suffix", mild=True)

    def _check_folders(self) -> Iterator[Wrong]:
        """No file that was put somewhere is found as a new one."""
        for name, uuid, sentence in (
            ("destination_path", self.destination_uuid, "is the source, or below it"),
            ("destination_fallback_path", self.destination_uuid, "is the source, or below it"),
            ("archive_success_path", self.archive_location_uuid, "is in the source"),
            ("archive_failure_path", self.archive_location_uuid, "is in the source"),
        ):
            folder = getattr(self, name)
            if uuid == self.source_uuid and folder and self._is_looked_at(folder):
                yield Wrong(f"{sentence}, which would send it again", option=name)

    def _check_archives(self) -> Iterator[Wrong]:
        """Nothing that was not archived is removed for its age."""
        if not self.archive_retention_period:
            return
        for name in ("archive_success_path", "archive_failure_path"):
            folder = getattr(self, name)
            for other, uuid, mild in (
                ("source_path", self.source_uuid, False),
                ("destination_path", self.destination_uuid, True),
                ("destination_fallback_path", self.destination_uuid, True),
            ):
                held = getattr(self, other)
                if folder and held and uuid == self.archive_location_uuid and _holds(folder, held):
                    sentence = f"has {other} in it, whose files archive_retention_period removes"
                    yield Wrong(f"{sentence} as well", option=name, mild=mild)

    def _is_looked_at(self, folder: str) -> bool:
        """Whether files that are put into a folder would be found."""
        one, source = folder.strip("/"), self.source_path.strip("/")
        if folder.startswith("/") != self.source_path.startswith("/"):
            return False
        below = not source or one.startswith(f"{source}/")
        return one == source or (self.recursive and below)


def _holds(folder: str, other: str) -> bool:
    """Whether one folder is another, or above it; both are of one location."""
    if folder.startswith("/") != other.startswith("/"):
        return False
    above, below = folder.strip("/"), other.strip("/")
    return not above or below == above or below.startswith(f"{above}/")
