"""The first server.ini of an instance: short, commented, and only what is needed."""

import textwrap
from dataclasses import dataclass
from typing import Final

# Added to the port base, as every port of `mft init` is.
SSH_PORT: Final = 22
FTP_PORT: Final = 21
FTPS_PORT: Final = 90
HTTPS_PORT: Final = 43
HTTP_PORT: Final = 80
PASSIVE_PORTS: Final = (100, 199)
FIRST_FREE_PORT: Final = 1024  # passive ports begin here at the earliest

# Values are put in by one pass of str.format; initialise.py has checked that each is one line.
_TEXT: Final = """\
; server.ini: what this server is. Changes count after a restart or a reload (SIGHUP); before
; that, `mft check -c THIS-FILE` tells every problem with its line.
; All options and their defaults: `mft reference options`.
; Relative paths are relative to the directory that holds conf/, data/, log/ and state/.

[server]
uuid = {uuid}
name = {name}
{identity}

[services/ssh]
name = ssh
type = ssh
address = {address}
port = {port}
sftp = yes
scp = yes
ssh_server_keys = {host_keys}
; `secure` alone offers post-quantum key exchange only, which needs clients of 2024 and later
; (OpenSSH 9.9). The names after it admit the other clients of today: curve25519 those without
; mlkem768x25519-sha256, hmac-sha2-256 those on libssh2 before 1.11 (curl, PHP). Delete each when
; no partner needs it any more.
ssh_cipher_list = secure, curve25519-sha256, curve25519-sha256@libssh.org, hmac-sha2-256

; FTP, secured by the client's AUTH TLS: commands and data in clear are refused. `mft certificate`
; and `mft csr` make other certificates; clients may trust {ca_file} until then.
[services/ftp]
name = ftp
type = ftp
address = {address}
port = {ftp_port}
ssl_certificate = {certificate}
passive_port_range = {passive_ports}

; FTP over TLS from the first byte.
[services/ftps-implicit]
name = ftps-implicit
type = ftpsi
address = {address}
port = {ftps_port}
ssl_certificate = {certificate}
passive_port_range = {passive_ports}

; Files in a browser, and for programs: https://{address}:{https_port}/
[services/https]
name = https
type = https
address = {address}
port = {https_port}
ssl_certificate = {certificate}

; The same in clear, for a proxy on this machine that speaks TLS. Passwords and files would go over
; the network as they are.
[services/http]
name = http
type = http
enabled = no
address = {address}
port = {http_port}

[authentications/DEFAULT-AUTHENTICATION]
name = accounts of this file
type = application

[groups/DEFAULT_GROUP]
name = default

; An account's ID is its identity in the audit trail and never changes; its name may.
; Make more with `mft uuid` and `mft password`.
[accounts/{account_uuid}]
name = {account}
type = application
group = DEFAULT_GROUP
password = {password_hash}
home_folder_path = {home}
permissions = allow-full-control
{authorized_keys}
; One line for every event. The journal in log/journal/ is kept beside it, and cannot be changed
; without `mft audit verify` telling.
[event-handlers/DEFAULT-FILE]
name = audit log
type = local-file
path = log/server.log
"""

_AS_ACCOUNT: Final = """\
; Started by root, the server becomes this account as soon as its ports are bound.
account = {run_as}"""

_AS_ROOT: Final = """\
; This instance was made by root and no account was named for it, so it runs as root: every file
; is owned by root, and a flaw in the server would be a flaw of root. In a container that may be
; what you want. Otherwise give the files to an account, delete allow_root and name the account:
;   account = NAME
allow_root = yes"""

_AS_STARTED: Final = """\
; The server runs as the account that starts it. For root to start it, name an account:
;   account = NAME"""


@dataclass(frozen=True, slots=True)
class FirstValues:
    """What the first server.ini says; every text is one printable line, keys are several."""

    uuid: str
    name: str
    run_as: str  # "" for none
    as_root: bool
    address: str
    port_base: int
    host_keys: tuple[str, ...]
    certificate: str
    ca_file: str
    account_uuid: str
    account: str
    password_hash: str
    home: str
    authorized_keys: tuple[str, ...]


def server_ini(values: FirstValues) -> str:
    """Write the file."""
    return _TEXT.format(
        uuid=values.uuid,
        name=values.name,
        identity=_identity(values),
        address=values.address,
        port=values.port_base + SSH_PORT,
        host_keys=", ".join(values.host_keys),
        ftp_port=values.port_base + FTP_PORT,
        ftps_port=values.port_base + FTPS_PORT,
        https_port=values.port_base + HTTPS_PORT,
        http_port=values.port_base + HTTP_PORT,
        certificate=values.certificate,
        ca_file=values.ca_file,
        passive_ports=_passive_ports(values.port_base),
        account_uuid=values.account_uuid,
        account=values.account,
        password_hash=values.password_hash,
        home=values.home,
        authorized_keys=_authorized_keys(values.authorized_keys),
    )


def _identity(values: FirstValues) -> str:
    if values.run_as:
        return _AS_ACCOUNT.format(run_as=values.run_as)
    return _AS_ROOT if values.as_root else _AS_STARTED


def _passive_ports(base: int) -> str:
    """The range, or any port where it would need a privilege."""
    low, high = (base + port for port in PASSIVE_PORTS)
    return f"{low} - {high}" if low >= FIRST_FREE_PORT else "0 - 0"


def _authorized_keys(lines: tuple[str, ...]) -> str:
    if not lines:
        return ""
    return "ssh_authorized_keys_content =\n" + textwrap.indent("\n".join(lines), "    ") + "\n"
