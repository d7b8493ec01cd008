"""A service for FTP and FTPS, and what can be wrong with it."""

from pathlib import Path
from typing import Any

import pytest

from mft.config.ini import parse
from mft.config.kinds import Context
from mft.config.problem import Problem
from mft.config.section import check_section, read_section
from mft.core.peer import parse_network
from mft.protocols.ftp.options import (
    IDLE_DATA_TIMEOUT,
    FtpOptions,
    ImplicitFtpOptions,
    PassiveAddress,
)
from mft.trust.first_certificate import CERTIFICATE
from tests.fakes import pki
from tests.fakes.ftp_server import identity

FORCED = ("command_channel", "authentication", "data_channel")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / CERTIFICATE).parent.mkdir(parents=True)
    identity().write(tmp_path / CERTIFICATE)
    return tmp_path


def reading(directory: Path, more: str = "", kind: str = "ftp") -> tuple[Any, list[str]]:
    """The options, and what is wrong with them."""
    problems: list[Problem] = []
    text = f"[services/a]\ntype = {kind}\nname = a\nport = 10021\n{more}"
    raw = parse(text.encode(), "server.ini", problems)["services/a"]
    model = ImplicitFtpOptions if kind == "ftpsi" else FtpOptions
    options = read_section(model, raw, Context(directory), problems)
    if options is not None:
        check_section(options, raw, Context(directory), problems)
    return options, [str(problem).partition("] ")[2] for problem in problems]


def service(directory: Path, more: str = "", kind: str = "ftp") -> FtpOptions:
    options, problems = reading(directory, more, kind)
    assert problems == []
    assert isinstance(options, FtpOptions)
    return options


def clear(options: FtpOptions) -> tuple[bool, bool, bool, bool]:
    """Whether commands, logins and data may be in clear, and TLS left again."""
    return options.clear_commands, options.clear_login, options.clear_data, options.leaves_tls


NOTHING = (False, False, False, False)


def test_the_defaults_are_the_safe_ones(directory: Path) -> None:
    options = service(directory)
    assert options.explicit
    assert options.uses_tls
    assert options.ftps_require_session_reuse
    assert options.passive_wait_connection
    assert options.passive_port_range == range(1)
    assert clear(options) == NOTHING
    assert not options.implicit


def test_implicit_is_all_tls(directory: Path) -> None:
    loose = "".join(f"ftps_force_secured_{what} = no\n" for what in FORCED)
    options = service(directory, f"{loose}ftps_explicit_enabled = no\n", "ftpsi")
    assert options.implicit
    assert options.uses_tls
    assert clear(options) == NOTHING
    assert not options.explicit


def test_without_explicit_tls_nothing_is_forced(directory: Path) -> None:
    options = service(directory, "ftps_explicit_enabled = no\n")
    assert clear(options) == (True, True, True, False)
    assert options.uses_tls is options.explicit is False


@pytest.mark.parametrize(
    ("command", "authentication", "data"),
    [(c, a, d) for c in ("yes", "no") for a in ("yes", "no") for d in ("yes", "no")],
)
def test_each_part_is_forced_by_itself(
    directory: Path, command: str, authentication: str, data: str
) -> None:
    given = zip(FORCED, (command, authentication, data), strict=True)
    more = "".join(f"ftps_force_secured_{what} = {how}\n" for what, how in given)
    options = service(directory, more)
    logins = command == authentication == "no"
    assert clear(options) == (command == "no", logins, data == "no", command == "no")


# Ports.


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("10900 - 10999", range(10900, 11000)),
        ("10900-10900", range(10900, 10901)),
        ("1024 - 65535", range(1024, 65536)),
        ("0 - 0", range(1)),
    ],
)
def test_a_range_of_ports(directory: Path, text: str, ports: range) -> None:
    assert service(directory, f"passive_port_range = {text}\n").passive_port_range == ports


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("10900", "is not a range of ports such as 10900 - 10999, or 0 - 0 for any"),
        ("a - b", "is not a range of ports such as 10900 - 10999, or 0 - 0 for any"),
        ("10900 - ", "is not a range of ports such as 10900 - 10999, or 0 - 0 for any"),
        ("²0 - 5000", "is not a range of ports such as 10900 - 10999, or 0 - 0 for any"),
        ("1023 - 2000", "is not a range of ports from 1024 to 65535, the lower one first"),
        ("10999 - 10900", "is not a range of ports from 1024 to 65535, the lower one first"),
        ("10900 - 65536", "is not a range of ports from 1024 to 65535, the lower one first"),
        ("0 - 2000", "is not a range of ports from 1024 to 65535, the lower one first"),
    ],
)
def test_what_is_no_range_of_ports(directory: Path, text: str, wrong: str) -> None:
    problems = reading(directory, f"passive_port_range = {text}\n")[1]
    assert problems == [f'passive_port_range = "{text.strip()}" {wrong}']


