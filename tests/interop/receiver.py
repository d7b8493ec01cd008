"""A receiver of webhooks in a process of its own: it keeps what it got, and may die of it.

PORT FILE DIES: listen there, write one line of JSON for each request into the file, and at the
request of that number end without an answer, once the request is written (0: never).
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Receiver(BaseHTTPRequestHandler):
    path_of_file = ""
    dies = 0
    count = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kept = {"headers": dict(self.headers.items()), "body": body.decode()}
        with open(self.path_of_file, "a") as file:
            file.write(json.dumps(kept) + "\n")
        _Receiver.count += 1
        if self.count == self.dies:
            os._exit(1)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *given: Any) -> None:
        pass


def main(port: str, path: str, dies: str) -> None:
    """Receive until it ends."""
    _Receiver.path_of_file = path
    _Receiver.dies = int(dies)
    ThreadingHTTPServer(("127.0.0.1", int(port)), _Receiver).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
