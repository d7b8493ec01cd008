"""`mft auth`: what the methods of logging in would say."""

import binascii
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from mft.auth.account import Account
from mft.auth.base import Credentials, Outcome, Password, PublicKey
from mft.auth.chain import Judged
from mft.cli.configuration import config_option, read_config
from mft.cli.explain import peer_of
from mft.cli.output import DONE, REFUSED, fail, visible
from mft.core.failure import Refused
from mft.core.peer import Address
from mft.core.secret import Secret
from mft.daemon.load import Config
from mft.protocols.options import ServiceOptions
from mft.protocols.ssh.options import SshOptions
from mft.runtime.errand import run_errand
from mft.runtime.reactor import install
from mft.trust.revoked_keys import RevokedKeys
from mft.trust.ssh_keys import MAX_BLOB

MAX_FILE: Final = 32 << 10  # bytes of a file with a password or a key; a key has 22 KiB at most
HERE: Final = Address("127.0.0.1", 0)


@click.group()
def auth() -> None:
    """Try logins.

    \b
    Example:
      mft auth test ann
    """


@auth.command("test")
@config_option
@click.option("--method", metavar="METHOD", help="Ask this method only, by its name or ID.")
@click.option(
    "--service",
    metavar="SERVICE",
    help="Judge as this service does, by its name or ID.  [default: the first that is enabled]",
)
@click.option(
    "--from",
    "source",
    metavar="ADDRESS",
    help="Judge as for a client at this address.  [default: 127.0.0.1]",
)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Take the password from the first line of a file.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Ask about the SSH public key, or certificate, in this file instead of a password.",
)
@click.argument("name")
def try_login(
    file: Path,
    method: str | None,
    service: str | None,
    source: str | None,
    password_file: Path | None,
    key: Path | None,
    name: str,
) -> None:
    """Show how a login would be judged, and why.

    Asks for the password without echo, or reads one line from standard input when that is no
    terminal. Each method that is asked is printed with what it does, and then what became of the
    login. The exit code is 0 when it would be accepted, or the key would be, and 1 otherwise.

    Systems outside, such as a directory or PAM, are really asked, and count a wrong password as
    they always do. The server is not asked, and may be running or not: no session is opened, no
    event is written and nothing is changed. Run it as the account of the operating system that the
    server runs as, which may be allowed less than you are.

    \b
    Examples:
      mft auth test ann
      mft auth test ann --service ftp --from 192.0.2.7 < password.txt
      mft auth test ann --key ann.pub
    """
    peer = peer_of(source) or HERE
    if key is not None and password_file is not None:
        raise click.UsageError("--key and --password-file exclude each other")
    config = read_config(file)
    chosen = _service(config, service)
    credentials = _credentials(name, password_file, key)
    click.echo(visible(f'service "{config.services[chosen].name}", as from {peer.host}'))
    reactor = install()
    # After the reactor is made, for what is imported here may look for one.
    from mft.daemon.trial import Trial

    try:
        trial = Trial(config, reactor, _step)
        only = None if method is None else trial.method(method)
        if method is not None and only is None:
            raise click.BadParameter(
                f"there is no enabled method {method!r}", param_hint="--method"
            )
        if isinstance(credentials, PublicKey):
            credentials = _looked_up(credentials, config.services[chosen])
        judged = run_errand(reactor, trial.judge(chosen, credentials, peer, only))
    except (Refused, OSError, ValueError) as error:
        fail(f"the login cannot be tried: {error}")
    for line in _verdict(judged):
        click.echo(visible(line))
    acceptable = judged.outcome is Outcome.ACCEPTABLE and not judged.details
    accepted = judged.outcome is Outcome.ACCEPTED or acceptable
    raise SystemExit(DONE if accepted else REFUSED)


def at_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def _step(sentence: str) -> None:
    click.echo(visible(f"  {sentence}"))