# Addresses.


def test_addresses_by_network(directory: Path) -> None:
    lines = ("10.0.0.0/8 10.0.0.5", "2001:db8::/32 files.example.com", "203.0.113.5")
    options = service(directory, "passive_address =\n" + "".join(f"    {one}\n" for one in lines))
    assert options.passive_address == (
        PassiveAddress(parse_network("10.0.0.0/8"), "10.0.0.5"),
        PassiveAddress(parse_network("2001:db8::/32"), "files.example.com"),
        PassiveAddress(None, "203.0.113.5"),
    )
    assert [one.is_name for one in options.passive_address] == [False, True, False]
    assert [one.meets("10.1.2.3") for one in options.passive_address] == [True, False, True]
    assert options.passive_address[0].meets("::ffff:10.1.2.3")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a b c", "is not a line of a network (or nothing) and an address"),
        ("10.0.0.0/99 10.0.0.5", "does not begin with an IP network such as 10.0.0.0/8"),
        ("somewhere 10.0.0.5", "does not begin with an IP network such as 10.0.0.0/8"),
        ("2001:db8::1", "is neither an IPv4 address nor a name in DNS"),
        ("10.0.0.256", "is neither an IPv4 address nor a name in DNS"),
        ("10.0.0", "is neither an IPv4 address nor a name in DNS"),
        ("-files.example.com", "is neither an IPv4 address nor a name in DNS"),
        ("files_example", "is neither an IPv4 address nor a name in DNS"),
        ("f" * 64, "is neither an IPv4 address nor a name in DNS"),
    ],
)
def test_what_is_no_address(directory: Path, text: str, wrong: str) -> None:
    (problem,) = reading(directory, f"passive_address = {text}\n")[1]
    assert problem.endswith(wrong)


@pytest.mark.parametrize(
    "name", ["passive_port_range", "passive_address", "passive_address_refresh"]
)
def test_what_is_read_is_written_as_it_was(directory: Path, name: str) -> None:
    texts = {
        "passive_port_range": "10900 - 10999",
        "passive_address": "10.0.0.0/8 10.0.0.5\n203.0.113.5",
        "passive_address_refresh": "300",
    }
    field = FtpOptions.model_fields[name]
    kind = next(one for one in field.metadata if hasattr(one, "write"))
    value = kind.read(texts[name], None)
    assert kind.read(kind.write(value), None) == value


# Times, and logging in.


@pytest.mark.parametrize(("text", "seconds"), [("0", IDLE_DATA_TIMEOUT), ("-5", 30.0), ("5", 5.0)])
def test_data_connections_always_have_a_limit(directory: Path, text: str, seconds: float) -> None:
    options = service(directory, f"idle_data_connection_timeout = {text}\n")
    assert options.idle_data_connection_timeout == seconds


def test_somebody_must_be_able_to_log_in(directory: Path) -> None:
    without = "enable_password_authentication = no\n"
    neither = f"{without}enable_ssl_certificate_authentication = no\n"
    assert reading(directory, neither)[1] == [
        'enable_password_authentication = "No" leaves no way to log in'
    ]
    (problem,) = reading(directory, without)[1]
    assert problem.endswith("for which there is no ssl_certificate_authority")
    partners = directory / "partners.pem"
    partners.write_bytes(pki.Authority("partners").pem)
    service(directory, f"{without}ssl_certificate_authority = {partners}\n")
    (problem,) = reading(
        directory, f"{without}ssl_certificate_authority = {partners}\nftps_explicit_enabled = no\n"
    )[1]
    assert problem.endswith("for which there is no ssl_certificate_authority")


def test_a_certificate_that_cannot_be_used_is_told(directory: Path) -> None:
    (directory / CERTIFICATE).write_text("nothing")
    (problem,) = reading(directory)[1]
    assert problem.startswith("ssl_certificate")
    service(directory, "ftps_explicit_enabled = no\n")
