"""rclone and lftp, which move files to and from servers: a process for each piece of work."""

import subprocess
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tests.benchmarks.servers.base import HOST, Address, Credentials

AT_A_TIME = 4  # files: what rclone and mft take by themselves
SSH = (
    "ssh -a -x -F /dev/null -i {key} -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no"
    " -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=ERROR"
)


class Work(NamedTuple):
    """What is moved: a file to a file, or all files of a folder into a folder."""

    scheme: str  # sftp, or ftps: AUTH TLS with protected data
    up: bool
    source: str  # below the folder of the run, or of the login
    target: str
    folder: bool = False


Command = Callable[[Work, Address, Credentials], list[str]]


def rclone(work: Work, address: Address, credentials: Credentials) -> list[str]:
    """With packets as large as OpenSSH takes them, and without digests of what has arrived."""
    service = "sftp" if work.scheme == "sftp" else "ftp"
    far = f":{service}:"
    source, target = (
        (work.source, far + work.target) if work.up else (far + work.source, work.target)
    )
    argv = ["rclone", "--config", "/dev/null", "--transfers", str(AT_A_TIME)]
    argv += ["--multi-thread-streams", "0"]  # in several pieces, big files of FTP arrive wrong
    argv += ["copy" if work.folder else "copyto", source, target]
    argv += [f"--{service}-host", HOST, f"--{service}-port", str(address.port)]
    if service == "sftp":
        argv += ["--sftp-user", address.user, "--sftp-key-file", str(credentials.key)]
        return [*argv, "--sftp-disable-hashcheck", "--sftp-chunk-size", "255Ki"]
    argv += ["--ftp-user", credentials.cheap, "--ftp-pass", obscured(credentials.password)]
    # In TLS 1.3 it takes up no session, and vsftpd demands that of data connections.
    return [*argv, "--ftp-explicit-tls", "--ftp-no-check-certificate", "--ftp-disable-tls13"]


def obscured(password: str) -> str:
    """As rclone wants it."""
    done = subprocess.run(
        ["rclone", "obscure", "-"],  # one that begins with a hyphen would be an option
        input=password,
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    return done.stdout.strip()


def lftp(work: Work, address: Address, credentials: Credentials) -> list[str]:
    """Its SSH is OpenSSH's ssh."""
    lines = ["set cmd:fail-exit yes", "set net:max-retries 1", "set sftp:auto-confirm yes"]
    if work.scheme == "sftp":
        lines.append(f'set sftp:connect-program "{SSH.format(key=credentials.key)}"')
        lines.append(f"open -u {address.user}, -p {address.port} sftp://{HOST}")
    else:
        lines += ["set ftp:ssl-force yes", "set ftp:ssl-protect-data yes"]
        lines.append("set ssl:verify-certificate no")
        account = f"{credentials.cheap},{credentials.password}"
        lines.append(f"open -u {account} -p {address.port} ftp://{HOST}")
    if work.folder:
        words = f"mirror {'-R ' if work.up else ''}--parallel={AT_A_TIME}"
        lines.append(f"{words} {work.source} {work.target}")
    else:
        lines.append(f"{'put' if work.up else 'get'} {work.source} -o {work.target}")
    return ["lftp", "--norc", "-c", "\n".join(lines)]


COMMANDS: Mapping[str, Command] = {"rclone": rclone, "lftp": lftp}
