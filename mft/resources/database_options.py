"""`type = sqlite`, `mysql` and `postgresql`: databases that take events, as options have them."""

import os
import ssl
from collections.abc import Iterator
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from mft.config.kinds import (
    Context,
    DataPath,
    FilePath,
    Maybe,
    Port,
    SecretText,
    Text,
    Wrong,
    duration,
)
from mft.config.section import option
from mft.core.secret import Secret
from mft.resources.base import ResourceOptions

DEFAULT_SECONDS: Final = 10.0  # for each answer of a database
LONGEST: Final = 300.0  # seconds; a stop of the server may wait that long for one answer
Timeout = Annotated[float, duration(1, LONGEST)]
MADE: Final = ("log", "state")  # folders of an instance that every start makes
# Type -> the Python module that talks to it, and what installs that.
DRIVERS: Final = {
    "mysql": ("pymysql", "pip install 'mft[mysql]'"),
    "postgresql": ("psycopg", "pip install 'mft[postgresql]'"),
}


class DatabaseOptions(ResourceOptions):
    """What every database has."""

    timeout: Timeout = option(
        "How long to wait for each answer of the database.", DEFAULT_SECONDS, ours=True
    )

    @property
    def label(self) -> str:
        """What an administrator calls the database itself: a file, or a name on a host."""
        return self.name


class SqliteOptions(DatabaseOptions):
    """A database in one file of this machine."""

    type: Literal["sqlite"] = option("The kind of resource.", "sqlite")
    path: DataPath = option(
        "The file; it is made where there is none, its folder is not.",
        examples=["log/server.db3"],
    )

    @property
    def label(self) -> str:
        """The file."""
        return str(self.path)

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of a folder that is not there."""
        if self.enabled:
            yield from no_folder(self.path, context)


def no_folder(path: Path, context: Context) -> Iterator[Wrong]:
    """Tell that the folder of a file of SQLite is not there, unless a start makes it."""
    folder = (context.directory / path).parent
    if folder not in [context.directory / name for name in MADE] and not os.path.isdir(folder):
        yield Wrong(f"is in a folder that is not there: make {folder}", option="path")


class ServerOptions(DatabaseOptions):
    """A database on a server of databases."""

    driver: ClassVar[str]  # a key of DRIVERS

    address: Text = option("The host of the database.", "127.0.0.1", examples=["db.example.com"])
    port: Port
    username: Text = option("The name that logs in there.", examples=["mft"])
    password: SecretText = option("The password that goes with `username`.", Secret(""))
    database: Text = option("The name of the database; it is there already.", examples=["mft"])
    secure_connection: Literal["Auto", "Yes", "No"] = option(
        "`Auto`: TLS, unless the address is one of this machine. `Yes`: always TLS. `No`: never. "
        "With TLS, the certificate must be for `address`, and signed by somebody who is trusted.",
        "Auto",
        ours=True,
    )
    ssl_certificate_authority: Maybe[FilePath] = option(
        "The certificates that may sign that of the database, in PEM form. Empty: those that the "
        "system trusts.",
        None,
        examples=["conf/certificates/database-ca.pem"],
    )

    @property
    def label(self) -> str:
        """The name of the database, and where it is."""
        return f"{self.database} on {self.address}:{self.port}"

    @property
    def secured(self) -> bool:
        """Whether TLS protects the connection."""
        if self.secure_connection == "Auto":
            return not _is_here(self.address)
        return self.secure_connection == "Yes"

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of a driver that is not installed, and of certificates that cannot be read."""
        module, remedy = DRIVERS[self.driver]
        if find_spec(module) is None:
            yield Wrong(f"needs the Python package {module}: {remedy}", option="type")
        for name in ("address", "username", "database"):
            if not getattr(self, name):
                yield Wrong("is empty", option=name)
        if self.ssl_certificate_authority is not None:
            try:
                tls_context(self.ssl_certificate_authority)
            except (OSError, ValueError) as error:
                yield Wrong(
                    f"has no certificates that can be used: {error}",
                    str(self.ssl_certificate_authority),
                    option="ssl_certificate_authority",
                )


class MysqlOptions(ServerOptions):
    """A database on a server of MySQL or MariaDB."""

    driver: ClassVar[str] = "mysql"

    type: Literal["mysql"] = option("The kind of resource.", "mysql")
    port: Port = option("Its port.", 3306)


class PostgresqlOptions(ServerOptions):
    """A database on a server of PostgreSQL."""

    driver: ClassVar[str] = "postgresql"

    type: Literal["postgresql"] = option("The kind of resource.", "postgresql")
    port: Port = option("Its port.", 5432)


def tls_context(authorities: Path | None) -> ssl.SSLContext:
    """TLS that believes these certificates, or those that the system trusts.

    Raises OSError and ValueError.
    """
    context = ssl.create_default_context(cafile=None if authorities is None else str(authorities))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _is_here(address: str) -> bool:
    """Whether an address is one of this machine, so that nobody is between."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address.lower() == "localhost"
