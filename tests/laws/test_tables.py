"""Tables are total: what can happen has its row in every table that answers for it."""

from collections.abc import Mapping
from typing import Any, get_args

import pytest

from mft.auth.permissions import ALLOWS, NEEDS, Operation, Permission
from mft.auth.registry import AUTHENTICATORS
from mft.core.failure import Reason
from mft.daemon.sections import SECTIONS, TYPE_ALIASES
from mft.handlers.registry import HANDLERS
from mft.protocols.ftp import replies
from mft.protocols.http.status import STATUS
from mft.protocols.registry import PROTOCOLS
from mft.protocols.sentences import SENTENCES
from mft.protocols.ssh import requests
from mft.protocols.ssh.status import CODES
from mft.remote.registry import LOCATIONS
from mft.vfs.registry import STORAGE
from mft.wire.sftp import extended, packets
from tests.laws.source import ROOT

# Where a Reason becomes what a peer is told, in every protocol.
ANSWERS: Mapping[str, Mapping[Reason, Any]] = {
    "SFTP": CODES,
    "SCP": SENTENCES,
    "FTP": replies.CODES,
    "HTTP": STATUS,
}

# These two never wait for their turn among the others: `sftp.py` takes them itself.
AT_ONCE = {packets.Read, packets.Write}

# Type -> where the guide tells of it (file, heading), and where it is tested.
PLACES = {
    ("services", "ftp"): ("ftp.md", "FTP and FTPS", "protocols/ftp/test_control.py"),
    ("services", "ftpsi"): ("ftp.md", "FTP and FTPS", "protocols/ftp/test_control.py"),
    ("services", "ssh"): ("sftp.md", "SFTP and SCP", "protocols/ssh/test_transport.py"),
    ("services", "http"): ("web.md", "HTTP and HTTPS", "protocols/http/test_service.py"),
    ("services", "https"): ("web.md", "HTTP and HTTPS", "protocols/http/test_service.py"),
    ("services", "http-redirect"): ("web.md", "Behind a proxy", "protocols/http/test_redirect.py"),
    ("services", "health"): (
        "web.md",
        "For balancers and monitors",
        "protocols/http/test_health.py",
    ),
    ("authentications", "application"): (
        "accounts.md",
        "Authentication methods",
        "auth/test_application.py",
    ),
    ("authentications", "os"): (
        "system-accounts.md",
        "Accounts of the operating system",
        "auth/test_system.py",
    ),
    ("authentications", "ldap"): ("ldap.md", "A first method", "auth/test_ldap.py"),
    ("authentications", "ip-time-ban"): (
        "bans.md",
        "Methods that ban and deny",
        "auth/test_guard_methods.py",
    ),
    ("authentications", "deny-username"): (
        "bans.md",
        "Methods that ban and deny",
        "auth/test_guard_methods.py",
    ),
    ("authentications", "http"): (
        "http-authentication.md",
        "A server that is asked",
        "auth/test_http.py",
    ),
    ("authentications", "local-file"): (
        "shared-accounts.md",
        "A file that servers share",
        "auth/test_local_file.py",
    ),
    ("authentications", "anonymous"): (
        "shared-accounts.md",
        "Anonymous",
        "auth/test_anonymous.py",
    ),
    ("event-handlers", "database"): (
        "databases.md",
        "Events in a database",
        "handlers/test_database.py",
    ),
    ("event-handlers", "file-dispatcher"): (
        "dispatcher.md",
        "A first dispatcher",
        "handlers/test_dispatcher.py",
    ),
    ("event-handlers", "local-file"): ("audit.md", "Log files", "handlers/test_log_file.py"),
    ("event-handlers", "email-sender"): ("mail.md", "Mail", "handlers/test_email_sender.py"),
    ("event-handlers", "standard-stream"): (
        "audit.md",
        "Standard output",
        "handlers/test_stream.py",
    ),
    ("event-handlers", "http"): ("webhooks.md", "A first webhook", "handlers/test_webhook.py"),
    ("event-handlers", "external-executable"): (
        "programs.md",
        "A first program",
        "handlers/test_program.py",
    ),
    ("event-handlers", "syslog"): ("syslog.md", "Syslog", "handlers/test_syslog.py"),
    ("event-handlers", "windows-eventlog"): (
        "syslog.md",
        "Windows Event Log",
        "handlers/test_windows_eventlog.py",
    ),
    ("event-handlers", "digital-signature-validation"): (
        "data-loss-prevention.md",
        "Checks after an event",
        "handlers/test_signature.py",
    ),
    ("event-handlers", "content-check"): (
        "data-loss-prevention.md",
        "Checks after an event",
        "handlers/test_content_check.py",
    ),
    ("event-handlers", "clamav"): (
        "data-loss-prevention.md",
        "Checks after an event",
        "handlers/test_antivirus.py",
    ),
    ("event-handlers", "inspection-program"): (
        "data-loss-prevention.md",
        "Checks after an event",
        "handlers/test_antivirus.py",
    ),
    ("event-handlers", "transfer"): (
        "transfers.md",
        "When something happens",
        "handlers/test_transfer.py",
    ),
    ("locations", "filesystem"): (
        "transfers.md",
        "Folders of this machine",
        "remote/test_filesystem.py",
    ),
    ("locations", "sftp"): ("transfers.md", "SFTP servers", "remote/test_sftp_tree.py"),
    ("locations", "ftp"): ("transfers.md", "FTP servers", "remote/test_ftp.py"),
    ("locations", "ftpse"): ("transfers.md", "FTP servers", "remote/test_ftp.py"),
    ("locations", "ftpsi"): ("transfers.md", "FTP servers", "remote/test_ftp.py"),
    ("locations", "http-pull"): ("transfers.md", "One document", "remote/test_http_pull.py"),
    ("locations", "https"): ("transfers.md", "Files by their URLs", "remote/test_https.py"),
    ("locations", "webdavs"): ("transfers.md", "WebDAV over TLS", "remote/test_webdav.py"),
    ("storage", "local"): ("storage.md", "Homes", "vfs/test_local.py"),
    ("storage", "memory"): (None, "no account can have it: it is for trials", "vfs/test_memory.py"),
}
REGISTRIES = {
    "services": PROTOCOLS,
    "authentications": AUTHENTICATORS,
    "event-handlers": HANDLERS,
    "locations": LOCATIONS,
    "storage": STORAGE,
}
# Locations that are whole trees; of single files a remote cannot promise much.
TREES = [kind for kind in LOCATIONS if kind not in ("http-pull", "https")]
TYPES = [(family, kind) for family, registry in REGISTRIES.items() for kind in registry]
CONTRACTS = {
    "test_authenticator.py": (
        AUTHENTICATORS,
        (
            "def application()",
            "def anonymous()",
            "def deny_username()",
            "def http()",
            "def ip_time_ban()",
            "def ldap()",
            "def local_file()",
            "def system()",
        ),
    ),
    "test_remote.py": (
        TREES,
        (
            "def filesystem(",
            "def sftp(",
            "def ftp(",
            "def ftpse(",
            "def ftpsi(",
            "def webdavs(",
        ),
    ),
    "test_filesystem.py": (STORAGE, ("LocalFileSystem", "MemoryFileSystem")),
}


