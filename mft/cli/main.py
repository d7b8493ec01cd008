"""`mft`: the group of all commands; each is imported only when it is called."""

import gc
import importlib
import os
import signal
import sys
from typing import Final, NamedTuple, cast

import click

from mft import __version__
from mft.cli.output import REFUSED
from mft.core.failure import Refused

DEBUG_VARIABLE: Final = "MFT_DEBUG"  # set: an internal error shows its trace
# Objects made before Python looks for cycles. Modules make as many, all of which stay: to look at
# them again and again takes a fifth of the start.
IMPORTED: Final = 100_000
FIRST_PROCESS: Final = 1  # of a machine, or of a container
NAMES: Final = "utf-8"  # what clients call files by; in another code the disk would have others
OTHER_NAMES: Final = (
    "names of files are not UTF-8 in this locale: set LC_ALL=C.UTF-8, and not PYTHONUTF8=0"
)


class Entry(NamedTuple):
    """Where a command is, and its line in `mft --help` (a test holds it to the command's own)."""

    target: str  # module:attribute
    help: str


COMMANDS: Final = {
    "init": Entry("mft.cli.init:init", "Make a ready instance in DIR."),
    "run": Entry("mft.cli.serve:run", "Run the server in the foreground."),
    "check": Entry("mft.cli.check:check", "Say what is wrong in server.ini, or what would start."),
    "explain": Entry(
        "mft.cli.explain:explain", "Show which rule allows or denies an operation, and why."
    ),
    "auth": Entry("mft.cli.auth:auth", "Try logins."),
    "audit": Entry("mft.cli.audit:audit", "Read the audit trail."),
    "status": Entry("mft.cli.control:status", "Show what the running server does."),
    "sessions": Entry("mft.cli.control:sessions", "List who is logged in."),
    "nodes": Entry("mft.cli.control:nodes", "List the nodes of the cluster."),
    "end": Entry("mft.cli.control:end", "End one session."),
    "bans": Entry("mft.cli.bans:bans", "List who is banned, and lift bans."),
    "location": Entry("mft.cli.location:location", "Try locations, and see how they are."),
    "transfer": Entry(
        "mft.cli.transfer:transfer", "See how transfers are, run them, and stop them."
    ),
    "quarantine": Entry(
        "mft.cli.quarantine:quarantine", "Look at rejected files, release or delete them."
    ),
    "export": Entry(
        "mft.cli.export:export", "Write server.ini and every file that it names into one archive."
    ),
    "import": Entry(
        "mft.cli.importing:import_", "Put the configuration of another node in place of this one's."
    ),
    "backup": Entry(
        "mft.cli.backup:backup", "Write all of an instance but its data into one archive."
    ),
    "restore": Entry("mft.cli.restore:restore", "Make an instance of a backup."),
    "password": Entry("mft.cli.password:password", "Turn a password into a hash for server.ini."),
    "totp": Entry("mft.cli.totp:totp", "Make one-time codes for an account, or take them away."),
    "ssh-key": Entry("mft.cli.ssh_key:ssh_key", "Make an SSH key pair."),
    "certificate": Entry("mft.cli.certificate:certificate", "Make a self-signed certificate."),
    "csr": Entry("mft.cli.csr:csr", "Ask for a certificate."),
    "uuid": Entry("mft.cli.identifier:identifier", "Print a new unique ID for a section."),
    "reference": Entry(
        "mft.cli.reference:reference", "Print the reference of options, events or commands."
    ),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that `--help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which an administrator meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command, or answer None for a name that is none."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        return cast(click.Command, getattr(importlib.import_module(module), attribute))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup)
@click.version_option(__version__, prog_name="mft", message="%(prog)s %(version)s")
def mft() -> None:
    """Run and look after a managed file transfer server.

    Start with: mft init DIR, then mft run -c DIR/conf/server.ini
    """


def _may_be_ended() -> None:
    """See to it that SIGTERM ends the first process of a container, which else does not hear it.

    A server takes the signal over once it has started: until then nothing has begun.
    """
    if os.getpid() == FIRST_PROCESS:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def main() -> None:
    """Run the command line and exit: 0 done, 1 refused or failed, 2 wrong usage; no tracebacks."""
    gc.set_threshold(IMPORTED)
    _may_be_ended()
    if sys.getfilesystemencoding() != NAMES:
        click.echo(f"Error: {OTHER_NAMES}", err=True)
        sys.exit(REFUSED)
    try:
        mft(prog_name="mft")
    except BrokenPipeError:  # the reader of our output went away: `mft audit export | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(REFUSED)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or error
        click.echo(f"Error: {what}", err=True)
        sys.exit(REFUSED)
    except Refused as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(REFUSED)
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        click.echo(
            f"Error: something went wrong inside mft ({type(error).__name__}: {error}). "
            f"Set {DEBUG_VARIABLE}=1 to see where.",
            err=True,
        )
        sys.exit(REFUSED)
