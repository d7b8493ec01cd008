"""Real databases: MariaDB and PostgreSQL, each a server of its own in a temporary folder.

Both refuse to run as root; then they run as the account that Debian has for the one, or as nobody.
"""

import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mft.config.kinds import Context
from mft.resources.database_options import (
    DatabaseOptions,
    MysqlOptions,
    PostgresqlOptions,
    SqliteOptions,
)
from mft.resources.event_rows import TABLE
from tests.fakes import pki, ready
from tests.interop.ports import free_port

PATIENCE = 30.0  # seconds for a server to answer; it takes one
LOOK = 0.02  # seconds between two looks
NAME, USER, PASSWORD = "audit", "mft", 'it\'s "secret" \\ ü'
READER = "reader"  # who may read everything and write nothing
TYPES = ("mysql", "postgresql")
TEMPLATE = "template1"  # a database that each PostgreSQL has

_SQL = Path("/usr/share/mysql")
_BOOT = "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n"


def _account() -> str | None:
    """Who the server runs as; None: as we do."""
    if os.geteuid():
        return None
    known = {one.pw_name for one in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _is_stopped(pid: int) -> bool:
    """Whether every thread of a process is stopped by a signal."""
    every = [
        path.read_text().rpartition(")")[2] for path in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return all(stat.split()[0] == "T" for stat in every)


class DatabaseServer:
    """What both have: a folder, a port, a certificate, and a process that comes and goes."""

    kind: str
    model: type[DatabaseOptions]

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mft-database-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self.authority = pki.Authority()
        self._account = _account()
        self._process: subprocess.Popen[bytes] | None = None
        self._certificate()
        self._give()
        ready.copy(self.kind, self._new, self.data)

    def _new(self) -> None:
        """Make a database that is empty, and who works with it; it does not run then."""
        self.data.mkdir(mode=0o700)
        self._give()
        self._make()
        self.start()
        self._prepare()
        self.stop()

    def _certificate(self) -> None:
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        identity = self.authority.issue(
            "localhost", purpose=pki.SERVER, extensions=[x509.SubjectAlternativeName(names)]
        )
        (self.folder / "server.pem").write_bytes(identity.certificate.public_bytes(Encoding.PEM))
        key = self.folder / "server.key"
        key.touch(0o600)
        key.write_bytes(
            identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        (self.folder / "ca.pem").write_bytes(self.authority.pem)
        (self.folder / "other-ca.pem").write_bytes(pki.Authority("another").pem)

    def _give(self) -> None:
        if self._account is not None:
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, self._account)

    def _run(self, argv: list[Any], stdin: bytes = b"") -> None:
        done = subprocess.run(
            argv, input=stdin, capture_output=True, user=self._account, cwd="/", check=False
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]

    def start(self) -> None:
        """Run it until it answers; one that was killed leaves something behind for a moment."""
        end = time.monotonic() + PATIENCE
        while self._process is None or not self._answers():
            assert time.monotonic() < end, (self.folder / "log").read_text(errors="replace")
            if self._process is None or self._process.poll() is not None:
                with (self.folder / "log").open("ab") as log:
                    self._process = subprocess.Popen(
                        self._command(), stdout=log, stderr=log, user=self._account, cwd="/"
                    )
            time.sleep(LOOK)

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self.send(signal.SIGKILL)
        self._ended()

    def stop(self) -> None:
        """End it, and its connections."""
        if self._process is not None:
            self.send(signal.SIGINT if self.kind == "postgresql" else signal.SIGTERM)
            self._ended()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def freeze(self, number: signal.Signals = signal.SIGSTOP) -> None:
        """Let it, and every process of it, answer nothing; SIGCONT ends that."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        every = (pid, *map(int, children))
        for one in every:
            os.kill(one, number)
        if number == signal.SIGSTOP:  # its threads stop one by one, wherever they are
            end = time.monotonic() + PATIENCE
            while not all(map(_is_stopped, every)):
                assert time.monotonic() < end, "it does not stop"
                time.sleep(LOOK)

    def _ended(self) -> None:
        assert self._process is not None
        self._process.wait(PATIENCE)
        self._process = None

    def close(self) -> None:
        """Leave nothing."""
        if self._process is not None:
            self.kill()
        shutil.rmtree(self.folder)

    def given(self, **given: str) -> dict[str, str]:
        """What `server.ini` says of it."""
        told = {
            "type": self.kind,
            "address": "127.0.0.1",
            "port": str(self.port),
            "username": USER,
            "password": PASSWORD,
            "database": NAME,
            "timeout": "5",
        }
        return told | given

    def options(self, **given: str) -> Any:
        """The same as options."""
        told = {"name": self.kind, **self.given(**given)}
        return self.model.model_validate(told, context=Context(self.folder))

    def look(self) -> None:
        """See that it has not ended by itself; what it has said then."""
        if self._process is not None and self._process.poll() is not None:
            said = (self.folder / "log").read_text(errors="replace")[-4000:]
            raise AssertionError(f"it has ended by itself ({self._process.returncode}):\n{said}")

    def rows(self, columns: str, more: str = "") -> list[Any]:
        """Read from the table of events."""
        return self.execute(f"SELECT {columns} FROM {TABLE} {more}")


class MariaDb(DatabaseServer):
    """mariadbd, whose system tables are made as its package makes them."""

    kind = "mysql"
    model = MysqlOptions

    @property
    def _socket(self) -> str:
        return str(self.folder / "socket")

    def _base(self) -> list[Any]:
        small = ["--innodb-log-file-size=16M", "--innodb-buffer-pool-size=32M"]
        # The process is killed, never the machine.
        small += ["--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync"]
        return ["/usr/sbin/mariadbd", "--no-defaults", f"--datadir={self.data}", *small]

    def _make(self) -> None:
        files = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")
        script = _BOOT.encode() + b"".join((_SQL / name).read_bytes() for name in files)
        self._run([*self._base(), "--bootstrap"], script)

    def _command(self) -> list[Any]:
        return [
            *self._base(),
            f"--port={self.port}",
            "--bind-address=127.0.0.1,127.0.0.2",
            f"--socket={self._socket}",
            f"--pid-file={self.folder / 'pid'}",
            f"--ssl-cert={self.folder / 'server.pem'}",
            f"--ssl-key={self.folder / 'server.key'}",
        ]

    @contextmanager
    def _root(self) -> Iterator[Any]:
        # It would read all authorities of this machine for each connection.
        words = {"unix_socket": self._socket, "user": "root", "ssl_disabled": True}
        with pymysql.connect(**words, autocommit=True) as connection:
            yield connection.cursor()

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as probe:  # one that fails PyMySQL leaves open
                probe.connect(self._socket)
            self.execute("SELECT 1")
        except (OSError, pymysql.Error):
            return False
        return True

    def execute(self, *statements: str) -> list[Any]:
        found: Any = ()
        with self._root() as root:
            for statement in statements:
                root.execute(statement)
                found = root.fetchall()
        return [row[0] if len(row) == 1 else row for row in found]

    def rows(self, columns: str, more: str = "") -> list[Any]:
        return self.execute(f"USE {NAME}", f"SELECT {columns} FROM {TABLE} {more}")

    def _prepare(self) -> None:
        with self._root() as root:
            root.execute(f"CREATE DATABASE {NAME}")
            for user in (USER, READER):
                root.execute(f"CREATE USER {user}@'%%' IDENTIFIED BY %s", (PASSWORD,))
            rights = "CREATE, ALTER, INDEX, SELECT, INSERT, DELETE"
            root.execute(f"GRANT {rights} ON {NAME}.* TO {USER}@'%'")
            root.execute(f"GRANT SELECT ON {NAME}.* TO {READER}@'%'")

    def empty(self) -> None:
        self.execute(f"USE {NAME}", f"DROP TABLE IF EXISTS {TABLE}, mft_schema")


class Postgres(DatabaseServer):
    """The newest PostgreSQL that the machine has."""

    kind = "postgresql"
    model = PostgresqlOptions

    @property
    def _bin(self) -> Path:
        return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))

    def _make(self) -> None:
        words = ["-U", "root", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"]
        file = self.folder / "password"
        file.write_text(PASSWORD)
        self._give()
        words += ["--no-sync", "--wal-segsize=1", f"--pwfile={file}"]
        self._run([self._bin / "initdb", "-D", self.data, *words])

    def _command(self) -> list[Any]:
        settings = {
            "listen_addresses": "127.0.0.1,127.0.0.2",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "fsync": "off",  # the processes are killed, never the machine
            # In its folder: what it leaves in /dev/shm when it is killed stays there.
            "dynamic_shared_memory_type": "mmap",
            "ssl": "on",
            "ssl_cert_file": self.folder / "server.pem",
            "ssl_key_file": self.folder / "server.key",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self._bin / "postgres", "-D", self.data, *words]

    def _root(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            password=PASSWORD,
            dbname=database,
            autocommit=True,
        )

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1", database=TEMPLATE)
        except psycopg.Error:
            return False
        return True

    def execute(self, *statements: str, database: str = NAME) -> list[Any]:
        found: Any = ()
        with self._root(database) as root:
            for statement in statements:
                cursor = root.execute(statement.encode())
                found = cursor.fetchall() if cursor.description else ()
        return [row[0] if len(row) == 1 else row for row in found]

    def _prepare(self) -> None:
        secret = PASSWORD.replace("'", "''")
        users = [f"CREATE ROLE {one} LOGIN PASSWORD '{secret}'" for one in (USER, READER)]
        # Every server has a copy of this: there is no more in it than a server needs.
        renamed = f"ALTER DATABASE postgres RENAME TO {NAME}"
        spare = "ALTER DATABASE template0 IS_TEMPLATE false", "DROP DATABASE template0"
        self.execute(*users, renamed, *spare, database=TEMPLATE)
        self.execute(
            f"GRANT CREATE ON SCHEMA public TO {USER}",
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {USER} GRANT SELECT ON TABLES TO {READER}",
        )

    def empty(self) -> None:
        self.execute(f"DROP TABLE IF EXISTS {TABLE}, mft_schema")


class SqliteFile:
    """A file, with what the servers have as far as it makes sense."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "server.db3"

    def options(self, **given: str) -> SqliteOptions:
        told = {"name": "file", "path": str(self.path), "timeout": "5", **given}
        return SqliteOptions.model_validate(told, context=Context(self.folder))

    def execute(self, *statements: str) -> list[Any]:
        found: list[Any] = []
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for statement in statements:
                found = connection.execute(statement).fetchall()
        return [row[0] if len(row) == 1 else row for row in found]

    def rows(self, columns: str, more: str = "") -> list[Any]:
        return self.execute(f"SELECT {columns} FROM {TABLE} {more}")

    def empty(self) -> None:
        self.execute(*(f"DROP TABLE IF EXISTS {name}" for name in ("mft_schema", TABLE)))


SERVERS = {one.kind: one for one in (MariaDb, Postgres)}


@contextmanager
def running(kind: str) -> Iterator[Any]:
    """One server with an empty database."""
    server: Any = SERVERS[kind]()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module", params=TYPES)
def database_server(request: pytest.FixtureRequest) -> Iterator[Any]:
    """One server of each kind for the tests of a module."""
    with running(request.param) as server:
        yield server


@pytest.fixture(scope="module", params=("sqlite", *TYPES))
def any_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """A database of each kind for the tests of a module."""
    if request.param == "sqlite":
        yield SqliteFile(tmp_path_factory.mktemp("sqlite"))
        return
    with running(request.param) as server:
        yield server
