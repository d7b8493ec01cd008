"""rclone's ftp backend, in clear and over TLS."""

from pathlib import Path

import pytest

from tests.interop.conftest import fresh
from tests.interop.ftp import Ftp
from tests.interop.instance import execute
from tests.interop.trees import held, make

pytestmark = pytest.mark.interop


def rclone(ftp: Ftp, *words: str | Path) -> str:
    """Run one command; a path on the server begins with `:ftp:`."""
    remote = {
        "--ftp-host": ftp.server.address,
        "--ftp-port": str(ftp.port),
        "--ftp-user": ftp.server.account,
        "--ftp-pass": execute("rclone", "obscure", "-", stdin=ftp.server.password).stdout.strip(),
    }
    options = [word for pair in remote.items() for word in pair]
    if ftp.private:
        options.append("--ftp-tls" if ftp.mode == "implicit" else "--ftp-explicit-tls")
    fixed = ["--config", "/dev/null", "--retries", "1", "--low-level-retries", "1"]
    env = {"SSL_CERT_FILE": str(ftp.certificate)}  # this backend passes --ca-cert over
    return execute("rclone", *fixed, *options, *words, env=env).stdout


# Its connections share one store of TLS sessions, so that each takes up those of others.
@pytest.mark.parametrize("service", ["auto clear", "threads clear", "any session"])
def test_a_tree_is_synchronised_both_ways(
    ftp_services: dict[str, Ftp], tmp_path: Path, service: str
) -> None:
    ftp = ftp_services[service]
    place, tree = fresh(ftp.server), make(tmp_path / "tree")
    up = f":ftp:{place.remote}/up"
    rclone(ftp, "sync", "--create-empty-src-dirs", tree, up)
    assert held(place.disk / "up") == held(tree)
    rclone(ftp, "sync", "--create-empty-src-dirs", up, tmp_path / "down")
    assert held(tmp_path / "down") == held(tree)
    rclone(ftp, "check", "--download", tree, up)
