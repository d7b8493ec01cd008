"""Facts on the machine and the software, for the head of the table."""

import os
import platform
import subprocess
import sys
from pathlib import Path

TITLES = ("asyncssh", "Twisted", "cryptography")


def facts() -> list[str]:
    """One line each: processor, kernel, OpenSSH with its OpenSSL, Python with its own."""
    from importlib.metadata import version

    from cryptography.hazmat.backends.openssl import backend

    versions = ", ".join(f"{name} {version(name)}" for name in TITLES)
    return [
        f"{processor()}, {os.cpu_count()} cores, {memory_gib()} GiB, {platform.system()} "
        f"{platform.release()}",
        f"{openssh()} (clients and sshd)",
        f"Python {platform.python_version()} ({Path(sys.executable).resolve()}), "
        f"{backend.openssl_version_text()} (mft, asyncssh, Conch); {versions}",
    ]


def processor() -> str:
    """The name that the processor gives itself."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_gib() -> int:
    """All RAM, rounded."""
    kib = int(Path("/proc/meminfo").read_text().split()[1])
    return round(kib / (1 << 20))


def openssh() -> str:
    """OpenSSH and the library that it uses, as it says itself."""
    done = subprocess.run(["ssh", "-V"], capture_output=True, text=True, timeout=10, check=False)
    return done.stderr.strip()
