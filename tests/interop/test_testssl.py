"""testssl.sh, which knows how TLS of servers was broken, on both kinds of FTPS by default.

It takes most of a minute, so both services are looked at side by side.
"""

import json
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop.ftp import Ftp

pytestmark = pytest.mark.interop

SECONDS = 180  # far longer than it takes
CHECKS = ("-p", "-s", "-S", "-U")  # protocols, categories of ciphers, what it shows, flaws
QUIETLY = ("--warnings", "batch", "--color", "0", "--quiet", "--fast")
IMPATIENTLY = ("--connect-timeout", "5", "--openssl-timeout", "5")
HARMLESS = {"OK", "INFO", "LOW", "DEBUG", "WARN"}  # WARN: what the tool itself cannot do
# What a certificate that the test made itself cannot have.
EXCEPTED = {
    "cert_chain_of_trust": "nobody that clients know has signed it",
    "cert_revocation": "who signs for itself names no list of revoked certificates",
}
# Some of what a whole run tells, so that a broken one is seen.
TOLD = {
    "SSLv2",
    "SSLv3",
    "TLS1",
    "TLS1_1",
    "TLS1_2",
    "TLS1_3",
    "heartbleed",
    "BEAST",
}


def look(ftp: Ftp, report: Path) -> "subprocess.Popen[bytes]":
    """Start it."""
    by_command = ["-t", "ftp"] if ftp.mode == "explicit" else []
    where = f"{ftp.server.address}:{ftp.port}"
    options = [*by_command, *QUIETLY, *IMPATIENTLY, *CHECKS, "--jsonfile", str(report)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(["testssl", *options, where], stdin=quiet, stdout=quiet, stderr=quiet)


def test_nothing_worse_than_low_is_found(ftp_services: dict[str, Ftp], tmp_path: Path) -> None:
    reports = {mode: tmp_path / mode for mode in ("explicit", "implicit")}
    with ExitStack() as stack:
        looking = [
            stack.enter_context(look(ftp_services[f"auto {mode}"], report))
            for mode, report in reports.items()
        ]
        for process in looking:
            stack.callback(process.kill)
        for process in looking:
            process.wait(SECONDS)
    for mode, report in reports.items():
        found = {one["id"]: one for one in json.loads(report.read_text())}
        assert set(found) >= TOLD, mode
        worse = {name: one for name, one in found.items() if one["severity"] not in HARMLESS}
        assert {name: one for name, one in worse.items() if name not in EXCEPTED} == {}, mode
