"""pyftpdlib's own server, plain: one process, passwords compared as text."""

import sys

from tests.benchmarks.servers.base import FTP, HOST, Scripted


class Pyftpdlib(Scripted):
    """FTP and explicit FTPS on one port; TLS by pyOpenSSL, so by the OpenSSL of mft."""

    name = "pyftpdlib"
    title = "pyftpdlib"
    module = "tests.benchmarks.servers.pyftpdlib"
    greeting = FTP
    mlsd = True
    # curl closes as soon as all is sent. In TLS 1.3 session tickets lie unread then, which resets
    # the connection: the end of the file is lost, and pyftpdlib takes the rest for all of it.
    upload_tls = "1.2"

    def arguments(self) -> list[str]:
        """What follows the home: CERTIFICATE PASSWORD USER USER."""
        user, cheap, password, *_ = self.tools.credentials
        return [str(self.tools.credentials.certificate), password, user, cheap]


def serve(home: str, certificate: str, password: str, *users: str) -> None:
    """Listen on a free port, print it, and serve until killed."""
    import logging

    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import TLS_FTPHandler
    from pyftpdlib.servers import FTPServer

    class Handler(TLS_FTPHandler):
        authorizer = DummyAuthorizer()
        certfile = certificate

    for user in users:
        Handler.authorizer.add_user(user, password, home, perm="elradfmwMT")
    logging.basicConfig(level=logging.WARNING)  # its default writes a line for every command
    server = FTPServer((HOST, 0), Handler, backlog=4096)
    server.max_cons = 0
    print("port", server.address[1], flush=True)
    server.serve_forever(handle_exit=False)


if __name__ == "__main__":
    serve(*sys.argv[1:])
