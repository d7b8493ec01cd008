"""A client that guesses passwords over SSH, on paramiko, run as a process of its own.

`python -m tests.benchmarks.clients.ssh flood PORT USER PER_MINUTE SECONDS` prints "ready" when it
could begin, waits for a line (or the end) of its input, and prints a line of JSON when it is done.
"""

import json
import logging
import sys

import paramiko

from tests.benchmarks.clients.child import PATIENCE, connect, flood


class Guesser:
    """Wrong passwords over one connection after the other."""

    def __init__(self, port: int, user: str) -> None:
        self._port = port
        self._user = user
        self._held: paramiko.Transport | None = None

    def attempt(self) -> bool:
        """One attempt, over a new connection where the last one was ended; was it answered?"""
        try:
            held = self._held or self._connect()
            held.auth_password(self._user, "wrong")
        except paramiko.AuthenticationException:
            return True
        except (OSError, EOFError, paramiko.SSHException):
            self.leave()
        return False

    def leave(self) -> None:
        """Close the connection that there is."""
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def _connect(self) -> paramiko.Transport:
        made = self._held = paramiko.Transport(connect(self._port))
        made.start_client(timeout=PATIENCE)
        return made


def main() -> None:
    """Flood as the command line says."""
    mode, port, user, per_minute, seconds = sys.argv[1:]
    if mode != "flood":
        raise SystemExit(f"unknown mode {mode}")
    logging.disable(logging.CRITICAL)  # paramiko tells each connection that was refused
    told = flood(int(per_minute), float(seconds), lambda: Guesser(int(port), user).attempt)
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
