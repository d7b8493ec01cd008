"""Instances with files of every kind that a server.ini names, without a server that runs."""

import stat
from dataclasses import dataclass
from pathlib import Path

from mft.daemon.archives.exporting import export
from mft.trust.certificates import self_signed
from mft.trust.ssh_keys import HostKey
from tests.fakes.accounts import CHEAP_HASH

SMALL = """\
[server]
uuid = 11111111-1111-4111-8111-111111111111
name = {name}

[services/ssh]
name = ssh
type = ssh
port = 10022
ssh_server_keys = conf/keys/host
"""


@dataclass(frozen=True, slots=True)
class Node:
    """One instance."""

    directory: Path

    @property
    def config(self) -> Path:
        """Its server.ini."""
        return self.directory / "conf/server.ini"

    def write(self, path: str, data: bytes | str, mode: int = 0o600) -> Path:
        """Write a file; folders are made."""
        place = self.directory / path
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.write_bytes(data.encode() if isinstance(data, str) else data)
        place.chmod(mode)
        return place

    def say(self, text: str) -> None:
        """Add to server.ini."""
        self.config.write_text(f"{self.config.read_text()}\n{text}")

    def export(self, target: Path) -> Path:
        """Export it; gives the archive."""
        export(self.config, target)
        return target

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Everything in it: contents and modes by paths; links and folders left out."""
        return {
            str(path.relative_to(self.directory)): (
                path.read_bytes(),
                stat.S_IMODE(path.stat().st_mode),
            )
            for path in sorted(self.directory.rglob("*"))
            if path.is_file() and not path.is_symlink()
        }


def small_node(directory: Path, name: str = "active") -> Node:
    """A server.ini, and the one key that it names."""
    node = Node(directory)
    node.write("conf/server.ini", SMALL.format(name=name))
    node.write("conf/keys/host", HostKey.generate().pem())
    return node


def whole_node(directory: Path, outside: Path) -> Node:
    """One that names files of all kinds, some of them outside of the instance."""
    node = small_node(directory)
    identity = self_signed(["node.example.com"])
    node.write("conf/certificates/server.pem", identity.pem())
    node.write("conf/certificates/ca.pem", identity.chain_pem(), 0o644)
    node.write("conf/keys/members/ann", f"{HostKey.generate().public.line('ann')}\n")
    node.write("conf/keys/members/bob", f"{HostKey.generate().public.line('bob')}\n")
    node.write("conf/keys/user_ca.pub", f"{HostKey.generate().public.line('ca')}\n", 0o644)
    node.write("conf/keys/carol", f"{HostKey.generate().public.line('carol')}\n")
    node.write("scripts/after.sh", "#!/bin/sh\nexit 0\n", 0o755)
    for home in ("ann", "carol"):
        (directory / "data" / home).mkdir(parents=True)
    node.write("data/ann/keys", f"{HostKey.generate().public.line('ann')}\n")
    node.write(
        "conf/accounts.ini",
        f"[accounts/carol]\nname = carol\npassword = {CHEAP_HASH}\ngroup = DEFAULT_GROUP\n"
        f"home_folder_path = {directory}/data/carol\npermissions = allow-full-control\n"
        "ssh_authorized_keys_path = conf/keys/carol\n",
    )
    outside.mkdir()
    (outside / "terms.txt").write_text("secret\n")
    (outside / "scan.sh").write_text("#!/bin/sh\nexit 0\n")
    (outside / "scan.sh").chmod(0o755)
    node.say(
        f"""ssh_user_certificate_authorities = conf/keys/user_ca.pub
authentications = own, shared

[services/https]
name = https
type = https
port = 10443
ssl_certificate_authority = {directory}/conf/certificates/ca.pem

[authentications/own]
name = own
type = application

[authentications/shared]
name = shared
type = local-file
path = conf/accounts.ini

[groups/members]
name = members
ssh_authorized_keys_path = conf/keys/members/${{USER}}

[accounts/ann]
name = ann
group = members
password = {CHEAP_HASH}
home_folder_path = {directory}/data/ann
ssh_authorized_keys_path = {directory}/data/ann/keys
permissions = allow-full-control

[resources/terms]
name = terms
type = content-check
dictionary_files = {outside}/terms.txt

[resources/scan]
name = scan
type = inspection-program
executable_path = /usr/bin/env
executable_arguments = {outside}/scan.sh, {{file}}

[event-handlers/program]
name = program
type = external-executable
executable_path = scripts/after.sh
target = 1

[event-handlers/database]
name = database
type = database
"""
    )
    return node
