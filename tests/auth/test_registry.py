"""The types of authentication method."""

import subprocess
import sys

from mft.auth.registry import AUTHENTICATORS


def test_every_type_says_what_it_is() -> None:
    assert set(AUTHENTICATORS) == {
        "anonymous",
        "application",
        "deny-username",
        "http",
        "ip-time-ban",
        "ldap",
        "local-file",
        "os",
    }
    for kind in AUTHENTICATORS.values():
        assert kind.options.__doc__
        assert callable(kind.build)


def test_libraries_that_most_servers_do_not_need_are_not_loaded_with_the_server() -> None:
    some = ("twisted.web.client", "ldap3", "pamela", "zxcvbn", "segno")
    code = f"import sys, mft.daemon.service; print(*sorted(set({some}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
