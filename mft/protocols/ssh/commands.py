"""The command lines that clients may run: scp and passwd, and nothing else."""

from typing import TYPE_CHECKING

from mft.core.failure import Malformed
from mft.protocols.ssh.channels import Channel
from mft.protocols.ssh.passwd import COMMAND, PasswdServer
from mft.protocols.ssh.scp import ScpServer
from mft.session.session import Session
from mft.wire import scp

if TYPE_CHECKING:
    from mft.protocols.ssh.peer import Peer


def command_server(
    peer: "Peer", channel: Channel, session: Session, line: bytes
) -> ScpServer | PasswdServer | None:
    """What serves a command line; None for one that is not served here."""
    if line.strip() == COMMAND:
        return PasswdServer(peer, channel, session)
    if not peer.hub.options.scp:
        return None
    try:
        return ScpServer(peer, channel, session, scp.parse_command(line))
    except Malformed:
        return None
