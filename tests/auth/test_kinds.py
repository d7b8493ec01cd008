"""Kinds of value of accounts: any text is a value, or wrong with a sentence; nothing else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.auth.kinds import (
    AmendWriteName,
    AuthorizedKeys,
    Days,
    GroupHome,
    GroupPath,
    HomeStructure,
    Instant,
    OneTimeCodes,
    PasswordText,
    PermissionLines,
    RecoveryCodes,
    RequiredCredentials,
    VirtualFolder,
    VirtualFolders,
)
from mft.config.kinds import Context, Wrong, Wrongs, kinds_of
from tests.fakes.accounts import CHEAP_HASH

ALL = [
    AmendWriteName,
    AuthorizedKeys,
    Days,
    GroupHome,
    GroupPath,
    HomeStructure,
    Instant,
    OneTimeCodes,
    PasswordText,
    PermissionLines,
    RecoveryCodes,
    RequiredCredentials,
    VirtualFolders,
]
HERE = Context(Path("/instance"))


def read(kind: object, text: str) -> object:
    (found,) = kinds_of((), kind)
    return found.read(text, HERE)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (AmendWriteName, "UUID-prefix", True),
        (AmendWriteName, "disabled", False),
        (GroupHome, "/srv", "/srv"),
        (GroupPath, "keys/${USER}", "/instance/keys/${USER}"),
        (GroupPath, "${SHARED}keys", "${SHARED}/instance/keys"),
        (HomeStructure, "in\n\nout/old\n", ("in", "out/old")),
        (PermissionLines, "allow-read\n/x, allow-list", ("allow-read", "/x, allow-list")),
        (RequiredCredentials, "any", frozenset()),
        (RequiredCredentials, "SSH-key", frozenset(("ssh-key",))),
        (RequiredCredentials, "SSL-certificate", frozenset(("ssl-certificate",))),
        (
            RequiredCredentials,
            "ssl-certificate, password",
            frozenset(("password", "ssl-certificate")),
        ),
        (VirtualFolders, "/a, /b", (VirtualFolder("/a", "/b"),)),
        (VirtualFolders, "", ()),
        (AuthorizedKeys, "", ""),
        (Days, "0", 0.0),
        (Days, " 90 ", 90 * 86400.0),
        (Days, "12w", 84 * 86400.0),
        (Days, "90 s", 90.0),
        (Instant, "1893456000", datetime(2030, 1, 1, tzinfo=UTC)),
        (Instant, "2030-01-01Z", datetime(2030, 1, 1, tzinfo=UTC)),
    ],
)
def test_text_is_read(kind: object, text: str, value: object) -> None:
    assert read(kind, text) == value


def test_a_hash_becomes_a_secret() -> None:
    secret = read(PasswordText, f" {CHEAP_HASH} ")
    assert CHEAP_HASH not in repr(secret)


@pytest.mark.fuzz
@settings(max_examples=400)
@given(
    st.sampled_from(ALL),
    st.text(max_size=60)
    | st.text(alphabet='/ab,\n$"{}USERHD|*[]-', max_size=40)
    | st.sampled_from(["allow-read\n\0, allow-read", "/a\0, /b", "m/\0/"]),
)
def test_any_text_is_a_value_or_wrong(kind: object, text: str) -> None:
    try:
        read(kind, text)
    except (Wrong, Wrongs):
        return


@pytest.mark.parametrize("text", ["", "never", "-1", "1e3", "99999999999", "\u0665"])
def test_what_is_no_number_of_days_is_told(text: str) -> None:
    with pytest.raises(Wrong, match="is not a number of days such as 90"):
        read(Days, text)


@pytest.mark.parametrize("text", ["9" * 15, "9" * 300])
def test_a_second_that_no_calendar_has_is_told(text: str) -> None:
    with pytest.raises(Wrong, match="count from 1970"):
        read(Instant, text)


def test_days_are_written_as_they_are_read() -> None:
    (kind,) = kinds_of((), Days)
    for seconds in (0.0, 86400.0, 90 * 86400.0, 43200.0):
        assert kind.read(kind.write(seconds), None) == seconds