@pytest.mark.parametrize("protocol", ANSWERS)
def test_every_reason_has_an_answer_in_every_protocol(protocol: str) -> None:
    assert set(ANSWERS[protocol]) == set(Reason)


def test_every_operation_has_a_permission_and_every_permission_an_operation() -> None:
    assert set(NEEDS) == set(Operation)
    assert set(ALLOWS) == set(Permission)
    for operation, permission in NEEDS.items():
        assert operation in ALLOWS[permission]
    assert all(ALLOWS[one] for one in Permission if one is not Permission.NONE)


def test_every_sftp_request_has_an_answer() -> None:
    kinds = {row.make for row in packets.REQUESTS.values()}
    kinds |= {row.make for row in extended.EXTENSIONS.values()}
    kinds |= {packets.Init, packets.Unsupported}
    assert set(requests.ANSWERS) | AT_ONCE == kinds
    assert not set(requests.ANSWERS) & AT_ONCE
    assert set(get_args(extended.Extension)) == {row.make for row in extended.EXTENSIONS.values()}


def test_every_request_stands_under_the_number_of_its_own() -> None:
    assert len(packets.KINDS) == len(packets.REQUESTS)
    assert not {packets.INIT, packets.EXTENDED} & set(packets.REQUESTS)


def test_every_type_of_the_registries_can_be_configured() -> None:
    for family, registry in (
        ("services", PROTOCOLS),
        ("authentications", AUTHENTICATORS),
        ("event-handlers", HANDLERS),
        ("locations", LOCATIONS),
    ):
        assert set(SECTIONS[family].types) == set(registry)
        assert set(TYPE_ALIASES.get(family, {}).values()) <= set(registry)


@pytest.mark.parametrize(("family", "kind"), TYPES)
def test_every_type_has_its_heading_in_the_guide_and_its_test(family: str, kind: str) -> None:
    file, heading, test = PLACES[family, kind]
    assert (ROOT / "tests" / test).is_file()
    if file is not None:
        told = section((ROOT / "docs/guide" / file).read_text(), heading)
        assert kind in told, f"{file}: the section {heading} does not name {kind}"


def test_no_place_is_left_over() -> None:
    assert set(PLACES) == set(TYPES)


@pytest.mark.parametrize("suite", CONTRACTS)
def test_every_implementation_joins_its_contract(suite: str) -> None:
    registry, names = CONTRACTS[suite]
    assert len(registry) == len(names)
    text = (ROOT / "tests/contracts" / suite).read_text()
    assert [name for name in names if name not in text] == []


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next; empty when there is none."""
    taken: list[str] = []
    found = False
    for line in text.splitlines():
        if line.startswith("#"):
            found = line.lstrip("# ") == heading
        elif found:
            taken.append(line)
    return "\n".join(taken)
