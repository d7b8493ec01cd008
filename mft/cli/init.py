"""`mft init`: a ready instance in one command."""

import json
import shlex
import socket
import sys
from pathlib import Path
from typing import Final, NamedTuple

import click

from mft.cli.output import fail, print_json
from mft.core.failure import Refused
from mft.core.peer import Address
from mft.core.secret import Secret
from mft.daemon.initialise import (
    MAX_KEYS_FILE,
    MAX_PORT_BASE,
    Instance,
    Plan,
    ServiceMade,
    initialise,
    new_password,
)

MAX_PASSWORD_FILE = 4096  # bytes; only the first line counts


class Kind(NamedTuple):
    """How people are told of a type of service: what proves who it is, and what to paste."""

    title: str
    proof: str
    commands: tuple[str, ...]


_FTP: Final = (
    "curl --ssl-reqd --cacert {ca} -u {account} ftp://{url}/",
    "lftp -u {account} -e {trust} ftp://{url}",
)
_FTPS: Final = (
    "curl --cacert {ca} -u {account} ftps://{url}/",
    "lftp -u {account} -e {trust} ftps://{url}",
)
_SSH: Final = (
    "sftp -P {port} -o StrictHostKeyChecking=accept-new {account}@{host}",
    "scp -P {port} -o StrictHostKeyChecking=accept-new FILE {account}@{host}:/",
)
_HTTP: Final = ("curl -u {account} -T FILE http://{url}/home/",)
_HTTPS: Final = (
    "https://{url}/ in a browser",
    "curl --cacert {ca} -u {account} -T FILE https://{url}/home/",
)
_KINDS: Final = {
    "ssh": Kind("SFTP and SCP (compare the fingerprint of the host key)", "host key", _SSH),
    "ftp": Kind("FTP with explicit TLS", "certificate", _FTP),
    "ftpsi": Kind("FTP with implicit TLS", "certificate", _FTPS),
    "http": Kind("HTTP in clear", "", _HTTP),
    "https": Kind("HTTPS", "certificate", _HTTPS),
}


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--name", default="", help="The server's name.  [default: this machine's]")
@click.option(
    "--account", default="user", show_default=True, metavar="NAME", help="The first account."
)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    help="Its password is the first line of this file.  [default: a new random one]",
)
@click.option(
    "--authorized-key",
    type=click.Path(path_type=Path),
    help="A file of SSH public keys that may log in to it.",
)
@click.option("--address", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port-base",
    type=click.IntRange(0, MAX_PORT_BASE),
    default=10000,
    show_default=True,
    metavar="N",
    help="Ports are counted from here: FTP is N + 21, SSH N + 22, HTTPS N + 43, FTPS N + 90.",
)
@click.option(
    "--run-as",
    default="",
    metavar="ACCOUNT",
    help="For root: the system account that owns the instance and that the server becomes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def init(
    directory: Path,
    name: str,
    account: str,
    password_file: Path | None,
    authorized_key: Path | None,
    address: str,
    port_base: int,
    run_as: str,
    as_json: bool,
) -> None:
    """Make a ready instance in DIR.

    Makes DIR/conf/server.ini, SSH host keys, a self-signed certificate, and one account with a
    home and a password, which is printed once and kept only as a hash. A DIR that holds an instance
    already is refused and left as it is.

    \b
    Examples:
      mft init instance
      mft init /srv/mft --account partner --authorized-key partner.pub --address :: --port-base 0
    """
    host = socket.gethostname()
    plan = Plan(
        directory=directory,
        name=name or host or "mft",
        account=account,
        password=_password_from(password_file) if password_file else new_password(),
        address=address,
        port_base=port_base,
        authorized_keys=_text_of(authorized_key, MAX_KEYS_FILE) if authorized_key else "",
        run_as=run_as,
        host=host,
    )
    try:
        instance = initialise(plan)
    except Refused as refused:
        fail(f"{refused}. Nothing was made.")
    except OSError as error:
        fail(f"{error.filename or directory}: {error.strerror}. Nothing was made.")
    if as_json:
        print_json(result(instance))
    else:
        for line in _introduction(instance, password_file):
            click.echo(line)


def result(instance: Instance) -> dict[str, object]:
    """Give the object that `--json` prints; its keys are a contract with scripts."""
    return {
        "directory": str(instance.directory),
        "config": str(instance.config),
        "account": instance.account,
        "password": instance.password.reveal(),
        "home": str(instance.home),
        "ca_file": str(instance.ca_file),
        "services": [service._asdict() for service in instance.services],
    }


def _text_of(file: Path, limit: int) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(limit + 1)
    except OSError as error:
        fail(f"{file}: {error.strerror}. Nothing was made.")
    if len(data) > limit:
        fail(f"{file} is longer than {limit} bytes. Nothing was made.")
    if not data:
        fail(f"{file} is empty. Nothing was made.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        fail(f"{file} is not text in UTF-8. Nothing was made.")


def _password_from(file: Path) -> Secret:
    line, _, _ = _text_of(file, MAX_PASSWORD_FILE).partition("\n")
    return Secret(line.removesuffix("\r"))


def _introduction(instance: Instance, password_file: Path | None) -> list[str]:
    shown = f"the one in {password_file}" if password_file else instance.password.reveal()
    lines = [
        f"Made {instance.directory}",
        "",
        f"  configuration  {instance.config}",
        f"  account        {instance.account}",
        f"  password       {shown}",
        f"  home           {instance.home}",
    ]
    for service in instance.services:
        if service.enabled:
            lines += _connecting(service, instance)
    if instance.as_root:
        lines += ["", "Made by root without --run-as: the server will run as root (allow_root)."]
    start = shlex.quote(str(instance.config))
    return [
        *lines,
        "",
        "The password is kept only as a hash. Start the server with:",
        "",
        f"  {shlex.quote(_called_as())} run -c {start}",
    ]


def _called_as() -> str:
    """Give the command as it was called: one that is not on the PATH must work when pasted."""
    called = sys.argv[0]
    return called if Path(called).name == "mft" else "mft"


def _connecting(service: ServiceMade, instance: Instance) -> list[str]:
    kind = _KINDS[service.type]
    host = reachable(service.address)
    url = Address(host, service.port)
    words = {
        "port": service.port,
        "account": instance.account,
        "host": f"[{host}]" if ":" in host else host,
        "url": url,
        "ca": shlex.quote(str(instance.ca_file)),
        "trust": shlex.quote(f"set ssl:ca-file {json.dumps(str(instance.ca_file))}"),
    }
    return [
        "",
        f"{kind.title} on {Address(service.address, service.port)}",
        *(f"  {kind.proof:<13}{fingerprint}" for fingerprint in service.fingerprints),
        "",
        *(f"  {command.format_map(words)}" for command in kind.commands),
    ]


def reachable(address: str) -> str:
    """Name an address that clients on this machine can use for a listening address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - compared
