"""Servers out of Debian's archive, unpacked beside the Python environment and never installed.

Debian lets a machine have one FTP server only, so its packages refuse each other. Unpacked they
get along; nothing of the machine is changed, no daemon is started, and root is not needed here.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.processes import ChildError

KEPT = Path(sys.prefix) / "debian"  # a folder for each package, with what it depends on
FETCH_SECONDS = 120.0
LIBRARIES = ("usr/lib/*-linux-gnu", "lib/*-linux-gnu")
PLAN = re.compile(r"^Inst (\S+) ", re.MULTILINE)


def unpacked(package: str) -> Path:
    """The root of the package's files; fetched once. ChildError when it cannot be had."""
    root = KEPT / package
    if not root.is_dir():
        KEPT.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=KEPT) as name:
            made = _fetch(package, Path(name))
            if not root.is_dir():  # another run may have been quicker
                made.rename(root)
    return root


def version(package: str) -> str:
    """The version of an unpacked package; empty when it is not there."""
    archive = next((KEPT / package).glob(f"{package}_*.deb"), None)
    return archive.name.split("_")[1].replace("%3a", ":") if archive else ""


def environment(root: Path) -> dict[str, str]:
    """What a program below the root needs to find its libraries."""
    folders = [str(folder) for pattern in LIBRARIES for folder in root.glob(pattern)]
    return {"LD_LIBRARY_PATH": ":".join(folders)} if folders else {}


def _fetch(package: str, folder: Path) -> Path:
    if shutil.which("apt-get") is None:
        raise ChildError(f"{package} comes from Debian's archive, and there is no apt-get")
    try:
        names = _plan(package, folder)
        _run(["apt-get", "download", *names], folder)
    except ChildError:
        if os.geteuid() != 0:
            raise
        _run(["apt-get", "update", "--quiet=2"], folder)  # the lists were missing or old
        names = _plan(package, folder)
        _run(["apt-get", "download", *names], folder)
    root = folder / "root"
    root.mkdir()
    for archive in sorted(folder.glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(archive), str(root)], folder)
        archive.rename(root / archive.name) if archive.name.startswith(f"{package}_") else None
    root.chmod(0o755)
    return root


def _plan(package: str, folder: Path) -> list[str]:
    """The package and those that it needs and this machine has not, as apt would install them."""
    argv = ["apt-get", "--simulate", "--no-install-recommends", "install", "--reinstall", package]
    return PLAN.findall(_run(argv, folder))


def _run(argv: list[str], folder: Path) -> str:
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False, cwd=folder
    )
    if done.returncode != 0:
        tail = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
        raise ChildError(f"{argv[0]} {argv[1]} ended with {done.returncode}: {tail}")
    return done.stdout
