"""Facts on the machine and the software, for the head of a table."""

import os
import platform
import ssl
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.servers import debian

DEBIAN = {"vsftpd": "vsftpd", "proftpd-mod-crypto": "ProFTPD", "pure-ftpd": "Pure-FTPd"}


def ssh_facts() -> list[str]:
    """One line each: processor, kernel, OpenSSH with its OpenSSL, Python with its own."""
    return [
        hardware(),
        f"{openssh()} (clients and sshd)",
        f"{python()} (mft, asyncssh, Conch); {versions('asyncssh', 'Twisted', 'cryptography')}",
    ]


def ftp_facts() -> list[str]:
    """One line each: processor, kernel, Debian's servers and the clients, Python with its own."""
    packaged = ", ".join(
        f"{title} {debian.version(package)}"
        for package, title in DEBIAN.items()
        if debian.version(package)
    )
    return [
        hardware(),
        f"{packaged or 'none of the servers that need root'}",
        clients(),
        f"{python()} (mft, pyftpdlib); {versions('pyftpdlib', 'Twisted', 'cryptography')}",
    ]


def http_facts() -> list[str]:
    """One line each: processor, kernel, nginx and the clients, Python with its own OpenSSL."""
    return [
        hardware(),
        f"nginx {debian.version('nginx') or 'is not there'}",
        clients(),
        f"{python()} (mft, twisted.web); {versions('Twisted', 'pyOpenSSL', 'cryptography')}",
    ]


def transfers_facts() -> list[str]:
    """One line each: processor, kernel, the servers, the others that move files, Python."""
    return [
        hardware(),
        f"{openssh()} (sshd, ssh); vsftpd {debian.version('vsftpd') or 'is not there'}",
        f"{first_line('rclone', 'version')}; {first_line('lftp', '--version')}",
        f"{python()} (mft); {versions('Twisted', 'cryptography')}",
    ]


def auth_facts() -> list[str]:
    """One line each: processor, kernel, OpenSSH, Python with its own OpenSSL."""
    return [hardware(), f"{openssh()} (clients)", f"{python()}; {versions('bcrypt', 'Twisted')}"]


def clients() -> str:
    """curl and the Python of the benchmark's own clients, each with its OpenSSL."""
    return f"{curl()}; our own client: Python with {ssl.OPENSSL_VERSION}"


def hardware() -> str:
    """Processor, cores, memory, kernel."""
    system = f"{platform.system()} {platform.release()}"
    return f"{processor()}, {os.cpu_count()} cores, {memory_gib()} GiB, {system}"


def python() -> str:
    """Which Python runs, and the OpenSSL of the cryptography library."""
    from cryptography.hazmat.backends.openssl import backend

    executable = Path(sys.executable).resolve()
    return f"Python {platform.python_version()} ({executable}), {backend.openssl_version_text()}"


def versions(*names: str) -> str:
    """Of these libraries."""
    return ", ".join(f"{name} {version(name)}" for name in names)


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


def first_line(*argv: str) -> str:
    """What a program says of itself first."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    return (done.stdout.splitlines() or [f"{argv[0]} says nothing"])[0].replace(" | ", " ")


def curl() -> str:
    """curl and the OpenSSL that it uses, as it says itself."""
    done = subprocess.run(["curl", "-V"], capture_output=True, text=True, timeout=10, check=False)
    words = done.stdout.split()
    return " ".join([*words[:2], *(word for word in words if word.startswith("OpenSSL/"))])
