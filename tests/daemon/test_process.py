"""What the audit trail is told of the process."""

import os
import platform
import pwd

from mft.daemon.process import process_details


def test_the_process_is_told_as_it_is() -> None:
    told = process_details()
    assert told.python_version == platform.python_version()
    assert told.cryptography_library_version.startswith("OpenSSL ")
    assert told.cwd == os.getcwd()
    assert told.process_privileges == ("root" if os.geteuid() == 0 else "none")


def test_an_account_without_a_name_is_told_by_its_number(monkeypatch) -> None:
    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert process_details().os_user == str(os.geteuid())
