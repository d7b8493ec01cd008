"""`mft` in processes that are forked from one that has read its modules already.

To read them takes most of a second of a processor, and tests start hundreds of servers; so do the
drivers of databases and what checks the options of sections, which a server has when it first needs
them. From `main` on everything is as in a process that is started anew, but that hashes are cheap
and pages small; what depends on how one starts does that, as tests of slow and of full disks do,
and of the command itself in tests/system/test_life.py. Nor is what all of them have in common taken
apart at the end of each.
"""

import array
import atexit
import gc
import importlib
import os
import pickle
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, Any, NoReturn

ROOT = Path(__file__).parents[2]
# What a server reads when it is told to use it.
LATER = (
    "encodings.idna",
    "mft.auth.http",
    "mft.auth.ldap",
    "mft.daemon.cluster.joined",
    "mft.resources.cluster_seal",
    "mft.resources.cluster_web_sessions",
    "mft.resources.event_store",
    "mft.resources.postgresql_connection",
    "mft.runtime.epoll",
    "sqlalchemy.dialects.mysql.pymysql",
    "sqlalchemy.dialects.postgresql.psycopg",
    "pymysql",
    "zxcvbn",
)
MOST = 1 << 20  # bytes of one request: an environment and a few words
FIRST = "MFT_TEST_FIRST"  # in its environment: a module to read before anything is done
_asking = Lock()  # tests have threads


class Preloaded(subprocess.Popen[bytes]):
    """`mft` with some words, as if `subprocess` had started it."""

    def __init__(
        self,
        words: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        output: IO[bytes],
        errors: IO[bytes] | None = None,
        stdin: IO[bytes] | None = None,
    ) -> None:
        """Errors go with the output unless they are given a file; there is nothing to be read
        unless that is."""
        self._child_created = False  # by this process: nothing is to be done for it at the end
        self.args = ("mft", *words)
        self.returncode: Any = None  # None until its end is known
        self.stdin = self.stdout = self.stderr = None
        with open(os.devnull, "rb") as nothing:
            files = (stdin or nothing, output, errors or output)
            request = ("start", list(words), str(cwd), dict(env))
            self.pid = _ask(request, *(one.fileno() for one in files))

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        if self.returncode is None:
            self.returncode = _ask(("code", self.pid))
        return self.returncode  # type: ignore[no-any-return]  # of an attribute of Popen

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        if self.poll() is None:
            ended = select.poll()
            descriptor = os.pidfd_open(self.pid)
            try:
                ended.register(descriptor, select.POLLIN)
                if not ended.poll(None if timeout is None else timeout * 1000):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
            finally:
                os.close(descriptor)
        code = self.poll()
        assert code is not None
        return code


def run(
    words: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: str, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run `mft` with some words to its end, as `subprocess.run` does."""
    with TemporaryFile() as given, TemporaryFile() as output, TemporaryFile() as errors:
        given.write(stdin.encode())
        given.seek(0)
        process = Preloaded(words, cwd, env, output, errors, given)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        said = []
        for file in (output, errors):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(process.args, code, *said)


def _ask(request: tuple[Any, ...], *descriptors: int) -> Any:
    with _asking:
        channel = _channel()
        sent: list[Any] = []
        if descriptors:
            sent = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        channel.sendmsg([pickle.dumps(request)], sent)
        return pickle.loads(channel.recv(MOST))


@cache
def _channel() -> socket.socket:
    """To the process that has read everything, which ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    argv = [sys.executable, "-m", "tests.fakes.preloaded", str(theirs.fileno())]
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(
        argv,
        cwd=ROOT,
        pass_fds=[theirs.fileno()],
        stdin=nothing,
        stdout=nothing,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def serve(channel: socket.socket) -> None:
    """Start what is asked for, and tell of ends; comes back in each process that is to go on."""
    while True:
        data, ancillary, _, _ = channel.recvmsg(MOST, socket.CMSG_SPACE(3 * 4))
        if not data:
            sys.exit()
        do, *rest = pickle.loads(data)
        if do == "code":
            found, status = os.waitpid(rest[0], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if found else None
        else:
            files = [*array.array("i", ancillary[0][2])]
            answer = os.fork()
            if not answer:
                channel.detach()
                become(*rest, files)
                return
            for file in files:
                os.close(file)
        channel.send(pickle.dumps(answer))


def become(words: list[str], cwd: str, env: dict[str, str], files: list[int]) -> None:
    """Be what was asked for: nothing of this process is left open."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["mft", *words]
    if first := os.environ.pop(FIRST, ""):
        importlib.import_module(first)


def ended(code: object) -> NoReturn:
    """End as the interpreter does, but for freeing every object: that took longer than a command.

    What `sys.exit` is given is a number, nothing, or a text that is to be printed.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code or 0)


def read() -> None:
    """Read and make what is not done when modules are read: options are checked by what is made
    when a section is first read."""
    for name in LATER:
        importlib.import_module(name)
    for family in FAMILIES:
        for options in family.types.values():
            options.model_rebuild()


if __name__ == "__main__":
    import mft.cli.serve
    import mft.daemon.service  # noqa: F401 - what a server reads when it starts
    from mft.cli.main import main
    from mft.daemon.sections import FAMILIES
    from mft.runtime import pages
    from tests.fakes.cheap import make_cheap

    read()
    make_cheap()
    pages.gather = lambda: 0  # what all share would be copied for each
    assert "twisted.internet.reactor" not in sys.modules
    gc.collect()
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
    try:
        main()
    except SystemExit as end:
        ended(end.code)
    ended(0)
