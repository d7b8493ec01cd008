"""OpenSSH's sftp as somebody whom only a directory knows, through a whole server."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
import pytest

from mft.auth.second_factor import USED
from mft.auth.time_codes import PERIOD
from tests.fakes.accounts import CODES, code_at
from tests.fakes.slapd import BASE, GROUPS, PEOPLE, SEARCHER, Slapd
from tests.fakes.slapd import slapd as slapd
from tests.interop.instance import (
    Server,
    add_server_option,
    execute,
    initialise,
    learn_host_keys,
    start,
    stop,
)

DONE, FAILED = 20137, 20142

pytestmark = pytest.mark.interop

# The algorithms of the first server.ini, and a key exchange that Debian 12's client knows.
CIPHERS = "secure, curve25519-sha256"
SECTIONS = """
[authentications/directory]
type = ldap
name = directory of people
address = localhost
port = {port}
secure_connection = StartTLS
ssl_certificate_authority = {authority}
bind_dn_type = search
bind_dn = {base}
search_bind_dn = {searcher}
search_bind_password = s
username_attribute = uid
search_filter = (objectClass=inetOrgPerson)
ssh_public_keys_attribute = sshPublicKey
one_time_codes_attribute = totpSecret
one_time_codes_required = No
nested_groups = Yes
base_groups =
group_mapping =
    memberOf, "cn=staff,{groups}", STAFF

[groups/STAFF]
name = staff
home_folder_path = {homes}/${{USER}}
create_home_folder = Yes
"""


@dataclass(frozen=True, slots=True)
class Known:
    """A running server whose accounts are in a directory."""

    server: Server
    homes: Path


@pytest.fixture(scope="module")
def known(slapd: Slapd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    """The server; the key that it was made with is ann's in the directory."""
    folder = tmp_path_factory.mktemp("mft")
    server = initialise(folder / "instance", CIPHERS)
    add_server_option(server, "authentications", "directory")
    (folder / "homes").mkdir()
    config = server.directory / "conf" / "server.ini"
    sections = SECTIONS.format(
        port=slapd.port,
        authority=slapd.folder / "ca.pem",
        base=BASE,
        searcher=SEARCHER,
        groups=GROUPS,
        homes=folder / "homes",
    )
    config.write_text(config.read_text() + sections)
    line = Path(f"{server.key}.pub").read_text().strip()
    with slapd.as_root() as root:
        root.modify(f"uid=ann,{PEOPLE}", {"sshPublicKey": [("MODIFY_REPLACE", [line])]})
        member = [("MODIFY_ADD", [f"uid=coded,{PEOPLE}"])]
        root.modify(f"cn=staff,{GROUPS}", {"member": member})
    process = start(server)
    try:
        learn_host_keys(server)
        yield Known(server, folder / "homes")
    finally:
        stop(server, process)


def sftp(known: Known, folder: Path, name: str, password: str = "", ok: bool = True) -> str:
    """Send the file `up` by password, or by key where none is given."""
    server = known.server
    words = ["-P", str(server.port), *server.ssh]
    environment = {}
    if password:
        answer = folder / "answer"
        answer.write_text(f"#!/bin/sh\necho '{password}'\n")
        answer.chmod(0o700)
        environment = {"SSH_ASKPASS": str(answer), "SSH_ASKPASS_REQUIRE": "force"}
        words = [word for word in words if not word.startswith(("-oBatchMode", "-oIdentity"))]
        words += ["-oPubkeyAuthentication=no", "-oNumberOfPasswordPrompts=1"]
    (folder / "batch").write_text(f"put {folder}/up {name}.txt\n")
    by = [*words, "-b", folder / "batch", f"{name}@{server.address}"]
    if password:
        by.insert(len(by) - 3, "-oBatchMode=no")
    done = execute("sftp", *by, env=environment, ok=ok)
    return done.stdout + done.stderr


def await_lines(known: Known, number: int, *words: str) -> None:
    """Wait until the audit log, which is written a little later, has lines with these words."""
    log = known.server.directory / "log/server.log"
    deadline = time.monotonic() + 30
    while True:
        lines = [line for line in log.read_text().splitlines() if line.startswith(f"{number} ")]
        missing = [word for word in words if not any(word in line for line in lines)]
        if not missing:
            return
        assert time.monotonic() < deadline, (missing, lines)
        time.sleep(0.02)  # between two looks at the condition


def test_a_person_of_the_directory_sends_a_file_by_password_and_by_key(
    known: Known, tmp_path: Path
) -> None:
    (tmp_path / "up").write_text("hello")
    for password in ("right", ""):
        sftp(known, tmp_path, "ann", password)
        assert (known.homes / "ann" / "ann.txt").read_text() == "hello"
        (known.homes / "ann" / "ann.txt").unlink()
    by = '"ann" of type ldap in group "staff" logged in by "directory of people" with'
    await_lines(known, DONE, f"{by} password", f"{by} ssh-key")


def by_questions(known: Known, *answers: str) -> list[str]:
    """Log in as `coded` by keyboard-interactive; the questions. Raises AuthenticationException."""
    asked: list[str] = []
    left = list(answers)

    def answer(title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        asked.extend(prompt for prompt, _ in prompts)
        return [left.pop(0) for _ in prompts]

    with paramiko.Transport((known.server.address, known.server.port)) as transport:
        transport.connect()
        transport.auth_interactive("coded", answer)
        assert transport.is_authenticated()
    return asked


def test_a_code_of_the_directory_is_appended_or_asked_for_and_does_once(
    known: Known, tmp_path: Path
) -> None:
    (tmp_path / "up").write_text("hello")
    now = time.time()
    first, next_one = code_at(now), code_at(now + PERIOD)
    sftp(known, tmp_path, "coded", f"right{first}")
    assert (known.homes / "coded" / "coded.txt").read_text() == "hello"
    sftp(known, tmp_path, "coded", f"right{first}", ok=False)
    with pytest.raises(paramiko.AuthenticationException):
        by_questions(known, "right", first, "")
    assert by_questions(known, "right", next_one) == ["Password: ", "One-time code: "]
    await_lines(known, FAILED, USED)
    log = (known.server.directory / "log/server.log").read_text()
    assert CODES.secret.reveal() not in log
    assert first not in log
    shutil.rmtree(known.homes / "coded")


def test_others_are_refused_alike(known: Known, tmp_path: Path) -> None:
    (tmp_path / "up").write_text("hello")
    tries = (("ann", "wrong"), ("nobody", "right"), ("u2", "right"), ("alice", "right"))
    answers = {sftp(known, tmp_path, *one, ok=False).replace(one[0], "NAME") for one in tries}
    assert len(answers) == 1
    reasons = ("invalidCredentials", "finds no entries", "no line of group_mapping")
    await_lines(known, FAILED, *reasons)
    assert sorted(one.name for one in known.homes.iterdir()) == ["ann"]
