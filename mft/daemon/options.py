"""ServerOptions: the `[server]` section, about the process as a whole."""

import pwd
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal

from mft.auth.kinds import CharacterClasses
from mft.auth.own_passwords import Policy
from mft.auth.passwords import MAX_PASSWORD
from mft.config.kinds import (
    AuthenticationRefs,
    Context,
    Maybe,
    Moment,
    Seconds,
    Text,
    Umask,
    Wrong,
    YesNo,
    duration,
    size,
    whole,
)
from mft.config.section import Section, option

MEBIBYTE = 1 << 20


def _blocking(text: str) -> str | None:
    return "threads" if text.strip().lower() in ("yes", "true") else None


# Options that a reload cannot change: the process has used them up when it runs.
AT_START: Final = (
    "uuid",
    "name",
    "account",
    "allow_root",
    "umask",
    "journal_sync",
    "journal_segment_size",
    "audit_requests",
    "io",
)


class ServerOptions(Section):
    """The process as a whole: its names, its rights, its journal."""

    ignored: ClassVar[Mapping[str, str]] = {
        "product_key": "no licence is needed",
        "failover_interval": "there are no secondary nodes",
        "manager_authentications": "there is no web console",
    }
    converted: ClassVar[Mapping[str, Callable[[str], str | None]]] = {
        "blocking_filesystem": _blocking
    }

    uuid: Text = option(
        "The identity of this server in the audit trail; it never changes. `mft init` makes one.",
        "",
        examples=["5f0ad2ae-5c2f-4d0e-9d8b-1f0f5ad0f7c1"],
    )
    name: Text = option("The name of this server that people see.", "mft", examples=["files-1"])
    description: Text = option("A note for administrators.", "")
    created: Maybe[Moment] = option("When this section was written; for administrators only.", None)
    changed: Maybe[Moment] = option("When it was last changed; for administrators only.", None)
    account: Text = option(
        "The account of the operating system that the server runs as once its ports are bound. "
        "Empty: it stays who it was started as.",
        "",
        examples=["mft"],
        safer="The usual default names an account that may not exist.",
    )
    allow_root: YesNo = option(
        "Whether the server may go on as root when `account` is empty. Without it, it refuses to.",
        False,
        ours=True,
    )
    umask: Umask = option(
        "Which permission bits new files (0666) and folders (0777) do not get.",
        0o022,
        examples=["022"],
    )
    authentications: AuthenticationRefs = option(
        "The IDs of the authentication methods, in the order in which they are asked. A service "
        "with its own list uses that one. Empty: the accounts of this file are the only method.",
        (),
        examples=["accounts-of-this-file"],
    )
    password_hashing_scheme: Literal[
        "bcrypt", "crypt-sha512", "crypt-sha256", "pbkdf2-sha512", "pbkdf2-sha256"
    ] = option(
        "How new passwords are hashed. Hashes of every scheme are verified, whatever this is.",
        "bcrypt",
        safer="The usual default is crypt-sha512, which costs an attacker less.",
    )
    password_minimum_strength: Annotated[int, whole(0, 4, "number")] = option(
        "How hard a password that an account gives itself must be to guess, as zxcvbn estimates "
        "it: from 0 (anything) to 4 (very hard).",
        4,
    )
    password_minimum_length: Annotated[int, whole(0, MAX_PASSWORD, "number of characters")] = (
        option(
            "How many characters it must have. A strength of 2, 3 or 4 needs 7, 9 or 11 anyway.", 8
        )
    )
    password_character_requirements: CharacterClasses = option(
        "What it must have of: `lowercase`, `uppercase`, `digit`, `symbol`.",
        frozenset(),
        examples=["lowercase, digit"],
    )
    password_history: Annotated[int, whole(0, 50, "number of passwords")] = option(
        "How many passwords before may not come back; 0: any may.", 8
    )
    shutdown_delay: Annotated[float, duration(0, 3600)] = option(
        "For how long the server still takes clients after it was told to stop, while it says that "
        "it is not ready: as long as a balancer needs to see that, at most an hour.",
        0.0,
        examples=["15"],
        ours=True,
    )
    shutdown_grace: Seconds = option(
        "How long running transfers may go on after that.",
        30.0,
        examples=["2m"],
        ours=True,
    )
    journal_sync: Literal["batch", "always"] = option(
        "When the event journal is on disk: `batch` within a moment after the answer to the "
        "client, `always` before it.",
        "batch",
        ours=True,
    )
    journal_retention: Annotated[int, whole(0, 36500, "number of days")] = option(
        "For how many days events stay in the journal. A segment is deleted only once every "
        "event handler has read it. 0: kept for ever.",
        90,
        ours=True,
    )
    journal_segment_size: Annotated[int, size(MEBIBYTE, 4096 * MEBIBYTE)] = option(
        "How large one file of the journal becomes, from 1 MiB to 4 GiB.",
        64 * MEBIBYTE,
        examples=["64 MiB"],
        ours=True,
    )
    audit_requests: YesNo = option(
        "Whether an event tells that an operation was asked for, before the one that tells how "
        "it ended.",
        False,
        ours=True,
    )
    io: Literal["auto", "inline", "threads"] = option(
        "How files are read and written: `inline` is fastest on local disks, `threads` keeps slow "
        "storage (NFS) from holding up other sessions, `auto` changes with how the disk behaves.",
        "auto",
        old_names=["blocking_filesystem"],
        ours=True,
    )

    @property
    def password_policy(self) -> Policy:
        """What passwords that accounts give themselves must be like."""
        return Policy(
            self.password_minimum_strength,
            self.password_minimum_length,
            self.password_character_requirements,
            self.password_history,
        )

    def waiting(self, started: "ServerOptions") -> list[str]:
        """What differs from the options that the process `started` with, and holds on to."""
        return [name for name in AT_START if getattr(self, name) != getattr(started, name)]

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell when this machine does not have the account to run as."""
        if self.account:
            try:
                pwd.getpwnam(self.account)
            except KeyError:
                yield Wrong("is no account of this machine", option="account")
