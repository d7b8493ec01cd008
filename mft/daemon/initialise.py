"""Making an instance: directories, keys, a certificate, one account, a server.ini that loads."""

import os
import pwd
import re
import secrets
import uuid
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from mft.auth.passwords import make_hash
from mft.core.failure import Reason, Refused
from mft.core.peer import parse_ip
from mft.core.secret import Secret
from mft.core.vpath import RESERVED_PREFIX
from mft.daemon.archives.staging import stage_of_new
from mft.daemon.load import CONF_FOLDER, load
from mft.daemon.server_ini import (
    FTP_PORT,
    FTPS_PORT,
    HTTP_PORT,
    HTTPS_PORT,
    SSH_PORT,
    FirstValues,
    server_ini,
)
from mft.daemon.state.files import sync_folder, write_new
from mft.trust.first_certificate import CERTIFICATE, PUBLIC, first_certificate, write_first
from mft.trust.ssh_keys import HostKey

HOST_KEYS: Final[tuple[tuple[Literal["ed25519", "rsa"], str], ...]] = (
    ("ed25519", "ssh_host_ed25519_key"),
    ("rsa", "ssh_host_rsa_key"),
)
BESIDE: Final = ("data", "log", "state")  # what an instance has beside its configuration
PARTS: Final = (CONF_FOLDER, *BESIDE)
PREFIX: Final = f"{RESERVED_PREFIX}init-"  # of the folder where `conf` is made
OWNER_ONLY: Final = 0o700
MAX_PORT_BASE: Final = 65535 - 199  # the passive range ends at base + 199
MAX_KEYS_FILE: Final = 100_000  # bytes, as for every authorized keys file
# Without the characters that people confuse. Five letters hold 24 bits, four groups 99 bits.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_ACCOUNT_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make; `initialise` checks all of it before it makes anything."""

    directory: Path
    name: str
    account: str
    password: Secret
    address: str
    port_base: int
    authorized_keys: str = ""  # the text of an authorized keys file
    run_as: str = ""  # the system account that the server becomes when root starts it
    host: str = ""  # this machine's name, for the certificate; one that is no DNS name is left out


class ServiceMade(NamedTuple):
    """One service of the new server.ini."""

    type: str
    enabled: bool
    address: str
    port: int
    fingerprints: tuple[str, ...]


class Instance(NamedTuple):
    """What was made."""

    directory: Path
    config: Path
    account: str
    password: Secret
    home: Path
    ca_file: Path  # what clients may trust
    services: tuple[ServiceMade, ...]
    as_root: bool  # server.ini says that it runs as root


