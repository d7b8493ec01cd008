"""What the process runs as, and on: for the audit trail at every start."""

import os
import platform
import pwd

from cryptography.hazmat.backends.openssl import backend

from mft.events.payloads import ProcessDetails


def process_details() -> ProcessDetails:
    """The account, the folder, and the versions that speed and security depend on."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return ProcessDetails(
        os_user=user,
        cwd=str(os.getcwd()),
        python_version=platform.python_version(),
        cryptography_library_version=backend.openssl_version_text(),
        process_privileges="root" if os.geteuid() == 0 else "none",
    )
