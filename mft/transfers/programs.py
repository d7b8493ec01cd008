"""Programs of this machine that are run before and after a file is sent. Never as root."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.escape import visible
from mft.runtime.program import UNKNOWN, Finished, run_program
from mft.runtime.threads import Blocking
from mft.transfers.around import Around, RunProgram

MOST_OUTPUT: Final = 4096  # bytes of what a program says; the rest is dropped
MOST_TOLD: Final = 1000  # characters of that in an event
SEARCH_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def runner(
    reactor: Any,
    blocking: Blocking,
    instance: Path,
    is_root: Callable[[], bool] = lambda: os.geteuid() == 0,
) -> RunProgram:
    """What runs programs in this process, for an instance."""

    async def run(argv: list[str], env: dict[str, str | bytes], timeout: float) -> Finished:
        if is_root():
            raise PermissionError(0, "no program is run as root; give [server] an account")
        return await run_program(
            reactor,
            blocking,
            argv,
            env,
            timeout=timeout,
            most_output=MOST_OUTPUT,
            directory=Path("/"),
            instance=instance,
        )

    return run


async def run_for(
    around: Around, name: str, program: tuple[str, ...], source: str, destination: str
) -> None:
    """Run a program for a file; Refused(REJECTED) unless it ends well and in time.

    `name` is the option that names it. Its last argument is the path of the file.
    """
    if not program:
        return
    around.tell(
        events.TRANSFER_PROGRAM_STARTING, p.TransferProgram(name, source, destination, source)
    )
    env: dict[str, str | bytes] = {
        "PATH": SEARCH_PATH,
        "SOURCE_PATH": source,
        "DESTINATION_PATH": destination,
    }
    try:
        ended = await around.run([*program, source], env, around.options.execute_timeout)
        details = "" if ended.succeeded else ended.told
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        ended = Finished(UNKNOWN, 0, False, b"", b"")
        details = f"it cannot be run: {why}"
    output, error_output = _said(ended.output), _said(ended.error)
    if not details:
        done = p.TransferProgramDone(
            name, source, output, error_output, ended.exit_code, destination, source
        )
        around.tell(events.TRANSFER_PROGRAM_DONE, done)
        return
    failed = p.TransferProgramFailed(
        name, source, output, error_output, ended.exit_code, details, destination, source
    )
    around.tell(events.TRANSFER_PROGRAM_FAILED, failed)
    raise Refused(Reason.REJECTED, program[0], details)


def _said(output: bytes) -> str:
    return visible(output.decode("utf-8", "replace").strip())[:MOST_TOLD]
