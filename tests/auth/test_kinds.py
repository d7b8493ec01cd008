"""Kinds of value of accounts: any text is a value, or wrong with a sentence; nothing else."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.auth.kinds import (
    AmendWriteName,
    AuthorizedKeys,
    GroupHome,
    GroupPath,
    HomeStructure,
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
    GroupHome,
    GroupPath,
    HomeStructure,
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
