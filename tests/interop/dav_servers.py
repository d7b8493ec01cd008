"""Servers of WebDAV that others have written, each over TLS and with a login of its own."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mft.trust.certificates import self_signed
from tests.interop.instance import execute
from tests.interop.ports import free_port
from tests.system.rig import listens, until

USER, PASSWORD = "partner", "of the partner"
PATH: Final = f"{os.environ['PATH']}:/usr/sbin"

NGINX: Final = """
load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/errors;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    dav_ext_lock_zone zone=locks:1m;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.pem;
        client_max_body_size 100m;
        root {folder}/files;
        location / {{
            auth_basic "files";
            auth_basic_user_file {folder}/passwords;
            dav_methods PUT DELETE MKCOL COPY MOVE;
            dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK;
            dav_ext_lock zone=locks;
            dav_access user:rw group:r all:r;
        }}
    }}
}}
"""

APACHE: Final = """
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/pid
ErrorLog {folder}/errors
Mutex file:{folder} default
KeepAliveTimeout 1
{modules}
DavLockDB {folder}/locks
TypesConfig /etc/mime.types
<VirtualHost *:{port}>
    SSLEngine on
    SSLCertificateFile {folder}/server.pem
    SSLCertificateKeyFile {folder}/server.pem
    DocumentRoot {folder}/files
    <Directory {folder}/files>
        Dav On
        Options +Indexes
        AuthType Basic
        AuthName files
        AuthUserFile {folder}/passwords
        Require valid-user
    </Directory>
</VirtualHost>
"""
_MODULES: Final = (
    *("mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "dav"),
    *("dav_fs", "dir", "mime", "socache_shmcb", "ssl", "dav_lock"),
)


@dataclass(frozen=True, slots=True)
class DavServer:
    """One that runs: where its files are, and how it is reached."""

    kind: str
    files: Path
    url: str
    certificate: Path

    def fresh(self) -> str:
        """Make a folder of a test's own, which the server may write in; gives its name."""
        made = Path(tempfile.mkdtemp(dir=self.files))
        made.chmod(0o777)
        return made.name

    @property
    def options(self) -> dict[str, str]:
        """What a location of it says."""
        return {
            "url": self.url,
            "username": USER,
            "password": PASSWORD,
            "ssl_certificate_authority": str(self.certificate),
        }


def _nginx(folder: Path, port: int) -> list[str]:
    (folder / "conf").write_text(NGINX.format(folder=folder, port=port))
    where = ["-e", f"{folder}/errors", "-p", f"{folder}", "-c", f"{folder}/conf"]
    return [_found("nginx"), *where]


def _apache(folder: Path, port: int) -> list[str]:
    modules = "\n".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in _MODULES
    )
    text = APACHE.format(folder=folder, port=port, modules=modules)
    if os.geteuid() == 0:  # which it never serves files as
        text += "User www-data\nGroup www-data\n"
        for one in (folder, *folder.rglob("*")):
            shutil.chown(one, "www-data", "www-data")
    (folder / "conf").write_text(text)
    return [_found("apache2"), "-f", f"{folder}/conf", "-D", "FOREGROUND"]


def _rclone(folder: Path, port: int) -> list[str]:
    where = ["serve", "webdav", f"{folder}/files", "--addr", f"127.0.0.1:{port}"]
    shown = ["--cert", f"{folder}/server.pem", "--key", f"{folder}/server.pem"]
    who = ["--htpasswd", f"{folder}/passwords", "--config", "/dev/null", "--dir-cache-time", "0s"]
    return [_found("rclone"), *where, *shown, *who]


def _found(name: str) -> str:
    found = shutil.which(name, path=PATH)
    assert found is not None, f"{name} is missing"
    return found


KINDS: Final[dict[str, Callable[[Path, int], list[str]]]] = {
    "apache": _apache,
    "nginx": _nginx,
    "rclone": _rclone,
}


@contextmanager
def serving(kind: str) -> Iterator[DavServer]:
    """Run one, with an empty folder of files.

    It is not among those of pytest, which only their owner may enter.
    """
    with tempfile.TemporaryDirectory(prefix=f"mft-{kind}-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        yield from _running(kind, folder)


def _running(kind: str, folder: Path) -> Iterator[DavServer]:
    files, port = folder / "files", free_port()
    files.mkdir()
    made = self_signed(["localhost"], ["127.0.0.1"])
    made.write(folder / "server.pem")
    (folder / "trusted.pem").write_bytes(made.chain_pem())
    hashed = execute("openssl", "passwd", "-apr1", "-stdin", stdin=PASSWORD).stdout.strip()
    (folder / "passwords").write_text(f"{USER}:{hashed}\n")
    argv = KINDS[kind](folder, port)
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT)
        try:
            until(lambda: listens(port), kind)
            yield DavServer(kind, files, f"https://127.0.0.1:{port}", folder / "trusted.pem")
        finally:
            process.terminate()
            process.wait(10)


def age(path: Path, seconds: float = 10) -> None:
    """Make a file older, so that its server tells a strong tag of it."""
    then = time.time() - seconds
    os.utime(path, (then, then))
