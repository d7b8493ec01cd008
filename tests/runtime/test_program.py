"""Programs are run to their end, whatever they do against that."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mft.runtime import program as module
from mft.runtime.program import UNKNOWN, Finished, run_program
from tests.fakes.loop import run_loop, until
from tests.fakes.programs import expire, gone, lives
from tests.fakes.threads import Inline

SH = "/bin/sh"
ENV = {"PATH": "/usr/bin:/bin"}
NOWHERE = Path("/nowhere")  # an instance that has no part in it
# Two processes that ignore SIGTERM, and tell who they are.
STUBBORN = """
trap '' TERM
echo $$
(exec sh -c 'echo $$; touch ready; while :; do sleep 9; done')
"""

# One that leaves a process in a session of its own, which keeps the output open.
LEAVING = """
import os
ready, told = os.pipe()
pid = os.fork()
if not pid:
    os.setsid()
    os.write(told, b"x")
    os.execv("/bin/sleep", ["sleep", "60"])
os.read(ready, 1)
print(pid)
"""


def ran(*argv: str, timeout: float = 20.0, most: int = 1000, **env: str) -> Finished:
    async def main(reactor: Any) -> Finished:
        return await run_program(
            reactor,
            Inline(),
            argv,
            {**ENV, **env},
            timeout=timeout,
            most_output=most,
            directory=Path("/"),
            instance=NOWHERE,
        )

    return run_loop(main)


def script(text: str, **more: Any) -> Finished:
    return ran(SH, "-c", text, **more)


def expired(folder: Path, text: str, most: int = 1000) -> Finished:
    """Run a script until it has made the file `ready`; then its time is over."""

    async def main(reactor: Any) -> Finished:
        argv = (SH, "-c", text)
        given = {"timeout": 60.0, "most_output": most, "directory": folder, "instance": NOWHERE}
        going = Deferred.fromCoroutine(run_program(reactor, Inline(), argv, ENV, **given))
        await until(reactor, (folder / "ready").exists, "it is ready")
        expire(reactor)
        return await going

    return run_loop(main)


def test_what_it_says_and_how_it_ends_is_told() -> None:
    done = script("echo out; echo err >&2; exit 3")
    assert done == Finished(3, 0, False, b"out\n", b"err\n")
    assert not done.succeeded
    assert done.told == "exit code 3"
    assert script("exit 0").succeeded


def test_a_signal_is_no_exit_code() -> None:
    done = script("kill -9 $$")
    assert (done.exit_code, done.signal) == (UNKNOWN, signal.SIGKILL)
    assert done.told == "signal 9 ended it"


def test_no_shell_looks_at_its_arguments() -> None:
    words = ["$(id)", "a b", "'", '"', "-n", "a\nb", "*", ";", ""]
    said = ran(sys.executable, "-c", "import sys; print(sys.argv[1:])", *words)
    assert said.output.decode().strip() == repr(words)


def test_it_has_the_environment_that_is_given_and_nothing_of_ours() -> None:
    os.environ["MFT_TEST_SECRET"] = "x"
    told = ran("/usr/bin/env", A="b").output.decode().splitlines()
    assert sorted(told) == ["A=b", "PATH=/usr/bin:/bin"]
    del os.environ["MFT_TEST_SECRET"]


def test_it_has_nothing_to_read_and_no_descriptor_of_ours() -> None:
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    try:
        said = script("cat; ls /proc/self/fd")
    finally:
        os.close(reading)
        os.close(writing)
    # The last one is the folder that `ls` reads.
    assert said.output.decode().split() == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("path", "error"),
    [("/none", FileNotFoundError), ("/etc/passwd", PermissionError), ("/", PermissionError)],
)
def test_what_cannot_be_started_is_an_error_of_the_system(path: str, error: type) -> None:
    with pytest.raises(error):
        ran(path)


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    done = expired(tmp_path, "echo begun; touch ready; exec sleep 60")
    assert (done.signal, done.timed_out, done.output) == (signal.SIGTERM, True, b"begun\n")
    assert done.told == "it took too long and was ended"
    assert not done.succeeded


def test_who_does_not_listen_and_has_children_is_gone_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TERM_PATIENCE", 0.05)
    done = expired(tmp_path, STUBBORN)
    pids = [int(word) for word in done.output.split()]
    assert len(pids) == 2
    assert done.signal == signal.SIGKILL
    for pid in pids:
        gone(pid)


def test_who_ends_well_at_the_timeout_has_not_succeeded(tmp_path: Path) -> None:
    done = expired(tmp_path, "trap 'exit 0' TERM; touch ready; while :; do sleep 0.01; done")
    assert (done.exit_code, done.timed_out, done.succeeded) == (0, True, False)


def test_what_it_leaves_behind_ends_with_it_and_holds_nothing_up() -> None:
    done = script("trap '' TERM HUP; sleep 60 & echo $!")
    assert done.succeeded
    gone(int(done.output))


def test_who_leaves_the_session_holds_nothing_up() -> None:
    done = ran(sys.executable, "-c", LEAVING)
    assert done.succeeded
    pid = int(done.output)
    assert lives(pid)
    os.kill(pid, signal.SIGKILL)


def test_endless_output_is_read_and_not_kept(tmp_path: Path) -> None:
    text = "yes x | head -c 300000; touch ready; exec yes x"
    done = expired(tmp_path, text, most=10)
    assert done.output == b"x\n" * 5
    assert done.timed_out


def test_more_than_a_pipe_holds_stops_nobody() -> None:
    done = script("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2", most=200_000)
    assert done.succeeded
    assert (len(done.output), len(done.error)) == (200_000, 200_000)


def test_without_descriptors_of_processes_it_is_looked_at(monkeypatch: Any) -> None:
    def none(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("os.pidfd_open", none)
    assert script("sleep 0.05; echo done").output == b"done\n"


def test_one_that_the_system_does_not_let_go_is_not_waited_for(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "KILL_PATIENCE", 0.0)
    monkeypatch.setattr(module, "TERM_PATIENCE", 0.0)
    sent = []
    monkeypatch.setattr("os.killpg", lambda pid, number: sent.append((pid, number)))

    async def main(reactor: Any) -> Finished:
        argv = (SH, "-c", "exec sleep 60")
        given = {"most_output": 10, "directory": Path("/"), "instance": NOWHERE}
        done = await run_program(reactor, Inline(), argv, ENV, timeout=0.05, **given)
        pid = sent[0][0]
        os.kill(pid, signal.SIGKILL)
        await until(reactor, lambda: not Path(f"/proc/{pid}").exists(), "it is waited for")
        return done

    done = run_loop(main)
    assert (done.exit_code, done.signal, done.timed_out) == (UNKNOWN, signal.SIGKILL, True)


class _Late:
    """A pool whose caller is cancelled while the call runs, and hears of it once it is done."""

    async def __call__(self, call: Any, *given: Any) -> Any:
        call(*given)
        raise CancelledError


@pytest.mark.parametrize("when", ["while it starts", "while it runs"])
def test_a_cancel_ends_it_first(when: str, tmp_path: Path) -> None:
    told = tmp_path / "pid"

    async def main(reactor: Any) -> None:
        pool: Any = _Late() if when == "while it starts" else Inline()
        argv = (SH, "-c", f"trap '' TERM; echo $$ > {told}; while :; do sleep 9; done")
        given = {"timeout": 60.0, "most_output": 10, "directory": tmp_path, "instance": NOWHERE}
        going = Deferred.fromCoroutine(run_program(reactor, pool, argv, ENV, **given))
        if when == "while it runs":
            await until(reactor, lambda: told.exists() and told.read_text().strip())
            going.cancel()
        with pytest.raises(CancelledError):
            await going

    run_loop(main)
    if when == "while it runs":
        assert not Path(f"/proc/{told.read_text().strip()}").exists()
