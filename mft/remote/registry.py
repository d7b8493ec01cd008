"""LOCATIONS: the types of location."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from mft.core.peer import Component
from mft.remote import ftp
from mft.remote.base import Connector, LocationOptions, Parts
from mft.remote.filesystem import FilesystemConnector, FilesystemOptions
from mft.remote.ftp_options import FtpOptions, FtpseOptions, FtpsiOptions
from mft.remote.http_options import HttpPullOptions, HttpsOptions, WebdavOptions
from mft.remote.http_pull import HttpPullConnector
from mft.remote.https import HttpsConnector
from mft.remote.sftp import SftpConnector
from mft.remote.sftp_options import SftpOptions
from mft.remote.webdav import WebdavConnector


class Kind(NamedTuple):
    """One type of location: its options, and how a connector is made of them."""

    options: type[LocationOptions]
    build: Callable[[Component, Any, Parts], Connector]


LOCATIONS: Final[Mapping[str, Kind]] = {
    "filesystem": Kind(FilesystemOptions, FilesystemConnector.of),
    "sftp": Kind(SftpOptions, SftpConnector),
    "ftp": Kind(FtpOptions, ftp.build),
    "ftpse": Kind(FtpseOptions, ftp.build),
    "ftpsi": Kind(FtpsiOptions, ftp.build),
    "http-pull": Kind(HttpPullOptions, HttpPullConnector),
    "https": Kind(HttpsOptions, HttpsConnector),
    "webdavs": Kind(WebdavOptions, WebdavConnector),
}
