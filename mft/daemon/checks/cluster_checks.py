"""What a cluster needs of the rest of the configuration."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mft.config.kinds import Wrong
from mft.config.section import Section, wrong_in
from mft.daemon.options import ServerOptions
from mft.daemon.reading import Reading
from mft.remote.filesystem import FilesystemOptions
from mft.resources.cluster_options import ClusterOptions
from mft.transfers.options import TransferOptions
from mft.vfs.volume import Kind

SHARED: Final = "is on this machine: it must be on what all nodes share"


def check_cluster(reading: Reading) -> None:
    """A server is in one cluster at most, and has a UUID there that no other has."""
    first = ""
    for one in reading.families["resources"].values():
        options = one.options
        if not isinstance(options, ClusterOptions) or not options.enabled:
            continue
        if first:
            wrong = Wrong(f"is the second cluster: [{first}] is one as well", option="type")
            wrong_in(options, one.raw, wrong, reading.problems)
            continue
        first = one.raw.name
        server = None if reading.server is None else reading.server.options
        if not isinstance(server, ServerOptions) or not server.uuid:
            wrong = Wrong("needs a uuid in [server], which each node has of its own", option="type")
            wrong_in(options, one.raw, wrong, reading.problems)


def check_shared_folders(reading: Reading) -> None:
    """A folder that only one node has would hide its files from the node that goes on."""
    resources = (one.options for one in reading.families["resources"].values())
    if not any(isinstance(one, ClusterOptions) and one.enabled for one in resources):
        return
    for family in ("locations", "transfers"):
        for one in reading.families[family].values():
            if one.options is None:
                continue
            for option, folder in _folders(one.options, reading.context.directory):
                if not _is_remote(folder):
                    wrong = Wrong(SHARED, option=option, mild=True)
                    wrong_in(one.options, one.raw, wrong, reading.problems)


def _folders(options: Section, directory: Path) -> Iterator[tuple[str, Path]]:
    """Folders of this machine, and the options that name them."""
    if isinstance(options, FilesystemOptions) and options.enabled:
        yield "path", options.path
    if isinstance(options, TransferOptions):
        for option in options.local_folders:
            yield option, directory / getattr(options, option)


def _is_remote(folder: Path) -> bool:
    """Whether it is on storage that a network serves, and that others may have as well."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return Kind.of(descriptor) is Kind.REMOTE
    finally:
        os.close(descriptor)
