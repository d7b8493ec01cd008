"""Stacks of PAM that a test makes, and programs that they ask.

Only root makes those of the whole machine, and accounts of it.
"""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mft.auth import pam

# Right for `ann` with `right`, wrong for everybody else; PAM gives it the password as input.
CHECK = '#!/bin/sh\n[ "$PAM_USER:$(cat)" = ann:right ]\n'


@contextmanager
def stack(*lines: str) -> Iterator[str]:
    """A stack of these lines, which only this process sees, as the name of its PAM service."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr(pam, "STACKS", Path(folder))
        with stack_of_machine(*lines) as name:
            yield name


@contextmanager
def stack_of_machine(*lines: str) -> Iterator[str]:
    """A stack of these lines that every process sees."""
    name = f"mft-test-{secrets.token_hex(6)}"
    file = pam.stack_of(name)
    file.write_text("".join(f"{line}\n" for line in lines))
    try:
        yield name
    finally:
        file.unlink(missing_ok=True)


def asks(program: Path, script: str = CHECK) -> tuple[str, str]:
    """The lines of a stack that asks a program about passwords, and lets every account be used."""
    program.write_text(script)
    program.chmod(0o755)
    return (
        f"auth [success=1 default=ignore] pam_exec.so quiet expose_authtok {program}",
        "auth requisite pam_deny.so",
        "auth required pam_permit.so",
        "account required pam_permit.so",
    )


@contextmanager
def system_account(*options: str) -> Iterator[str]:
    """An account of the operating system, which is there until the end of the test."""
    name = f"mfttest{secrets.token_hex(6)}"
    subprocess.run(["useradd", "--no-create-home", *options, name], check=True)
    try:
        yield name
    finally:
        subprocess.run(["userdel", name], check=True, stderr=subprocess.DEVNULL)
