"""The table of commands: what each needs, when it is allowed, and how HELP and FEAT tell of it.

RFC 959 5.3 and 5.4 (arguments, sequences), RFC 2389 (FEAT, OPTS), RFC 4217 (what may come before
TLS). A command that is allowed in every state asks nothing that somebody unknown must not know.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum, Flag
from types import MappingProxyType
from typing import Final, NamedTuple

from mft.wire.ftp import digest, listing
from mft.wire.ftp.command import Command
from mft.wire.ftp.facts import CHANGEABLE
from mft.wire.ftp.reply import Reply


class Argument(Enum):
    """Whether a command has an argument."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


class When(Flag):
    """States in which a command is answered beside the usual one: logged in, no transfer."""

    LOGGED_IN = 0  # only then
    BEFORE_LOGIN = 1
    IN_CLEAR = 2  # even where TLS is demanded of the control connection
    IN_TRANSFER = 4  # while a transfer runs
    ALWAYS = 7


class Verb(NamedTuple):
    """One command."""

    name: str
    argument: Argument
    when: When
    help: str  # its syntax
    feature: str = ""  # its line of FEAT
    after: str = ""  # the command that must have come right before
    data: bool = False  # whether it opens a data connection

    @property
    def before_login(self) -> bool:
        """Whether it is answered before a login."""
        return When.BEFORE_LOGIN in self.when

    @property
    def before_tls(self) -> bool:
        """Whether it is answered in clear where TLS is demanded."""
        return When.IN_CLEAR in self.when

    @property
    def in_transfer(self) -> bool:
        """Whether it is answered while a transfer runs; others wait for its end."""
        return When.IN_TRANSFER in self.when


_NONE, _OPTIONAL, _REQUIRED = Argument
_USUAL, _LOGIN, _ALWAYS = When.LOGGED_IN, When.BEFORE_LOGIN, When.ALWAYS
_OPENLY = When.BEFORE_LOGIN | When.IN_CLEAR

# Other names of the same commands: RFC 775 and 1123 4.1.3.1, and a short form of a checksum.
ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "XCWD": "CWD",
        "XCUP": "CDUP",
        "XPWD": "PWD",
        "XMKD": "MKD",
        "XRMD": "RMD",
        "XSHA": "XSHA1",
    }
)

