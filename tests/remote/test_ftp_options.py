"""Options of FTP locations: what is told before anything is sent."""

from pathlib import Path
from typing import Any

import pytest

from mft.config.kinds import Context
from mft.core.secret import Secret
from mft.remote.ftp_options import FtpOptions, FtpseOptions, FtpServerOptions, FtpsiOptions
from mft.remote.registry import LOCATIONS

CONTEXT = Context(Path("/nowhere"))
KINDS: dict[str, type[FtpServerOptions]] = {
    "ftp": FtpOptions,
    "ftpse": FtpseOptions,
    "ftpsi": FtpsiOptions,
}


def options(kind: str = "ftp", **more: Any) -> FtpServerOptions:
    given = {"name": "x", "type": kind, "address": "127.0.0.1", "username": "mft", **more}
    return KINDS[kind].model_validate(given)


def wrong(made: FtpServerOptions) -> list[tuple[str, bool]]:
    return [(one.option, one.mild) for one in made.check(CONTEXT)]


@pytest.mark.parametrize(("kind", "port"), [("ftp", 21), ("ftpse", 21), ("ftpsi", 990)])
def test_each_type_has_its_port(kind: str, port: int) -> None:
    assert LOCATIONS[kind].options is KINDS[kind]
    assert options(kind).effective_port == port
    assert options(kind, port="2121").effective_port == 2121
    assert wrong(options(kind)) == []


def test_the_defaults_are_those_that_are_told() -> None:
    made = options("ftpse")
    assert isinstance(made, FtpseOptions)
    assert made.prefer_machine_listing
    assert made.ignore_passive_address
    assert made.ftps_reuse_session
    assert not made.debug
    assert not made.acct


@pytest.mark.parametrize("address", ["ftp.example.com", "192.0.2.7", "2001:db8::1"])
def test_ftp_in_clear_is_a_warning_unless_it_stays_on_the_machine(address: str) -> None:
    assert wrong(options(address=address)) == [("type", True)]
    assert wrong(options("ftpse", address=address)) == []
    for here in ("localhost", "127.0.0.1", "::1"):
        assert wrong(options(address=here)) == []


@pytest.mark.parametrize("address", ["", "a b", "ftp://example.com", "a..b", "x" * 64, "a/b"])
def test_an_address_is_a_host(address: str) -> None:
    assert ("address", False) in wrong(options("ftpse", address=address))


@pytest.mark.parametrize("name", ["username", "password", "acct"])
def test_nothing_that_is_said_can_make_a_line_of_its_own(name: str) -> None:
    text = "a\r\nDELE /x"
    given = text if name == "username" else Secret(text)
    assert wrong(options(**{name: given})) == [(name, False)]


def test_a_login_needs_a_name() -> None:
    assert wrong(options(username="")) == [("username", False)]
