"""The table of commands, and what it refuses."""

from pathlib import Path

import pytest

from mft.wire.ftp.command import Command, Lines
from mft.wire.ftp.digest import BY_VERB
from mft.wire.ftp.verbs import (
    ALIASES,
    COMMANDS_KNOWN_UNSUPPORTED,
    NEEDS_DATA_TLS,
    NEEDS_LOGIN,
    NEEDS_TLS,
    SITE,
    TLS_VERBS,
    UNKNOWN,
    UNSUPPORTED,
    VERBS,
    Argument,
    feature_lines,
    help_lines,
    judge,
)

VECTORS = sorted((Path(__file__).parent / "vectors").glob("*.client"))
IMPLEMENTED = """
    USER PASS ACCT REIN QUIT CWD XCWD CDUP XCUP PWD XPWD MKD XMKD RMD XRMD DELE RNFR RNTO STOR STOU
    APPE RETR REST ALLO ABOR STAT HELP NOOP SYST TYPE STRU MODE PORT PASV EPRT EPSV LIST NLST MLSD
    MLST SIZE MDTM MFMT MFF FEAT OPTS AUTH PBSZ PROT CCC CLNT LANG HOST HASH XCRC XMD5 XSHA XSHA1
    XSHA256 XSHA512 RANG AVBL SITE
"""
DATA = {"RETR", "STOR", "STOU", "APPE", "LIST", "NLST", "MLSD"}
BEFORE_TLS = {"QUIT", "HOST", "AUTH", "HELP", "NOOP", "SYST", "FEAT", "OPTS", "CLNT", "LANG"}
BEFORE_LOGIN = BEFORE_TLS | {"USER", "PASS", "ACCT", "REIN", "PBSZ", "PROT"}
IN_TRANSFER = {"ABOR", "STAT", "NOOP"}


def words(name: str) -> Command:
    """The command with an argument where it needs one."""
    return Command(name, "x" if VERBS[name].argument is Argument.REQUIRED else "")


def code(command: Command, **state: object) -> int | None:
    reply = judge(command, **{"logged_in": True, **state})  # type: ignore[arg-type] # by name
    return reply.code if reply is not None else None


def test_every_command_that_is_promised_has_its_row() -> None:
    assert set(VERBS) == set(IMPLEMENTED.split())
    assert set(SITE) == {"CHMOD", "UTIME", "IDLE", "PSWD", "COPY", "SYMLINK", "HELP"}
    assert not COMMANDS_KNOWN_UNSUPPORTED & set(VERBS)
    assert set(BY_VERB) <= set(VERBS)
    assert set(VERBS) >= TLS_VERBS


@pytest.mark.parametrize("name", sorted(VERBS))
def test_a_row_says_how_its_command_is_written(name: str) -> None:
    verb = VERBS[name]
    assert verb.name == ALIASES.get(name, name)
    assert verb.help.split()[0] == verb.name
    assert (verb.argument is Argument.NONE) == (verb.help == verb.name) or name == "NOOP"


@pytest.mark.parametrize("name", sorted(VERBS))
def test_a_command_is_refused_in_the_states_that_it_is_not_for(name: str) -> None:
    verb, command = VERBS[name], words(name)
    state = {"last": verb.after}
    assert judge(command, logged_in=True, **state) is None  # type: ignore[arg-type] # by name
    assert (code(command, logged_in=False, **state) is None) == (verb.name in BEFORE_LOGIN)
    assert (code(command, secure_enough=False, **state) is None) == (verb.name in BEFORE_TLS)
    assert verb.in_transfer == (verb.name in IN_TRANSFER)
    assert (code(command, data_secure_enough=False, **state) is None) == (verb.name not in DATA)


@pytest.mark.parametrize("name", sorted(VERBS))
def test_an_argument_is_there_when_it_is_needed_and_only_then(name: str) -> None:
    verb = VERBS[name]
    without, with_one = Command(name), Command(name, "x")
    assert code(without, last=verb.after) == (501 if verb.argument is Argument.REQUIRED else None)
    assert code(with_one, last=verb.after) == (501 if verb.argument is Argument.NONE else None)


def test_spaces_are_no_argument() -> None:
    assert code(Command("PASV", " ")) is None


def test_each_refusal_has_its_reply() -> None:
    assert judge(Command("DOIT"), logged_in=True) == UNKNOWN
    assert judge(Command("SMNT", "x"), logged_in=True) == UNSUPPORTED
    assert judge(Command("USER", "x"), logged_in=False, secure_enough=False) == NEEDS_TLS
    assert judge(Command("STOR"), logged_in=False) == NEEDS_LOGIN
    assert judge(Command("STOR", "x"), logged_in=True, data_secure_enough=False) == NEEDS_DATA_TLS
    replies = (UNKNOWN, UNSUPPORTED, NEEDS_TLS, NEEDS_LOGIN, NEEDS_DATA_TLS)
    assert [reply.code for reply in replies] == [500, 502, 530, 530, 521]


def test_a_command_comes_right_after_the_one_it_needs() -> None:
    assert code(Command("RNTO", "b"), last="RNFR") is None
    assert code(Command("RNTO", "b"), last="NOOP") == 503
    assert code(Command("PASS", "b"), logged_in=False, last="USER") is None
    assert code(Command("PASS", "b"), logged_in=False) == 503


def test_site_commands_are_judged_by_their_own_table() -> None:
    assert judge(Command("CHMOD", "644 a"), logged_in=True, verbs=SITE) is None
    assert code(Command("CHMOD"), verbs=SITE) == 501
    assert code(Command("STOR", "a"), verbs=SITE) == 500


@pytest.mark.parametrize("recorded", VECTORS, ids=lambda path: path.stem)
def test_what_clients_send_is_in_order(recorded: Path) -> None:
    lines = Lines()
    lines.feed(recorded.read_bytes())
    logged_in, last = False, ""
    while isinstance(command := lines.take(), Command):
        assert judge(command, logged_in=logged_in, last=last) is None, command
        logged_in = logged_in or command.verb == "PASS"
        last = command.verb
    assert logged_in


def test_features_are_told_once_each() -> None:
    lines = feature_lines(True)
    assert len(set(lines)) == len(lines)
    for line in (
        "AUTH TLS",
        "CCC",
        "CLNT",
        "EPRT",
        "EPSV",
        "HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32",
        "HOST",
        "LANG en*",
        "MDTM",
        "MFF modify;UNIX.mode;",
        "MFMT",
        "MLST type*;size*;modify*;perm*;unique*;UNIX.mode*;",
        "MODE Z",
        "PBSZ",
        "PROT",
        "RANG STREAM",
        "REST STREAM",
        "SIZE",
        "TVFS",
        "UTF8",
        "XCRC",
    ):
        assert line in lines


def test_features_say_what_this_service_and_this_session_have() -> None:
    lines = feature_lines(False, facts=("size",), algorithm="MD5", without={"MODE", "HOST"})
    assert not {line.split()[0] for line in lines} & (TLS_VERBS | {"MODE", "HOST"})
    assert "MLST type;size*;modify;perm;unique;UNIX.mode;" in lines
    assert "HASH SHA-256;SHA-512;SHA-1;MD5*;CRC32" in lines
    assert "CCC" not in feature_lines(True, without=("CCC",))


def test_help_is_names_in_short_lines() -> None:
    lines = help_lines(VERBS)
    assert " ".join(lines).split() == sorted(VERBS)
    assert all(len(line) <= 71 for line in lines)
    assert help_lines(["B", "A"]) == ("A        B",)
    assert help_lines([]) == ()