_ROWS: Final = (
    # Access control
    Verb("USER", _REQUIRED, _LOGIN, "USER name"),
    Verb("PASS", _OPTIONAL, _LOGIN, "PASS password", after="USER"),
    Verb("ACCT", _OPTIONAL, _LOGIN, "ACCT account"),
    Verb("REIN", _NONE, _LOGIN, "REIN"),
    Verb("QUIT", _NONE, _OPENLY, "QUIT"),
    Verb("HOST", _REQUIRED, _OPENLY, "HOST name", "HOST"),
    # Security (RFC 4217)
    Verb("AUTH", _REQUIRED, _OPENLY, "AUTH TLS", "AUTH TLS"),
    Verb("PBSZ", _REQUIRED, _LOGIN, "PBSZ 0", "PBSZ"),
    Verb("PROT", _REQUIRED, _LOGIN, "PROT C|P", "PROT"),
    Verb("CCC", _NONE, _USUAL, "CCC", "CCC"),
    # Parameters of transfers
    Verb("TYPE", _REQUIRED, _USUAL, "TYPE A|I|L 8"),
    Verb("STRU", _REQUIRED, _USUAL, "STRU F"),
    Verb("MODE", _REQUIRED, _USUAL, "MODE S|Z", "MODE Z"),
    Verb("PORT", _REQUIRED, _USUAL, "PORT h1,h2,h3,h4,p1,p2"),
    Verb("PASV", _NONE, _USUAL, "PASV"),
    Verb("EPRT", _REQUIRED, _USUAL, "EPRT |protocol|address|port|", "EPRT"),
    Verb("EPSV", _OPTIONAL, _USUAL, "EPSV [1|2|ALL]", "EPSV"),
    Verb("REST", _REQUIRED, _USUAL, "REST offset", "REST STREAM"),
    Verb("RANG", _REQUIRED, _USUAL, "RANG start end", "RANG STREAM"),
    Verb("ALLO", _REQUIRED, _USUAL, "ALLO size"),
    # Transfers
    Verb("RETR", _REQUIRED, _USUAL, "RETR path", data=True),
    Verb("STOR", _REQUIRED, _USUAL, "STOR path", data=True),
    Verb("STOU", _OPTIONAL, _USUAL, "STOU [path]", data=True),
    Verb("APPE", _REQUIRED, _USUAL, "APPE path", data=True),
    Verb("LIST", _OPTIONAL, _USUAL, "LIST [path]", data=True),
    Verb("NLST", _OPTIONAL, _USUAL, "NLST [path]", data=True),
    Verb("MLSD", _OPTIONAL, _USUAL, "MLSD [path]", data=True),
    Verb("ABOR", _NONE, When.IN_TRANSFER, "ABOR"),
    # The tree
    Verb("CWD", _REQUIRED, _USUAL, "CWD path"),
    Verb("CDUP", _NONE, _USUAL, "CDUP"),
    Verb("PWD", _NONE, _USUAL, "PWD"),
    Verb("MKD", _REQUIRED, _USUAL, "MKD path"),
    Verb("RMD", _REQUIRED, _USUAL, "RMD path"),
    Verb("DELE", _REQUIRED, _USUAL, "DELE path"),
    Verb("RNFR", _REQUIRED, _USUAL, "RNFR path"),
    Verb("RNTO", _REQUIRED, _USUAL, "RNTO path", after="RNFR"),
    # Facts of files
    Verb("MLST", _OPTIONAL, _USUAL, "MLST [path]", listing.feature_text()),
    Verb("SIZE", _REQUIRED, _USUAL, "SIZE path", "SIZE"),
    Verb("MDTM", _REQUIRED, _USUAL, "MDTM [YYYYMMDDHHMMSS] path", "MDTM"),
    Verb("MFMT", _REQUIRED, _USUAL, "MFMT YYYYMMDDHHMMSS path", "MFMT"),
    Verb(
        "MFF",
        _REQUIRED,
        _USUAL,
        "MFF fact=value;... path",
        "MFF " + "".join(f"{fact};" for fact in CHANGEABLE),
    ),
    Verb("HASH", _REQUIRED, _USUAL, "HASH path", digest.feature_text()),
    Verb("XCRC", _REQUIRED, _USUAL, "XCRC path [start [end]]", "XCRC"),
    Verb("XMD5", _REQUIRED, _USUAL, "XMD5 path [start [end]]", "XMD5"),
    Verb("XSHA1", _REQUIRED, _USUAL, "XSHA1 path [start [end]]", "XSHA1"),
    Verb("XSHA256", _REQUIRED, _USUAL, "XSHA256 path [start [end]]", "XSHA256"),
    Verb("XSHA512", _REQUIRED, _USUAL, "XSHA512 path [start [end]]", "XSHA512"),
    Verb("AVBL", _OPTIONAL, _USUAL, "AVBL [path]", "AVBL"),
    # Information
    Verb("STAT", _OPTIONAL, When.IN_TRANSFER, "STAT [path]"),
    Verb("HELP", _OPTIONAL, _OPENLY, "HELP [command]"),
    Verb("NOOP", _OPTIONAL, _ALWAYS, "NOOP"),
    Verb("SYST", _NONE, _OPENLY, "SYST"),
    Verb("FEAT", _NONE, _OPENLY, "FEAT"),
    Verb("OPTS", _REQUIRED, _OPENLY, "OPTS UTF8|MLST|HASH [value]"),
    Verb("CLNT", _REQUIRED, _OPENLY, "CLNT name", "CLNT"),
    Verb("LANG", _OPTIONAL, _OPENLY, "LANG [tag]", "LANG en*"),
    Verb("SITE", _REQUIRED, _USUAL, "SITE command"),
)
_BY_NAME = {row.name: row for row in _ROWS}
_ALIASED = {alias: _BY_NAME[name]._replace(feature="") for alias, name in ALIASES.items()}

# Every command by every name; under an alias stands the row of the command that it means.
VERBS: Final[Mapping[str, Verb]] = MappingProxyType({**_BY_NAME, **_ALIASED})

