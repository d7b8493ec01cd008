"""The families of workloads: what each is run against, and how its tables are headed."""

import os
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tests.benchmarks import machine
from tests.benchmarks.bench import MOVERS, Workload
from tests.benchmarks.servers.asyncssh import Asyncssh
from tests.benchmarks.servers.base import Server, Tools
from tests.benchmarks.servers.conch import Conch
from tests.benchmarks.servers.mover import Other
from tests.benchmarks.servers.nginx import Nginx
from tests.benchmarks.servers.openssh import OpenSSH
from tests.benchmarks.servers.ours import Ours
from tests.benchmarks.servers.proftpd import Proftpd
from tests.benchmarks.servers.pureftpd import PureFtpd
from tests.benchmarks.servers.pyftpdlib import Pyftpdlib
from tests.benchmarks.servers.twisted_web import TwistedWeb
from tests.benchmarks.servers.vsftpd import Vsftpd
from tests.benchmarks.workloads import table

FAST = {"accounts": {"durable_uploads": "no"}}
# Two hundred that come from one address at once, and wait for two hundred hashes.
CROWD = {
    "services": {"maximum_unauthenticated_connections_per_source": "400", "login_timeout": "10m"}
}
OURS = {
    "mft": "mft",
    "mft-fast": "mft, `durable_uploads = no`",
    "mft-bare": "mft without journal, permissions and limits",
}
GENERAL = """\
Medians; in brackets half the distance between the lowest and the highest round. The servers take
turns within each round. Files are in RAM, clients and servers share the machine, MB is 10^6 bytes.
In RAM a sync costs nothing but its calls: on a disk `durable_uploads = yes` costs what the disk
costs. The longest reactor turns are counted by mft itself in runs of their own."""
SSH_NOTES = """\
Transfers, small files and listings are measured in sessions that are logged in; scp includes its
login. Conch has no AEAD, no -etm and no scp: it runs aes256-ctr with hmac-sha2-256. Passwords:
OpenSSH checks SHA-512-crypt, mft bcrypt, asyncssh and Conch compare text."""
FTP_NOTES = """\
FTPS is AUTH TLS with protected data, TLS 1.3 with AES-256-GCM and a P-256 certificate for all, and
a data connection that resumes the session of its control connection. Only curl's uploads to vsftpd
and pyftpdlib are in TLS 1.2: in 1.3 curl closes before it has read their session tickets, which
resets the connection and loses the end of the file. curl pauses up to 0.2 s where an FTPS transfer
begins, with every server: MB/s are low by that, processor time is not. mft and pyftpdlib use the
OpenSSL of the cryptography wheel, the others Debian's. Passwords: mft checks bcrypt, vsftpd (by
PAM), ProFTPD and Pure-FTPd SHA-512-crypt of 5,000 rounds, pyftpdlib compares text. With the
cheapest hash mft checks PBKDF2-SHA-256 and the others SHA-512-crypt, 1,000 rounds each; what that
costs alone is measured in the same round and taken out. Transfers, small files and listings are
measured in sessions that are logged in. A server that stalls at each small file is stopped after
four seconds. Where each session is a process, a tenth of the idle sessions is opened. ProFTPD's
delay that hides account names is off, Pure-FTPd's limits of clients and of listings are raised, and
pyftpdlib writes no log. Debian's servers need root to become others: without root they are left
out."""

HTTP_NOTES = """\
HTTPS is HTTP/1.1 in TLS 1.3 with AES-256-GCM and a P-256 certificate for all. mft asks every
request for a password, by Basic, which it checks once for a connection; the others do so for
logins only. A login is a connection with one small file. nginx has one worker, writes no access
log, and takes uploads by its WebDAV module; twisted.web is its static files, and a PUT that copies
what its request has kept in a temporary file. mft and twisted.web use the OpenSSL of the
cryptography wheel, nginx Debian's. Small files are moved one after another over one connection,
five times each. Passwords: mft checks bcrypt, nginx SHA-512-crypt of 5,000 rounds, twisted.web
compares text. With the cheapest hash mft checks PBKDF2-SHA-256 and nginx SHA-512-crypt, 1,000
rounds each; what that costs alone is measured in the same round and taken out. Listings are JSON
from mft and nginx, a page of HTML from twisted.web. A ZIP is of as many small files as are moved
one by one."""


AUTH_NOTES = """\
Logins are SSH logins by password with bcrypt of the usual cost; hashes are computed on all cores
but one. What a hash costs alone is measured in the same round. The downloads' figure is per second
of the server's processor time without that of the hashes. Bad logins come from one source
with twenty connections, from the first attempt on; its ban, and what refuses it then, are in the
figure."""


EVENTS_NOTES = """\
Medians; in brackets half the distance between the lowest and the highest round. Events are told by
a process of their own, with the bus, the journal and the handlers of a server, into files in RAM.
Each event is the end of an upload, a line of some 350 bytes. The reactor's processor time is that
of its thread alone, in bursts of fifty events; what the pauses between them cost is taken out.
Behind a dead PostgreSQL events are told in one round only, a million of them; then it starts, must
have each of them once, and takes so many a second from its second batch on. Small files are moved
as over SSH, by two young servers in turn: one whose events go into journal, log file, SQLite and
the syslog of the machine, and one that makes none. Processor time is counted until each handler has
each event. Dispatched files are uploaded one after the other, and are on one disk."""


