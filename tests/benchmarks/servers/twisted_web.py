"""twisted.web as shipped: its static files, a PUT as its request makes one write it, HTTP Basic."""

import shutil
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.servers.base import ANY, HOST, Address, Scripted


class TwistedWeb(Scripted):
    """What needs no password is under home/; under locked/ it is compared as text."""

    name = "twisted-web"
    title = "twisted.web"
    module = "tests.benchmarks.servers.twisted_web"
    greeting = ANY

    def arguments(self) -> list[str]:
        """What follows the home: CERTIFICATE PASSWORD USER USER."""
        user, cheap, password, *_ = self.tools.credentials
        return [str(self.tools.credentials.certificate), password, user, cheap]

    def address(self, *ports: int) -> Address:
        """It prints the port of HTTP, then that of HTTPS."""
        made = super().address(*ports)
        return made._replace(secure=ports[1], base="home/", locked="locked/")


def serve(reactor: object, home: str, certificate: str, password: str, *users: str) -> object:
    """Listen on two free ports, print them, and serve until killed."""
    from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
    from twisted.cred.portal import IRealm, Portal
    from twisted.internet.defer import Deferred
    from twisted.internet.endpoints import serverFromString
    from twisted.web.guard import BasicCredentialFactory, HTTPAuthSessionWrapper
    from twisted.web.resource import IResource, Resource
    from twisted.web.server import Request, Site
    from twisted.web.static import File
    from zope.interface import implementer

    class Home(File):
        def getChild(self, name: bytes, request: Request) -> Resource:
            if request.method == b"PUT" and not self.child(name).isdir():
                return Put(self.child(name))
            return super().getChild(name, request)

    class Put(Resource):
        isLeaf = True

        def __init__(self, target: object) -> None:
            super().__init__()
            self._target = target

        def render_PUT(self, request: Request) -> bytes:
            # A large body is in a temporary file of the request's.
            with self._target.open("wb") as file:
                shutil.copyfileobj(request.content, file)
            request.setResponseCode(201)
            return b""

    @implementer(IRealm)
    class Realm:
        def requestAvatar(self, name: bytes, mind: object, *interfaces: object) -> object:
            return IResource, files, lambda: None

    tempfile.tempdir = str(Path(home).parent)  # in RAM, as everything here
    files = Home(home)
    checker = InMemoryUsernamePasswordDatabaseDontUse(**{u: password.encode() for u in users})
    factory = BasicCredentialFactory(b"bench")
    root = Resource()
    root.putChild(b"home", files)
    root.putChild(b"locked", HTTPAuthSessionWrapper(Portal(Realm(), [checker]), [factory]))
    site = Site(root, timeout=600)
    print("port", end="")
    for kind in ("tcp:0", f"ssl:0:privateKey={certificate}:certKey={certificate}"):
        endpoint = serverFromString(reactor, f"{kind}:interface={HOST}:backlog=4096")
        endpoint.listen(site).addCallback(lambda port: print(f" {port.getHost().port}", end=""))
    print(flush=True)
    return Deferred()


if __name__ == "__main__":
    from twisted.internet.task import react

    react(serve, sys.argv[1:])