SITE: Final[Mapping[str, Verb]] = MappingProxyType(
    {
        row.name: row
        for row in (
            Verb("CHMOD", _REQUIRED, _USUAL, "SITE CHMOD mode path"),
            Verb("UTIME", _REQUIRED, _USUAL, "SITE UTIME YYYYMMDDhhmm[ss] path"),
            Verb("IDLE", _OPTIONAL, _USUAL, "SITE IDLE [seconds]"),
            Verb("PSWD", _REQUIRED, _USUAL, "SITE PSWD old new"),
            Verb("COPY", _REQUIRED, _USUAL, "SITE COPY source target"),
            Verb("SYMLINK", _REQUIRED, _USUAL, "SITE SYMLINK target path"),
            Verb("HELP", _OPTIONAL, _USUAL, "SITE HELP [command]"),
        )
    }
)

# Commands of the RFCs that this server never does: 502, not 500.
COMMANDS_KNOWN_UNSUPPORTED: Final = frozenset(("SMNT", "ADAT", "CONF", "ENC", "MIC"))

TLS_VERBS: Final = frozenset(("AUTH", "PBSZ", "PROT", "CCC"))
_WITHOUT_A_VERB: Final = ("TVFS", "UTF8")  # lines of FEAT that are no command (RFC 3659 6, 2640)
_HELP_COLUMNS = 8

UNKNOWN: Final = Reply.of(500, "Unknown command.")
UNSUPPORTED: Final = Reply.of(502, "Command not implemented.")
NEEDS_TLS: Final = Reply.of(530, "TLS is required here: send AUTH TLS first.")
NEEDS_LOGIN: Final = Reply.of(530, "Please log in with USER and PASS.")
NEEDS_DATA_TLS: Final = Reply.of(521, "Data connections need TLS here: send PROT P first.")


def judge(
    command: Command,
    *,
    logged_in: bool,
    secure_enough: bool = True,
    last: str = "",
    data_secure_enough: bool = True,
    verbs: Mapping[str, Verb] = VERBS,
) -> Reply | None:
    """The reply that refuses a command in this state, or None when it may be done.

    `last` is the command that was done right before. `secure_enough` is False in clear where TLS
    is demanded of the control connection (then 530, RFC 4217 4), `data_secure_enough` with PROT C
    where it is demanded of data (then 521). The state before the argument: who is not logged in
    learns nothing else.
    """
    verb = verbs.get(command.verb)
    if verb is None:
        return UNSUPPORTED if command.verb in COMMANDS_KNOWN_UNSUPPORTED else UNKNOWN
    if not (secure_enough or verb.before_tls):
        return NEEDS_TLS
    if not (logged_in or verb.before_login):
        return NEEDS_LOGIN
    return _in_place(verb, command.argument, last, data_secure_enough)


def _in_place(verb: Verb, argument: str, last: str, data_secure_enough: bool) -> Reply | None:
    if verb.after and verb.after != last:
        return Reply.of(503, f"{verb.name} must come right after {verb.after}.")
    if verb.data and not data_secure_enough:
        return NEEDS_DATA_TLS
    if verb.argument is Argument.NONE and argument.strip(" "):
        return Reply.of(501, f"{verb.name} has no argument.")
    if verb.argument is Argument.REQUIRED and not argument:
        return Reply.of(501, f"{verb.name} needs an argument: {verb.help}")
    return None


def feature_lines(
    secure: bool,
    *,
    facts: Sequence[str] = listing.DEFAULT_FACTS,
    algorithm: str = digest.DEFAULT_ALGORITHM,
    without: Collection[str] = (),
) -> tuple[str, ...]:
    """The lines of FEAT between the first and the last, without their leading space.

    `secure` is whether this service knows TLS; `facts` and `algorithm` are what the session has
    selected; commands of `without` are left out.
    """
    chosen = {"MLST": listing.feature_text(facts), "HASH": digest.feature_text(algorithm)}
    left_out = frozenset(without) | (frozenset() if secure else TLS_VERBS)
    lines = [
        chosen.get(row.name, row.feature)
        for row in _ROWS
        if row.feature and row.name not in left_out
    ]
    return tuple(sorted((*lines, *_WITHOUT_A_VERB)))


def help_lines(names: Iterable[str]) -> tuple[str, ...]:
    """Names in columns, for HELP and SITE HELP (RFC 1123 4.1.2.2: lines stay short)."""
    ordered = sorted(names)
    rows = [ordered[at : at + _HELP_COLUMNS] for at in range(0, len(ordered), _HELP_COLUMNS)]
    return tuple(" ".join(f"{name:<8}" for name in row).rstrip() for row in rows)