def new_password() -> Secret:
    """Make a password of 99 random bits that can be read out on a telephone."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))
    return Secret("-".join(groups))


def initialise(plan: Plan) -> Instance:
    """Make the instance, whole or not at all.

    Raises Refused before anything is touched when the plan is wrong or the directory holds an
    instance; removes what it made when anything fails half-way, and raises Refused or OSError.
    Killed, it leaves empty folders beside `conf`, which comes last, and its stage, which the next
    one removes: they are no instance, nor are folders that somebody has made, such as a mount for
    the data.
    """
    directory = Path(os.path.realpath(plan.directory))
    owner = _check(plan, directory)
    password_hash = _hash(plan.password)
    with stage_of_new(directory, PREFIX) as top, ExitStack() as undo:
        instance = _make(plan, directory, top, password_hash, undo)
        if owner is not None:
            _give((top, *(directory / part for part in BESIDE)), owner)
        (top / CONF_FOLDER).rename(directory / CONF_FOLDER)
        undo.callback((directory / CONF_FOLDER).rename, top / CONF_FOLDER)
        sync_folder(directory)
        undo.pop_all()
    return instance


def _check(plan: Plan, directory: Path) -> pwd.struct_passwd | None:
    if not str(directory).isprintable() or "$" in str(directory):
        raise _wrong("the directory's path must be printable and without $")
    if directory.exists() and not directory.is_dir():
        raise Refused(Reason.EXISTS, str(directory), "is not a directory")
    for part in PARTS:
        path = directory / part
        if os.path.lexists(path) and not (part in BESIDE and _is_hollow(path)):
            raise Refused(
                Reason.EXISTS, str(directory), f"holds an instance already ({part}/ exists)"
            )
    _check_names(plan)
    _check_numbers(plan)
    _key_lines(plan.authorized_keys)
    return _owner(plan.run_as)


def _is_hollow(path: Path) -> bool:
    """Whether there are folders and nothing else; what cannot be looked into may have something."""
    if path.is_symlink() or not path.is_dir():
        return False
    closed: list[OSError] = []
    for folder, folders, files in os.walk(path, onerror=closed.append):
        if files or any(os.path.islink(os.path.join(folder, one)) for one in folders):
            return False
    return not closed


def _check_names(plan: Plan) -> None:
    if not _ACCOUNT_NAME.fullmatch(plan.account):
        raise _wrong(
            f"the account name {plan.account!r} must be 1 to 64 of A-Z a-z 0-9 . _ @ + - "
            "and begin with a letter, a digit or _"
        )
    name = plan.name
    if not 0 < len(name) <= 100 or not name.isprintable() or name != name.strip():
        raise _wrong("the server's name must be one line of 1 to 100 characters")


def _check_numbers(plan: Plan) -> None:
    try:
        parse_ip(plan.address)
    except ValueError:
        raise _wrong(f"{plan.address!r} is not an IP address such as 127.0.0.1 or ::") from None
    if not 0 <= plan.port_base <= MAX_PORT_BASE:
        raise _wrong(f"the port base must be between 0 and {MAX_PORT_BASE}")


def _key_lines(text: str) -> tuple[str, ...]:
    if len(text) > MAX_KEYS_FILE:
        raise _wrong(f"the authorized keys are longer than {MAX_KEYS_FILE} characters")
    if "PRIVATE KEY" in text:
        raise _wrong("the authorized keys hold a private key; give the .pub file")
    stripped = (line.strip() for line in text.splitlines())
    lines = tuple(line for line in stripped if line and not line.startswith(("#", ";")))
    if text and not lines:
        raise _wrong("the authorized keys hold no key")
    return lines


def _owner(run_as: str) -> pwd.struct_passwd | None:
    if not run_as:
        return None
    if os.geteuid() != 0:
        raise _wrong("only root can make an instance that runs as another account")
    try:
        return pwd.getpwnam(run_as)
    except KeyError:
        raise _wrong(f"this machine has no account {run_as!r}") from None


def _hash(password: Secret) -> str:
    try:
        return make_hash(password.reveal())
    except ValueError as error:
        raise _wrong(str(error)) from None


def _wrong(details: str) -> Refused:
    return Refused(Reason.INVALID, "", details)


def _make(plan: Plan, directory: Path, top: Path, password_hash: str, undo: ExitStack) -> Instance:
    """Make everything; what belongs into `conf` is in a folder of `top` then."""
    _make_directories(plan, directory, top, undo)
    host_keys = _make_host_keys(plan, top / "conf/keys")
    identity = first_certificate(plan.host, plan.address)
    write_first(top, identity)
    config = directory / "conf/server.ini"
    home = directory / "data" / plan.account
    values = _values(plan, password_hash, home)
    staged = top / "conf/server.ini"
    write_new(staged, server_ini(values).encode(), 0o600)
    _check_loads(staged)
    certificate = (identity.fingerprint,)
    services = (
        ("ssh", True, SSH_PORT, host_keys),
        ("ftp", True, FTP_PORT, certificate),
        ("ftpsi", True, FTPS_PORT, certificate),
        ("http", False, HTTP_PORT, ()),
        ("https", True, HTTPS_PORT, certificate),
    )
    return Instance(
        directory=directory,
        config=config,
        account=plan.account,
        password=plan.password,
        home=home,
        ca_file=directory / PUBLIC,
        services=tuple(
            ServiceMade(kind, enabled, plan.address, plan.port_base + port, fingerprints)
            for kind, enabled, port, fingerprints in services
        ),
        as_root=values.as_root,
    )


def _make_host_keys(plan: Plan, folder: Path) -> tuple[str, ...]:
    """Make the host keys; gives their fingerprints."""
    fingerprints = []
    for kind, file in HOST_KEYS:
        key = HostKey.generate(kind)
        key.write(folder / file)
        write_new(folder / f"{file}.pub", f"{key.public.line(plan.name)}\n".encode(), 0o644)
        fingerprints.append(key.public.fingerprint)
    return tuple(fingerprints)


def _make_directories(plan: Plan, directory: Path, top: Path, undo: ExitStack) -> None:
    for below in (CONF_FOLDER, "conf/keys", "conf/certificates"):
        _make_directory(top / below)
    for below in (*BESIDE, "log/journal", f"data/{plan.account}"):
        if not (directory / below).is_dir():
            _make_directory(directory / below)
            undo.callback(os.rmdir, directory / below)


def _make_directory(path: Path) -> None:
    path.mkdir(mode=OWNER_ONLY)
    path.chmod(OWNER_ONLY)  # whatever the umask is


def _values(plan: Plan, password_hash: str, home: Path) -> FirstValues:
    return FirstValues(
        uuid=str(uuid.uuid4()),
        name=plan.name,
        run_as=plan.run_as,
        as_root=os.geteuid() == 0 and not plan.run_as,
        address=plan.address,
        port_base=plan.port_base,
        host_keys=tuple(f"conf/keys/{file}" for _, file in HOST_KEYS),
        certificate=str(CERTIFICATE),
        ca_file=str(PUBLIC),
        account_uuid=str(uuid.uuid4()),
        account=plan.account,
        password_hash=password_hash,
        home=str(home),
        authorized_keys=_key_lines(plan.authorized_keys),
    )


def _check_loads(config: Path) -> None:
    errors = [problem for problem in load(config).problems if problem.is_error]
    if errors:
        raise Refused(Reason.INVALID, "", "; ".join(map(str, errors)))


def _give(parts: Iterable[Path], owner: pwd.struct_passwd) -> None:
    for part in parts:
        for folder, _, files in os.walk(part):
            os.lchown(folder, owner.pw_uid, owner.pw_gid)
            for file in files:
                os.lchown(os.path.join(folder, file), owner.pw_uid, owner.pw_gid)
