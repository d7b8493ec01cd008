"""A server in a mount namespace of its own: its accounts exist there and nowhere else."""

import ctypes
import shlex
from collections.abc import Mapping
from pathlib import Path

UNPRIVILEGED = 64_113  # a user number that Debian gives to nobody
CRYPT_ROUNDS = 5000  # what crypt(3) takes when nothing is said
FEWEST_ROUNDS = 1000  # the least that it takes


def isolated(argv: list[str], mounts: Mapping[Path, str], run: str = "") -> list[str]:
    """The command with these files or folders over those of the machine, and an empty /run.

    run: a folder that is made below /run.
    """
    steps = [
        f"mount --bind {shlex.quote(str(ours))} {shlex.quote(theirs)}"
        for ours, theirs in mounts.items()
    ]
    steps.append("mount -t tmpfs tmpfs /run")
    if run:
        steps.append(f"mkdir -m 755 /run/{shlex.quote(run)}")
    steps.append('exec "$0" "$@"')
    isolate = ["unshare", "--mount", "--propagation", "private"]
    return [*isolate, "/bin/sh", "-c", " && ".join(steps), *argv]


def accounts(workdir: Path, home: Path, hashes: Mapping[str, str]) -> dict[Path, str]:
    """Write passwd and shadow with these accounts (name -> hash), all of one user; the mounts."""
    numbers = f"{UNPRIVILEGED}:{UNPRIVILEGED}"
    lines = [f"{name}:x:{numbers}::{home}:/bin/sh\n" for name in hashes]
    passwd, shadow = workdir / "passwd", workdir / "shadow"
    passwd.write_text(Path("/etc/passwd").read_text() + "".join(lines))
    shadow.touch(0o600)
    shadow.write_text("".join(f"{n}:{digest}:20000:0:99999:7:::\n" for n, digest in hashes.items()))
    return {passwd: "/etc/passwd", shadow: "/etc/shadow"}


def sha512_crypt(password: str, rounds: int = CRYPT_ROUNDS) -> str:
    """The $6$ hash that the machine's own crypt makes."""
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    cost = "" if rounds == CRYPT_ROUNDS else f"rounds={rounds}$"
    return crypt(password.encode(), f"$6${cost}benchmarksalt$".encode()).decode()
