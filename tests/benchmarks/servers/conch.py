"""Twisted Conch's own SFTP server as shipped: its Unix file server, without the switch of user."""

import sys
from pathlib import Path

from tests.benchmarks.servers.base import CTR, HOST, Scripted


class Conch(Scripted):
    """Conch has neither AEAD nor -etm nor SCP: it is measured with aes256-ctr and hmac-sha2-256."""

    name = "conch"
    title = "Conch"
    module = "tests.benchmarks.servers.conch"
    ciphers = frozenset({CTR})


def serve(reactor: object, home: str, host_key: str, public_key: str, *login: str) -> object:
    """Listen on a free port, print it, and serve until killed."""
    from twisted.conch.avatar import ConchUser
    from twisted.conch.checkers import InMemorySSHKeyDB, SSHPublicKeyChecker
    from twisted.conch.interfaces import ISFTPServer
    from twisted.conch.ssh.factory import SSHFactory
    from twisted.conch.ssh.filetransfer import FileTransferServer
    from twisted.conch.ssh.keys import Key
    from twisted.conch.ssh.session import SSHSession
    from twisted.conch.unix import SFTPServerForUnixConchUser
    from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
    from twisted.cred.portal import IRealm, Portal
    from twisted.internet.defer import Deferred
    from twisted.python.components import registerAdapter
    from twisted.python.filepath import FilePath
    from zope.interface import implementer

    class User(ConchUser):
        def __init__(self) -> None:
            super().__init__()
            self.channelLookup[b"session"] = SSHSession
            self.subsystemLookup[b"sftp"] = FileTransferServer

        def getHomeDir(self) -> FilePath:
            return FilePath(home)

        def _runAsUser(self, work: object, *args: object, **options: object) -> object:
            # In Conch's favour: its own switches the effective user to and fro at every call.
            if callable(work):
                return work(*args, **options)
            result = None
            for function, *rest in work:
                result = function(*(rest[0] if rest else ()))
            return result

    @implementer(IRealm)
    class Realm:
        def requestAvatar(self, name: bytes, mind: object, *interfaces: object) -> object:
            return interfaces[0], User(), lambda: None

    registerAdapter(SFTPServerForUnixConchUser, User, ISFTPServer)
    user, password = login
    checkers = [
        InMemoryUsernamePasswordDatabaseDontUse(**{user: password.encode()}),
        SSHPublicKeyChecker(InMemorySSHKeyDB({user.encode(): [Key.fromFile(public_key)]})),
    ]
    key = Key.fromFile(host_key)
    factory = SSHFactory()
    factory.portal = Portal(Realm(), checkers)
    factory.publicKeys = {key.sshType(): key}
    factory.privateKeys = {key.sshType(): key}
    port = reactor.listenTCP(0, factory, backlog=4096, interface=HOST)
    print("port", port.getHost().port, flush=True)
    return Deferred()


if __name__ == "__main__":
    from twisted.internet.task import react

    Path(sys.argv[1]).resolve(strict=True)
    react(serve, sys.argv[1:])