TRANSFERS_NOTES = """\
Medians; in brackets half the distance between the lowest and the highest round. Who moves takes
turns within each round; all move the same files between this machine's RAM and the same sshd
(AES-128-GCM: Debian's rclone has no AES-256-GCM) or vsftpd (AES-256-GCM in TLS 1.3; rclone in 1.2,
for in 1.3 it takes up no session). Processor time is that of all processes of who moves, lftp's ssh
among them. mft is a young server that has moved one small file; what rclone and lftp need for that
one, start and login, is taken out. rclone sends 255 KiB at a time over SFTP, and moves a file in
one piece: in several, what it fetches from vsftpd arrives wrong. It asks for no digests of what has
arrived. mft alone has the server sync each file, gives it its name when it is whole, and writes
down each step on disk. Files that wait, and those of the long folder, are 100,000. Small files
beside the long folder go to the server that has it, by other connections; turns are counted from
the start on, the first look included."""


CLUSTER_NOTES = """\
Medians; in brackets half the distance between the lowest and the highest round. Connections come
from this machine, fifty at once, are greeted in clear FTP and leave; those without a header and
those with each version take turns. Event 20003 and its line in the journal are in what a
header adds; no handler takes it. Logins at nodes are SSH logins by password with bcrypt of the
usual cost: each node has a process, and computes hashes on all cores but one. The PostgreSQL that
they share, and the clients, are on the same machine."""


class Family(NamedTuple):
    """Workloads that run together and share a table."""

    name: str
    workloads: tuple[Workload, ...]
    servers: Callable[[Tools], dict[str, Server]]
    columns: Mapping[str, str]  # server -> how it is called
    facts: Callable[[], list[str]]
    notes: str


def ssh_servers(tools: Tools) -> dict[str, Server]:
    """All SSH servers; mft three times: as it is, not waiting for the disk, and bare."""
    return _by_name(
        Ours(tools),
        Ours(tools, "mft-fast", settings=FAST),
        Ours(tools, "mft-bare", module="tests.benchmarks.servers.bare"),
        OpenSSH(tools),
        Asyncssh(tools),
        Conch(tools),
    )


def ftp_servers(tools: Tools) -> dict[str, Server]:
    """All FTP servers that this user may start: Debian's need root, to become others."""
    ours = (
        Ours(tools, service="ftp"),
        Ours(tools, "mft-fast", settings=FAST, service="ftp"),
        Pyftpdlib(tools),
    )
    if os.geteuid() != 0:
        return _by_name(*ours)
    return _by_name(*ours, Vsftpd(tools), Proftpd(tools), PureFtpd(tools))


def http_servers(tools: Tools) -> dict[str, Server]:
    """All HTTP servers; mft three times: as it is, not waiting for the disk, and bare."""
    bare = "tests.benchmarks.servers.bare"
    return _by_name(
        Ours(tools, service="http"),
        Ours(tools, "mft-fast", settings=FAST, service="http"),
        Ours(tools, "mft-bare", module=bare, service="http"),
        Nginx(tools),
        TwistedWeb(tools),
    )


def auth_servers(tools: Tools) -> dict[str, Server]:
    """mft alone: the goals are shares of what the hash, or a server without logins, allows."""
    return _by_name(Ours(tools, settings=CROWD))


def transfers_servers(tools: Tools) -> dict[str, Server]:
    """mft and the others that move files; the servers that they move them to are theirs all."""
    return _by_name(Ours(tools), *(Other(tools, name) for name in MOVERS))


def _by_name(*servers: Server) -> dict[str, Server]:
    return {server.name: server for server in servers}


SSH = Family(
    "ssh",
    table.SSH,
    ssh_servers,
    OURS | {"openssh": "OpenSSH", "asyncssh": "asyncssh", "conch": "Conch"},
    machine.ssh_facts,
    f"{GENERAL} {SSH_NOTES}",
)
FTP = Family(
    "ftp",
    table.FTP,
    ftp_servers,
    OURS
    | {
        "vsftpd": "vsftpd",
        "proftpd": "ProFTPD",
        "pure-ftpd": "Pure-FTPd",
        "pyftpdlib": "pyftpdlib",
    },
    machine.ftp_facts,
    f"{GENERAL}\n{FTP_NOTES}",
)
HTTP = Family(
    "http",
    table.HTTP,
    http_servers,
    OURS | {"nginx": "nginx", "twisted-web": "twisted.web"},
    machine.http_facts,
    f"{GENERAL}\n{HTTP_NOTES}",
)
AUTH = Family(
    "auth", table.AUTH, auth_servers, OURS, machine.auth_facts, f"{GENERAL}\n{AUTH_NOTES}"
)
EVENTS = Family(
    "events",
    table.EVENTS,
    auth_servers,
    OURS,
    machine.auth_facts,
    EVENTS_NOTES,
)
TRANSFERS = Family(
    "transfers",
    table.TRANSFERS,
    transfers_servers,
    OURS | {name: name for name in MOVERS},
    machine.transfers_facts,
    TRANSFERS_NOTES,
)
CLUSTER = Family("cluster", table.CLUSTER, auth_servers, OURS, machine.auth_facts, CLUSTER_NOTES)
FAMILIES = (SSH, FTP, HTTP, AUTH, EVENTS, TRANSFERS, CLUSTER)
