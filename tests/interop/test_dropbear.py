"""dropbear's dbclient, as the transport of sftp and scp."""

from pathlib import Path

import pytest

from tests.interop.instance import Place, Server, execute
from tests.interop.trees import LARGE, content, held, make

pytestmark = pytest.mark.interop


@pytest.fixture
def dbclient(server: Server, tmp_path: Path) -> Path:
    """A program that OpenSSH's sftp and scp can start instead of ssh."""
    key = tmp_path / "key.dropbear"
    execute("dropbearconvert", "openssh", "dropbear", server.key, key)
    program = tmp_path / "dbclient"
    # The options that sftp and scp pass to ssh mean nothing to dbclient; what counts is the end:
    # the host, and the command or `-s` subsystem.
    program.write_text(
        f"""#!/bin/sh
subsystem=
while [ $# -gt 0 ]; do
  case "$1" in
    -s) subsystem=-s; shift ;;
    --) shift; break ;;
    -o|-l|-p|-F|-i) shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
host=$1; shift
exec dbclient -y -y -T -i {key} -p {server.port} $subsystem "{server.account}@$host" "$@"
"""
    )
    program.chmod(0o700)
    return program


def test_sftp_runs_over_it(server: Server, place: Place, tmp_path: Path, dbclient: Path) -> None:
    (tmp_path / "up").write_bytes(content(LARGE))
    batch = f"cd {place.remote}\nput up file\nget file down\n"
    home = {"HOME": str(tmp_path)}
    words = ["-S", dbclient, "-b", "-", server.address]
    execute("sftp", *words, stdin=batch, cwd=tmp_path, env=home)
    assert (place.disk / "file").read_bytes() == content(LARGE)
    assert (tmp_path / "down").read_bytes() == content(LARGE)


def test_scp_runs_over_it(server: Server, place: Place, tmp_path: Path, dbclient: Path) -> None:
    tree = make(tmp_path / "tree")
    home = {"HOME": str(tmp_path)}
    there = f"{server.address}:{place.remote}/up"
    execute("scp", "-O", "-S", dbclient, "-r", tree, there, env=home)
    assert held(place.disk / "up") == held(tree)
    execute("scp", "-O", "-S", dbclient, "-r", there, tmp_path / "down", env=home)
    assert held(tmp_path / "down") == held(tree)


def test_a_command_that_is_not_scp_is_refused(server: Server, dbclient: Path) -> None:
    shown = execute(dbclient, server.address, "id", ok=False)
    assert "uid=" not in shown.stdout