def _service(config: Config, name: str | None) -> str:
    """Find the ID of the service that judges."""
    for uuid, options in config.services.items():
        if name in (uuid, options.name) or (name is None and options.enabled):
            return uuid
    if name is None:
        raise click.BadParameter("no service is enabled; name one", param_hint="--service")
    raise click.BadParameter(f"there is no service {name!r}", param_hint="--service")


def _credentials(name: str, password_file: Path | None, key: Path | None) -> Credentials:
    if key is not None:
        return PublicKey(name, _blob(key), proven=False)
    if password_file is not None:
        return Password(name, Secret(_first_line(_read(password_file))))
    if at_terminal():
        return Password(name, Secret(str(click.prompt("Password", hide_input=True))))
    return Password(name, Secret(_first_line(sys.stdin.readline(MAX_FILE))))


def _looked_up(asked: PublicKey, service: ServiceOptions) -> PublicKey:
    """The same, with what the service's list of revoked keys says; raises OSError or ValueError."""
    if not isinstance(service, SshOptions) or service.ssh_revoked_keys is None:
        return asked
    return asked._replace(revoked=RevokedKeys.load(service.ssh_revoked_keys).revokes(asked.blob))


def _read(file: Path) -> str:
    with file.open("rb") as opened:
        data = opened.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        fail(f"{file} is longer than {MAX_FILE} bytes.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        fail(f"{file} is not text.")


def _first_line(text: str) -> str:
    return text.partition("\n")[0].removesuffix("\r")


def _blob(file: Path) -> bytes:
    """The public key in a file, as OpenSSH writes it: a type, the key, a comment."""
    text = _read(file)
    if "PRIVATE KEY" in text:
        fail(f"{file} holds a private key; give the public one, {file.name}.pub.")
    fields = _first_line(text).split()
    try:
        blob = b64decode(fields[1], validate=True)
    except (IndexError, binascii.Error):
        fail(f"{file} does not begin with a public key as OpenSSH writes it.")
    if len(blob) > MAX_BLOB:
        fail(f"{file} holds a key that is longer than {MAX_BLOB} bytes.")
    return blob


def _verdict(judged: Judged) -> Iterator[str]:
    """Tell what became of a login, and why."""
    by = "" if judged.method is None else f' by "{judged.method.name}" ({judged.method.kind})'
    if judged.outcome is Outcome.ACCEPTED and judged.account is not None:
        yield f"accepted{by}"
        yield from _account(judged.account)
    elif judged.outcome is Outcome.ACCEPTABLE and judged.details:
        yield f"nobody knows whether the key would be accepted{by}: {judged.details}"
    elif judged.outcome is Outcome.ACCEPTABLE:
        yield f"the key would be accepted{by}; a login also takes its signature"
    elif judged.outcome is Outcome.MORE_NEEDED:
        missing = ", ".join(sorted(judged.missing))
        yield f"not logged in{by}: the {judged.kind} is right, and {missing} is needed as well"
    else:
        yield f"refused{by}: {_why(judged)}"


def _why(judged: Judged) -> str:
    if judged.outcome is Outcome.UNKNOWN:
        return "no method knows the name"
    if judged.outcome is Outcome.UNSUPPORTED:
        return f"no method takes credentials of the kind {judged.kind}"
    if judged.outcome is Outcome.BROKEN:
        return f"the method failed: {judged.details}"
    return judged.details


def _account(account: Account) -> Iterator[str]:
    yield f'  account      "{account.name}" of type {account.kind}, ID {account.uuid}'
    yield f"  groups       {', '.join(account.group_names)}"
    if account.ignored_groups:
        yield f"  not counted  {', '.join(account.ignored_groups)}, for that address"
    there = "" if Path(account.home).is_dir() else ", which is not there"
    made = " and is made at login" if there and account.create_home_folder else ""
    yield f"  home         {account.home}{there}{made}"
    for where, real in account.virtual_folders:
        yield f"  folder       {where} is {real}"
    for rule in account.rules.rules:
        yield f"  permissions  {rule}"
